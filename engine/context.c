#define _GNU_SOURCE
#include "engine/context.h"
#include "engine/interpolate.h"
#include "engine/machine.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Zeroed pages that take memory only when touched. */
static void *map_pages(size_t bytes, const char *what, lnt_error *err) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED) return p;
    err_memory(err, bytes, what);
    return NULL;
}

/* a * b + c, or SIZE_MAX, which no mapping can have. */
static size_t mul_add(size_t a, size_t b, size_t c) {
    size_t r;
    return __builtin_mul_overflow(a, b, &r) || __builtin_add_overflow(r, c, &r) ? SIZE_MAX : r;
}

static int read_output(lnt_context *c, const lnt_context_options *o, lnt_error *err) {
    c->output = model_output(c->model, o->output, err);
    c->pooling = -1;
    if (c->output == GRAPH_NONE || !o->pooling) return c->output == GRAPH_NONE ? -1 : 0;
    const graph_tap *embedding = graph_find_tap(&c->model->graph, "embedding", 0);
    if (!embedding || embedding->value != c->output)
        return err_set(err, "%s: pooling '%s' is asked for, expected the output 'embedding' with it", c->model->file.path, o->pooling);
    if (graph_pooling_from_name(o->pooling, &c->pooling)) return 0;
    return err_set(err, "pooling '%s' is not known, expected first, last, mean, max, mean_sqrt, weighted_mean or second", o->pooling);
}

static int read_options(lnt_context *c, const lnt_context_options *o, lnt_error *err) {
    static const lnt_context_options defaults;
    if (!o) o = &defaults;
    const char *path = c->model->file.path;
    c->n_threads = o->n_threads ? o->n_threads : lnt_default_threads();
    c->n_ctx = o->n_ctx ? o->n_ctx : c->model->info.n_ctx;
    c->n_sequences = o->n_sequences ? o->n_sequences : 1;
    c->n_batch = o->n_batch ? o->n_batch : 512;
    c->n_outputs = o->n_outputs ? o->n_outputs : c->n_sequences;
    if (c->model->patches) {
        c->image_height = o->image_height, c->image_width = o->image_width;
        c->n_ctx = model_image_tokens(c->model, &c->image_height, &c->image_width, err);
        if (!c->n_ctx) return -1;
    } else if (o->image_height || o->image_width) {
        return err_set(err, "%s: takes ids, expected no size of images", path);
    } else if (c->n_ctx > c->model->info.n_ctx) return err_set(err, "%s: a context of %u tokens, expected at most the model's %u", path, c->n_ctx, c->model->info.n_ctx);
    if (c->n_threads > 1024) return err_set(err, "%s: %u threads, expected at most 1024", path, c->n_threads);
    if (c->n_sequences > 1u << 20 || c->n_batch > 1u << 20 || c->n_outputs > 1u << 24)
        return err_set(err, "%s: %u sequences, batches of %u and %u rows of output, expected at most %u, %u and %u", path, c->n_sequences, c->n_batch, c->n_outputs,
                       1u << 20, 1u << 20, 1u << 24);
    if (!c->model->cached && c->n_batch < c->n_ctx) c->n_batch = c->n_ctx; /* a sequence must be evaluated whole */
    c->kernels = model_kernels(err);
    return c->kernels ? read_output(c, o, err) : -1;
}

/* Where each attention op keeps its keys and values, and how much a thread needs to attend. */
static int lay_out_kv(lnt_context *c, size_t *scratch_floats, lnt_error *err) {
    size_t transient = 0, n_attention = 0, slots = c->n_batch + (size_t)15 * c->n_sequences;
    const graph *g = &c->model->graph;
    c->capacity = round_up(c->n_ctx, LANES);
    c->places = calloc(g->n_ops + 1, sizeof *c->places);
    if (!c->places) return err_memory(err, g->n_ops * sizeof *c->places, "a context");
    for (size_t i = 0; i < g->n_ops; i++) {
        const graph_op *op = &g->ops[i];
        if (op->kind != OP_ATTENTION) continue;
        size_t hd = op->head_dim, padded = round_up(hd, LANES), scratch = attention_scratch_floats(c->n_ctx, hd);
        if (scratch > *scratch_floats) *scratch_floats = scratch;
        if (op->cache) {
            c->places[n_attention] = (kv_place){c->kv_sequence, c->capacity * hd, c->capacity * padded};
            c->kv_sequence = mul_add(op->kv_heads, c->capacity * (hd + padded), c->kv_sequence);
        } else if (transient < mul_add(slots, op->kv_heads * (hd + padded), 0)) {
            transient = mul_add(slots, op->kv_heads * (hd + padded), 0);
        }
        n_attention++;
    }
    c->kv_bytes = mul_add(mul_add(c->kv_sequence, c->n_sequences, 0), sizeof(float), 64);
    c->transient_bytes = mul_add(transient, sizeof(float), 64);
    c->kv = map_pages(c->kv_bytes, "keys and values", err);
    c->transient = map_pages(c->transient_bytes, "keys and values", err);
    return c->kv && c->transient ? 0 : -1;
}

