/* Models of random shape: a graph that no converter would make, with widths, heads, vocabularies and pictures of any size, of
   any mixture of types. Three kinds: causal, seeing both ways, of images. */
#ifndef LNT_TESTS_MATRIX_MODELS_H
#define LNT_TESTS_MATRIX_MODELS_H
#include "convert/pack.h"
#include "tests/matrix.h"

typedef enum random_kind { RANDOM_CAUSAL, RANDOM_ENCODER, RANDOM_IMAGES, RANDOM_KINDS } random_kind;
enum { RANDOM_TENSORS = 128 };

typedef struct random_model {
    graph_builder graph;
    buffer metadata;
    lnt_tensor_spec specs[RANDOM_TENSORS];
    float mean[RANDOM_TENSORS], spread[RANDOM_TENSORS]; /* of the elements of each */
    char names[RANDOM_TENSORS][16];
    size_t n_tensors;
    tensor_type type; /* of all matrices; TENSOR_TYPES: of each its own */
    int norm;         /* norm_kind */
    uint32_t width;   /* of the hidden state */
    bool norm_first;  /* before the parts of a layer, not behind the sums */
} random_model;

/* ---- tensors and ops ---- */

static inline int32_t random_tensor(random_model *m, tensor_type type, tensor_layout layout, uint64_t n, uint64_t k, float mean, float spread) {
    size_t i = m->n_tensors++;
    ck_assert_uint_lt(i, RANDOM_TENSORS);
    snprintf(m->names[i], sizeof m->names[i], "t%zu", i);
    m->specs[i] = (lnt_tensor_spec){m->names[i], type, layout, n, k};
    m->mean[i] = mean, m->spread[i] = spread;
    return (int32_t)i;
}

static inline int32_t random_matrix(random_model *m, uint64_t n, uint64_t k, float spread) {
    return random_tensor(m, m->type == TENSOR_TYPES ? (tensor_type)(draw() % TENSOR_TYPES) : m->type, LAYOUT_PANELS, n, k, 0, spread);
}
static inline int32_t random_vector(random_model *m, uint64_t k, float mean, float spread) {
    return random_tensor(m, TENSOR_F32, LAYOUT_ROWS, 1, k, mean, spread);
}
static inline int32_t random_table(random_model *m, uint64_t n) {
    return random_tensor(m, draw_bool() ? TENSOR_F32 : TENSOR_F16, LAYOUT_ROWS, n, m->width, 0, 0.5f);
}

static inline int32_t random_linear(random_model *m, int32_t x, int32_t residual, uint32_t width, int activation) {
    const graph_value v = m->graph.values[x];
    graph_op op = graph_op_of(OP_LINEAR);
    op.inputs[0] = x, op.inputs[1] = residual;
    op.activation = activation;
    op.tensors[0] = random_matrix(m, width, v.width, 1 / sqrtf((float)v.width));
    bool scaled = m->specs[op.tensors[0]].type >= TENSOR_Q8 && draw_bool();
    if (scaled || draw_bool()) op.tensors[1] = random_vector(m, width, 0, 0.2f);
    if (scaled) op.tensors[2] = random_vector(m, v.width, 1, 0.1f);
    return graph_add(&m->graph, op, v.rows, width);
}

static inline int32_t random_norm(random_model *m, int32_t x, int norm) {
    const graph_value v = m->graph.values[x];
    graph_op op = graph_op_of(OP_NORM);
    op.inputs[0] = x;
    op.norm = norm;
    op.eps = 1e-5f;
    if (norm != NORM_L2) op.tensors[0] = random_vector(m, v.width, 1, 0.3f);
    if (norm != NORM_L2 && draw_bool()) op.tensors[1] = random_vector(m, v.width, 0, 0.3f);
    return graph_add(&m->graph, op, v.rows, v.width);
}

