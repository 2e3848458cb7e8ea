#include "convert/smooth.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Readers of a tensor among the ops. */
static size_t readers_of(const source *s, int32_t tensor) {
    size_t n = 0;
    for (size_t i = 0; i < s->graph.n_ops; i++)
        for (int k = 0; k < OP_TENSORS; k++) n += s->graph.ops[i].tensors[k] == tensor;
    return n;
}

/* What people ask for must stay what it is. */
static bool is_tapped(const source *s, int32_t value) {
    for (size_t i = 0; i < s->graph.n_taps; i++)
        if (s->graph.taps[i].value == value) return true;
    return false;
}

/* Reads a value as x through quantised weights that nobody else reads. */
static bool is_quantized_reader(const source *s, const graph_op *op, int32_t value) {
    return op->kind == OP_LINEAR && op->inputs[0] == value && op->inputs[1] != value && s->tensors[op->tensors[0]].type >= TENSOR_Q8 &&
           readers_of(s, op->tensors[0]) == 1;
}

typedef enum smoothing {
    SMOOTH_NOT,
    SMOOTH_FOLD, /* gamma and beta take the scales */
    SMOOTH_SCALE /* others read the norm too, or people do, or each reader has its own: rows are scaled when they are quantised */
} smoothing;

static smoothing smoothing_of(const source *s, const graph_op *norm) {
    smoothing how = is_tapped(s, norm->output) ? SMOOTH_SCALE : SMOOTH_FOLD;
    bool biases = true; /* the scales stand behind the bias */
    int readers = 0;
    if (norm->tensors[0] == GRAPH_NONE) return SMOOTH_NOT;
    for (int k = 0; k < 2; k++)
        if (norm->tensors[k] != GRAPH_NONE && readers_of(s, norm->tensors[k]) != 1) how = SMOOTH_SCALE;
    for (size_t i = 0; i < s->graph.n_ops; i++) {
        const graph_op *op = &s->graph.ops[i];
        bool reads = false;
        for (int k = 0; k < OP_INPUTS; k++) reads |= op->inputs[k] == norm->output;
        if (!reads) continue;
        bool as_x = op->kind == OP_LINEAR && op->inputs[0] == norm->output && s->tensors[op->tensors[0]].type >= TENSOR_Q8;
        if (as_x && !is_quantized_reader(s, op, norm->output)) return SMOOTH_NOT;
        if (!as_x) how = SMOOTH_SCALE;
        readers += as_x;
        biases &= !as_x || op->tensors[1] != GRAPH_NONE;
    }
    if (readers > 1 && biases) how = SMOOTH_SCALE;
    return readers && (how == SMOOTH_FOLD || biases) ? how : SMOOTH_NOT;
}

static int read_tensor(const source *s, const source_tensor *t, float **rows, lnt_error *err) {
    float *scratch = t->transposed ? malloc(t->n * t->k * sizeof *scratch) : NULL;
    *rows = malloc(t->n * t->k * sizeof **rows);
    int rc = !*rows || (t->transposed && !scratch) ? err_memory(err, t->n * t->k * sizeof **rows, t->name) : source_read(s, t, *rows, scratch, err);
    free(scratch);
    return rc;
}

static int add_column_maxima(const source *s, const source_tensor *w, float *maxima, lnt_error *err) {
    float *rows = NULL;
    int rc = read_tensor(s, w, &rows, err);
    for (size_t r = 0; !rc && r < w->n; r++)
        for (size_t c = 0; c < w->k; c++)
            if (fabsf(rows[r * w->k + c]) > maxima[c]) maxima[c] = fabsf(rows[r * w->k + c]);
    free(rows);
    return rc;
}

/* The factors of a tensor's columns. */
static int set_scale(source_tensor *t, const float *scale, bool inverse, lnt_error *err) {
    t->column_scale = malloc(t->k * sizeof *t->column_scale);
    if (!t->column_scale) return err_memory(err, t->k * sizeof *t->column_scale, t->name);
    for (size_t c = 0; c < t->k; c++) t->column_scale[c] = inverse ? 1 / scale[c] : scale[c];
    return 0;
}

/* sqrt(range / maximum of the weights' column), which the column is multiplied by and what it reads divided. */
static float scale_of(float range, float column) {
    float s = sqrtf((range > 1e-5f ? range : 1e-5f) / (column > 1e-5f ? column : 1e-5f));
    return s > 1e-5f ? s : 1e-5f;
}

