#include "engine/context.h"
#include <string.h>

/* All threads run all steps, each its share, with a barrier after a step whose rows others read. What share a thread
   takes never changes a bit of the result. */
typedef struct thread {
    lnt_context *c;
    uint32_t index, count;
    unsigned char *own;
    profiler_clock *clock; /* NULL: nothing is measured */
} thread;

typedef struct range {
    size_t begin, end;
} range;

static range share_of(const thread *t, size_t n) { return (range){n * t->index / t->count, n * (t->index + 1) / t->count}; }

/* Takes the next `chunk` of n units of step s; false when none is left. */
static bool claim(const thread *t, size_t s, size_t n, size_t chunk, range *out) {
    if (t->count == 1) {
        *out = (range){0, n};
        return __atomic_fetch_add(&t->c->claimed[s], 1, __ATOMIC_RELAXED) == 0 && n;
    }
    size_t begin = (size_t)__atomic_fetch_add(&t->c->claimed[s], 1, __ATOMIC_RELAXED) * chunk;
    *out = (range){begin, begin + chunk < n ? begin + chunk : n};
    return begin < n;
}

static const lnt_tensor *tensor_of(const lnt_context *c, const graph_op *op, int i) {
    return op->tensors[i] == GRAPH_NONE ? NULL : &c->model->file.tensors[op->tensors[i]];
}
static const float *vector_of(const lnt_context *c, const graph_op *op, int i) {
    const lnt_tensor *t = tensor_of(c, op, i);
    return t ? t->data : NULL;
}

static graph_rows kind_of(const lnt_context *c, int32_t v) { return c->model->graph.values[v].rows; }
static size_t width_of(const lnt_context *c, int32_t v) { return c->model->graph.values[v].width; }
static size_t rows_of(const lnt_context *c, int32_t v) { return c->rows[kind_of(c, v)]; }

/* Rows that are given out stand behind those of the parts before. */
static size_t row_base(const lnt_context *c, int32_t v) { return c->done[kind_of(c, v)]; }
static float *f32_row(const lnt_context *c, int32_t v, size_t row) {
    const plan_value *pv = &c->plan.values[v];
    return (float *)(void *)(c->shared + pv->f32_at + (row_base(c, v) + row) * pv->f32_stride);
}

static bool is_private(const lnt_context *c, const plan_step *s) { return s->may_be_private && rows_of(c, s->output) <= PRIVATE_ROWS; }

/* The first row of a prepared (or any) value's floats, and of one of its forms, as this thread reads or writes them. */
static unsigned char *floats_of(const thread *t, int32_t v) {
    const plan_value *pv = &t->c->plan.values[v];
    if (pv->private_f32_at != NO_PLACE && rows_of(t->c, v) <= PRIVATE_ROWS) return t->own + pv->private_f32_at;
    return pv->f32_at == NO_PLACE ? NULL : t->c->shared + pv->f32_at + row_base(t->c, v) * pv->f32_stride;
}
static unsigned char *form_of(const thread *t, int32_t v, uint32_t form) {
    const plan_form *f = &t->c->plan.forms[form];
    if (f->private_at != NO_PLACE && rows_of(t->c, v) <= PRIVATE_ROWS) return t->own + f->private_at;
    return t->c->shared + f->at + row_base(t->c, v) * t->c->plan.values[v].quant_stride;
}

/* y += row of a table in rows; NULL: there is no table. */
static void add_table_row(const thread *t, const lnt_tensor *table, size_t row, float *y) {
    if (!table) return;
    size_t padded = round_up(table->k, LANES);
    const float *x = (const float *)table->data + row * padded;
    float *wide = (float *)(void *)(t->own + t->c->row_at);
    if (table->type == TENSOR_F16) t->c->kernels->f16_to_f32((const uint16_t *)table->data + row * padded, wide, padded), x = wide;
    t->c->kernels->add(x, y, table->k);
}

static void embed(const thread *t, const plan_step *s) {
    const lnt_context *c = t->c;
    const lnt_tensor *tokens = tensor_of(c, s->op, 0);
    range rows = share_of(t, c->rows[ROWS_TOKENS]);
    for (size_t r = rows.begin; r < rows.end; r++) {
        float *y = f32_row(c, s->output, r);
        c->kernels->weight_row[tokens->type](tokens->data, tokens->scale, tokens->k, (size_t)c->ids[r], y);
        add_table_row(t, tensor_of(c, s->op, 2), c->segments[r], y);
        add_table_row(t, tensor_of(c, s->op, 1), c->positions[r] + s->op->position_offset, y);
    }
}

