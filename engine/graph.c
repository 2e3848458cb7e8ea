#define _GNU_SOURCE
#include "engine/graph.h"
#include "simd/kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const ACTIVATION_NAMES[ACTIVATIONS] = {"none", "gelu_tanh", "gelu_erf", "relu", "silu", "tanh"};
static const char *const NORM_NAMES[NORMS] = {"layer", "rms", "l2"};
static const char *const POOLING_NAMES[POOLINGS] = {"first", "last", "mean", "max", "mean_sqrt", "weighted_mean", "second"};

static bool find_name(const char *const *names, int n, const char *name, int *out) {
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name)) {
            *out = i;
            return true;
        }
    return false;
}

bool graph_activation_from_name(const char *name, int *activation) { return find_name(ACTIVATION_NAMES, ACTIVATIONS, name, activation); }
bool graph_pooling_from_name(const char *name, int *pooling) { return find_name(POOLING_NAMES, POOLINGS, name, pooling); }

/* ---- attributes: one table serves reading, writing and the refusal of what is unknown ---- */

typedef enum attribute_kind { ATTR_U32, ATTR_F32, ATTR_BOOL, ATTR_ACTIVATION, ATTR_NORM, ATTR_POOLING } attribute_kind;
typedef struct attribute {
    const char *name;
    attribute_kind kind;
    size_t at; /* in graph_op */
} attribute;
/* Of the kinds that are one name of a list. */
static const struct { const char *const *names; int n; } LISTS[] = {
    [ATTR_ACTIVATION] = {ACTIVATION_NAMES, ACTIVATIONS}, [ATTR_NORM] = {NORM_NAMES, NORMS}, [ATTR_POOLING] = {POOLING_NAMES, POOLINGS}};

#define ATTR(name, kind) {#name, kind, offsetof(graph_op, name)}

typedef struct op_form {
    const char *name;
    int min_inputs, max_inputs, min_tensors, max_tensors;
    attribute attributes[12]; /* all of them are required */
} op_form;

static const op_form FORMS[OP_KINDS] = {
    [OP_EMBED] = {"embed", 0, 0, 1, 3, {ATTR(position_offset, ATTR_U32)}},
    [OP_NORM] = {"norm", 1, 1, 0, 2, {ATTR(norm, ATTR_NORM), ATTR(eps, ATTR_F32)}},
    [OP_LINEAR] = {"linear", 1, 2, 1, 3, {ATTR(activation, ATTR_ACTIVATION)}},
    [OP_ATTENTION] = {"attention", 3, 3, 0, 0,
                      {ATTR(heads, ATTR_U32), ATTR(kv_heads, ATTR_U32), ATTR(head_dim, ATTR_U32), ATTR(q_at, ATTR_U32), ATTR(k_at, ATTR_U32),
                       ATTR(v_at, ATTR_U32), ATTR(scale, ATTR_F32), ATTR(causal, ATTR_BOOL), ATTR(cache, ATTR_BOOL)}},
    [OP_SELECT] = {"select", 1, 1, 0, 0, {{0}}},
    [OP_POOL] = {"pool", 1, 1, 0, 0, {ATTR(pooling, ATTR_POOLING)}},
    [OP_PATCHES] = {"patches", 0, 0, 0, 0, {ATTR(channels, ATTR_U32), ATTR(patch_height, ATTR_U32), ATTR(patch_width, ATTR_U32), ATTR(prefix, ATTR_U32)}},
    [OP_POSITIONS] = {"positions", 1, 1, 1, OP_TENSORS, {{0}}},
};

const char *graph_op_name(graph_op_kind kind) { return FORMS[kind].name; }

const char *graph_op_choice(const graph_op *op) {
    for (const attribute *a = FORMS[op->kind].attributes; a->name; a++)
        if (a->kind >= ATTR_ACTIVATION && (op->kind != OP_LINEAR || op->activation)) return LISTS[a->kind].names[*(const int *)(const void *)((const char *)op + a->at)];
    return NULL;
}

