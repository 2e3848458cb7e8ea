/* Checkpoints of one layer with random weights, in the shape of real models, converted to model files that are open and have no name any more. */
#ifndef LNT_BENCH_CHECKPOINT_H
#define LNT_BENCH_CHECKPOINT_H
#include "linnet.h"

typedef struct checkpoint_shape {
    const char *name; /* "gpt2-124m" */
    const char *family; /* "gpt2", "bert", "vit" */
    uint32_t width, heads, inner;
} checkpoint_shape;

/* NULL and an error: it could not be made. */
lnt_model *checkpoint_model(const checkpoint_shape *shape, const char *type, lnt_error *err);
#endif
