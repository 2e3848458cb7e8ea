#include "engine/plan.h"
#include "simd/kernels.h"
#include <stdlib.h>

/* Memory that a form of a value takes from the step that writes it to the last that reads it. */
typedef struct slot {
    size_t *at; /* in plan_value, where the offset goes */
    size_t bytes;
    size_t first, last; /* steps */
    bool private;
} slot;

typedef struct planner {
    plan *p;
    const graph *g;
    const lnt_tensor *tensors;
    const size_t *max_rows;
    bool *need_f32;    /* someone reads a value's floats */
    bool *only_linear; /* all readers are linear ops that take it as x */
    uint32_t *form;    /* of each op: 1 + the form it reads */
    uint32_t n_forms;
    size_t *last;      /* last step reading each value */
    size_t *f32_slot;  /* where each value's float form lies */
    int32_t output;
    slot *slots;
    size_t n_slots;
} planner;

/* Which values the output is made from. */
static void find_made(planner *w) {
    w->p->values[w->output].made = true;
    for (size_t i = w->g->n_ops; i-- > 0;) {
        const graph_op *op = &w->g->ops[i];
        for (int k = 0; k < OP_INPUTS && op->inputs[k] != GRAPH_NONE; k++)
            if (w->p->values[op->output].made) w->p->values[op->inputs[k]].made = true;
    }
}

static bool reads_quantized(const planner *w, const graph_op *op, int32_t v) {
    return op->kind == OP_LINEAR && op->inputs[0] == v && w->p->values[op->output].made && w->tensors[op->tensors[0]].type >= TENSOR_Q8;
}

static void find_needs(planner *w) {
    for (size_t v = 0; v < w->g->n_values; v++) w->only_linear[v] = true;
    for (size_t i = 0; i < w->g->n_ops; i++) {
        const graph_op *op = &w->g->ops[i];
        if (!w->p->values[op->output].made) continue;
        for (int k = 0; k < OP_INPUTS && op->inputs[k] != GRAPH_NONE; k++) {
            int32_t v = op->inputs[k];
            bool as_x = op->kind == OP_LINEAR && k == 0;
            if (!as_x || !reads_quantized(w, op, v)) w->need_f32[v] = true;
            if (!as_x) w->only_linear[v] = false;
        }
        if (op->kind != OP_NORM) w->need_f32[op->output] = true;
    }
    w->need_f32[w->output] = true;
    w->only_linear[w->output] = false;
}

static plan_step *add_step(planner *w, step_kind kind, const graph_op *op, int32_t input, int32_t output) {
    plan_step *s = &w->p->steps[w->p->n_steps++];
    *s = (plan_step){.kind = kind, .op = op, .input = input, .output = output};
    return s;
}

/* One form for each of the scales that a value is read by; all of them are made by one step. */
static void add_forms(planner *w, size_t maker, plan_step *step) {
    int32_t v = w->g->ops[maker].output;
    step->form = w->n_forms;
    for (size_t i = maker + 1; i < w->g->n_ops; i++) {
        const graph_op *op = &w->g->ops[i];
        if (!reads_quantized(w, op, v)) continue;
        uint32_t f = step->form;
        while (f < w->n_forms && w->p->forms[f].x_scale != op->tensors[2]) f++;
        if (f == w->n_forms) w->p->forms[w->n_forms++] = (plan_form){NO_PLACE, NO_PLACE, op->tensors[2]};
        w->form[i] = f + 1;
    }
    step->n_forms = w->n_forms - step->form;
}

/* Every op is one step, a norm becomes the preparation of its readers' rows; a value that others than a norm make and
   quantised layers read gets a step that quantises it. At most two steps an op. */
static void make_steps(planner *w) {
    static const step_kind KINDS[OP_KINDS] = {[OP_EMBED] = STEP_EMBED, [OP_NORM] = STEP_PREPARE, [OP_LINEAR] = STEP_LINEAR,
                                              [OP_ATTENTION] = STEP_ATTENTION, [OP_SELECT] = STEP_SELECT, [OP_POOL] = STEP_POOL,
                                              [OP_PATCHES] = STEP_PATCHES, [OP_POSITIONS] = STEP_POSITIONS};
    uint32_t n_attention = 0;
    for (size_t i = 0; i < w->g->n_ops; i++) {
        const graph_op *op = &w->g->ops[i];
        uint32_t cache = op->kind == OP_ATTENTION ? n_attention++ : 0;
        if (!w->p->values[op->output].made) continue;
        plan_step *s = add_step(w, KINDS[op->kind], op, op->inputs[0], op->output), quantise = {.kind = STEP_PREPARE, .input = op->output, .output = op->output};
        s->cache = cache;
        if (w->form[i]) s->form = w->form[i] - 1, s->n_forms = 1;
        add_forms(w, i, op->kind == OP_NORM ? s : &quantise);
        if (op->kind == OP_NORM) s->may_be_private = w->only_linear[op->output];
        else if (quantise.n_forms) *add_step(w, STEP_PREPARE, NULL, 0, 0) = quantise, w->p->steps[w->p->n_steps - 1].may_be_private = true;
    }
}