static int lay_out_arena(lnt_context *c, size_t scratch_floats, lnt_error *err) {
    size_t widest = 0;
    for (size_t v = 0; v < c->model->graph.n_values; v++)
        if (c->model->graph.values[v].width > widest) widest = c->model->graph.values[v].width;
    size_t max_rows[ROWS_KINDS] = {[ROWS_TOKENS] = c->n_batch, [ROWS_OUTPUTS] = c->n_outputs, [ROWS_SEQUENCES] = c->n_sequences};
    if (plan_make(&c->plan, &c->model->graph, c->model->file.tensors, c->output, max_rows, err)) return -1;
    c->row_at = c->plan.private_bytes;
    c->scratch_at = c->row_at + round_up(widest, LANES) * sizeof(float);
    c->private_stride = round_up(c->scratch_at + scratch_floats * sizeof(float), 4096);
    c->shared_bytes = c->plan.shared_bytes + 64;
    c->private_bytes = mul_add(c->private_stride, c->n_threads, 0);
    c->shared = map_pages(c->shared_bytes, "the arena", err);
    c->private = c->shared ? map_pages(c->private_bytes, "the arena", err) : NULL;
    return c->private ? 0 : -1;
}

/* Images of another size than the model's own have a table of positions of their own. */
static int set_positions(lnt_context *c, lnt_error *err) {
    const lnt_model *m = c->model;
    if (!m->positions) return 0;
    const lnt_tensor *table = &m->file.tensors[m->positions->tensors[0]];
    c->positions_table = *table;
    const uint32_t ph = m->info.patch_height, pw = m->info.patch_width, from[] = {m->info.image_height / ph, m->info.image_width / pw},
                   to[] = {c->image_height / ph, c->image_width / pw};
    if (from[0] == to[0] && from[1] == to[1]) return 0;
    size_t padded = round_up(table->k, LANES), bytes = mul_add(c->n_ctx, padded * sizeof(float), 0);
    float *own = aligned_alloc(64, round_up(m->info.n_ctx * padded * sizeof(float), 64));
    c->positions_data = own ? aligned_alloc(64, bytes) : NULL;
    if (!c->positions_data) {
        free(own);
        return err_memory(err, bytes, "position embeddings");
    }
    if (table->type == TENSOR_F16) c->kernels->f16_to_f32(table->data, own, table->n * padded);
    else memcpy(own, table->data, table->n * padded * sizeof *own);
    interpolate_positions(own, m->patches->prefix, from, to, padded, c->positions_data);
    free(own);
    c->positions_table = (lnt_tensor){.type = TENSOR_F32, .layout = LAYOUT_ROWS, .n = c->n_ctx, .k = table->k, .data = c->positions_data};
    return 0;
}

size_t context_memory(const lnt_context *c) { return c->kv_bytes + c->transient_bytes + c->shared_bytes + c->private_bytes; }

/* Pages are there once they are touched: what could never all be there would end with the process being killed. */
static int check_room(const lnt_context *c, lnt_error *err) {
    machine_limits limits;
    machine_read_limits(&limits);
    if (!limits.memory || context_memory(c) <= limits.memory) return 0;
    return err_set(err, "%s: a context of %u sequences of %u tokens takes %zu MiB of memory, expected at most the %zu MiB that there are", c->model->file.path,
                   c->n_sequences, c->n_ctx, context_memory(c) >> 20, (size_t)(limits.memory >> 20));
}