/* What the norm gives for a column is about 3 |gamma| + |beta| wide; column holds maxima and takes the scales. */
static void choose_scales(size_t k, const float *gamma, const float *beta, float *column) {
    for (size_t c = 0; c < k; c++) column[c] = scale_of(3 * fabsf(gamma[c]) + (beta ? fabsf(beta[c]) : 0), column[c]);
}

/* All readers share the scales, and gamma and beta are divided by them. */
static int fold(source *s, const graph_op *norm, const float *gamma, const float *beta, float *scale, lnt_error *err) {
    size_t k = s->graph.values[norm->output].width;
    int rc = 0;
    for (size_t i = 0; !rc && i < s->graph.n_ops; i++)
        if (is_quantized_reader(s, &s->graph.ops[i], norm->output)) rc = add_column_maxima(s, &s->tensors[s->graph.ops[i].tensors[0]], scale, err);
    choose_scales(k, gamma, beta, scale);
    for (int i = 0; !rc && i < 2; i++)
        if (norm->tensors[i] != GRAPH_NONE) rc = set_scale(&s->tensors[norm->tensors[i]], scale, true, err);
    for (size_t i = 0; !rc && i < s->graph.n_ops; i++)
        if (is_quantized_reader(s, &s->graph.ops[i], norm->output)) rc = set_scale(&s->tensors[s->graph.ops[i].tensors[0]], scale, false, err);
    return rc;
}

/* Each reader has scales of its own. */
static int scale_reader(source *s, graph_op *op, const float *gamma, const float *beta, float *scale, lnt_error *err) {
    size_t k = s->tensors[op->tensors[0]].k;
    char name[512];
    memset(scale, 0, k * sizeof *scale);
    if (add_column_maxima(s, &s->tensors[op->tensors[0]], scale, err)) return -1;
    choose_scales(k, gamma, beta, scale);
    snprintf(name, sizeof name, "%s.x_scale", s->tensors[op->tensors[0]].name);
    op->tensors[2] = source_add(s, name, LAYOUT_ROWS, 1, k, NULL, false);
    if (s->failed) return err_memory(err, k, "smoothing");
    return set_scale(&s->tensors[op->tensors[2]], scale, true, err) || set_scale(&s->tensors[op->tensors[0]], scale, false, err) ? -1 : 0;
}

static int smooth(source *s, const graph_op *norm, smoothing how, lnt_error *err) {
    size_t k = s->graph.values[norm->output].width;
    float *gamma = NULL, *beta = NULL, *scale = calloc(k, sizeof *scale);
    int rc = scale ? read_tensor(s, &s->tensors[norm->tensors[0]], &gamma, err) : err_memory(err, k * sizeof *scale, "smoothing");
    if (!rc && norm->tensors[1] != GRAPH_NONE) rc = read_tensor(s, &s->tensors[norm->tensors[1]], &beta, err);
    if (!rc && how == SMOOTH_FOLD) rc = fold(s, norm, gamma, beta, scale, err);
    for (size_t i = 0; !rc && how == SMOOTH_SCALE && i < s->graph.n_ops; i++)
        if (is_quantized_reader(s, &s->graph.ops[i], norm->output)) rc = scale_reader(s, &s->graph.ops[i], gamma, beta, scale, err);
    free(gamma);
    free(beta);
    free(scale);
    return rc;
}

/* ---- between the values of an attention and the linear op that reads it: rows of the one, columns of the other ---- */

/* The only reader of a value, NULL: there are several, or none. */
static const graph_op *only_reader(const source *s, int32_t value) {
    const graph_op *found = NULL;
    for (size_t i = 0; i < s->graph.n_ops; i++)
        for (int k = 0; k < OP_INPUTS; k++) {
            if (s->graph.ops[i].inputs[k] != value) continue;
            if (found && found != &s->graph.ops[i]) return NULL;
            found = &s->graph.ops[i];
        }
    return found;
}

