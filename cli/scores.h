/* Scores of a classifier from its logits, with the same bits on every machine. */
#ifndef LNT_CLI_SCORES_H
#define LNT_CLI_SCORES_H
#include "linnet.h"

/* The score of label i: kind is lnt_info.scores, "softmax", "sigmoid" or "identity". */
float scores_of(const char *kind, const float *logits, size_t n, size_t i);
/* Places of the largest values, best first, of equal ones the first: at most n_top of them to top. How many. */
size_t scores_top(const float *values, size_t n, uint32_t *top, size_t n_top);
#endif
