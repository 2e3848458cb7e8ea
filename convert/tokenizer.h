/* The tokenizer of a Hugging Face folder into a .lnt's tokenizer section: tokenizer.json; or vocab.json + merges.txt, or
   encoder.json + vocab.bpe (as OpenAI named them), of GPT-2 and RoBERTa; or vocab.txt of BERT, its descendants and MPNet.
   tokenizer_config.json and special_tokens_map.json beside them are heeded. What is not understood is refused by name. */
#ifndef LNT_CONVERT_TOKENIZER_H
#define LNT_CONVERT_TOKENIZER_H
#include "formats/kv.h"

typedef struct tokenizer_facts {
    bool found;         /* the folder has a tokenizer */
    int64_t mask_id;    /* -1: none */
    int64_t max_length; /* model_max_length of tokenizer_config.json if it is below a million, 0: not said */
} tokenizer_facts;

/* 0, or -1. */
int convert_tokenizer(const char *folder, buffer *out, tokenizer_facts *facts, lnt_error *err);
#endif
