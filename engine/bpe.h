/* Byte-level byte-pair encoding (Sennrich et al. 2016; over bytes: Radford et al. 2019), with the results of Hugging
   Face's tokenizers: a text is split into pieces (pretokenize.h), and in each the pair of neighbours whose merge has the
   lowest rank is merged, the leftmost first, until none is left. */
#ifndef LNT_ENGINE_BPE_H
#define LNT_ENGINE_BPE_H
#include "formats/kv.h"

typedef struct bpe_model {
    const uint32_t *byte_ids; /* [256] the token of each single byte */
    const uint32_t *merges;   /* [n_merges][3] left, right, result; in the order of their ranks */
    size_t n_merges;
    bool split;        /* into pieces; else a text is one */
    bool prefix_space; /* is put before a text that does not begin with one */
    bool whole_first;  /* a piece that is a token is that token, whatever the merges say */
} bpe_model;

struct tokenizer_model;
/* Reads and checks what is BPE's of a tokenizer section; the tokens have been read. */
int bpe_model_load(bpe_model *m, const struct tokenizer_model *tokens, const kv_block *block, lnt_error *err);

/* A growing list of ids. */
typedef struct id_list {
    int32_t *ids;
    size_t n, capacity;
} id_list;
/* Room for `more` ids behind those it has. 0, or -1: out of memory. */
int id_list_reserve(id_list *l, size_t more);

/* Tables made of a model, and caches of fixed size. */
typedef struct bpe bpe;
bpe *bpe_new(const struct tokenizer_model *tokens, lnt_error *err);
void bpe_free(bpe *b);
/* Appends the ids of a text without added tokens. 0, or -1: out of memory. */
int bpe_encode(bpe *b, const char *text, size_t n, id_list *out);
#endif
