#include "convert/smooth.h"
#include <math.h>
#include <stdlib.h>

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

static bool may_smooth(const source *s, const graph_op *norm) {
    bool any = false;
    if (is_tapped(s, norm->output)) return false;
    for (int k = 0; k < 2; k++)
        if (norm->tensors[k] != GRAPH_NONE && readers_of(s, norm->tensors[k]) != 1) return false;
    for (size_t i = 0; i < s->graph.n_ops; i++) {
        const graph_op *op = &s->graph.ops[i];
        for (int k = 0; k < OP_INPUTS; k++) {
            if (op->inputs[k] != norm->output) continue;
            if (op->kind != OP_LINEAR || k != 0 || s->tensors[op->tensors[0]].type < TENSOR_Q8 || readers_of(s, op->tensors[0]) != 1) return false;
            any = true;
        }
    }
    return any;
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

static int set_scale(source_tensor *t, const float *scale, bool inverse, lnt_error *err) {
    t->column_scale = malloc(t->k * sizeof *t->column_scale);
    if (!t->column_scale) return err_memory(err, t->k * sizeof *t->column_scale, t->name);
    for (size_t c = 0; c < t->k; c++) t->column_scale[c] = inverse ? 1 / scale[c] : scale[c];
    return 0;
}

static int scale_all(source *s, const graph_op *norm, const float *scale, lnt_error *err) {
    for (int k = 0; k < 2; k++)
        if (norm->tensors[k] != GRAPH_NONE && set_scale(&s->tensors[norm->tensors[k]], scale, true, err)) return -1;
    for (size_t i = 0; i < s->graph.n_ops; i++)
        if (s->graph.ops[i].inputs[0] == norm->output && set_scale(&s->tensors[s->graph.ops[i].tensors[0]], scale, false, err)) return -1;
    return 0;
}

static int smooth(source *s, const graph_op *norm, lnt_error *err) {
    size_t k = s->graph.values[norm->output].width;
    float *gamma = NULL, *beta = NULL, *scale = calloc(k, sizeof *scale);
    int rc = scale ? read_tensor(s, &s->tensors[norm->tensors[0]], &gamma, err) : err_memory(err, k * sizeof *scale, "smoothing");
    if (!rc && norm->tensors[1] != GRAPH_NONE) rc = read_tensor(s, &s->tensors[norm->tensors[1]], &beta, err);
    for (size_t i = 0; !rc && i < s->graph.n_ops; i++)
        if (s->graph.ops[i].inputs[0] == norm->output) rc = add_column_maxima(s, &s->tensors[s->graph.ops[i].tensors[0]], scale, err);
    for (size_t c = 0; !rc && c < k; c++) {
        float range = 3 * fabsf(gamma[c]) + (beta ? fabsf(beta[c]) : 0), column = scale[c];
        scale[c] = sqrtf((range > 1e-5f ? range : 1e-5f) / (column > 1e-5f ? column : 1e-5f));
        if (!(scale[c] > 1e-5f)) scale[c] = 1e-5f;
    }
    if (!rc) rc = scale_all(s, norm, scale, err);
    free(gamma);
    free(beta);
    free(scale);
    return rc;
}

int smooth_norms(source *s, lnt_error *err) {
    for (size_t i = 0; i < s->graph.n_ops; i++)
        if (s->graph.ops[i].kind == OP_NORM && may_smooth(s, &s->graph.ops[i]) && smooth(s, &s->graph.ops[i], err)) return -1;
    return 0;
}
