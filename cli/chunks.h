/* A long text in pieces of a few hundred tokens. */
#ifndef LNT_CLI_CHUNKS_H
#define LNT_CLI_CHUNKS_H
#include "linnet.h"

/* The first five are given, the rest begins as zero. The text, and what the tokenizer gave, must stay until the end. */
typedef struct chunks {
    lnt_tokenizer *tokenizer;
    uint32_t n_tokens; /* most tokens of a piece, special ones not counted; > 0 */
    uint32_t overlap;  /* tokens of it that the next one repeats; at most half of them */
    const char *text;
    size_t n;
    size_t slice, slice_end;  /* the part of the text that is tokenized */
    const lnt_place *places;  /* [n_places] in the slice */
    size_t n_places, at;      /* the next piece begins with places[at] */
    bool begun, ended;
} chunks;

/* 1: text[*begin, *end) is the next piece; 0: there was the last; -1 with err. A piece ends behind a line or a sentence
   in its last quarter, else before a word in its last half, else behind its last token. A text without tokens is one
   piece. */
int chunks_next(chunks *c, size_t *begin, size_t *end, lnt_error *err);
#endif
