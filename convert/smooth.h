/* Smoothing: inputs of a quantised linear layer that come from a norm are evened out with the norm's own parameters,
   so that no data is needed (docs/quantization.md). */
#ifndef LNT_CONVERT_SMOOTH_H
#define LNT_CONVERT_SMOOTH_H
#include "convert/source.h"

/* For every norm read by linear ops with q8 or q4 weights alone, whose weights nobody else reads, sets column_scale of
   the weights to s and of gamma and beta to 1 / s, where s = (3 |gamma| + |beta|)^1/2 / (max |column|)^1/2. Types must be
   chosen already. */
int smooth_all(source *s, lnt_error *err);
#endif
