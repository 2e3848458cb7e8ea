#include "cli/generate.h"
#include "cli/cli.h"
#include "cli/profile.h"
#include <stdlib.h>

volatile sig_atomic_t generate_interrupted;

typedef struct run {
    lnt_context *ctx;
    const generate_rules *rules;
    generation **slots; /* [n_slots], NULL: free */
    lnt_span *spans;    /* [n_slots] */
    uint32_t *owners;   /* [n_slots]: the slot of each span */
    uint32_t n_slots;
    generate_timing *timing;
    lnt_error *err;
} run;

void generate_free(generation *g) {
    lnt_sampler_free(g->sampler);
    g->sampler = NULL;
    free(g->ids);
    g->ids = NULL;
    text_stream_free(&g->stream);
}

static int enter(run *r, uint32_t slot, generation *g) {
    g->sampler = lnt_sampler_new(r->rules->model, &r->rules->sampling, r->err);
    if (!g->sampler) return -1;
    for (size_t i = 0; i < g->n_prompt; i++) lnt_sampler_accept(g->sampler, g->prompt[i]);
    g->stream.stops = r->rules->stops;
    g->stream.n_stops = r->rules->n_stops;
    lnt_sequence_truncate(r->ctx, slot, 0);
    r->slots[slot] = g;
    return 0;
}

static int finish(run *r, generation *g, const char *why) {
    g->finish = why;
    lnt_sampler_free(g->sampler);
    g->sampler = NULL;
    if (text_stream_end(&g->stream) != 0) return cli_error(r->err, "out of memory for the text");
    return 0;
}

static int append_id(run *r, generation *g, int32_t id) {
    if (g->n_ids == g->capacity) {
        size_t capacity = g->capacity ? 2 * g->capacity : 64;
        int32_t *bigger = realloc(g->ids, capacity * sizeof *bigger);
        if (!bigger) return cli_error(r->err, "out of memory for %zu new tokens", capacity);
        g->ids = bigger;
        g->capacity = capacity;
    }
    g->ids[g->n_ids++] = id;
    return 0;
}

/* Chooses g's next token. */
static int take(run *r, generation *g, const float *logits) {
    const generate_rules *rules = r->rules;
    if (rules->n == 0) return finish(r, g, "length");
    double began = cli_seconds();
    int32_t id = lnt_sample(g->sampler, logits);
    profile_add("sample", began, 1);
    if (rules->eos_id >= 0 && id == rules->eos_id) return finish(r, g, "eos");
    if (append_id(r, g, id) != 0) return -1;
    r->timing->new_tokens++;
    if (rules->with_text) {
        size_t n = 0;
        const char *bytes = lnt_token_bytes(rules->model, id, &n);
        int stopped = bytes ? text_stream_put(&g->stream, bytes, n) : 0;
        if (stopped < 0) return cli_error(r->err, "out of memory for the text");
        if (stopped) return finish(r, g, "stop");
    }
    if (g->n_ids == rules->n) return finish(r, g, "length");
    if (!rules->shift && g->n_prompt + g->n_ids > rules->n_ctx) return finish(r, g, "context");
    return 0;
}

/* What is evaluated next of each sequence: its prompt, or its newest token. */
static int gather(run *r, size_t *n_spans, size_t *prompt_tokens) {
    *n_spans = *prompt_tokens = 0;
    for (uint32_t slot = 0; slot < r->n_slots; slot++) {
        const generation *g = r->slots[slot];
        if (!g) continue;
        bool begun = g->n_ids > 0;
        if (begun && lnt_sequence_length(r->ctx, slot) >= r->rules->n_ctx) {
            size_t half = (r->rules->n_ctx + 1) / 2;
            if (lnt_sequence_shift(r->ctx, slot, 0, half, r->err) != 0) return -1;
        }
        if (!begun) *prompt_tokens += g->n_prompt;
        r->owners[*n_spans] = slot;
        r->spans[(*n_spans)++] = (lnt_span){
            .sequence = slot,
            .ids = begun ? g->ids + g->n_ids - 1 : g->prompt,
            .n_ids = begun ? 1 : g->n_prompt,
        };
    }
    return 0;
}

static void count_time(generate_timing *t, double began, double now, size_t n_spans, size_t prompt_tokens) {
    if (prompt_tokens) {
        t->prompt_seconds += now - began;
        t->prompt_tokens += prompt_tokens;
    } else {
        t->token_seconds += now - began;
        t->later_tokens += n_spans;
    }
}

/* One evaluation of all sequences, and a token for each. */
static int step(run *r, generate_listener *listener, void *user) {
    size_t n_spans, prompt_tokens;
    double began = cli_seconds();
    if (gather(r, &n_spans, &prompt_tokens) != 0) return -1;
    if (lnt_eval(r->ctx, r->spans, n_spans, r->err) != 0) return -1;
    for (size_t i = 0; i < n_spans; i++) {
        generation *g = r->slots[r->owners[i]];
        if (take(r, g, lnt_output(r->ctx, i)) != 0) return -1;
    }
    double now = cli_seconds();
    count_time(r->timing, began, now, n_spans, prompt_tokens);
    if (r->timing->first_token == 0) r->timing->first_token = now;
    int stopped = 0;
    for (size_t i = 0; i < n_spans && !stopped; i++) {
        generation *g = r->slots[r->owners[i]];
        if (g->finish) r->slots[r->owners[i]] = NULL;
        stopped = listener(user, g) != 0;
    }
    profile_add("write results", now, n_spans);
    return stopped;
}

static int interrupt(run *r, generate_listener *listener, void *user) {
    for (uint32_t slot = 0; slot < r->n_slots; slot++) {
        generation *g = r->slots[slot];
        if (!g) continue;
        if (finish(r, g, "interrupted") != 0) return -1;
        if (listener(user, g) != 0) return 1;
    }
    return 0;
}

static int run_all(run *r, generation *generations, size_t n, generate_listener *listener, void *user) {
    size_t entered = 0;
    for (;;) {
        size_t active = 0;
        for (uint32_t slot = 0; slot < r->n_slots; slot++) {
            if (!r->slots[slot] && entered < n && enter(r, slot, &generations[entered++]) != 0) return -1;
            active += r->slots[slot] != NULL;
        }
        if (active == 0) return 0;
        if (generate_interrupted) return interrupt(r, listener, user);
        int result = step(r, listener, user);
        if (result != 0) return result;
    }
}

int generate_run(lnt_context *ctx, generation *generations, size_t n, uint32_t n_slots, const generate_rules *rules,
                 generate_listener *listener, void *user, generate_timing *timing, lnt_error *err) {
    run r = {.ctx = ctx, .rules = rules, .n_slots = n_slots, .timing = timing, .err = err};
    *timing = (generate_timing){0};
    r.slots = calloc(n_slots, sizeof *r.slots);
    r.spans = calloc(n_slots, sizeof *r.spans);
    r.owners = calloc(n_slots, sizeof *r.owners);
    int result = -1;
    if (r.slots && r.spans && r.owners)
        result = run_all(&r, generations, n, listener, user);
    else
        cli_error(err, "out of memory for %u sequences", n_slots);
    free(r.slots);
    free(r.spans);
    free(r.owners);
    return result;
}
