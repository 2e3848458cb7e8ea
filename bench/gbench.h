/* Google Benchmark for C: the only door to it. A case is registered by name and run by as many threads as it says, each of which calls
   run for its part. */
#ifndef LNT_BENCH_GBENCH_H
#define LNT_BENCH_GBENCH_H
#include "linnet.h"

/* What a run by all threads together does; 0: not counted. */
typedef struct gbench_work {
    double operations, bytes;           /* shown as GOP/s, GB/s */
    double elements;                    /* of each thread: shown as ns/element */
    double ideal_seconds;               /* that the machine's roof needs for it: shown as percent of roof */
    double items;                       /* shown a second, under a name */
    const char *item;                   /* "tokens/s" */
} gbench_work;

typedef struct gbench_case {
    const char *name; /* copied */
    uint32_t threads;
    const void *arg; /* of begin: arg_bytes of it, copied */
    size_t arg_bytes;
    /* Makes a job before the threads run, untimed, and says what a run of it is. NULL and an error: the case is skipped. */
    void *(*begin)(const void *arg, uint32_t threads, gbench_work *work, lnt_error *err);
    int (*run)(void *job, uint32_t thread, lnt_error *err);
    void (*end)(void *job);
} gbench_case;

#ifdef __cplusplus
extern "C" {
#endif
void gbench_add(const gbench_case *c);
/* Takes the arguments that are Google Benchmark's own out of argv (--benchmark_filter=REGEX, --benchmark_list_tests ...). */
void gbench_start(int *argc, char **argv);
/* Runs the cases that the filter names. How many those were. */
size_t gbench_run(void);
#ifdef __cplusplus
}
#endif
#endif
