#include "measure/turns.h"
#include "measure/clock.h"
#include "measure/spread.h"
#include <stdlib.h>

static const double turn_seconds = 0.0005; /* of which some are left alone even on a busy machine */
enum { MIN_TURNS = 3 };

/* A thread's, on a cache line of its own. */
typedef struct stamp {
    _Alignas(64) double begin, end;
    int cpu;
} stamp;

struct turns {
    pool *threads;
    stamp *stamps;
    turns_fn *fn;
    void *arg;
    uint64_t rounds;
    spread_set before; /* where the caller may run */
};

/* With more threads than CPUs the scheduler divides them. */
static void spread(void *arg, uint32_t thread) {
    turns *t = arg;
    spread_to(t->stamps[thread].cpu, thread ? NULL : &t->before);
}

static void spread_threads(turns *t) {
    const uint32_t n = pool_threads(t->threads);
    for (uint32_t i = 0; i < n; i++) t->stamps[i].cpu = spread_cpu(i);
    if (t->stamps[n - 1].cpu >= 0) pool_run(t->threads, spread, t);
}

turns *turns_new(uint32_t threads, lnt_error *err) {
    turns *t = calloc(1, sizeof *t);
    if (!t) return err_memory(err, sizeof *t, "a measurement"), NULL;
    t->threads = pool_new(threads ? threads : lnt_default_threads(), err);
    if (t->threads && !(t->stamps = aligned_alloc(64, pool_threads(t->threads) * sizeof *t->stamps)))
        err_memory(err, pool_threads(t->threads) * sizeof *t->stamps, "a measurement");
    if (!t->stamps) {
        turns_free(t);
        return NULL;
    }
    spread_threads(t);
    return t;
}

void turns_free(turns *t) {
    if (!t) return;
    spread_back(&t->before);
    pool_free(t->threads);
    free(t->stamps);
    free(t);
}

uint32_t turns_threads(const turns *t) { return pool_threads(t->threads); }

static void run_part(void *arg, uint32_t thread) {
    const turns *t = arg;
    stamp *s = t->stamps + thread;
    pool_barrier(t->threads);
    s->begin = measure_seconds();
    t->fn(t->arg, thread, t->rounds);
    s->end = measure_seconds();
}

static double run_turn(turns *t) {
    pool_run(t->threads, run_part, t);
    double begin = t->stamps[0].begin, end = t->stamps[0].end;
    for (uint32_t i = 1; i < pool_threads(t->threads); i++) {
        if (t->stamps[i].begin < begin) begin = t->stamps[i].begin;
        if (t->stamps[i].end > end) end = t->stamps[i].end;
    }
    return end - begin;
}

void turns_once(turns *t, turns_fn *fn, void *arg) {
    t->fn = fn, t->arg = arg, t->rounds = 1;
    run_turn(t);
}

static double best_of(turns *t, int n) {
    double best = run_turn(t);
    for (int i = 1; i < n; i++) {
        const double taken = run_turn(t);
        if (taken < best) best = taken;
    }
    return best;
}

double turns_best(turns *t, turns_fn *fn, void *arg, double seconds) {
    const double begin = measure_seconds(), least = seconds / 8 < turn_seconds ? seconds / 8 : turn_seconds;
    double best;
    t->fn = fn, t->arg = arg, t->rounds = 1;
    while ((best = best_of(t, MIN_TURNS)) < least) t->rounds = best * 8 < least ? t->rounds * 8 : t->rounds * 2;
    while (measure_seconds() - begin < seconds) {
        const double taken = run_turn(t);
        if (taken < best) best = taken;
    }
    return best / (double)t->rounds;
}
