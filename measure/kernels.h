/* A case of measure/cases.h made ready to be run, with inputs drawn like real ones. */
#ifndef LNT_MEASURE_KERNELS_H
#define LNT_MEASURE_KERNELS_H
#include "measure/cases.h"
#include "measure/turns.h"

typedef struct measure_job measure_job;

/* For so many threads, at least one. Weights that a single row reads are there so often that they come from memory. */
measure_job *measure_job_new(const measure_case *c, const kernels *level, uint32_t threads, lnt_error *err);
void measure_job_free(measure_job *job);
/* A thread's part of a run. Threads may run at the same time. */
void measure_job_run(measure_job *job, uint32_t thread);

/* Seconds of a run in the best of the turns that fill about so many seconds. */
int measure_job_best(const measure_case *c, const kernels *level, turns *t, double seconds, double *best, lnt_error *err);
#endif
