/* The tokenizer section of an open model, and the kinds of tokenizer that there are: each is a file that reads its part of
   the section (its `model`) and makes ids of text between added tokens. */
#ifndef LNT_ENGINE_TOKENIZER_H
#define LNT_ENGINE_TOKENIZER_H
#include "engine/added.h"
#include "engine/bpe.h"
#include "engine/token_list.h"
#include "engine/wordpiece.h"

enum { TOKEN_MAX_TEMPLATE = 64 }; /* most tokens and texts in a template */
enum { TEMPLATE_FIRST = 0xffffffff, TEMPLATE_SECOND = 0xfffffffe };
enum { PLACES_WHOLE, PLACES_TRIMMED, PLACES_TRIMMED_BUT_FIRST }; /* `trim_places` */

/* What is put around texts: [n][2], a token's id or one of TEMPLATE_, and its segment. */
typedef struct token_template {
    const uint32_t *items;
    size_t n, n_special; /* all of them; those that are no texts */
} token_template;

struct tokenizer_kind;

/* Checked views into the mapped section (docs/format.md, "Tokenizer"); nothing is copied. */
typedef struct tokenizer_model {
    const char *path;
    const char *bytes;    /* of all tokens, one after the other */
    const uint32_t *ends; /* [n_tokens] where each ends in them; a token of no bytes is one that the vocabulary leaves out */
    uint32_t n_tokens;    /* at most the model's vocab_size */
    const uint32_t *added, *added_flags; /* ids found in a text before it is tokenized, ascending */
    size_t n_added;
    token_template single, pair; /* of one text and of two; no items: the text alone, and no pairs */
    uint64_t trim_places;        /* leave white space at the ends of tokens out */
    const struct tokenizer_kind *kind;
    union {
        bpe_model bpe;
        wordpiece_model wordpiece;
    };
} tokenizer_model;

typedef struct tokenizer_kind {
    const char *name;        /* the section's `model` */
    const char *const *keys; /* its own in the section, NULL at the end */
    bool normalizes;         /* looks for the added tokens with TOKEN_NORMALIZED itself */
    /* Reads and checks what these hold; the tokens have been read. */
    int (*load)(tokenizer_model *m, const kv_block *block, lnt_error *err);
    /* Tables made of a model, and caches of fixed size. */
    void *(*new)(const tokenizer_model *m, lnt_error *err);
    void (*free)(void *state);
    /* Appends the ids of bytes begin to end of text, in which no added tokens have been found. flags are lnt_encode's;
       *n_invalid grows by the number of U+FFFD that had to be read. 0, or -1: out of memory. */
    int (*encode)(void *state, const char *text, size_t begin, size_t end, unsigned flags, token_list *out, size_t *n_invalid);
    /* Appends what a token is in a text: behind the one before, or first. */
    void (*decode)(const tokenizer_model *m, uint32_t id, bool first, buffer *out);
} tokenizer_kind;

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