static int allocate(lnt_context *c, lnt_error *err) {
    size_t scratch = 0;
    if (lay_out_kv(c, &scratch, err) || lay_out_arena(c, scratch, err) || check_room(c, err) || set_positions(c, err)) return -1;
    c->lengths = calloc(c->n_sequences, sizeof *c->lengths);
    c->ids = calloc(c->n_batch, sizeof *c->ids);
    c->positions = calloc(c->n_batch, sizeof *c->positions);
    c->segments = calloc(c->n_batch, sizeof *c->segments);
    c->outputs = calloc(c->n_batch, sizeof *c->outputs);
    c->pieces = calloc(c->n_sequences, sizeof *c->pieces);
    c->claimed = calloc(c->plan.n_steps + 1, sizeof *c->claimed);
    c->taps = calloc(c->model->graph.n_taps + 1, sizeof *c->taps);
    c->seen = calloc(c->n_sequences, sizeof *c->seen);
    if (!c->lengths || !c->ids || !c->positions || !c->segments || !c->outputs || !c->pieces || !c->claimed || !c->taps || !c->seen)
        return err_memory(err, c->n_batch * 12, "a context");
    if (!c->model->cached) return 0;
    c->history = calloc(c->n_sequences, sizeof *c->history);
    for (uint32_t s = 0; c->history && s < c->n_sequences; s++)
        if (!(c->history[s] = calloc(c->n_ctx, sizeof **c->history))) return err_memory(err, c->n_ctx * 4, "a context");
    return c->history ? 0 : err_memory(err, c->n_sequences * sizeof *c->history, "a context");
}

/* The threads, and who measures them. */
static int start(lnt_context *c, lnt_profile *profile, lnt_error *err) {
    c->pool = pool_new(c->n_threads, err);
    if (!c->pool || !profile) return c->pool ? 0 : -1;
    c->profiler = profiler_new(profile, c, err);
    return c->profiler ? 0 : -1;
}

lnt_context *lnt_context_new(const lnt_model *model, const lnt_context_options *options, lnt_error *err) {
    lnt_context *c = calloc(1, sizeof *c);
    if (!c) return err_memory(err, sizeof *c, "a context"), NULL;
    c->model = model;
    if (!read_options(c, options, err) && !allocate(c, err) && !start(c, options ? options->profile : NULL, err)) return c;
    lnt_context_free(c);
    return NULL;
}

void lnt_context_free(lnt_context *c) {
    if (!c) return;
    pool_free(c->pool);
    profiler_free(c->profiler);
    if (c->kv) munmap(c->kv, c->kv_bytes);
    if (c->transient) munmap(c->transient, c->transient_bytes);
    if (c->shared) munmap(c->shared, c->shared_bytes);
    if (c->private) munmap(c->private, c->private_bytes);
    for (uint32_t s = 0; c->history && s < c->n_sequences; s++) free(c->history[s]);
    free(c->history);
    free(c->positions_data);
    plan_free(&c->plan);
    free(c->places);
    free(c->lengths);
    free(c->ids);
    free(c->positions);
    free(c->segments);
    free(c->outputs);
    free(c->pieces);
    free(c->claimed);
    free(c->taps);
    free(c->seen);
    free(c);
}

uint32_t lnt_context_threads(const lnt_context *c) { return pool_threads(c->pool); }
size_t lnt_sequence_length(const lnt_context *c, uint32_t sequence) { return sequence < c->n_sequences ? c->lengths[sequence] : 0; }
void lnt_sequence_truncate(lnt_context *c, uint32_t sequence, size_t n) {
    if (sequence < c->n_sequences && n < c->lengths[sequence]) c->lengths[sequence] = n;
}

size_t lnt_output_rows(const lnt_context *c) { return c->done[c->model->graph.values[c->output].rows]; }
uint32_t lnt_output_width(const lnt_context *c) { return c->model->graph.values[c->output].width; }
const float *lnt_output(const lnt_context *c, size_t row) {
    const plan_value *v = &c->plan.values[c->output];
    return row < lnt_output_rows(c) ? (const float *)(const void *)(c->shared + v->f32_at + row * v->f32_stride) : NULL;
}

