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

extern const struct tokenizer_kind bpe_kind;
#endif
