/* What the graphs of all families are made of: ops over named tensors, whose rows and widths follow from their input.
   NAME.weight and NAME.bias are names as family_matrix has them. */
#ifndef LNT_CONVERT_LAYERS_H
#define LNT_CONVERT_LAYERS_H
#include "convert/family.h"

typedef enum layers_flags {
    LAYERS_TRANSPOSED = 1, /* the checkpoint holds the weights as [in][out] */
    LAYERS_NO_BIAS = 2,
} layers_flags;

/* activation(W x + bias) + residual, width wide; residual GRAPH_NONE: none. */
int32_t layers_linear(family *f, int32_t x, int32_t residual, uint32_t width, int activation, unsigned flags, const char *name);
/* Checkpoints made from TensorFlow's have NAME.gamma and NAME.beta. */
int32_t layers_norm(family *f, int32_t x, double eps, const char *name);
/* An attention op with as many heads for keys and values, which sees both ways, its scale 1 / sqrt(head_dim). */
graph_op layers_attention_op(uint32_t width, uint32_t heads);
/* Adds it, and the tap "attention" of a layer. */
int32_t layers_attention(family *f, graph_op op, uint32_t layer);
/* The row of a sequence that pooling (pooling_kind of simd/kernels.h) makes. */
int32_t layers_pool(family *f, int32_t x, int pooling);
/* The rows whose output is wanted. */
int32_t layers_select(family *f, int32_t x);
#endif