int lnt_tap(lnt_context *c, const char *what, uint32_t index, float *out, size_t n_tokens, lnt_error *err) {
    const graph_tap *t = graph_find_tap(&c->model->graph, what, index);
    if (!t || c->model->graph.values[t->value].rows == ROWS_SEQUENCES || !c->plan.values[t->value].made)
        return err_set(err, "%s: the model gives no '%s' %u", c->model->file.path, what, index);
    if (out && (c->n_sequences != 1 || (c->model->cached && c->lengths[0]))) return err_set(err, "%s: '%s' can be had from an empty context with one sequence", c->model->file.path, what);
    bool attention = !strcmp(what, "attention");
    for (size_t i = 0; i < c->n_taps; i++)
        if (c->taps[i].value == t->value && c->taps[i].attention == attention) c->taps[i--] = c->taps[--c->n_taps];
    if (out) c->taps[c->n_taps++] = (tap){t->value, attention, out, n_tokens};
    return 0;
}

/* ---- evaluating: everything is checked first, then cut into parts of at most n_batch tokens ---- */

static size_t tokens_of(const lnt_context *c, const lnt_span *s) { return c->model->patches ? c->n_ctx : s->n_ids; }

static size_t outputs_of(const lnt_context *c, const lnt_span *s) {
    return s->no_outputs ? 0 : s->all_outputs ? tokens_of(c, s) : s->outputs ? s->n_outputs : 1;
}

static int check_tokens(const lnt_context *c, const lnt_span *s, lnt_error *err) {
    const lnt_info *info = &c->model->info;
    for (size_t i = 0; i < s->n_ids; i++)
        if (s->ids[i] < 0 || (uint32_t)s->ids[i] >= info->vocab_size)
            return err_set(err, "%s: token id %d, expected 0 to %u", c->model->file.path, s->ids[i], info->vocab_size - 1);
    for (size_t i = 0; s->segments && info->n_segments && i < s->n_ids; i++)
        if (s->segments[i] >= info->n_segments)
            return err_set(err, "%s: segment %u, expected 0 to %u", c->model->file.path, s->segments[i], info->n_segments - 1);
    for (size_t i = 0; s->outputs && i < s->n_outputs; i++)
        if (s->outputs[i] >= s->n_ids || (i && s->outputs[i] <= s->outputs[i - 1]))
            return err_set(err, "%s: output %zu is of token %u, expected ascending places below %zu", c->model->file.path, i, s->outputs[i], s->n_ids);
    return 0;
}

static int check_span(lnt_context *c, const lnt_span *s, lnt_error *err) {
    const char *path = c->model->file.path;
    if (s->sequence >= c->n_sequences) return err_set(err, "%s: sequence %u, expected below %u", path, s->sequence, c->n_sequences);
    if (c->seen[s->sequence]) return err_set(err, "%s: sequence %u stands twice in one evaluation", path, s->sequence);
    c->seen[s->sequence] = true;
    if (c->model->patches && (!s->pixels || s->n_ids)) return err_set(err, "%s: takes images, expected pixels and no ids", path);
    if (c->model->patches) return s->outputs ? err_set(err, "%s: takes images, whose tokens have no outputs of their own", path) : 0;
    if (s->pixels) return err_set(err, "%s: takes ids, expected no pixels", path);
    if (!s->n_ids) return err_set(err, "%s: nothing to evaluate, expected at least one token", path);
    size_t held = c->model->cached ? c->lengths[s->sequence] : 0;
    if (s->n_ids > c->n_ctx - held)
        return err_set(err, "%s: %zu tokens after %zu do not fit the context of %u", path, s->n_ids, held, c->n_ctx);
    return check_tokens(c, s, err);
}

static int check_spans(lnt_context *c, const lnt_span *spans, size_t n, lnt_error *err) {
    size_t outputs = 0, tokens = 0;
    memset(c->seen, 0, c->n_sequences * sizeof *c->seen);
    for (size_t i = 0; i < n; i++) {
        if (check_span(c, &spans[i], err)) return -1;
        outputs += outputs_of(c, &spans[i]);
        tokens += tokens_of(c, &spans[i]);
    }
    if (outputs > c->n_outputs && c->model->graph.values[c->output].rows == ROWS_OUTPUTS)
        return err_set(err, "%s: %zu rows of output asked for, the context has room for %u", c->model->file.path, outputs, c->n_outputs);
    tokens += c->model->cached ? c->lengths[0] : 0;
    for (size_t i = 0; i < c->n_taps; i++)
        if (tokens > c->taps[i].n_tokens)
            return err_set(err, "%s: %zu tokens evaluated with room for the values of %zu", c->model->file.path, tokens, c->taps[i].n_tokens);
    return 0;
}

