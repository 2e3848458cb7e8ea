/* What a context's threads spend in each step of its plan and at the barrier behind it: measured by exec.c, added up into
   an lnt_profile after every part of an evaluation. */
#ifndef LNT_ENGINE_PROFILE_H
#define LNT_ENGINE_PROFILE_H
#include "linnet.h"
#include <time.h>

struct lnt_context;

enum { PROFILER_FEW_ROWS = 4 }; /* work on so few rows is bound by reading what they share */

typedef struct profiler_time {
    uint64_t working, waiting; /* nanoseconds */
} profiler_time;

/* A thread's. */
typedef struct profiler_clock {
    _Alignas(64) uint64_t last; /* when it was looked at */
    profiler_time *steps;       /* [n_steps + 1]: the last one is before the first step and behind the last */
} profiler_clock;

static inline uint64_t profiler_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t profiler_since(profiler_clock *c) {
    uint64_t now = profiler_now(), since = now - c->last;
    c->last = now;
    return since;
}

/* The time since the clock was last looked at went into a step. clock NULL: nothing is measured. */
static inline void profiler_worked(profiler_clock *clock, size_t step) {
    if (clock) clock->steps[step].working += profiler_since(clock);
}
static inline void profiler_waited(profiler_clock *clock, size_t step) {
    if (clock) clock->steps[step].waiting += profiler_since(clock);
}

typedef struct profiler profiler;

/* Of a context that is whole but for it. NULL and an error: memory is out. */
profiler *profiler_new(lnt_profile *sums, const struct lnt_context *c, lnt_error *err);
void profiler_free(profiler *p);
/* profiler NULL: NULL. */
profiler_clock *profiler_clock_of(profiler *p, uint32_t thread);
/* Before and after the threads run the part that is set up in the context. profiler NULL: nothing. */
void profiler_begin(profiler *p);
void profiler_end(profiler *p, const struct lnt_context *c);

/* So many threads work for who is measured: the most of all is what lnt_profile_threads gives. */
void profiler_note_threads(lnt_profile *sums, uint32_t n_threads);
/* Work outside of steps, in nanoseconds; the rest of it as in the entry. */
void profiler_add(lnt_profile *sums, lnt_profile_entry entry, uint64_t working, uint64_t waiting);
#endif