/* Query, key and value from one projection, with columns between them that nobody reads, or from three. */
static inline int32_t random_attention(random_model *m, int32_t x, bool causal) {
    graph_op op = graph_op_of(OP_ATTENTION);
    op.kv_heads = draw_between(1, 3), op.heads = op.kv_heads * draw_between(1, 3), op.head_dim = draw_between(1, 45);
    uint32_t q = op.heads * op.head_dim, kv = op.kv_heads * op.head_dim;
    op.scale = 1 / sqrtf((float)op.head_dim);
    op.causal = op.cache = causal;
    if (draw_bool()) {
        op.q_at = draw_between(0, 5), op.k_at = op.q_at + q + draw_between(0, 5), op.v_at = op.k_at + kv + draw_between(0, 5);
        op.inputs[0] = op.inputs[1] = op.inputs[2] = random_linear(m, x, GRAPH_NONE, op.v_at + kv + draw_between(0, 5), ACT_NONE);
    } else {
        for (int i = 0; i < 3; i++) op.inputs[i] = random_linear(m, x, GRAPH_NONE, i ? kv : q, ACT_NONE);
    }
    return graph_add(&m->graph, op, ROWS_TOKENS, q);
}

static inline int32_t random_layers(random_model *m, int32_t x, bool causal) {
    uint32_t inner = draw_between(1, 300);
    int activation = (int)(draw() % ACTIVATIONS);
    for (uint32_t left = draw_between(1, 3); left; left--) {
        int32_t y = random_attention(m, m->norm_first ? random_norm(m, x, m->norm) : x, causal);
        x = random_linear(m, y, x, m->width, ACT_NONE);
        if (!m->norm_first) x = random_norm(m, x, m->norm);
        y = random_linear(m, m->norm_first ? random_norm(m, x, m->norm) : x, GRAPH_NONE, inner, activation);
        x = random_linear(m, y, x, m->width, ACT_NONE);
        if (!m->norm_first) x = random_norm(m, x, m->norm);
    }
    return x;
}

static inline int32_t random_pool(random_model *m, int32_t x) {
    graph_op op = graph_op_of(OP_POOL);
    op.inputs[0] = x;
    op.pooling = (int)(draw() % POOLINGS);
    return graph_add(&m->graph, op, ROWS_SEQUENCES, m->width);
}

static inline int32_t random_select(random_model *m, int32_t x) {
    graph_op op = graph_op_of(OP_SELECT);
    op.inputs[0] = x;
    return graph_add(&m->graph, op, ROWS_OUTPUTS, m->width);
}

/* ---- kinds ---- */

static inline int32_t random_embed(random_model *m, uint32_t vocab, uint32_t n_ctx, bool segments) {
    graph_op op = graph_op_of(OP_EMBED);
    op.position_offset = draw_between(0, 3);
    op.tensors[0] = random_matrix(m, vocab, m->width, 1);
    if (segments || draw_bool()) op.tensors[1] = random_table(m, n_ctx + op.position_offset);
    if (segments) op.tensors[2] = random_table(m, draw_between(1, 3));
    kv_put_u64(&m->metadata, "vocab_size", vocab);
    kv_put_u64(&m->metadata, "n_ctx", n_ctx);
    return graph_add(&m->graph, op, ROWS_TOKENS, m->width);
}

static inline void random_causal(random_model *m) {
    uint32_t vocab = draw_between(1, 400);
    int32_t tokens = (int32_t)m->n_tensors, x = random_embed(m, vocab, 96, false);
    x = random_norm(m, random_select(m, random_layers(m, x, true)), m->norm);
    if (draw_bool()) {
        graph_op op = graph_op_of(OP_LINEAR);
        op.inputs[0] = x, op.tensors[0] = tokens;
        x = graph_add(&m->graph, op, ROWS_OUTPUTS, vocab);
    } else {
        x = random_linear(m, x, GRAPH_NONE, vocab, ACT_NONE);
    }
    graph_add_tap(&m->graph, "logits", 0, x);
}

static inline void random_encoder(random_model *m) {
    uint32_t vocab = draw_between(1, 400);
    int32_t x = random_layers(m, random_embed(m, vocab, 96, draw_bool()), false);
    if (draw_bool()) {
        kv_put_string(&m->metadata, "task", "masked-lm", 9);
        graph_add_tap(&m->graph, "logits", 0, random_linear(m, random_norm(m, random_select(m, x), m->norm), GRAPH_NONE, vocab, ACT_NONE));
        return;
    }
    x = random_pool(m, x);
    if (draw_bool()) x = random_linear(m, x, GRAPH_NONE, draw_between(1, 100), ACT_TANH);
    if (draw_bool()) x = random_norm(m, x, NORM_L2);
    graph_add_tap(&m->graph, "embedding", 0, x);
}

