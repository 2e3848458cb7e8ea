/* The tokenizer section of an open model, and which kind of tokenizer it is. */
#ifndef LNT_ENGINE_TOKENIZER_H
#define LNT_ENGINE_TOKENIZER_H
#include "engine/bpe.h"

enum {
    TOKEN_SPECIAL = 1,     /* flags of an added token */
    TOKEN_MAX_ADDED = 256, /* its most bytes: finding it costs no more at each place of a text */
};

/* Checked views into the mapped section (docs/format.md, "Tokenizer"); nothing is copied. */
typedef struct tokenizer_model {
    const char *path;
    const char *bytes;    /* of all tokens, one after the other */
    const uint32_t *ends; /* [n_tokens] where each ends in them; a token of no bytes is one that the vocabulary leaves out */
    uint32_t n_tokens;    /* at most the model's vocab_size */
    const uint32_t *added, *added_flags; /* ids found in a text before it is tokenized, ascending */
    size_t n_added;
    bpe_model bpe;
} tokenizer_model;

/* Reads a section: every id inside vocab_size. path names the file in errors and must outlive the model. */
tokenizer_model *tokenizer_model_load(const kv_block *block, uint32_t vocab_size, const char *path, lnt_error *err);
void tokenizer_model_free(tokenizer_model *m);

/* A token's bytes; id < n_tokens. */
static inline const char *tokenizer_bytes(const tokenizer_model *m, uint32_t id, size_t *n) {
    uint32_t begin = id ? m->ends[id - 1] : 0;
    *n = m->ends[id] - begin;
    return m->bytes + begin;
}
#endif