static const attribute *find_attribute(const op_form *form, const char *name) {
    for (const attribute *a = form->attributes; a->name; a++)
        if (!strcmp(a->name, name)) return a;
    return NULL;
}

static bool read_attribute(const attribute *a, const kv_block *block, graph_op *op) {
    char *field = (char *)op + a->at;
    uint64_t u;
    double d;
    const char *s;
    size_t n;
    switch (a->kind) {
    case ATTR_U32:
        if (!kv_get_u64(block, a->name, &u) || u > UINT32_MAX) return false;
        *(uint32_t *)(void *)field = (uint32_t)u;
        return true;
    case ATTR_F32:
        if (!kv_get_f64(block, a->name, &d) || !isfinite((float)d)) return false;
        *(float *)(void *)field = (float)d;
        return true;
    case ATTR_BOOL: return kv_get_bool(block, a->name, (bool *)field);
    default:
        return kv_get_string(block, a->name, &s, &n) && strlen(s) == n && find_name(LISTS[a->kind].names, LISTS[a->kind].n, s, (int *)(void *)field);
    }
}

static void write_attribute(const attribute *a, const graph_op *op, buffer *out) {
    const char *field = (const char *)op + a->at;
    switch (a->kind) {
    case ATTR_U32: kv_put_u64(out, a->name, *(const uint32_t *)(const void *)field); break;
    case ATTR_F32: kv_put_f64(out, a->name, (double)*(const float *)(const void *)field); break;
    case ATTR_BOOL: kv_put_bool(out, a->name, *(const bool *)field); break;
    default: {
        const char *name = LISTS[a->kind].names[*(const int *)(const void *)field];
        kv_put_string(out, a->name, name, strlen(name));
    }
    }
}

/* ---- reading ---- */

enum { MAX_VALUES = 1 << 14 }; /* the planner's time goes with their square */

typedef struct graph_head {
    uint32_t n_values, n_ops, n_taps, reserved;
} graph_head;
typedef struct value_record {
    uint32_t rows, width;
} value_record;
typedef struct tap_record {
    char name[24];
    uint32_t index, value;
} tap_record;
/* Behind it: u32 inputs[n_inputs], u32 tensors[n_tensors], zeros up to a multiple of 8, the attributes' key/value block. */
typedef struct op_record {
    uint32_t entry_bytes;
    uint16_t n_inputs, n_tensors;
    uint32_t output, reserved;
    char name[16];
} op_record;

typedef struct reader {
    graph *g;
    const lnt_tensor *tensors;
    size_t n_tensors;
    const char *path;
    lnt_error *err;
    bool *made; /* values that an op before has made */
} reader;

static int bad_op(const reader *r, size_t i, const char *what) {
    return err_set(r->err, "%s: graph: op %zu (%s): %s", r->path, i, FORMS[r->g->ops[i].kind].name, what);
}

static int read_attributes(reader *r, size_t i, const unsigned char *bytes, size_t size) {
    graph_op *op = &r->g->ops[i];
    const op_form *form = &FORMS[op->kind];
    char what[512];
    kv_block block;
    snprintf(what, sizeof what, "%s: graph: op %zu (%s)", r->path, i, form->name);
    if (kv_open(&block, bytes, size, what, r->err)) return -1;
    size_t at = 0;
    for (kv_entry e; kv_next(&block, &at, &e);)
        if (!find_attribute(form, e.key)) return err_set(r->err, "%s has the unknown attribute '%s'", what, e.key);
    for (const attribute *a = form->attributes; a->name; a++)
        if (!read_attribute(a, &block, op)) return err_set(r->err, "%s: attribute '%s' is missing or out of bounds", what, a->name);
    return 0;
}