static inline void random_images(random_model *m) {
    graph_op patches = graph_op_of(OP_PATCHES), positions = graph_op_of(OP_POSITIONS);
    uint32_t rows = draw_between(1, 6), columns = draw_between(1, 6);
    patches.channels = draw_between(1, 4), patches.patch_height = draw_between(1, 7), patches.patch_width = draw_between(1, 7);
    patches.prefix = draw_between(0, 3);
    uint32_t n_ctx = rows * columns + patches.prefix;
    kv_put_u64(&m->metadata, "n_ctx", n_ctx);
    kv_put_u64(&m->metadata, "image.height", rows * patches.patch_height + draw_between(0, patches.patch_height - 1));
    kv_put_u64(&m->metadata, "image.width", columns * patches.patch_width + draw_between(0, patches.patch_width - 1));
    int32_t x = graph_add(&m->graph, patches, ROWS_TOKENS, patches.channels * patches.patch_height * patches.patch_width);
    positions.inputs[0] = random_linear(m, x, GRAPH_NONE, m->width, ACT_NONE);
    positions.tensors[0] = random_table(m, n_ctx);
    for (uint32_t i = 0; i < patches.prefix; i++) positions.tensors[i + 1] = random_vector(m, m->width, 0, 1);
    x = random_layers(m, graph_add(&m->graph, positions, ROWS_TOKENS, m->width), false);
    graph_add_tap(&m->graph, "embedding", 0, random_norm(m, random_pool(m, x), NORM_LAYER));
}

/* ---- the file ---- */

static inline void append_random(lnt_writer *w, const random_model *m, size_t i) {
    const lnt_tensor_spec *t = &m->specs[i];
    tensor_planes planes;
    uint64_t bad;
    lnt_error err;
    ck_assert(tensor_layout_planes(t->type, t->layout, t->n, t->k, &planes));
    float *rows = malloc(t->n * t->k * sizeof *rows);
    unsigned char *packed = malloc(planes.bytes);
    for (size_t k = 0; k < t->n * t->k; k++) rows[k] = m->mean[i] + m->spread[i] * draw_normal() * (draw() % 64 ? 1 : 4);
    ck_assert(pack_tensor(t->type, t->layout, t->n, t->k, rows, packed, &bad));
    ck_assert_msg(!lnt_writer_append(w, packed, planes.bytes, &err), "%s", err.text);
    free(packed);
    free(rows);
}

/* Codes as pack_tensor makes them have small pairs, whether the file says so or not. */
static inline lnt_model *random_model_of(random_kind kind, const char *path) {
    static void (*const KINDS[RANDOM_KINDS])(random_model *m) = {random_causal, random_encoder, random_images};
    random_model m = {.type = (tensor_type)(draw() % (TENSOR_TYPES + 1)), .norm = draw_bool() ? NORM_LAYER : NORM_RMS, .width = draw_between(1, 150),
                      .norm_first = draw_bool()};
    lnt_error err;
    buffer graph = {0};
    kv_put_string(&m.metadata, "architecture", "random", 6);
    kv_put_u64(&m.metadata, "width", m.width);
    kv_put_bool(&m.metadata, "q8_pairs", draw_bool());
    KINDS[kind](&m);
    graph_write(&m.graph, &graph);
    lnt_writer *w = lnt_writer_new(path, &m.metadata, NULL, &graph, m.specs, m.n_tensors, &err);
    ck_assert_msg(w != NULL, "%s", err.text);
    for (size_t i = 0; i < m.n_tensors; i++) append_random(w, &m, i);
    ck_assert_msg(!lnt_writer_seal(w, &err) && !lnt_writer_commit(w, &err), "%s", err.text);
    buffer_free(&graph);
    buffer_free(&m.metadata);
    graph_builder_free(&m.graph);
    lnt_model *model = lnt_open(path, &err);
    ck_assert_msg(model != NULL, "%s", err.text);
    return model;
}

/* A model with inputs; a random one of images sees pictures of another size now and then. */
static inline subject random_subject(random_kind kind, const char *name) {
    lnt_context_options o = {0};
    lnt_model *model = random_model_of(kind, path_of("%s/random.lnt", test_folder));
    if (kind == RANDOM_IMAGES && draw_bool()) o.image_height = model->info.image_height + draw_between(0, 9), o.image_width = model->info.image_width + draw_between(0, 9);
    return subject_of(name, model, &o, (const size_t[SEQUENCES]){draw_between(65, 90), draw_between(2, 24), 1});
}
#endif
