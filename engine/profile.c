#include "engine/profile.h"
#include "engine/context.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 256, NAME_BYTES = 64, UNKNOWN = UINT32_MAX };

/* ---- sums ---- */

/* Nothing is allocated when something is added: what no entry is left for is in the last one. */
struct lnt_profile {
    pthread_mutex_t lock;
    uint32_t n, n_threads;
    lnt_profile_entry entries[ENTRIES];
    char names[ENTRIES][NAME_BYTES];
};

lnt_profile *lnt_profile_new(lnt_error *err) {
    lnt_profile *p = calloc(1, sizeof *p);
    if (!p) return err_memory(err, sizeof *p, "a profile"), NULL;
    pthread_mutex_init(&p->lock, NULL);
    p->n_threads = 1;
    return p;
}

void lnt_profile_free(lnt_profile *p) {
    if (!p) return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* The entry of a name and a bound, made if there is none. The lock is held. */
static uint32_t find(lnt_profile *p, const char *name, lnt_bound bound) {
    for (uint32_t i = 0; i < p->n; i++)
        if (p->entries[i].bound == bound && !strncmp(p->names[i], name, NAME_BYTES - 1)) return i;
    if (p->n == ENTRIES) return ENTRIES - 1;
    if (p->n == ENTRIES - 1) name = "others", bound = LNT_BOUND_NONE;
    strncpy(p->names[p->n], name, NAME_BYTES - 1);
    p->entries[p->n] = (lnt_profile_entry){.name = p->names[p->n], .bound = bound};
    return p->n++;
}

static void add(lnt_profile_entry *to, const lnt_profile_entry *more) {
    to->calls += more->calls;
    to->rows += more->rows;
    to->values += more->values;
    to->operations += more->operations;
    to->bytes += more->bytes;
    to->seconds += more->seconds;
    to->waiting += more->waiting;
}

void lnt_profile_add(lnt_profile *p, const lnt_profile_entry *entry) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    add(&p->entries[find(p, entry->name, entry->bound)], entry);
    pthread_mutex_unlock(&p->lock);
}

bool lnt_profile_get(lnt_profile *p, size_t i, lnt_profile_entry *entry) {
    pthread_mutex_lock(&p->lock);
    bool is = i < p->n;
    if (is) *entry = p->entries[i];
    pthread_mutex_unlock(&p->lock);
    return is;
}

uint32_t lnt_profile_threads(lnt_profile *p) {
    pthread_mutex_lock(&p->lock);
    uint32_t n = p->n_threads;
    pthread_mutex_unlock(&p->lock);
    return n;
}

void profiler_note_threads(lnt_profile *p, uint32_t n_threads) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    if (p->n_threads < n_threads) p->n_threads = n_threads;
    pthread_mutex_unlock(&p->lock);
}

void profiler_add(lnt_profile *p, lnt_profile_entry entry, uint64_t working, uint64_t waiting) {
    entry.seconds = 1e-9 * (double)working;
    entry.waiting = 1e-9 * (double)waiting;
    lnt_profile_add(p, &entry);
}

/* ---- what a step is called and how much it does ---- */

static const lnt_tensor *weight_of(const lnt_context *c, const plan_step *s) { return &c->model->file.tensors[s->op->tensors[0]]; }
static size_t width_of(const lnt_context *c, const plan_step *s) { return c->model->graph.values[s->output].width; }
static size_t rows_of(const lnt_context *c, const plan_step *s) { return c->rows[c->model->graph.values[s->output].rows]; }

static void name_linear(const lnt_context *c, const plan_step *s, char name[NAME_BYTES]) {
    const lnt_tensor *w = weight_of(c, s);
    const char *activation = graph_op_choice(s->op), *residual = s->op->inputs[1] == GRAPH_NONE ? "" : " + residual";
    snprintf(name, NAME_BYTES, "linear %s %llu x %llu%s%s%s", tensor_type_name(w->type), (unsigned long long)w->k, (unsigned long long)w->n,
             activation ? " " : "", activation ? activation : "", residual);
}

/* "norm 768", "quantize 768", "norm + 3 x quantize 768" */
static void name_prepare(const plan_step *s, size_t width, char name[NAME_BYTES]) {
    char forms[24] = "";
    if (s->n_forms > 1) snprintf(forms, sizeof forms, "%u x ", s->n_forms);
    snprintf(name, NAME_BYTES, "%s%s%s%s %zu", s->op ? "norm" : "", s->op && s->n_forms ? " + " : "", forms,
             s->n_forms ? "quantize" : "", width);
}

static void name_step(const lnt_context *c, const plan_step *s, char name[NAME_BYTES]) {
    size_t width = width_of(c, s);
    switch (s->kind) {
    case STEP_LINEAR: name_linear(c, s, name); break;
    case STEP_PREPARE: name_prepare(s, width, name); break;
    case STEP_ATTENTION: snprintf(name, NAME_BYTES, "attention %u heads of %u%s", s->op->heads, s->op->head_dim, s->op->causal ? ", causal" : ""); break;
    case STEP_EMBED: snprintf(name, NAME_BYTES, "embed %zu", width); break;
    case STEP_SELECT: snprintf(name, NAME_BYTES, "select %zu", width); break;
    case STEP_POOL: snprintf(name, NAME_BYTES, "pool %zu", width); break;
    case STEP_PATCHES: snprintf(name, NAME_BYTES, "patches %zu", width); break;
    case STEP_POSITIONS: snprintf(name, NAME_BYTES, "positions %zu", width); break;
    }
}

