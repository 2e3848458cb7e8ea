/* Tokens by their bytes, or by what follows a prefix that they share. */
#ifndef LNT_ENGINE_TOKEN_TABLE_H
#define LNT_ENGINE_TOKEN_TABLE_H
#include "linnet.h"

enum {
    TABLE_MOST_STEPS = 8, /* from place to place, per place, while a table is filled; a good hash needs less than one */
    TABLE_MOST_BYTES = 4096,
};

struct tokenizer_model;

typedef struct token_table {
    const struct tokenizer_model *tokens;
    uint32_t *ids; /* open to the next free place; UINT32_MAX: free */
    size_t mask, prefix, longest; /* places - 1; bytes of the prefix; most bytes of a token without it */
} token_table;

/* Of tokens that begin with prefix and go on; added tokens with one of the flags are left out. Of two with the same
   bytes the lower id counts. A vocabulary made to collide is refused. */
int token_table_make(token_table *t, const struct tokenizer_model *tokens, const char *prefix, size_t n_prefix, unsigned without, lnt_error *err);
void token_table_free(token_table *t);
/* The id of prefix + text, n > 0; -1: none. */
int32_t token_table_find(const token_table *t, const char *text, size_t n);
/* The id of prefix + the longest whole characters that text begins with, at most TABLE_MOST_BYTES, and their bytes;
   -1: none. Takes a time that grows with n and not with its square. */
int32_t token_table_longest(const token_table *t, const char *text, size_t n, size_t *n_found);
#endif