/* norm -> values (a linear op) -> attention -> out (a quantised linear op), all of them read by nobody else, or NULL. */
static const graph_op *values_of(const source *s, const graph_op *attention, const graph_op **norm, const graph_op **out) {
    const graph_op *values = source_maker(s, attention->inputs[2]);
    if (attention->heads != attention->kv_heads || !values || values->kind != OP_LINEAR || values->activation || values->inputs[1] != GRAPH_NONE ||
        readers_of(s, values->tensors[0]) != 1 || values->tensors[1] == GRAPH_NONE || readers_of(s, values->tensors[1]) != 1 ||
        only_reader(s, values->output) != attention || is_tapped(s, values->output))
        return NULL;
    *norm = source_maker(s, values->inputs[0]);
    *out = only_reader(s, attention->output);
    bool fits = *norm && (*norm)->kind == OP_NORM && (*norm)->tensors[0] != GRAPH_NONE && *out && is_quantized_reader(s, *out, attention->output);
    return fits ? values : NULL;
}

/* A value is about as wide as |mean| + 3 deviations of w.x + bias, where x has the norm's gamma and beta. */
static void value_ranges(const float *w, size_t n, size_t k, const float *gamma, const float *beta, const float *bias, float *range) {
    for (size_t r = 0; r < n; r++) {
        double mean = (double)bias[r], squares = 0;
        for (size_t c = 0; c < k; c++) {
            double d = (double)w[r * k + c] * (double)gamma[c];
            mean += (double)w[r * k + c] * (beta ? (double)beta[c] : 0);
            squares += d * d;
        }
        range[r] = (float)(fabs(mean) + 3 * sqrt(squares));
    }
}

/* Rows v_at .. of w and of its bias are divided by the scales that the columns of out are multiplied by. */
static int scale_values(source *s, const graph_op *attention, const graph_op *values, const graph_op *out, const float *range, lnt_error *err) {
    source_tensor *w = &s->tensors[values->tensors[0]], *bias = &s->tensors[values->tensors[1]];
    size_t width = s->graph.values[attention->output].width;
    float *scale = calloc(width, sizeof *scale);
    w->row_scale = malloc(w->n * sizeof *w->row_scale);
    bias->column_scale = malloc(w->n * sizeof *bias->column_scale);
    int rc = scale && w->row_scale && bias->column_scale ? add_column_maxima(s, &s->tensors[out->tensors[0]], scale, err) : err_memory(err, w->n, "smoothing");
    for (size_t r = 0; !rc && r < w->n; r++) w->row_scale[r] = bias->column_scale[r] = 1;
    for (size_t c = 0; !rc && c < width; c++) {
        scale[c] = scale_of(range[attention->v_at + c], scale[c]);
        w->row_scale[attention->v_at + c] = bias->column_scale[attention->v_at + c] = 1 / scale[c];
    }
    if (!rc) rc = set_scale(&s->tensors[out->tensors[0]], scale, false, err);
    free(scale);
    return rc;
}

static int smooth_attention(source *s, const graph_op *attention, lnt_error *err) {
    const graph_op *norm, *out, *values = values_of(s, attention, &norm, &out);
    if (!values) return 0;
    const source_tensor *w = &s->tensors[values->tensors[0]];
    float *rows = NULL, *gamma = NULL, *beta = NULL, *bias = NULL, *range = malloc(w->n * sizeof *range);
    int rc = range ? read_tensor(s, w, &rows, err) : err_memory(err, w->n * sizeof *range, "smoothing");
    if (!rc) rc = read_tensor(s, &s->tensors[norm->tensors[0]], &gamma, err);
    if (!rc && norm->tensors[1] != GRAPH_NONE) rc = read_tensor(s, &s->tensors[norm->tensors[1]], &beta, err);
    if (!rc) rc = read_tensor(s, &s->tensors[values->tensors[1]], &bias, err);
    if (!rc) value_ranges(rows, w->n, w->k, gamma, beta, bias, range);
    if (!rc) rc = scale_values(s, attention, values, out, range, err);
    free(rows);
    free(gamma);
    free(beta);
    free(bias);
    free(range);
    return rc;
}

int smooth_all(source *s, lnt_error *err) {
    for (size_t i = 0; i < s->graph.n_ops; i++)
        if (s->graph.ops[i].kind == OP_ATTENTION && smooth_attention(s, &s->graph.ops[i], err)) return -1;
    for (size_t i = 0; i < s->graph.n_ops; i++) {
        const graph_op *op = &s->graph.ops[i];
        smoothing how = op->kind == OP_NORM ? smoothing_of(s, op) : SMOOTH_NOT;
        if (how != SMOOTH_NOT && smooth(s, op, how, err)) return -1;
    }
    return 0;
}