static int read_op(reader *r, size_t i, const unsigned char *p, size_t left, size_t *bytes) {
    const op_record *rec = (const void *)p;
    graph_op *op = &r->g->ops[i];
    if (left < sizeof *rec || rec->entry_bytes > left || rec->entry_bytes % 8 || rec->reserved)
        return err_set(r->err, "%s: graph: op %zu is cut off or malformed", r->path, i);
    int kind = 0;
    while (kind < OP_KINDS && !kv_field_is(rec->name, sizeof rec->name, FORMS[kind].name)) kind++;
    if (kind == OP_KINDS) return err_set(r->err, "%s: graph: op %zu '%.16s' is not known to this version of Linnet", r->path, i, rec->name);
    *op = graph_op_of((graph_op_kind)kind);
    const op_form *form = &FORMS[kind];
    size_t ids = ((size_t)rec->n_inputs + rec->n_tensors + 1) / 2 * 8;
    if (rec->n_inputs < form->min_inputs || rec->n_inputs > form->max_inputs || rec->n_tensors < form->min_tensors ||
        rec->n_tensors > form->max_tensors || rec->entry_bytes < sizeof *rec + ids)
        return bad_op(r, i, "has a wrong number of inputs or tensors");
    const uint32_t *id = (const void *)(rec + 1);
    for (int k = 0; k < rec->n_inputs; k++) {
        if (id[k] >= r->g->n_values || !r->made[id[k]]) return bad_op(r, i, "reads a value that no op before it makes");
        op->inputs[k] = (int32_t)id[k];
    }
    for (int k = 0; k < rec->n_tensors; k++) {
        if (id[rec->n_inputs + k] >= r->n_tensors) return bad_op(r, i, "names a tensor that is not in the directory");
        op->tensors[k] = (int32_t)id[rec->n_inputs + k];
    }
    if (rec->output >= r->g->n_values || r->made[rec->output]) return bad_op(r, i, "makes a value that does not exist or is made already");
    op->output = (int32_t)rec->output;
    r->made[rec->output] = true;
    *bytes = rec->entry_bytes;
    return read_attributes(r, i, p + sizeof *rec + ids, rec->entry_bytes - sizeof *rec - ids);
}

/* ---- shapes ---- */

static const lnt_tensor *tensor_of(const reader *r, const graph_op *op, int k) {
    return op->tensors[k] == GRAPH_NONE ? NULL : &r->tensors[op->tensors[k]];
}
static bool is_vector(const lnt_tensor *t, uint64_t width) {
    return !t || (t->layout == LAYOUT_ROWS && t->type == TENSOR_F32 && t->n == 1 && t->k == width);
}

static int check_embed(const reader *r, size_t i, const graph_op *op, const graph_value *out) {
    const lnt_tensor *tokens = tensor_of(r, op, 0), *positions = tensor_of(r, op, 1), *segments = tensor_of(r, op, 2);
    if (out->rows != ROWS_TOKENS || tokens->layout != LAYOUT_PANELS || tokens->k != out->width) return bad_op(r, i, "token table and output differ in shape");
    if (positions && (positions->layout != LAYOUT_ROWS || positions->k != out->width || positions->n <= op->position_offset))
        return bad_op(r, i, "position table and output differ in shape");
    if (segments && (segments->layout != LAYOUT_ROWS || segments->k != out->width)) return bad_op(r, i, "segment table and output differ in shape");
    return 0;
}

static int check_norm(const reader *r, size_t i, const graph_op *op, const graph_value *in, const graph_value *out) {
    if ((op->norm == NORM_L2) != (op->tensors[0] == GRAPH_NONE)) return bad_op(r, i, "expected gamma, and none for the norm 'l2'");
    if (in->rows != out->rows || in->width != out->width || !is_vector(tensor_of(r, op, 0), in->width) || !is_vector(tensor_of(r, op, 1), in->width))
        return bad_op(r, i, "input, output, gamma and beta differ in width");
    return op->eps >= 0 ? 0 : bad_op(r, i, "eps is negative");
}

