/* What Hugging Face's BertNormalizer and BertPreTokenizer make of a text before WordPiece sees it: cleaned, spaces around
   ideographs, decomposed and without accents, in lower case; then cut at white space, punctuation marks alone. */
#ifndef LNT_ENGINE_BERT_TEXT_H
#define LNT_ENGINE_BERT_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bert_rules {
    bool clean, ideographs, strip_accents, lower;
} bert_rules;

/* A mark that waits for the ones behind it, since they are put into order together. */
typedef struct bert_mark {
    uint32_t c, from;
    uint8_t class;
    bool first; /* of its character's decomposition */
} bert_mark;

/* A normalized text, valid UTF-8, and room for marks. {0} is empty. */
typedef struct bert_text {
    unsigned char *bytes;
    uint32_t *from; /* [n] where the character that a byte comes from begins in the original; NULL: not wanted */
    size_t n, capacity;
    bool with_places;
    bert_mark *marks; /* [2][room] */
    size_t n_marks, room;
    uint32_t last_from;
} bert_text;

/* Normalizes bytes begin to end of a text into t, from its start on; with_places has been set. Bytes that are no UTF-8 count
   as U+FFFD, *n_invalid grows by their number. With places the text has less than 4 GiB. 0, or -1: out of memory. */
int bert_text_normalize(bert_text *t, const bert_rules *rules, const char *text, size_t begin, size_t end, size_t *n_invalid);
/* The next piece of normalized text from *at on: *at becomes its start, the result is its length; 0: there is none. */
size_t bert_text_piece(const unsigned char *bytes, size_t n, size_t *at);
/* Gives back what a very long text needed. */
void bert_text_shrink(bert_text *t);
void bert_text_free(bert_text *t);
#endif
