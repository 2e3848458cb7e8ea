#define _GNU_SOURCE
#include "engine/pool.h"
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* About 20 microseconds: longer than any step's imbalance on idle cores, far shorter than a time slice. */
enum { SPINS = 600 };

/* A word that threads wait on until it changes. `sleepers` keeps the waker from a system call when all still spin. */
typedef struct gate {
    _Alignas(64) uint32_t word;
    uint32_t sleepers;
} gate;

struct pool {
    gate start;      /* counts runs */
    gate barrier;    /* counts barriers passed */
    _Alignas(64) uint32_t arrived;
    uint32_t n_threads, stop;
    pool_fn *fn;
    void *arg;
    pthread_t *workers;
};

typedef struct worker_arg {
    pool *p;
    uint32_t thread;
} worker_arg;

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void gate_wait(gate *g, uint32_t old) {
    for (int i = 0; i < SPINS; i++) {
        if (__atomic_load_n(&g->word, __ATOMIC_ACQUIRE) != old) return;
        relax();
    }
    __atomic_add_fetch(&g->sleepers, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&g->word, __ATOMIC_SEQ_CST) == old) syscall(SYS_futex, &g->word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
    __atomic_sub_fetch(&g->sleepers, 1, __ATOMIC_SEQ_CST);
}

static void gate_open(gate *g) {
    __atomic_add_fetch(&g->word, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&g->sleepers, __ATOMIC_SEQ_CST)) syscall(SYS_futex, &g->word, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

void pool_barrier(pool *p) {
    if (p->n_threads == 1) return;
    uint32_t old = __atomic_load_n(&p->barrier.word, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&p->arrived, 1, __ATOMIC_ACQ_REL) == p->n_threads) {
        __atomic_store_n(&p->arrived, 0, __ATOMIC_RELAXED);
        gate_open(&p->barrier);
    } else {
        gate_wait(&p->barrier, old);
    }
}

static void *work(void *o) {
    worker_arg a = *(worker_arg *)o;
    free(o);
    for (uint32_t run = 0;; run++) {
        gate_wait(&a.p->start, run);
        if (__atomic_load_n(&a.p->stop, __ATOMIC_ACQUIRE)) return NULL;
        a.p->fn(a.p->arg, a.thread);
        pool_barrier(a.p);
    }
}

void pool_run(pool *p, pool_fn *fn, void *arg) {
    p->fn = fn;
    p->arg = arg;
    if (p->n_threads > 1) gate_open(&p->start);
    fn(arg, 0);
    pool_barrier(p);
}

/* Workers leave signals to the program's own threads, but for the one that comes to who reads where a file has ended
   (formats/guard.h). */
static bool start_worker(pool *p, uint32_t thread) {
    worker_arg *a = malloc(sizeof *a);
    if (!a) return false;
    *a = (worker_arg){p, thread};
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool ok = !pthread_create(&p->workers[thread - 1], NULL, work, a);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!ok) free(a);
    return ok;
}

pool *pool_new(uint32_t n_threads, lnt_error *err) {
    pool *p = aligned_alloc(64, sizeof *p);
    if (!p) return err_memory(err, sizeof *p, "threads"), NULL;
    *p = (pool){.n_threads = 1};
    p->workers = calloc(n_threads, sizeof *p->workers);
    if (!p->workers) {
        free(p);
        return err_memory(err, n_threads * sizeof *p->workers, "threads"), NULL;
    }
    while (p->n_threads < n_threads && start_worker(p, p->n_threads)) p->n_threads++;
    return p;
}

void pool_free(pool *p) {
    if (!p) return;
    __atomic_store_n(&p->stop, 1, __ATOMIC_RELEASE);
    if (p->n_threads > 1) gate_open(&p->start);
    for (uint32_t i = 1; i < p->n_threads; i++) pthread_join(p->workers[i - 1], NULL);
    free(p->workers);
    free(p);
}

uint32_t pool_threads(const pool *p) { return p->n_threads; }