static int check_linear(const reader *r, size_t i, const graph_op *op, const graph_value *in, const graph_value *out) {
    const lnt_tensor *w = tensor_of(r, op, 0);
    const graph_value *residual = op->inputs[1] == GRAPH_NONE ? NULL : &r->g->values[op->inputs[1]];
    if (w->layout != LAYOUT_PANELS || w->n != out->width || w->k != in->width) return bad_op(r, i, "weights do not have the shape [output width][input width]");
    if (w->type >= TENSOR_Q8 && w->k > 65536) return bad_op(r, i, "more than 65536 inputs cannot be summed in 32 bits");
    if (!is_vector(tensor_of(r, op, 1), out->width)) return bad_op(r, i, "the bias is not an f32 vector of the output's width");
    if (in->rows != out->rows || (residual && (residual->rows != out->rows || residual->width != out->width)))
        return bad_op(r, i, "input, residual and output differ in rows or width");
    if (tensor_of(r, op, 2) && w->type < TENSOR_Q8) return bad_op(r, i, "has scales of its input, expected them beside q8 or q4 weights only");
    if (!is_vector(tensor_of(r, op, 2), in->width)) return bad_op(r, i, "the scales of its input are not an f32 vector of the input's width");
    return 0;
}

static int check_attention(const reader *r, size_t i, const graph_op *op, const graph_value *out) {
    const graph_value *q = &r->g->values[op->inputs[0]], *k = &r->g->values[op->inputs[1]], *v = &r->g->values[op->inputs[2]];
    uint64_t wide = (uint64_t)op->heads * op->head_dim, narrow = (uint64_t)op->kv_heads * op->head_dim;
    if (!op->heads || !op->kv_heads || !op->head_dim || op->head_dim > 4096 || op->heads % op->kv_heads || wide > MAX_WIDTH)
        return bad_op(r, i, "heads, kv_heads and head_dim do not fit together");
    if (out->width != wide || q->width < op->q_at + wide || k->width < op->k_at + narrow || v->width < op->v_at + narrow)
        return bad_op(r, i, "heads * head_dim does not fit the widths of its values");
    if (q->rows != ROWS_TOKENS || k->rows != ROWS_TOKENS || v->rows != ROWS_TOKENS || out->rows != ROWS_TOKENS) return bad_op(r, i, "works on rows of tokens only");
    if (op->cache && !op->causal) return bad_op(r, i, "keys can only be kept for causal attention");
    return 0;
}

static int check_patches(const reader *r, size_t i, const graph_op *op, const graph_value *out) {
    uint64_t width = (uint64_t)op->patch_height * op->patch_width;
    if (!op->channels || op->channels > MAX_CHANNELS || !width || width > MAX_WIDTH || op->prefix >= OP_TENSORS)
        return bad_op(r, i, "channels, patch_height, patch_width or prefix is out of bounds");
    if (out->rows != ROWS_TOKENS || out->width != width * op->channels) return bad_op(r, i, "output does not have the width channels * patch_height * patch_width");
    return 0;
}

static int check_positions(const reader *r, size_t i, const graph_op *op, const graph_value *in, const graph_value *out) {
    const lnt_tensor *table = tensor_of(r, op, 0);
    if (in->rows != ROWS_TOKENS || out->rows != ROWS_TOKENS || in->width != out->width) return bad_op(r, i, "expected rows of tokens of the same width in and out");
    if (table->layout != LAYOUT_ROWS || table->k != out->width) return bad_op(r, i, "position table and output differ in shape");
    for (int k = 1; k < OP_TENSORS; k++)
        if (!is_vector(tensor_of(r, op, k), out->width)) return bad_op(r, i, "a token before the patches is not an f32 vector of the output's width");
    return 0;
}

static int check_shapes(const reader *r, size_t i) {
    const graph_op *op = &r->g->ops[i];
    const graph_value *out = &r->g->values[op->output], *in = op->inputs[0] == GRAPH_NONE ? out : &r->g->values[op->inputs[0]];
    switch (op->kind) {
    case OP_EMBED: return check_embed(r, i, op, out);
    case OP_LINEAR: return check_linear(r, i, op, in, out);
    case OP_ATTENTION: return check_attention(r, i, op, out);
    case OP_NORM: return check_norm(r, i, op, in, out);
    case OP_PATCHES: return check_patches(r, i, op, out);
    case OP_POSITIONS: return check_positions(r, i, op, in, out);
    case OP_POOL:
        if (in->rows != ROWS_TOKENS || out->rows != ROWS_SEQUENCES || in->width != out->width) return bad_op(r, i, "expected rows of tokens in, rows of sequences out");
        return 0;
    default: /* OP_SELECT: read_op lets no other in */
        if (in->rows != ROWS_TOKENS || out->rows != ROWS_OUTPUTS || in->width != out->width) return bad_op(r, i, "expected rows of tokens in, rows of outputs out");
        return 0;
    }
}