static void run_part(lnt_context *c) {
    if (!c->rows[ROWS_TOKENS]) return;
    exec_run(c);
    c->done[ROWS_OUTPUTS] += c->rows[ROWS_OUTPUTS];
    c->done[ROWS_SEQUENCES] += c->rows[ROWS_SEQUENCES];
    memset(c->rows, 0, sizeof c->rows);
}

/* Adds tokens done .. done + n - 1 of a span to the part; *wanted is the next of its outputs. */
static void add_piece(lnt_context *c, const lnt_span *s, size_t done, size_t n, size_t *wanted) {
    size_t past = c->model->cached ? c->lengths[s->sequence] : 0, kv_at = 0;
    if (c->rows[ROWS_SEQUENCES]) {
        const piece *before = &c->pieces[c->rows[ROWS_SEQUENCES] - 1];
        kv_at = before->kv_at + round_up(before->n_rows, LANES);
    }
    c->pieces[c->rows[ROWS_SEQUENCES]++] = (piece){s->sequence, c->rows[ROWS_TOKENS], n, past, s->pixels, kv_at};
    for (size_t i = done; i < done + n; i++) {
        size_t row = c->rows[ROWS_TOKENS]++;
        c->ids[row] = s->ids ? s->ids[i] : 0;
        c->positions[row] = (uint32_t)(past + i - done);
        c->segments[row] = s->segments && c->model->info.n_segments ? s->segments[i] : 0;
        if (c->history) c->history[s->sequence][past + i - done] = c->ids[row];
        bool listed = s->outputs && *wanted < s->n_outputs && s->outputs[*wanted] == i;
        if (s->no_outputs || !(s->all_outputs || (s->outputs ? listed : i + 1 == tokens_of(c, s)))) continue;
        c->outputs[c->rows[ROWS_OUTPUTS]++] = (uint32_t)row;
        *wanted += listed;
    }
    c->lengths[s->sequence] = past + n;
}

int lnt_eval(lnt_context *c, const lnt_span *spans, size_t n_spans, lnt_error *err) {
    if (check_spans(c, spans, n_spans, err)) return -1;
    memset(c->rows, 0, sizeof c->rows);
    memset(c->done, 0, sizeof c->done);
    for (size_t i = 0; i < n_spans; i++) {
        size_t wanted = 0, tokens = tokens_of(c, &spans[i]);
        if (!c->model->cached && c->rows[ROWS_TOKENS] + tokens > c->n_batch) run_part(c);
        for (size_t done = 0; done < tokens;) {
            size_t n = tokens - done, room = c->n_batch - c->rows[ROWS_TOKENS];
            if (n > room) n = room;
            if (n) add_piece(c, &spans[i], done, n, &wanted);
            done += n;
            if (c->rows[ROWS_TOKENS] == c->n_batch) run_part(c);
        }
    }
    run_part(c);
    if (!lnt_file_intact(&c->model->file, err)) return 0;
    memset(c->done, 0, sizeof c->done);
    return -1;
}

int lnt_sequence_shift(lnt_context *c, uint32_t sequence, size_t n_keep, size_t n_drop, lnt_error *err) {
    if (!c->history || sequence >= c->n_sequences || n_keep > c->lengths[sequence] || n_drop > c->lengths[sequence] - n_keep)
        return err_set(err, "%s: cannot drop %zu tokens after %zu of sequence %u", c->model->file.path, n_drop, n_keep, sequence);
    size_t n = c->lengths[sequence] - n_keep - n_drop;
    int32_t *ids = c->history[sequence];
    c->lengths[sequence] = n_keep;
    if (!n || !n_drop) return 0;
    memmove(ids + n_keep, ids + n_keep + n_drop, n * sizeof *ids);
    lnt_span span = {.sequence = sequence, .ids = ids + n_keep, .n_ids = n, .no_outputs = true};
    return lnt_eval(c, &span, 1, err);
}
