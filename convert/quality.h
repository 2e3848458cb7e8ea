/* What a smaller model loses against the float one. */
#ifndef LNT_CONVERT_QUALITY_H
#define LNT_CONVERT_QUALITY_H
#include "linnet.h"

typedef struct quality {
    uint64_t texts;                     /* embeddings compared */
    double cosine_mean, cosine_min;     /* of the float model's embedding of a text and the smaller's */
    uint64_t tokens;                    /* predictions compared */
    double perplexity, float_perplexity; /* exp of the mean negative log-likelihood */
    double kl;                          /* mean Kullback-Leibler divergence of the smaller from the float, nats */
    double top1;                        /* share of predictions whose likeliest token is the same */
} quality;

/* Both run the two models over a text, tokenized by the float one: a model of causal-lm in windows of n_ctx (at most 512)
   tokens, one that gives embeddings line by line. */
typedef int quality_function(const char *float_path, const char *small_path, const char *text, size_t n_bytes, const lnt_convert_options *options,
                             quality *q, lnt_error *err);
quality_function quality_of_predictions, quality_of_embeddings;
/* A text for when the user names none: public domain, a few hundred words. */
const char *quality_default_text(size_t *n_bytes);
#endif