/* A patch of an image as a convolution's weight is flattened: channel, y, x. */
static void copy_patch(const lnt_context *c, const graph_op *op, const float *pixels, size_t patch, float *y) {
    size_t across = c->image_width / op->patch_width, top = patch / across * op->patch_height, left = patch % across * op->patch_width;
    for (size_t channel = 0; channel < op->channels; channel++)
        for (size_t r = 0; r < op->patch_height; r++, y += op->patch_width)
            memcpy(y, pixels + (channel * c->image_height + top + r) * c->image_width + left, op->patch_width * sizeof *y);
}

static void cut_patches(const thread *t, const plan_step *s) {
    const lnt_context *c = t->c;
    const graph_op *op = s->op;
    size_t width = width_of(c, s->output), padded = round_up(width, LANES);
    range rows = share_of(t, c->rows[ROWS_TOKENS]);
    for (size_t r = rows.begin; r < rows.end; r++) {
        float *y = f32_row(c, s->output, r);
        bool patch = c->positions[r] >= op->prefix;
        memset(y + (patch ? width : 0), 0, (patch ? padded - width : padded) * sizeof *y);
        /* All images of a context have the same number of tokens. */
        if (patch) copy_patch(c, op, c->pieces[r / c->n_ctx].pixels, c->positions[r] - op->prefix, y);
    }
}

static void add_positions(const thread *t, const plan_step *s) {
    const lnt_context *c = t->c;
    range rows = share_of(t, c->rows[ROWS_TOKENS]);
    for (size_t r = rows.begin; r < rows.end; r++) {
        uint32_t position = c->positions[r];
        const float *x = position < c->model->patches->prefix ? vector_of(c, s->op, 1 + (int)position) : f32_row(c, s->input, r);
        float *y = f32_row(c, s->output, r);
        memcpy(y, x, c->plan.values[s->output].f32_stride);
        add_table_row(t, &c->positions_table, position, y);
    }
}

/* The row's floats: as they are, or normed into y (NULL: into the thread's own memory). */
static const float *normed_row(const thread *t, const plan_step *s, size_t row, float *y) {
    const lnt_context *c = t->c;
    const float *x = f32_row(c, s->input, row);
    if (!s->op) return x;
    if (!y) y = (float *)(void *)(t->own + c->row_at);
    c->kernels->norm((norm_kind)s->op->norm, x, vector_of(c, s->op, 0), vector_of(c, s->op, 1), s->op->eps, width_of(c, s->input), y);
    return y;
}

static const float *scale_of(const lnt_context *c, uint32_t form) {
    int32_t scale = c->plan.forms[form].x_scale;
    return scale == GRAPH_NONE ? NULL : c->model->file.tensors[scale].data;
}

/* Rows into floats (NULL: into the thread's own memory, one over the other) and into the step's first form, if it has one */
static void norm_rows(const thread *t, const plan_step *s, range rows, unsigned char *f32) {
    const lnt_context *c = t->c;
    const plan_value *pv = &c->plan.values[s->output];
    norm_args a = {.kind = (norm_kind)s->op->norm, .x = f32_row(c, s->input, rows.begin), .gamma = vector_of(c, s->op, 0), .beta = vector_of(c, s->op, 1),
                   .eps = s->op->eps, .width = width_of(c, s->input), .x_stride = c->plan.values[s->input].f32_stride / sizeof(float),
                   .y = (float *)(void *)(f32 ? f32 + rows.begin * pv->f32_stride : t->own + c->row_at), .y_stride = f32 ? pv->f32_stride / sizeof(float) : 0};
    if (s->n_forms) a.q = form_of(t, s->output, s->form) + rows.begin * pv->quant_stride, a.q_stride = pv->quant_stride, a.q_scale = scale_of(c, s->form);
    c->kernels->norm_rows(&a, rows.end - rows.begin);
}

static void prepare(const thread *t, const plan_step *s) {
    const lnt_context *c = t->c;
    const plan_value *pv = &c->plan.values[s->output];
    size_t n = rows_of(c, s->output);
    range rows = is_private(c, s) ? (range){0, n} : share_of(t, n);
    unsigned char *f32 = s->op ? floats_of(t, s->output) : NULL;
    bool together = s->op && s->op->norm != NORM_L2 && (f32 || s->n_forms < 2);
    if (together) norm_rows(t, s, rows, f32);
    uint32_t first = s->form + (together && s->n_forms), end = s->form + s->n_forms;
    for (size_t r = rows.begin; r < rows.end && !(together && first == end); r++) {
        float *y = f32 ? (float *)(void *)(f32 + r * pv->f32_stride) : NULL;
        const float *x = together ? y : normed_row(t, s, r, y);
        for (uint32_t f = first; f < end; f++) c->kernels->quantize(x, scale_of(c, f), width_of(c, s->output), form_of(t, s->output, f) + r * pv->quant_stride);
    }
}

