/* Whole models: how fast their own work goes. */
#include "bench/bench.h"
#include "measure/tasks.h"
#include <string.h>

typedef struct model_case {
    const lnt_model *model;
    measure_task_case c;
} model_case;

static void *begin(const void *arg, uint32_t threads, gbench_work *work, lnt_error *err) {
    const model_case *m = arg;
    measure_cost cost;
    (void)threads;
    const measure_roof_result *roof = bench_roof(lnt_default_threads(), err);
    measure_task *task = roof ? measure_task_new(m->model, &m->c, roof->threads, err) : NULL;
    if (!task || measure_task_cost(task, roof, &cost, err) || measure_task_run(task, err)) {
        measure_task_free(task);
        return NULL;
    }
    work->items = measure_task_items(task);
    work->item = m->c.unit;
    work->operations = cost.operations;
    work->bytes = m->c.kind == TASK_DECODE ? cost.bytes : 0;
    work->ideal_seconds = cost.ideal_seconds;
    return task;
}

static int run(void *job, uint32_t thread, lnt_error *err) {
    (void)thread;
    return measure_task_run(job, err);
}

static void end(void *job) { measure_task_free(job); }

void bench_add_model(const char *path, const lnt_model *model) {
    char name[256];
    const char *slash = strrchr(path, '/');
    measure_task_case all[MEASURE_TASK_CASES];
    for (size_t i = 0, n = measure_task_cases(model, all); i < n; i++) {
        const model_case m = {model, all[i]};
        snprintf(name, sizeof name, "%s/%s", slash ? slash + 1 : path, all[i].name);
        gbench_add(&(gbench_case){.name = name, .threads = 1, .arg = &m, .arg_bytes = sizeof m, .begin = begin, .run = run, .end = end});
    }
}