static lnt_bound bound_of(const lnt_context *c, const plan_step *s) {
    if (s->kind != STEP_LINEAR && s->kind != STEP_ATTENTION) return LNT_BOUND_NONE;
    if (rows_of(c, s) <= PROFILER_FEW_ROWS) return LNT_BOUND_READ;
    if (s->kind == STEP_ATTENTION) return LNT_BOUND_FP32;
    tensor_type type = weight_of(c, s)->type;
    return type == TENSOR_Q4 ? LNT_BOUND_INT4 : type == TENSOR_Q8 ? LNT_BOUND_INT8 : LNT_BOUND_FP32;
}

/* Every query with each key that it sees: a product of head_dim to score it and one to take its value. */
static void count_attention(const lnt_context *c, const graph_op *op, lnt_profile_entry *e) {
    for (size_t i = 0; i < c->rows[ROWS_SEQUENCES]; i++) {
        uint64_t n = c->pieces[i].n_rows, keys = c->pieces[i].past + n;
        uint64_t pairs = op->causal ? n * c->pieces[i].past + n * (n + 1) / 2 : n * keys;
        e->operations += 4 * pairs * op->heads * op->head_dim;
        e->bytes += keys * op->kv_heads * (op->head_dim + round_up(op->head_dim, LANES)) * sizeof(float);
    }
}

static lnt_profile_entry count(const lnt_context *c, const plan_step *s) {
    uint64_t rows = rows_of(c, s);
    lnt_profile_entry e = {.calls = 1, .rows = rows, .values = rows * width_of(c, s), .bound = bound_of(c, s)};
    if (s->kind == STEP_LINEAR) e.operations = 2 * rows * weight_of(c, s)->k * weight_of(c, s)->n, e.bytes = weight_of(c, s)->size;
    else if (s->kind == STEP_EMBED) e.bytes = rows * (weight_of(c, s)->size / weight_of(c, s)->n);
    else if (s->kind == STEP_ATTENTION) count_attention(c, s->op, &e);
    return e;
}

/* ---- a context ---- */

struct profiler {
    lnt_profile *sums;
    size_t n_steps;
    uint32_t n_threads;
    profiler_clock *clocks; /* [n_threads] */
    unsigned char *times;   /* [n_threads], of n_steps + 1 each, on cache lines of their own */
    size_t stride;
    uint32_t (*entries)[2]; /* [n_steps] of many rows and of few, UNKNOWN until there are such */
};

profiler *profiler_new(lnt_profile *sums, const lnt_context *c, lnt_error *err) {
    profiler *p = calloc(1, sizeof *p);
    if (!p) return err_memory(err, sizeof *p, "a profile"), NULL;
    *p = (profiler){.sums = sums, .n_steps = c->plan.n_steps, .n_threads = pool_threads(c->pool)};
    p->stride = round_up((p->n_steps + 1) * sizeof(profiler_time), 64);
    p->clocks = aligned_alloc(64, p->n_threads * sizeof *p->clocks);
    p->times = aligned_alloc(64, p->n_threads * p->stride);
    p->entries = malloc((p->n_steps + 1) * sizeof *p->entries);
    if (!p->clocks || !p->times || !p->entries) {
        err_memory(err, p->n_threads * p->stride, "a profile");
        profiler_free(p);
        return NULL;
    }
    for (size_t i = 0; i < p->n_steps; i++) p->entries[i][0] = p->entries[i][1] = UNKNOWN;
    for (uint32_t t = 0; t < p->n_threads; t++) p->clocks[t] = (profiler_clock){0, (profiler_time *)(void *)(p->times + t * p->stride)};
    profiler_note_threads(sums, p->n_threads);
    return p;
}

void profiler_free(profiler *p) {
    if (!p) return;
    free(p->clocks);
    free(p->times);
    free(p->entries);
    free(p);
}

profiler_clock *profiler_clock_of(profiler *p, uint32_t thread) { return p ? &p->clocks[thread] : NULL; }

void profiler_begin(profiler *p) {
    if (!p) return;
    memset(p->times, 0, p->n_threads * p->stride);
    uint64_t now = profiler_now();
    for (uint32_t t = 0; t < p->n_threads; t++) p->clocks[t].last = now;
}

static void add_times(const profiler *p, size_t step, lnt_profile_entry *e) {
    for (uint32_t t = 0; t < p->n_threads; t++) {
        e->seconds += 1e-9 * (double)p->clocks[t].steps[step].working;
        e->waiting += 1e-9 * (double)p->clocks[t].steps[step].waiting;
    }
}

static void add_step(profiler *p, const lnt_context *c, size_t step) {
    const plan_step *s = &c->plan.steps[step];
    lnt_profile_entry e = count(c, s);
    uint32_t *entry = &p->entries[step][e.bound == LNT_BOUND_READ];
    char name[NAME_BYTES];
    if (!e.rows) return;
    if (*entry == UNKNOWN) {
        name_step(c, s, name);
        *entry = find(p->sums, name, e.bound);
    }
    add_times(p, step, &e);
    add(&p->sums->entries[*entry], &e);
}

void profiler_end(profiler *p, const lnt_context *c) {
    if (!p) return;
    for (uint32_t t = 0; t < p->n_threads; t++) profiler_waited(&p->clocks[t], p->n_steps);
    lnt_profile_entry around = {.calls = 1, .rows = c->rows[ROWS_TOKENS]};
    add_times(p, p->n_steps, &around);
    pthread_mutex_lock(&p->sums->lock);
    for (size_t i = 0; i < p->n_steps; i++) add_step(p, c, i);
    add(&p->sums->entries[find(p->sums, "start and end of a run", LNT_BOUND_NONE)], &around);
    pthread_mutex_unlock(&p->sums->lock);
}
