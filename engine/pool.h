/* A pool of threads that run one function together, with a barrier among them. */
#ifndef LNT_ENGINE_POOL_H
#define LNT_ENGINE_POOL_H
#include "formats/error.h"

typedef struct pool pool;
typedef void pool_fn(void *arg, uint32_t thread);

/* n_threads counts the caller of pool_run, which is thread 0. If the system gives fewer threads, the pool has fewer. */
pool *pool_new(uint32_t n_threads, lnt_error *err);
void pool_free(pool *p);
uint32_t pool_threads(const pool *p);
/* Runs fn(arg, 0 .. n - 1) at the same time and returns when all are done. */
void pool_run(pool *p, pool_fn *fn, void *arg);
/* Inside fn: waits until every thread is here. Spins briefly, then sleeps. */
void pool_barrier(pool *p);
#endif
