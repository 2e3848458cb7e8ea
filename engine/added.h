/* Added tokens: texts that are found in a text before it is tokenized. As Hugging Face does it: from left to right, at each
   place the longest. */
#ifndef LNT_ENGINE_ADDED_H
#define LNT_ENGINE_ADDED_H
#include "linnet.h"

enum {
    TOKEN_SPECIAL = 1,     /* flags of an added token: not part of ordinary text */
    TOKEN_LSTRIP = 2,      /* takes the white space before it */
    TOKEN_RSTRIP = 4,      /* and behind it */
    TOKEN_SINGLE_WORD = 8, /* only where no letter or digit is beside it */
    TOKEN_NORMALIZED = 16, /* looked for in normalized text, in its own normalized form */
    TOKEN_OUTSIDE = 32,    /* no token of the vocabulary that ordinary text is made of */
    TOKEN_FLAGS = 63,
    TOKEN_ADDED = 64, /* of any, to ask for */
    TOKEN_MAX_ADDED = 256, /* its most bytes: finding it costs no more at each place of a text */
};

typedef struct added_token {
    const unsigned char *bytes;
    size_t n;
    int32_t id;
    unsigned flags;
} added_token;

typedef struct added_set {
    added_token *tokens; /* [n], sorted by their bytes, no two the same */
    size_t n;
    size_t from[257]; /* those that begin with byte b: from[b] to from[b + 1] */
    int only;         /* the byte that all of them begin with, -1: there are several */
} added_set;

/* Takes tokens over, which were malloc'ed; of two with the same bytes the lower id stays. */
void added_set_make(added_set *s, added_token *tokens, size_t n);
void added_set_free(added_set *s);

typedef struct added_match {
    size_t begin, end; /* with the white space that it takes */
    const added_token *token;
} added_match;

/* The next one in text from `at` on, where the one before ended; special: special ones too. false: there is none. */
bool added_find(const added_set *s, const char *text, size_t at, size_t n, bool special, added_match *m);
#endif
