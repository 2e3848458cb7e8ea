#include "measure/cost.h"
#include "measure/caches.h"

/* Weights come from memory, unless the last cache holds them all. */
static measure_bound where_weights_are(const lnt_model *model) {
    measure_cache caches[MEASURE_CACHES];
    lnt_info info;
    measure_caches(caches);
    lnt_model_info(model, &info);
    return info.file_bytes < caches[MEASURE_CACHES - 1].bytes ? BOUND_L3 : BOUND_MEMORY;
}

static double rate_of(const lnt_model *model, const measure_roof_result *roof, lnt_bound bound) {
    switch (bound) {
    case LNT_BOUND_INT8: return measure_bound_rate(roof, BOUND_INT8);
    case LNT_BOUND_INT4: return measure_bound_rate(roof, BOUND_INT4);
    case LNT_BOUND_READ: return measure_bound_rate(roof, where_weights_are(model));
    default: return measure_bound_rate(roof, BOUND_FP32);
    }
}

/* What a profile holds, times sign. */
static void add_profile(lnt_profile *profile, const lnt_model *model, const measure_roof_result *roof, double sign, measure_cost *cost) {
    lnt_profile_entry e;
    for (size_t i = 0; lnt_profile_get(profile, i, &e); i++) {
        const double work = (double)(e.bound == LNT_BOUND_READ ? e.bytes : e.operations);
        cost->operations += sign * (double)e.operations;
        cost->bytes += sign * (double)e.bytes;
        if (e.bound != LNT_BOUND_NONE) cost->ideal_seconds += sign * work / rate_of(model, roof, e.bound);
    }
}

static int evaluate(lnt_context *c, const lnt_span *spans, size_t n_spans, size_t before_n, lnt_error *err) {
    for (size_t i = 0; i < before_n; i++) {
        const lnt_span one = {.sequence = spans->sequence, .ids = spans->ids, .n_ids = 1, .no_outputs = true};
        if (lnt_eval(c, &one, 1, err)) return -1;
    }
    return n_spans ? lnt_eval(c, spans, n_spans, err) : 0;
}

int measure_cost_of(const lnt_model *model, const lnt_context_options *options, const lnt_span *spans, size_t n_spans, size_t before_n,
                    const measure_roof_result *roof, measure_cost *cost, lnt_error *err) {
    lnt_context_options o = *options;
    lnt_profile *profile = lnt_profile_new(err);
    *cost = (measure_cost){0};
    if (!profile) return -1;
    o.profile = profile;
    o.n_threads = roof->threads;
    lnt_context *c = lnt_context_new(model, &o, err);
    int rc = c ? evaluate(c, spans, 0, before_n, err) : -1;
    if (!rc) add_profile(profile, model, roof, -1, cost);
    if (!rc) rc = evaluate(c, spans, n_spans, 0, err);
    if (!rc) add_profile(profile, model, roof, 1, cost);
    lnt_context_free(c);
    lnt_profile_free(profile);
    return rc;
}
