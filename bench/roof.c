/* The machine's roof: what shares are of, and every loop that it could come from as a case of its own. */
#include "bench/bench.h"
#include "formats/error.h"
#include "measure/caches.h"
#include "measure/loops.h"
#include "measure/room.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_COUNTS = 2, ROUNDS = 1000 };
static const double roof_seconds = 0.3;

size_t bench_threads(uint32_t counts[2]) {
    counts[0] = 1;
    counts[1] = lnt_default_threads();
    return counts[1] > 1 ? 2 : 1;
}

const measure_roof_result *bench_roof(uint32_t threads, lnt_error *err) {
    static measure_roof_result known[MAX_COUNTS];
    static size_t n;
    for (size_t i = 0; i < n; i++)
        if (known[i].threads == threads) return known + i;
    measure_roof_result *r = known + (n < MAX_COUNTS ? n : 0);
    if (measure_roof(r, threads, roof_seconds, err) || measure_cache_roof(r, roof_seconds, err)) return NULL;
    r->threads = threads;
    if (n < MAX_COUNTS) n++;
    return r;
}

/* ---- operations ---- */

typedef struct operations {
    loop_operations *loop;
} operations;

static void *begin_operations(const void *arg, uint32_t threads, gbench_work *work, lnt_error *err) {
    (void)err;
    work->operations = ((const operations *)arg)->loop(1) * ROUNDS * threads;
    return (void *)(uintptr_t)arg;
}

static int run_operations(void *job, uint32_t thread, lnt_error *err) {
    (void)thread;
    (void)err;
    ((const operations *)job)->loop(ROUNDS);
    return 0;
}

static void end_operations(void *job) { (void)job; }

static void add_operations(const char *kind, const char *instructions, loop_operations *loop, uint32_t threads) {
    const operations o = {loop};
    char name[128];
    if (!loop) return;
    snprintf(name, sizeof name, "roof/%s/%s", kind, instructions);
    for (char *p = name; *p; p++)
        if (*p == ' ') *p = '+';
    gbench_add(&(gbench_case){.name = name, .threads = threads, .arg = &o, .arg_bytes = sizeof o,
                              .begin = begin_operations, .run = run_operations, .end = end_operations});
}

/* ---- reading ---- */

typedef struct reading {
    room memory;
    size_t bytes; /* of each thread */
} reading;

static void *begin_reading(const void *arg, uint32_t threads, gbench_work *work, lnt_error *err) {
    reading *r = calloc(1, sizeof *r);
    if (!r) return err_null(err, "out of memory for a measurement");
    r->bytes = *(const size_t *)arg;
    if (room_make(&r->memory, r->bytes * threads, err)) {
        free(r);
        return NULL;
    }
    memset(r->memory.at, 1, r->memory.bytes);
    work->bytes = (double)r->memory.bytes;
    return r;
}

static int run_reading(void *job, uint32_t thread, lnt_error *err) {
    const reading *r = job;
    (void)err;
    const uint64_t found = loops_read_ahead()(r->memory.at + thread * r->bytes, r->bytes);
    __asm__ volatile("" ::"r"(found));
    return 0;
}

static void end_reading(void *job) {
    reading *r = job;
    room_free(&r->memory);
    free(r);
}

static void add_reading(const char *name, size_t bytes, uint32_t threads) {
    enum { STEP = 4096 };
    const size_t whole = bytes / STEP * STEP;
    if (!whole) return;
    gbench_add(&(gbench_case){.name = name, .threads = threads, .arg = &whole, .arg_bytes = sizeof whole,
                              .begin = begin_reading, .run = run_reading, .end = end_reading});
}

static void add_readings(uint32_t threads) {
    static const char *const names[] = {"roof/read/L1", "roof/read/L2", "roof/read/L3"};
    measure_cache caches[MEASURE_CACHES];
    measure_caches(caches);
    for (size_t i = 0; i < MEASURE_CACHES; i++) add_reading(names[i], measure_cache_part(caches, i, threads), threads);
    add_reading("roof/read/memory", measure_memory_bytes() / threads, threads);
}

void bench_add_roof(void) {
    uint32_t threads[2];
    for (size_t i = 0, n = bench_threads(threads); i < n; i++) {
        for (const loops *const *l = loops_here(); *l; l++) {
            add_operations("fp32", (*l)->fp32_name, (*l)->fp32, threads[i]);
            add_operations("int8", (*l)->int8_name, (*l)->int8, threads[i]);
            add_operations("int4", (*l)->int4_name, (*l)->int4, threads[i]);
        }
        add_readings(threads[i]);
    }
}