/* Weights of a model beyond the caches come from memory when few rows share them. */
static bool streams(const lnt_context *c, const lnt_tensor *w, size_t rows) {
    return rows <= 16 && c->model->file.mapped.size > (size_t)24 << 20 && (c->kernels->prefetches_far || w->type == TENSOR_Q4);
}

static void linear(const thread *t, size_t step, const plan_step *s) {
    const lnt_context *c = t->c;
    const lnt_tensor *w = tensor_of(c, s->op, 0);
    const plan_value *x = &c->plan.values[s->input], *y = &c->plan.values[s->output];
    size_t rows = rows_of(c, s->output);
    linear_args a = {.x = s->n_forms ? form_of(t, s->input, s->form) : floats_of(t, s->input), .x_stride = s->n_forms ? x->quant_stride : x->f32_stride, .w = w->data,
                     .w_scale = w->scale, .w_sum = w->sum, .k = w->k, .bias = vector_of(c, s->op, 1),
                     .act = (activation)s->op->activation, .y = f32_row(c, s->output, 0), .y_stride = y->f32_stride / sizeof(float),
                     .pairs = c->model->pairs, .stream = streams(c, w, rows)};
    if (s->op->inputs[1] != GRAPH_NONE) {
        a.residual = f32_row(c, s->op->inputs[1], 0);
        a.residual_stride = c->plan.values[s->op->inputs[1]].f32_stride / sizeof(float);
    }
    size_t panels = (w->n + LANES - 1) / LANES, chunk = round_up(panels / (8 * t->count) + 1, 4);
    for (range p; claim(t, step, panels, chunk, &p);) c->kernels->linear[w->type](&a, 0, rows, p.begin, p.end);
}

/* Panels of one key head for a piece: where they start and how many positions they have room for. */
static float *kv_of(const lnt_context *c, const plan_step *s, const piece *p, size_t head, float **v_panels, size_t *capacity) {
    const kv_place *place = &c->places[s->cache];
    size_t hd = s->op->head_dim, hd_padded = round_up(hd, LANES);
    if (s->op->cache) {
        float *base = c->kv + p->sequence * c->kv_sequence + place->at;
        *capacity = c->capacity;
        *v_panels = base + s->op->kv_heads * place->k_head + head * place->v_head;
        return base + head * place->k_head;
    }
    *capacity = round_up(p->n_rows, LANES);
    float *base = c->transient + (p->kv_at * s->op->kv_heads + head * *capacity) * (hd + hd_padded);
    *v_panels = base + *capacity * hd;
    return base;
}

static const tap *find_tap(const lnt_context *c, int32_t value, bool attention) {
    for (size_t i = 0; i < c->n_taps; i++)
        if (c->taps[i].value == value && c->taps[i].attention == attention) return &c->taps[i];
    return NULL;
}

static void attend_head(const thread *t, const plan_step *s, const piece *p, size_t head) {
    const lnt_context *c = t->c;
    const graph_op *op = s->op;
    size_t hd = op->head_dim, group = op->heads / op->kv_heads, capacity;
    float *v_panels, *k_panels = kv_of(c, s, p, head, &v_panels, &capacity);
    c->kernels->kv_store(f32_row(c, op->inputs[1], p->first_row) + op->k_at + head * hd, c->plan.values[op->inputs[1]].f32_stride / sizeof(float),
                         f32_row(c, op->inputs[2], p->first_row) + op->v_at + head * hd, c->plan.values[op->inputs[2]].f32_stride / sizeof(float),
                         p->n_rows, hd, p->past, capacity, k_panels, v_panels);
    const tap *tapped = find_tap(c, s->output, true);
    for (size_t h = head * group; h < (head + 1) * group; h++) {
        attention_args a = {.q = f32_row(c, op->inputs[0], p->first_row) + op->q_at + h * hd, .q_stride = c->plan.values[op->inputs[0]].f32_stride / sizeof(float),
                            .k_panels = k_panels, .v_panels = v_panels, .capacity = capacity, .head_dim = hd, .n_rows = p->n_rows,
                            .n_keys = p->past + p->n_rows, .causal = op->causal, .scale = op->scale,
                            .out = f32_row(c, s->output, p->first_row) + h * hd, .out_stride = c->plan.values[s->output].f32_stride / sizeof(float),
                            .scratch = (float *)(void *)(t->own + c->scratch_at)};
        if (tapped) {
            a.probabilities = tapped->out + (h * tapped->n_tokens + p->past) * tapped->n_tokens;
            a.p_stride = tapped->n_tokens;
            memset(a.probabilities, 0, p->n_rows * tapped->n_tokens * sizeof(float));
        }
        c->kernels->attention(&a);
    }
}