static int read_values(reader *r, const value_record *records) {
    for (size_t i = 0; i < r->g->n_values; i++) {
        if (records[i].rows >= ROWS_KINDS || records[i].width == 0 || records[i].width > MAX_WIDTH)
            return err_set(r->err, "%s: graph: value %zu has rows %u and width %u, expected rows below %d and a width up to %d", r->path, i,
                           records[i].rows, records[i].width, ROWS_KINDS, MAX_WIDTH);
        r->g->values[i] = (graph_value){(graph_rows)records[i].rows, records[i].width};
    }
    return 0;
}

static int read_taps(reader *r, const tap_record *records) {
    for (size_t i = 0; i < r->g->n_taps; i++) {
        size_t n = strnlen(records[i].name, sizeof records[i].name);
        if (n == sizeof records[i].name || !kv_plain_name(records[i].name, n) || records[i].value >= r->g->n_values || !r->made[records[i].value])
            return err_set(r->err, "%s: graph: tap %zu names no value", r->path, i);
        r->g->taps[i] = (graph_tap){records[i].name, records[i].index, (int32_t)records[i].value};
        for (size_t j = 0; j < i; j++)
            if (r->g->taps[j].index == records[i].index && !strcmp(r->g->taps[j].name, records[i].name))
                return err_set(r->err, "%s: graph: tap '%s' %u stands twice", r->path, records[i].name, records[i].index);
    }
    return 0;
}

static int read_graph(reader *r, const unsigned char *bytes, size_t size) {
    const graph_head *head = (const void *)bytes;
    graph *g = r->g;
    size_t left = size - sizeof *head, fixed = (size_t)head->n_values * sizeof(value_record) + (size_t)head->n_taps * sizeof(tap_record);
    if (head->reserved || head->n_values > MAX_VALUES || head->n_taps > 1u << 12 || fixed > left || head->n_ops > (left - fixed) / sizeof(op_record))
        return err_set(r->err, "%s: graph: %u values, %u ops and %u taps do not fit its %zu bytes", r->path, head->n_values, head->n_ops, head->n_taps, size);
    g->values = calloc(head->n_values + 1, sizeof *g->values);
    g->ops = calloc(head->n_ops + 1, sizeof *g->ops);
    g->taps = calloc(head->n_taps + 1, sizeof *g->taps);
    r->made = calloc(head->n_values + 1, sizeof *r->made);
    if (!g->values || !g->ops || !g->taps || !r->made) return err_memory(r->err, size, "the graph");
    g->n_values = head->n_values, g->n_ops = head->n_ops, g->n_taps = head->n_taps;
    if (read_values(r, (const void *)(bytes + sizeof *head))) return -1;
    size_t at = sizeof *head + fixed;
    for (size_t i = 0, n = 0; i < g->n_ops; i++, at += n)
        if (read_op(r, i, bytes + at, size - at, &n) || check_shapes(r, i)) return -1;
    if (at != size) return err_set(r->err, "%s: graph: %zu bytes after its last op", r->path, size - at);
    return read_taps(r, (const void *)(bytes + sizeof *head + (size_t)head->n_values * sizeof(value_record)));
}

int graph_open(graph *g, const void *bytes, size_t size, const lnt_tensor *tensors, size_t n_tensors, const char *path, lnt_error *err) {
    *g = (graph){0};
    reader r = {.g = g, .tensors = tensors, .n_tensors = n_tensors, .path = path, .err = err};
    int rc = size < sizeof(graph_head) ? err_set(err, "%s: graph: has %zu bytes, expected at least %zu", path, size, sizeof(graph_head))
                                        : read_graph(&r, bytes, size);
    free(r.made);
    if (rc) graph_free(g);
    return rc;
}

