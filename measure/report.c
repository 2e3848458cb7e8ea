#include "measure/report.h"
#include "engine/model.h"
#include "formats/error.h"
#include "formats/json.h"
#include "measure/clock.h"
#include "measure/kernels.h"
#include "measure/machine.h"
#include "measure/tasks.h"
#include <math.h>
#include <string.h>

/* Of GPT-2's, BERT-base's and ViT-B/16's shapes: one row out of memory, many out of a cache, and what is between them. */
static const char *const cases[] = {
    "f32/768x3072/rows:1", "f16/768x3072/rows:1", "q8/768x3072/rows:1", "q4/768x3072/rows:1",
    "f32/768x3072/rows:128", "f16/768x3072/rows:128", "q8/768x3072/rows:128", "q4/768x3072/rows:128",
    "attention/64/rows:1/keys:512/causal", "attention/64/rows:128/keys:128",
    "gelu_tanh/3072", "gelu_erf/3072", "exp_sum/512", "norm/768", "quantize/768", "norm_quantize/4x768",
};
enum { CASES = sizeof cases / sizeof *cases, MAX_COUNTS = 12, MOST_ENTRIES = 4096 };

typedef struct maker {
    const report_options *options;
    const kernels *level;
    uint32_t counts[MAX_COUNTS]; /* of threads: 1, 2, 4 .. and all */
    size_t n_counts;
    measure_roof_result roofs[MAX_COUNTS];
    double done, all; /* measurements */
    lnt_error *err;
} maker;

static void count_threads(maker *m) {
    const uint32_t most = m->options->threads ? m->options->threads : lnt_default_threads();
    for (uint32_t n = 1; n < most && m->n_counts < MAX_COUNTS - 1; n *= 2) m->counts[m->n_counts++] = n;
    m->counts[m->n_counts++] = most;
}

static void step(maker *m, const char *what) {
    if (m->options->progress) m->options->progress(NULL, m->done++ / m->all, what);
}

static void add_number(json_t *object, const char *key, double value) {
    if (value > 0 && isfinite(value)) json_object_set_new(object, key, json_real(value));
}

/* ---- the roof ---- */

static void keep_larger(double *best, double value) {
    if (value > *best) *best = value;
}

/* Before and after everything else: neighbours come and go, and the larger figure is the machine's. */
static int measure_roofs(maker *m) {
    for (size_t i = 0; i < m->n_counts; i++) {
        measure_roof_result now, *best = m->roofs + i;
        step(m, "roof");
        if (measure_roof(&now, m->counts[i], 3 * m->options->seconds, m->err) || measure_cache_roof(&now, 2 * m->options->seconds, m->err)) return -1;
        if (!best->threads) {
            *best = now;
            continue;
        }
        keep_larger(&best->fp32, now.fp32);
        keep_larger(&best->int8, now.int8);
        keep_larger(&best->int4, now.int4);
        keep_larger(&best->memory, now.memory);
        for (size_t c = 0; c < ROOF_CACHES; c++) keep_larger(&best->caches[c], now.caches[c]);
    }
    return 0;
}

static json_t *roofs_json(const maker *m) {
    json_t *all = json_array();
    for (size_t i = 0; i < m->n_counts; i++) {
        const measure_roof_result *r = m->roofs + i;
        json_t *one = json_pack("{s:i, s:s, s:s, s:s}", "threads", (int)r->threads, "fp32_by", r->fp32_name, "int8_by", r->int8_name,
                                "int4_by", r->int4_name);
        add_number(one, "fp32", r->fp32);
        add_number(one, "int8", r->int8);
        add_number(one, "int4", r->int4);
        add_number(one, "memory", r->memory);
        for (int c = 0; c < ROOF_CACHES; c++) add_number(one, measure_bound_name(BOUND_L1 + (measure_bound)c), r->caches[c]);
        json_array_append_new(all, one);
    }
    return all;
}

/* ---- kernels ---- */

typedef struct timing {
    const measure_case *c;
    size_t roof; /* its number */
    double seconds;
} timing;

static json_t *timing_json(const maker *m, const timing *t) {
    const measure_roof_result *roof = m->roofs + t->roof;
    const double times = t->c->shared ? 1 : roof->threads;
    json_t *one = json_pack("{s:s, s:i, s:s}", "name", t->c->name, "threads", (int)roof->threads, "bound", measure_bound_name(t->c->bound));
    add_number(one, "seconds", t->seconds);
    add_number(one, "gops", t->c->operations * times / t->seconds * 1e-9);
    if (t->c->bound >= BOUND_MEMORY) add_number(one, "gbs", t->c->bytes * times / t->seconds * 1e-9);
    if (t->c->elements > 0) add_number(one, "ns", t->seconds / t->c->elements * 1e9);
    add_number(one, "share", measure_case_ideal(t->c, roof) / t->seconds);
    return one;
}

/* With one thread and with all. */
static int measure_kernels(maker *m, timing *timings, size_t *n) {
    for (size_t i = 0; i < m->n_counts; i += m->n_counts > 1 ? m->n_counts - 1 : 1) {
        turns *t = turns_new(m->counts[i], m->err);
        if (!t) return -1;
        for (size_t c = 0; c < CASES; c++) {
            timing *one = timings + (*n)++;
            *one = (timing){.c = measure_case_find(cases[c]), .roof = i};
            step(m, cases[c]);
            const double share = one->c->bound < BOUND_MEMORY ? 3 : 1; /* long runs are disturbed more often */
            if (measure_job_best(one->c, m->level, t, share * m->options->seconds, &one->seconds, m->err)) {
                turns_free(t);
                return -1;
            }
        }
        turns_free(t);
    }
    return 0;
}

