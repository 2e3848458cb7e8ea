/* A byte-level BPE vocabulary while it is read: tokens as text in GPT-2's alphabet, which writes every byte as one
   printable character, and merges by their texts. */
#ifndef LNT_CONVERT_VOCABULARY_H
#define LNT_CONVERT_VOCABULARY_H
#include "formats/kv.h"
#include <jansson.h>

enum { VOCABULARY_NORMALIZED = 2 }; /* beside TOKEN_SPECIAL: looked for in what the added tokens without it leave of a text */

typedef struct vocabulary_token {
    char *bytes;
    size_t n;
    int added;  /* -1: no; else its flags */
    bool plain; /* its text is in the alphabet, so that merges can make it */
} vocabulary_token;

typedef struct vocabulary {
    const json_t *ids;        /* text -> id, borrowed */
    vocabulary_token *tokens; /* [n_tokens], by id */
    size_t n_tokens, capacity;
    buffer merges; /* triples of ids */
} vocabulary;

/* vocab: an object of token text -> id, which must outlive v. */
int vocabulary_read(vocabulary *v, const json_t *vocab, const char *path, lnt_error *err);
/* A token that texts are searched for; content is plain text, not in the alphabet of bytes. If the vocabulary has it, it
   must have it under this id. One that is there already gets the flags too. */
int vocabulary_add(vocabulary *v, const char *content, size_t n, int64_t id, int flags, const char *path, lnt_error *err);
/* The id of a token by its text, -1: none. */
int64_t vocabulary_find(const vocabulary *v, const char *text, size_t n);
/* Hugging Face looks for added tokens in two rounds, Linnet in one: refused where that could differ. */
int vocabulary_check_rounds(const vocabulary *v, const char *path, lnt_error *err);
int vocabulary_merge(vocabulary *v, const char *left, size_t n_left, const char *right, size_t n_right, const char *path, lnt_error *err);
/* The section's token_bytes, token_ends, byte_ids, merges, added_ids and added_flags. */
int vocabulary_write(const vocabulary *v, buffer *out, const char *path, lnt_error *err);
void vocabulary_free(vocabulary *v);
#endif
