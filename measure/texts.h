/* Texts of exactly so many tokens, made of words that a model's tokenizer takes as one token each. */
#ifndef LNT_MEASURE_TEXTS_H
#define LNT_MEASURE_TEXTS_H
#include "linnet.h"

typedef struct measure_texts {
    char *bytes;
    lnt_text *texts;
    size_t n;
} measure_texts;

/* n texts of n_tokens each, special tokens included, drawn from a fixed seed. */
int measure_texts_make(const lnt_model *model, size_t n, size_t n_tokens, measure_texts *texts, lnt_error *err);
void measure_texts_free(measure_texts *texts);
#endif