static void find_lives(planner *w) {
    for (size_t s = 0; s < w->p->n_steps; s++) {
        const plan_step *step = &w->p->steps[s];
        w->last[step->output] = s;
        if (step->kind == STEP_PREPARE) w->last[step->input] = s;
        else
            for (int k = 0; k < OP_INPUTS && step->op->inputs[k] != GRAPH_NONE; k++) w->last[step->op->inputs[k]] = s;
    }
    w->last[w->output] = w->p->n_steps;
    /* A thread may still be preparing its own rows while another is in the linear op already: what is prepared from
       must outlive the readers of what is prepared. */
    for (size_t s = w->p->n_steps; s-- > 0;) {
        const plan_step *step = &w->p->steps[s];
        if (step->kind == STEP_PREPARE && w->last[step->input] < w->last[step->output]) w->last[step->input] = w->last[step->output];
    }
}

static size_t f32_stride(const planner *w, int32_t v) { return round_up(w->g->values[v].width, LANES) * sizeof(float); }

/* The output of one part of an evaluation stays while the next part runs. */
static void add_slot(planner *w, size_t *at, size_t stride, size_t rows, size_t first, int32_t value, bool private) {
    w->slots[w->n_slots++] = (slot){at, round_up(stride * rows, 64), value == w->output ? 0 : first, w->last[value], private};
}

/* The value whose memory a linear op's output may take: its residual, if nobody reads that afterwards and the op's own
   input is not made from it. */
static int32_t in_place(const planner *w, size_t s) {
    const plan_step *step = &w->p->steps[s];
    int32_t r = step->kind == STEP_LINEAR ? step->op->inputs[1] : GRAPH_NONE;
    if (r == GRAPH_NONE || w->last[r] != s || r == step->input || step->output == w->output) return GRAPH_NONE;
    for (size_t i = 0; i < s; i++)
        if (w->p->steps[i].kind == STEP_PREPARE && w->p->steps[i].output == step->input && w->p->steps[i].input == r) return GRAPH_NONE;
    return r;
}

/* First fit among the slots that live at the same time and are placed already. */
static size_t place(const planner *w, const slot *s, size_t *total) {
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (const slot *o = w->slots; o < s; o++) {
            if (o->private != s->private || o->last < s->first || s->last < o->first) continue;
            if (at < *o->at + o->bytes && *o->at < at + s->bytes) at = *o->at + o->bytes, moved = true;
        }
    }
    if (*total < at + s->bytes) *total = at + s->bytes; /* cannot overflow: see model_check_limits, and lnt_context_new for rows */
    return at;
}

static void place_step(planner *w, size_t i) {
    const plan_step *step = &w->p->steps[i];
    int32_t v = step->output, below = in_place(w, i);
    plan_value *pv = &w->p->values[v];
    size_t rows = w->max_rows[w->g->values[v].rows], first = w->n_slots;
    bool prepared = step->kind == STEP_PREPARE, norm = prepared && step->op;
    if (below != GRAPH_NONE) {
        pv->f32_at = w->p->values[below].f32_at;
        w->f32_slot[v] = w->f32_slot[below];
        w->slots[w->f32_slot[v]].last = w->last[v];
    } else if ((!prepared || norm) && w->need_f32[v]) {
        w->f32_slot[v] = w->n_slots;
        add_slot(w, &pv->f32_at, pv->f32_stride, rows, i, v, false);
        if (prepared && step->may_be_private) add_slot(w, &pv->private_f32_at, pv->f32_stride, PRIVATE_ROWS, i, v, true);
    }
    for (uint32_t f = step->form; prepared && f < step->form + step->n_forms; f++) {
        add_slot(w, &w->p->forms[f].at, pv->quant_stride, rows, i, v, false);
        if (step->may_be_private) add_slot(w, &w->p->forms[f].private_at, pv->quant_stride, PRIVATE_ROWS, i, v, true);
    }
    for (size_t k = first; k < w->n_slots; k++) *w->slots[k].at = place(w, &w->slots[k], w->slots[k].private ? &w->p->private_bytes : &w->p->shared_bytes);
}

int plan_make(plan *p, const graph *g, const lnt_tensor *tensors, int32_t output, const size_t max_rows[ROWS_KINDS], lnt_error *err) {
    size_t n = (g->n_values > g->n_ops ? g->n_values : g->n_ops) + 1;
    *p = (plan){.values = calloc(n, sizeof *p->values), .forms = calloc(n, sizeof *p->forms), .steps = calloc(2 * n, sizeof *p->steps)};
    planner w = {.p = p, .g = g, .tensors = tensors, .max_rows = max_rows, .need_f32 = calloc(n, 1), .only_linear = calloc(n, 1),
                 .form = calloc(n, sizeof(uint32_t)), .last = calloc(n, sizeof(size_t)), .f32_slot = calloc(n, sizeof(size_t)), .output = output,
                 .slots = calloc(4 * n, sizeof(slot))};
    bool ok = p->values && p->forms && p->steps && w.need_f32 && w.only_linear && w.form && w.last && w.f32_slot && w.slots;
    if (ok) {
        for (int32_t v = 0; v < (int32_t)g->n_values; v++)
            p->values[v] = (plan_value){NO_PLACE, f32_stride(&w, v), quantized_row_bytes(g->values[v].width), NO_PLACE, false};
        find_made(&w);
        find_needs(&w);
        make_steps(&w);
        find_lives(&w);
        for (size_t i = 0; i < p->n_steps; i++) place_step(&w, i);
    }
    free(w.need_f32);
    free(w.only_linear);
    free(w.form);
    free(w.last);
    free(w.f32_slot);
    free(w.slots);
    if (ok) return 0;
    plan_free(p);
    return err_memory(err, n * sizeof(plan_value), "a plan");
}

void plan_free(plan *p) {
    free(p->values);
    free(p->forms);
    free(p->steps);
    *p = (plan){0};
}
