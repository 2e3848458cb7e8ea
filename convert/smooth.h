/* Smoothing: inputs of a quantised linear layer that come from a norm or an attention are evened out with what the weights
   themselves say of their ranges, so that no data is needed (docs/quantization.md). */
#ifndef LNT_CONVERT_SMOOTH_H
#define LNT_CONVERT_SMOOTH_H
#include "convert/source.h"

/* Sets column_scale and row_scale of tensors, and adds x_scale vectors to linear ops, wherever weights with q8 or q4 are
   read by one op alone: behind norms, s = (3 |gamma| + |beta|)^1/2 / (max |column|)^1/2; between the values of an
   attention and what reads it, the same with the values' range. Types must be chosen already. */
int smooth_all(source *s, lnt_error *err);
#endif
