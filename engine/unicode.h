/* The characters of a UTF-8 text, and what Hugging Face tokenizers takes each of them for. */
#ifndef LNT_ENGINE_UNICODE_H
#define LNT_ENGINE_UNICODE_H
#include <stddef.h>
#include <stdint.h>

enum {
    UNICODE_REMOVED = 1, /* by BERT's cleaning: control and format characters, private use */
    UNICODE_WHITE = 2,
    UNICODE_PUNCTUATION = 4, /* a piece of its own for BERT */
    UNICODE_IDEOGRAPH = 8,   /* BERT puts spaces around it */
    UNICODE_MARK = 16,       /* nonspacing */
    UNICODE_DECOMPOSES = 32,
    UNICODE_LOWERS = 64, /* its lower case is another character */
    UNICODE_WORD = 128,  /* what a regular expression calls \w */
};
enum { UNICODE_REPLACEMENT = 0xfffd, UNICODE_INVALID = 0x110000, UNICODE_MOST = 4 /* characters in a decomposition */ };

/* The character that p begins with (n > 0) and its bytes; UNICODE_INVALID for bytes that are no UTF-8, as many as one
   U+FFFD stands for (the beginning of a character, as far as it goes, or one byte). */
uint32_t unicode_next(const unsigned char *p, size_t n, size_t *n_bytes);
/* Writes c and gives the number of its bytes, at most 4. */
size_t unicode_put(unsigned char *out, uint32_t c);

/* Bits above; class, if not NULL: of a mark that can change places with another, in the order that they take, else 0. */
unsigned unicode_kind(uint32_t c, uint8_t *class);
/* The canonical decomposition of a character that has one, and its length. */
size_t unicode_decompose(uint32_t c, uint32_t out[UNICODE_MOST]);
/* Lower case of a character that has another, and its length, 1 or 2. */
size_t unicode_lower(uint32_t c, uint32_t out[2]);
#endif