void graph_free(graph *g) {
    free(g->values);
    free(g->ops);
    free(g->taps);
    *g = (graph){0};
}

const graph_tap *graph_find_tap(const graph *g, const char *name, uint32_t index) {
    for (size_t i = 0; i < g->n_taps; i++)
        if (g->taps[i].index == index && !strcmp(g->taps[i].name, name)) return &g->taps[i];
    return NULL;
}

/* ---- building ---- */

graph_op graph_op_of(graph_op_kind kind) {
    graph_op op = {.kind = kind, .output = GRAPH_NONE};
    for (int i = 0; i < OP_INPUTS; i++) op.inputs[i] = GRAPH_NONE;
    for (int i = 0; i < OP_TENSORS; i++) op.tensors[i] = GRAPH_NONE;
    return op;
}

void graph_builder_free(graph_builder *b) {
    free(b->values);
    free(b->ops);
    free(b->taps);
    *b = (graph_builder){0};
}

/* The array with room for one more than its n elements: it doubles when n is a power of two. */
static void *grown(graph_builder *b, void *array, size_t n, size_t element) {
    void *p = b->failed || (n & (n - 1)) ? array : realloc(array, (n ? 2 * n : 1) * element);
    if (!p) b->failed = true;
    return p ? p : array;
}

int32_t graph_add(graph_builder *b, graph_op op, graph_rows rows, uint32_t width) {
    b->values = grown(b, b->values, b->n_values, sizeof *b->values);
    b->ops = grown(b, b->ops, b->n_ops, sizeof *b->ops);
    if (b->failed) return 0;
    op.output = (int32_t)b->n_values;
    b->values[b->n_values++] = (graph_value){rows, width};
    b->ops[b->n_ops++] = op;
    return op.output;
}

void graph_add_tap(graph_builder *b, const char *name, uint32_t index, int32_t value) {
    b->taps = grown(b, b->taps, b->n_taps, sizeof *b->taps);
    if (!b->failed) b->taps[b->n_taps++] = (graph_tap){name, index, value};
}

static void write_op(const graph_op *op, buffer *out) {
    op_record rec = {.output = (uint32_t)op->output};
    strcpy(rec.name, FORMS[op->kind].name);
    while (rec.n_inputs < OP_INPUTS && op->inputs[rec.n_inputs] != GRAPH_NONE) rec.n_inputs++;
    while (rec.n_tensors < OP_TENSORS && op->tensors[rec.n_tensors] != GRAPH_NONE) rec.n_tensors++;
    size_t start = out->size;
    buffer_append(out, &rec, sizeof rec);
    for (int i = 0; i < rec.n_inputs; i++) buffer_u32(out, (uint32_t)op->inputs[i]);
    for (int i = 0; i < rec.n_tensors; i++) buffer_u32(out, (uint32_t)op->tensors[i]);
    buffer_align(out, 8);
    for (const attribute *a = FORMS[op->kind].attributes; a->name; a++) write_attribute(a, op, out);
    if (!out->failed) memcpy(out->bytes + start, &(uint32_t){(uint32_t)(out->size - start)}, 4);
}

void graph_write(graph_builder *b, buffer *out) {
    graph_head head = {(uint32_t)b->n_values, (uint32_t)b->n_ops, (uint32_t)b->n_taps, 0};
    if (b->failed) out->failed = true;
    buffer_append(out, &head, sizeof head);
    for (size_t i = 0; i < b->n_values; i++) buffer_append(out, &(value_record){b->values[i].rows, b->values[i].width}, sizeof(value_record));
    for (size_t i = 0; i < b->n_taps; i++) {
        tap_record rec = {.index = b->taps[i].index, .value = (uint32_t)b->taps[i].value};
        strncpy(rec.name, b->taps[i].name, sizeof rec.name - 1);
        buffer_append(out, &rec, sizeof rec);
    }
    for (size_t i = 0; i < b->n_ops; i++) write_op(&b->ops[i], out);
}
