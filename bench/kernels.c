/* Kernels of every level of the CPU. */
#include "bench/bench.h"
#include "measure/kernels.h"

typedef struct kernel_case {
    const measure_case *c;
    const kernels *level;
} kernel_case;

static void *begin(const void *arg, uint32_t threads, gbench_work *work, lnt_error *err) {
    const kernel_case *k = arg;
    const measure_roof_result *roof = bench_roof(threads, err);
    const double times = k->c->shared ? 1 : threads;
    if (!roof) return NULL;
    work->operations = k->c->operations * times;
    work->bytes = k->c->bound >= BOUND_MEMORY ? k->c->bytes * times : 0;
    work->elements = k->c->elements;
    work->ideal_seconds = measure_case_ideal(k->c, roof);
    return measure_job_new(k->c, k->level, threads, err);
}

static int run(void *job, uint32_t thread, lnt_error *err) {
    (void)err;
    measure_job_run(job, thread);
    return 0;
}

static void end(void *job) { measure_job_free(job); }

static void add(const measure_case *c, const kernels *level, uint32_t threads) {
    char name[96];
    const kernel_case k = {c, level};
    snprintf(name, sizeof name, "%s/%s", level->level, c->name);
    gbench_add(&(gbench_case){.name = name, .threads = threads, .arg = &k, .arg_bytes = sizeof k, .begin = begin, .run = run, .end = end});
}

void bench_add_kernels(void) {
    uint32_t threads[2];
    const size_t n = bench_threads(threads);
    for (const char *const *level = kernels_levels(); *level; level++)
        for (size_t i = 0; measure_case_at(i); i++)
            for (size_t t = 0; t < n; t++) add(measure_case_at(i), kernels_level(*level), threads[t]);
}
