/* GPT-2's split of a text into pieces that merges do not cross. */
#ifndef LNT_ENGINE_PRETOKENIZE_H
#define LNT_ENGINE_PRETOKENIZE_H
#include <stddef.h>

/* Bytes of the piece that text begins with; n > 0. The pieces are those of the regular expression
     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
   A byte that is no part of a valid UTF-8 character counts as a symbol. */
size_t pretokenize_gpt2(const char *text, size_t n);
#endif
