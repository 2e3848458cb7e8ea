#include "convert/layers.h"
#include <math.h>

static graph_value value(const family *f, int32_t x) {
    const graph_builder *b = &f->s->graph;
    return b->failed ? (graph_value){0} : b->values[x];
}

int32_t layers_linear(family *f, int32_t x, int32_t residual, uint32_t width, int activation, unsigned flags, const char *name) {
    graph_value v = value(f, x);
    graph_op op = graph_op_of(OP_LINEAR);
    op.inputs[0] = x, op.inputs[1] = residual;
    op.tensors[0] = family_matrix(f, LAYOUT_PANELS, width, v.width, (flags & LAYERS_TRANSPOSED) != 0, "%s.weight", name);
    if (!(flags & LAYERS_NO_BIAS)) op.tensors[1] = family_vector(f, width, "%s.bias", name);
    op.activation = activation;
    return graph_add(&f->s->graph, op, v.rows, width);
}

int32_t layers_norm(family *f, int32_t x, double eps, const char *name) {
    bool old = family_has(f, "%s.gamma", name);
    graph_value v = value(f, x);
    graph_op op = graph_op_of(OP_NORM);
    op.inputs[0] = x;
    op.tensors[0] = family_vector(f, v.width, "%s.%s", name, old ? "gamma" : "weight");
    op.tensors[1] = family_vector(f, v.width, "%s.%s", name, old ? "beta" : "bias");
    op.eps = (float)eps;
    return graph_add(&f->s->graph, op, v.rows, v.width);
}

graph_op layers_attention_op(uint32_t width, uint32_t heads) {
    graph_op op = graph_op_of(OP_ATTENTION);
    op.heads = op.kv_heads = heads;
    op.head_dim = width / heads;
    op.scale = (float)(1 / sqrt((double)op.head_dim));
    return op;
}

int32_t layers_attention(family *f, graph_op op, uint32_t layer) {
    int32_t y = graph_add(&f->s->graph, op, ROWS_TOKENS, op.heads * op.head_dim);
    graph_add_tap(&f->s->graph, "attention", layer, y);
    return y;
}

int32_t layers_pool(family *f, int32_t x, int pooling) {
    graph_op op = graph_op_of(OP_POOL);
    op.inputs[0] = x;
    op.pooling = pooling;
    return graph_add(&f->s->graph, op, ROWS_SEQUENCES, value(f, x).width);
}

int32_t layers_select(family *f, int32_t x) {
    graph_op op = graph_op_of(OP_SELECT);
    op.inputs[0] = x;
    return graph_add(&f->s->graph, op, ROWS_OUTPUTS, value(f, x).width);
}
