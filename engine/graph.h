/* The graph of a model: what the converter writes into a file and the engine runs. Ops are coarse and know nothing of
   architectures (docs/format.md, "Graph", lists each with its inputs, tensors and attributes). */
#ifndef LNT_ENGINE_GRAPH_H
#define LNT_ENGINE_GRAPH_H
#include "formats/kv.h"
#include "formats/lnt.h"

/* What the rows of a value are. */
typedef enum graph_rows {
    ROWS_TOKENS,    /* one per token of the evaluation */
    ROWS_OUTPUTS,   /* one per token whose output is wanted */
    ROWS_SEQUENCES, /* one per sequence */
    ROWS_KINDS
} graph_rows;

typedef enum graph_op_kind { OP_EMBED, OP_NORM, OP_LINEAR, OP_ATTENTION, OP_SELECT, OP_POOL, OP_PATCHES, OP_POSITIONS, OP_KINDS } graph_op_kind;

enum { OP_INPUTS = 4, OP_TENSORS = 4, GRAPH_NONE = -1, MAX_WIDTH = 1 << 24, MAX_CHANNELS = 4, MAX_IMAGE_TOKENS = 1 << 20 };

typedef struct graph_value {
    graph_rows rows;
    uint32_t width;
} graph_value;

/* Attributes, checked; those that a kind has not got are 0. */
typedef struct graph_op {
    graph_op_kind kind;
    int32_t inputs[OP_INPUTS];   /* GRAPH_NONE where there is none; linear: x, residual; attention: q, k, v */
    int32_t tensors[OP_TENSORS]; /* embed: tokens, positions, segments; norm: gamma, beta; linear: w, bias, scales of x's columns;
                                    positions: the table, then the vectors of the tokens before the patches */
    int32_t output;
    int norm;       /* norm: norm_kind of simd/kernels.h; NORM_L2 has no tensors */
    float eps;      /* norm */
    int activation; /* linear: activation of simd/kernels.h */
    uint32_t position_offset;        /* embed: added to positions before the position table is read */
    uint32_t heads, kv_heads, head_dim; /* attention */
    uint32_t q_at, k_at, v_at;       /* attention: first column of each in its input */
    int pooling;                     /* pool: pooling_kind of simd/kernels.h */
    float scale;                     /* attention: of q.k */
    bool causal, cache;              /* attention: keys after the query are unseen; keys stay for later evaluations */
    uint32_t channels, patch_height, patch_width; /* patches */
    uint32_t prefix;                 /* patches: rows of zeros before them */
} graph_op;

/* A value with a name to the outside: "logits" 0, "embedding" 0, "pooled" 0, "next_sentence" 0, "hidden" i, "attention" i
   (the attention op that makes it). */
typedef struct graph_tap {
    const char *name;
    uint32_t index;
    int32_t value;
} graph_tap;

typedef struct graph {
    graph_value *values;
    graph_op *ops;
    graph_tap *taps;
    size_t n_values, n_ops, n_taps;
} graph;

/* Reads a graph section and checks it against the tensors: every id in range, values made before they are used and once
   each, shapes agreeing, nothing unknown. path names the file in errors. tap names point into bytes. */
int graph_open(graph *g, const void *bytes, size_t size, const lnt_tensor *tensors, size_t n_tensors, const char *path, lnt_error *err);
void graph_free(graph *g);
const graph_tap *graph_find_tap(const graph *g, const char *name, uint32_t index);
const char *graph_op_name(graph_op_kind kind);
/* The name of what an op has one of several kinds of (activation, norm, pooling); NULL: it has none, or no activation. */
const char *graph_op_choice(const graph_op *op);
/* false: nothing has that name. */
bool graph_activation_from_name(const char *name, int *activation);
bool graph_pooling_from_name(const char *name, int *pooling);

/* ---- building, for converters ---- */

typedef struct graph_builder {
    graph_value *values;
    graph_op *ops;
    graph_tap *taps;
    size_t n_values, n_ops, n_taps;
    bool failed; /* memory; checked by graph_write */
} graph_builder;
void graph_builder_free(graph_builder *b);
/* Adds an op and its output value [rows][width]; gives the value's id. Unused inputs and tensors are GRAPH_NONE:
   start from graph_op_of(kind). */
graph_op graph_op_of(graph_op_kind kind);
int32_t graph_add(graph_builder *b, graph_op op, graph_rows rows, uint32_t width);
/* name must outlive the builder. */
void graph_add_tap(graph_builder *b, const char *name, uint32_t index, int32_t value);
void graph_write(graph_builder *b, buffer *out);
#endif
