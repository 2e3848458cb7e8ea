/* The tokenizer of a Hugging Face folder into a .lnt's tokenizer section: tokenizer.json, or vocab.json + merges.txt,
   or encoder.json + vocab.bpe (as OpenAI named them). Only byte-level BPE so far; what is not understood is refused by
   name. */
#ifndef LNT_CONVERT_TOKENIZER_H
#define LNT_CONVERT_TOKENIZER_H
#include "formats/kv.h"

/* *found: the folder has a tokenizer. 0, or -1. */
int convert_tokenizer(const char *folder, buffer *out, bool *found, lnt_error *err);
#endif
