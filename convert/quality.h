/* What a smaller model loses against the float one. */
#ifndef LNT_CONVERT_QUALITY_H
#define LNT_CONVERT_QUALITY_H
#include "linnet.h"

typedef struct quality {
    uint64_t texts, images;             /* whose embeddings were compared */
    double cosine_mean, cosine_min;     /* of the float model's embedding of one and the smaller's */
    uint64_t tokens;                    /* predictions compared */
    double perplexity, float_perplexity; /* exp of the mean negative log-likelihood */
    double kl;                          /* mean Kullback-Leibler divergence of the smaller from the float, nats */
    double top1;                        /* share of predictions or images whose likeliest token or label is the same */
} quality;

/* All run the two models over what options->check_path names, or something built in: a model of causal-lm over a text,
   tokenized by the float one, in windows of n_ctx (at most 512) tokens; one that gives embeddings over a text line by line;
   one of images over a picture, or the pictures (and .npy files) of a folder, at most 1,000. */
typedef int quality_function(const char *float_path, const char *small_path, const lnt_convert_options *options, quality *q, lnt_error *err);
quality_function quality_of_predictions, quality_of_embeddings, quality_of_images;

/* ---- for quality*.c ---- */

/* The file at path, or if path is NULL a text of a few hundred words in the public domain; to be freed. */
char *quality_text(const char *path, size_t *n_bytes, lnt_error *err);
double quality_cosine(const float *a, const float *b, size_t n);
size_t quality_likeliest(const float *x, size_t n);
#endif