static void attend(const thread *t, size_t step, const plan_step *s) {
    size_t heads = s->op->kv_heads, units = t->c->rows[ROWS_SEQUENCES] * heads;
    for (range u; claim(t, step, units, 1, &u);)
        for (size_t i = u.begin; i < u.end; i++) attend_head(t, s, &t->c->pieces[i / heads], i % heads);
}

static void pool_rows(const thread *t, const plan_step *s) {
    const lnt_context *c = t->c;
    pooling_kind kind = (pooling_kind)(c->pooling < 0 ? s->op->pooling : c->pooling);
    range pieces = share_of(t, c->rows[ROWS_SEQUENCES]);
    for (size_t i = pieces.begin; i < pieces.end; i++) {
        const piece *p = &c->pieces[i];
        c->kernels->pool(kind, f32_row(c, s->input, p->first_row), c->plan.values[s->input].f32_stride / sizeof(float), p->n_rows, width_of(c, s->output),
                         f32_row(c, s->output, i));
    }
}

static void select_rows(const thread *t, const plan_step *s) {
    range rows = share_of(t, t->c->rows[ROWS_OUTPUTS]);
    for (size_t r = rows.begin; r < rows.end; r++)
        memcpy(f32_row(t->c, s->output, r), f32_row(t->c, s->input, t->c->outputs[r]), t->c->plan.values[s->output].f32_stride);
}

/* Copies what a step made to who asked for it. A norm whose readers take it quantised is computed once more. */
static void copy_tap(const thread *t, const plan_step *s, const tap *to) {
    const lnt_context *c = t->c;
    size_t width = width_of(c, s->output);
    range rows = share_of(t, rows_of(c, s->output));
    for (size_t r = rows.begin; r < rows.end; r++) {
        const float *row = s->kind == STEP_PREPARE ? normed_row(t, s, r, NULL) : f32_row(c, s->output, r);
        size_t token = kind_of(c, s->output) == ROWS_OUTPUTS ? c->outputs[r] : r;
        memcpy(to->out + c->positions[token] * width, row, width * sizeof(float));
    }
}

static void work(const thread *t, size_t i, const plan_step *s) {
    switch (s->kind) {
    case STEP_EMBED: embed(t, s); break;
    case STEP_PREPARE: prepare(t, s); break;
    case STEP_LINEAR: linear(t, i, s); break;
    case STEP_ATTENTION: attend(t, i, s); break;
    case STEP_SELECT: select_rows(t, s); break;
    case STEP_POOL: pool_rows(t, s); break;
    case STEP_PATCHES: cut_patches(t, s); break;
    case STEP_POSITIONS: add_positions(t, s); break;
    }
    profiler_worked(t->clock, i);
}

static void wait_for_all(const thread *t, size_t i) {
    pool_barrier(t->c->pool);
    profiler_waited(t->clock, i);
}

static void run_step(const thread *t, size_t i) {
    const plan_step *s = &t->c->plan.steps[i];
    if (rows_of(t->c, s->output) == 0) return;
    work(t, i, s);
    if (s->kind != STEP_PREPARE || !is_private(t->c, s)) wait_for_all(t, i);
    const tap *to = t->c->n_taps && !(s->kind == STEP_PREPARE && !s->op) ? find_tap(t->c, s->output, false) : NULL;
    if (!to) return;
    copy_tap(t, s, to);
    profiler_worked(t->clock, i);
    wait_for_all(t, i);
}

static void run_thread(void *arg, uint32_t index) {
    lnt_context *c = arg;
    thread t = {c, index, pool_threads(c->pool), c->private + index * c->private_stride, profiler_clock_of(c->profiler, index)};
    profiler_waited(t.clock, c->plan.n_steps);
    for (size_t i = 0; i < c->plan.n_steps; i++) run_step(&t, i);
}

void exec_run(lnt_context *c) {
    memset(c->claimed, 0, c->plan.n_steps * sizeof *c->claimed);
    profiler_begin(c->profiler);
    pool_run(c->pool, run_thread, c);
    profiler_end(c->profiler, c);
}
