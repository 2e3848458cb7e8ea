#include "measure/roof.h"
#include "measure/caches.h"
#include "measure/loops.h"
#include "measure/room.h"
#include "measure/turns.h"
#include <string.h>

const char *measure_bound_name(measure_bound bound) {
    static const char *const names[BOUNDS] = {"fp32", "int8", "int4", "memory", "L1", "L2", "L3"};
    return names[bound];
}

double measure_bound_rate(const measure_roof_result *roof, measure_bound bound) {
    switch (bound) {
    case BOUND_FP32: return roof->fp32 * 1e9;
    case BOUND_INT8: return roof->int8 * 1e9;
    case BOUND_INT4: return roof->int4 * 1e9;
    default: break;
    }
    for (size_t i = (size_t)bound - BOUND_L1; bound >= BOUND_L1 && i < ROOF_CACHES; i++)
        if (roof->caches[i] > 0) return roof->caches[i] * 1e9;
    return roof->memory * 1e9;
}

/* ---- operations ---- */

static void run_operations(void *arg, uint32_t thread, uint64_t rounds) {
    (void)thread;
    (*(loop_operations **)arg)(rounds);
}

/* 10^9 a second of all threads. */
static double operations_rate(turns *t, loop_operations *run, double seconds) {
    return run(1) * turns_threads(t) / turns_best(t, run_operations, &run, seconds) * 1e-9;
}

static void measure_operations(turns *t, double seconds, measure_roof_result *out) {
    size_t n = 0;
    for (const loops *const *l = loops_here(); *l; l++) n += (size_t)(!!(*l)->fp32 + !!(*l)->int8 + !!(*l)->int4);
    for (const loops *const *l = loops_here(); *l; l++) {
        const struct { loop_operations *run; const char *name; double *best; const char **by; } kinds[] = {
            {(*l)->fp32, (*l)->fp32_name, &out->fp32, &out->fp32_name},
            {(*l)->int8, (*l)->int8_name, &out->int8, &out->int8_name},
            {(*l)->int4, (*l)->int4_name, &out->int4, &out->int4_name},
        };
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            if (!kinds[i].run) continue;
            const double rate = operations_rate(t, kinds[i].run, seconds / (double)n);
            if (rate > *kinds[i].best) *kinds[i].best = rate, *kinds[i].by = kinds[i].name;
        }
    }
    if (out->int4 < out->int8) out->int4 = out->int8, out->int4_name = out->int8_name;
}

/* ---- reading ---- */

/* What a thread reads, on a cache line of its own. */
typedef struct reader {
    _Alignas(64) char *buffer;
    size_t at;
} reader;

typedef struct reading {
    loop_read *read;
    size_t bytes, step; /* of each thread, and of a round */
    reader *readers;
} reading;

/* Each thread's part is touched by that thread first, so that it lies near it. */
static void touch(void *arg, uint32_t thread, uint64_t rounds) {
    const reading *r = arg;
    if (rounds) memset(r->readers[thread].buffer, 1, r->bytes);
}

static void run_reading(void *arg, uint32_t thread, uint64_t rounds) {
    const reading *r = arg;
    reader *own = r->readers + thread;
    uint64_t found = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        found ^= r->read(own->buffer + own->at, r->step);
        own->at = own->at + 2 * r->step <= r->bytes ? own->at + r->step : 0;
    }
    __asm__ volatile("" ::"r"(found));
}

static double best_reading(turns *t, reading *r, double seconds) {
    double best = 0;
    size_t n = 0;
    turns_once(t, touch, r);
    for (const loops *const *l = loops_here(); *l; l++) n += (*l)->read ? 2 : 0;
    for (const loops *const *l = loops_here(); *l; l++)
        for (size_t i = 0; (*l)->read && i < 2; i++) {
            r->read = i ? (*l)->read_ahead : (*l)->read;
            const double rate = (double)r->step * turns_threads(t) / turns_best(t, run_reading, r, seconds / (double)n) * 1e-9;
            if (rate > best) best = rate;
        }
    return best;
}

static int measure_reading(turns *t, size_t bytes_each, double seconds, double *out, lnt_error *err) {
    enum { PAGE = 4096, STEP = 1 << 20 };
    const uint32_t n = turns_threads(t);
    reading r = {.bytes = bytes_each > PAGE ? bytes_each / PAGE * PAGE : PAGE};
    room memory, readers;
    r.step = r.bytes < STEP ? r.bytes : STEP;
    if (room_make(&memory, r.bytes * n, err)) return -1;
    if (room_make(&readers, n * sizeof *r.readers, err)) {
        room_free(&memory);
        return -1;
    }
    r.readers = (reader *)(void *)readers.at;
    for (uint32_t i = 0; i < n; i++) r.readers[i].buffer = memory.at + i * r.bytes;
    *out = best_reading(t, &r, seconds);
    room_free(&readers);
    room_free(&memory);
    return 0;
}

size_t measure_memory_bytes(void) {
    measure_cache caches[MEASURE_CACHES];
    measure_caches(caches);
    const size_t least = (size_t)256 << 20, wanted = 4 * caches[MEASURE_CACHES - 1].bytes;
    return wanted > least ? wanted : least;
}

int measure_roof(measure_roof_result *out, uint32_t threads, double seconds, lnt_error *err) {
    turns *t = turns_new(threads, err);
    if (!t) return -1;
    *out = (measure_roof_result){.threads = turns_threads(t)};
    measure_operations(t, seconds / 2, out);
    const int rc = measure_reading(t, measure_memory_bytes() / out->threads, seconds / 2, &out->memory, err);
    turns_free(t);
    return rc;
}

int measure_cache_roof(measure_roof_result *out, double seconds, lnt_error *err) {
    measure_cache caches[MEASURE_CACHES];
    measure_caches(caches);
    turns *t = turns_new(out->threads, err);
    int rc = t ? 0 : -1;
    for (size_t i = 0; !rc && i < MEASURE_CACHES; i++) {
        const size_t part = measure_cache_part(caches, i, out->threads);
        out->caches[i] = 0;
        if (part) rc = measure_reading(t, part, seconds / MEASURE_CACHES, &out->caches[i], err);
    }
    turns_free(t);
    return rc;
}