/* ---- a model ---- */

static int measure_opening(const char *path, double *seconds, lnt_error *err) {
    for (int i = 0; i < 3; i++) {
        const double begin = measure_seconds();
        lnt_model *model = lnt_open(path, err);
        const double taken = measure_seconds() - begin;
        lnt_close(model);
        if (!model) return -1;
        if (!i || taken < *seconds) *seconds = taken;
    }
    return 0;
}

static int measure_work(maker *m, const lnt_model *model, const measure_task_case *c, json_t *to) {
    const measure_roof_result *roof = m->roofs + m->n_counts - 1;
    measure_cost cost;
    double seconds = 0;
    step(m, c->name);
    measure_task *task = measure_task_new(model, c, roof->threads, m->err);
    if (!task) return -1;
    int rc = measure_task_cost(task, roof, &cost, m->err);
    if (!rc) rc = measure_task_best(task, 5 * m->options->seconds, &seconds, m->err);
    if (!rc) {
        json_t *one = json_pack("{s:s, s:i, s:s}", "name", c->name, "threads", (int)roof->threads, "unit", c->unit);
        add_number(one, "rate", measure_task_items(task) / seconds);
        add_number(one, "gops", cost.operations / seconds * 1e-9);
        if (c->kind == TASK_DECODE) add_number(one, "gbs", cost.bytes / seconds * 1e-9);
        add_number(one, "share", cost.ideal_seconds / seconds);
        json_array_append_new(to, one);
    }
    measure_task_free(task);
    return rc;
}

static int measure_model(maker *m, json_t *report) {
    const char *path = m->options->model, *slash = strrchr(path, '/');
    measure_task_case all[MEASURE_TASK_CASES];
    lnt_info info;
    double opening = 0;
    lnt_model *model = lnt_open(path, m->err);
    if (!model || measure_opening(path, &opening, m->err)) {
        lnt_close(model);
        return -1;
    }
    lnt_model_info(model, &info);
    json_t *work = json_array();
    int rc = 0;
    for (size_t i = 0, n = measure_task_cases(model, all); !rc && i < n; i++) rc = measure_work(m, model, all + i, work);
    json_object_set_new(report, "model",
                        json_pack("{s:s, s:s, s:s, s:I, s:I, s:f}", "file", slash ? slash + 1 : path, "name", info.name,
                                  "architecture", info.architecture, "bytes", (json_int_t)info.file_bytes,
                                  "parameters", (json_int_t)info.n_parameters, "load_seconds", opening));
    json_object_set_new(report, "work", work);
    lnt_close(model);
    return rc;
}

/* ---- all of it ---- */

static int fill(maker *m, json_t *report) {
    timing timings[2 * CASES];
    size_t n = 0;
    measure_machine machine;
    measure_read_machine(&machine);
    if (measure_roofs(m) || measure_kernels(m, timings, &n) || (m->options->model && measure_model(m, report)) || measure_roofs(m)) return -1;
    json_t *kernels = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(kernels, timing_json(m, timings + i));
    json_object_set_new(report, "machine", measure_machine_json(&machine));
    json_object_set_new(report, "roofs", roofs_json(m));
    json_object_set_new(report, "kernels", kernels);
    return 0;
}

json_t *report_make(const report_options *options, lnt_error *err) {
    maker m = {.options = options, .level = model_kernels(err), .err = err};
    if (!m.level) return NULL;
    count_threads(&m);
    m.all = (double)(2 * m.n_counts + CASES * (m.n_counts > 1 ? 2u : 1u) + (options->model ? MEASURE_TASK_CASES : 0u));
    json_t *report = json_pack("{s:i, s:s, s:s, s:i, s:f}", "linnet_bench", REPORT_FORMAT, "version", LNT_VERSION, "level", m.level->level, "threads",
                               (int)m.counts[m.n_counts - 1], "seconds", options->seconds);
    if (!report) return err_memory(err, sizeof m, "a report"), NULL;
    if (!fill(&m, report)) return report;
    json_decref(report);
    return NULL;
}

/* ---- reading ---- */

static bool is_list(const json_t *report, const char *key) {
    size_t i;
    json_t *one;
    const json_t *list = json_object_get(report, key);
    json_array_foreach(list, i, one) if (!json_is_object(one)) return false;
    return json_is_array(list);
}

/* A list's length, if it is more than anything that was measured has. */
static size_t excess(const json_t *report, const char *key) {
    const size_t n = json_array_size(json_object_get(report, key));
    return n > MOST_ENTRIES ? n : 0;
}

json_t *report_read(const char *path, lnt_error *err) {
    json_file f;
    if (json_file_open(&f, path, err)) return NULL;
    json_t *report = NULL;
    size_t long_list;
    const json_int_t format = json_integer_value(json_object_get(f.root, "linnet_bench"));
    if (format < 1 || !is_list(f.root, "roofs") || !is_list(f.root, "kernels") || !json_is_object(json_object_get(f.root, "machine")))
        err_set(err, "%s: not a result of linnet bench, expected what linnet bench --json prints", path);
    else if (format > REPORT_FORMAT)
        err_set(err, "%s: a result of format %lld, expected %d", path, (long long)format, REPORT_FORMAT);
    else if ((long_list = excess(f.root, "kernels") + excess(f.root, "roofs") + excess(f.root, "work")))
        err_set(err, "%s: a list of %zu entries, expected at most %d", path, long_list, MOST_ENTRIES);
    else
        report = json_incref(f.root);
    json_file_close(&f);
    return report;
}
