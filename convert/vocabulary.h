/* A vocabulary while it is read. Tokens of byte-level BPE are text in GPT-2's alphabet, which writes every byte as one
   printable character; those of WordPiece are what they say. */
#ifndef LNT_CONVERT_VOCABULARY_H
#define LNT_CONVERT_VOCABULARY_H
#include "formats/kv.h"
#include <jansson.h>

typedef struct vocabulary_token {
    char *bytes;
    size_t n;
    int added;  /* -1: no; else its flags (engine/added.h) */
    bool plain; /* the model can make it: of BPE, its text is in the alphabet */
} vocabulary_token;

typedef struct vocabulary {
    json_t *ids, *added;      /* text -> id: of the model's vocabulary; of added tokens */
    vocabulary_token *tokens; /* [n_tokens], by id */
    size_t n_tokens, capacity;
    buffer merges; /* triples of ids */
} vocabulary;

/* vocab: an object of token text -> id, kept by v; alphabet: in GPT-2's. */
int vocabulary_read(vocabulary *v, json_t *vocab, bool alphabet, const char *path, lnt_error *err);
/* A token that texts are searched for, with TOKEN_ flags; content is plain text with a NUL behind it, not in the alphabet of bytes. If the
   vocabulary has it, it must have it under this id. One that was added before stays as it was, but for TOKEN_SPECIAL. */
int vocabulary_add(vocabulary *v, const char *content, size_t n, int64_t id, int flags, const char *path, lnt_error *err);
/* The id of an added token, by its content, -1: none. */
int64_t vocabulary_find_added(const vocabulary *v, const char *content);
/* The id of a token by its text, -1: none. */
int64_t vocabulary_find(const vocabulary *v, const char *text, size_t n);
/* Refuses added tokens that could take white space from each other; and, since Linnet looks for those of BPE in one round
   and Hugging Face in two (`normalized` ones last), where that could differ. */
int vocabulary_check_added(const vocabulary *v, bool one_round, const char *path, lnt_error *err);
int vocabulary_merge(vocabulary *v, const char *left, size_t n_left, const char *right, size_t n_right, const char *path, lnt_error *err);
/* The section's token_bytes, token_ends, added_ids and added_flags. */
int vocabulary_write(const vocabulary *v, buffer *out, const char *path, lnt_error *err);
/* byte_ids and merges. */
int vocabulary_write_merges(const vocabulary *v, buffer *out, const char *path, lnt_error *err);
void vocabulary_free(vocabulary *v);
#endif
