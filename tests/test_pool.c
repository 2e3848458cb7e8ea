/* The pool under stress: what one thread writes without atomics another reads behind a barrier, a run's beginning and its end, with
   more threads than CPUs, with threads that spin and threads that sleep, with pools made and freed all the time. ThreadSanitizer
   (tests/dynamic/tsan.sh) sees whether barriers order memory; here wrong numbers and hanging are seen.
   LINNET_TEST_SECONDS: how long all of it lasts, about. */
#include "engine/pool.h"
#include "tests/pictures.h"
#include "tests/testing.h"
#include <pthread.h>
#include <time.h>

enum { MOST = 40, BARRIERS = 50 };
static const uint32_t SIZES[] = {1, 2, 3, 5, 8, 17, MOST};
enum { N_SIZES = sizeof SIZES / sizeof *SIZES };

/* In milliseconds; a test takes an equal part of all. */
static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
static uint64_t end_of_stress(void) {
    const char *seconds = getenv("LINNET_TEST_SECONDS");
    return now() + (seconds ? strtoull(seconds, NULL, 10) : 3) * 1000 / (2 * N_SIZES + 1);
}

static void sleep_a_little(void) { nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); }

/* ---- barriers ---- */

/* A line each, so that only order is shared. */
typedef struct slot {
    _Alignas(64) uint64_t value;
} slot;

typedef struct rounds {
    pool *pool;
    uint64_t run;         /* written by the caller before each run */
    bool dawdle;          /* now and then one thread is late, so that the others sleep */
    slot slots[MOST];     /* each thread's own, read by all behind the barrier */
    uint64_t wrong[MOST]; /* values not seen, by thread */
} rounds;

static void run_rounds(void *arg, uint32_t thread) {
    rounds *r = arg;
    uint32_t n = pool_threads(r->pool);
    for (uint64_t i = 0; i < BARRIERS; i++) {
        uint64_t number = r->run * BARRIERS + i;
        if (r->dawdle && mixed(number) % n == thread && number % 16 == 0) sleep_a_little();
        r->slots[thread].value = number;
        pool_barrier(r->pool);
        for (uint32_t t = 0; t < n; t++) r->wrong[thread] += r->slots[t].value != number;
        pool_barrier(r->pool);
    }
}

START_TEST(test_barriers) {
    rounds r = {.pool = pool_new(SIZES[_i], NULL)};
    ck_assert_ptr_nonnull(r.pool);
    ck_assert_uint_eq(pool_threads(r.pool), SIZES[_i]);
    for (uint64_t end = end_of_stress(); r.run < 4 || now() < end; r.run++) {
        r.dawdle = r.run % 2;
        if (r.run % 8 == 7) sleep_a_little(); /* the next run finds its threads asleep */
        pool_run(r.pool, run_rounds, &r);
        for (uint32_t t = 0; t < SIZES[_i]; t++) ck_assert_uint_eq(r.wrong[t], 0);
    }
    pool_free(r.pool);
}
END_TEST

/* ---- runs without barriers: each thread once a run, whatever the caller wrote before is seen, and all is done at the end ---- */

typedef struct work {
    uint64_t number;
    slot done[MOST];
} work;

static void do_work(void *arg, uint32_t thread) {
    work *w = arg;
    w->done[thread].value += w->number;
}

START_TEST(test_runs) {
    pool *p = pool_new(SIZES[_i], NULL);
    work w = {0};
    uint64_t sum = 0;
    ck_assert_ptr_nonnull(p);
    for (uint64_t end = end_of_stress(); sum < 1000 || now() < end;) {
        sum += ++w.number;
        if (w.number % 100 == 0) sleep_a_little();
        pool_run(p, do_work, &w);
        for (uint32_t t = 0; t < MOST; t++)
            if (w.done[t].value != (t < SIZES[_i] ? sum : 0)) ck_abort_msg("thread %u of %u did not run once", t, SIZES[_i]);
    }
    pool_free(p);
}
END_TEST

/* ---- pools that come and go, in several threads ---- */

typedef struct owner {
    pthread_t thread;
    uint64_t seed;
    uint64_t end;
    bool ok;
} owner;

static void *make_and_free(void *arg) {
    owner *o = arg;
    o->ok = true;
    for (uint64_t i = 0; i < 20 || now() < o->end; i++) {
        uint64_t number = mixed(o->seed + i);
        uint32_t n = 1 + (uint32_t)(number % 9), runs = (uint32_t)(number >> 32) % 4;
        pool *p = pool_new(n, NULL);
        if (!p) return o->ok = false, NULL;
        rounds r = {.pool = p};
        for (r.run = 0; r.run < runs; r.run++) pool_run(p, run_rounds, &r);
        for (uint32_t t = 0; t < n; t++) o->ok &= !r.wrong[t] && r.slots[t].value == (runs && t < pool_threads(p) ? runs * BARRIERS - 1 : 0);
        pool_free(p);
    }
    return NULL;
}

START_TEST(test_pools_come_and_go) {
    enum { OWNERS = 4 };
    owner owners[OWNERS];
    for (uint64_t i = 0; i < OWNERS; i++) {
        owners[i] = (owner){.seed = i << 32, .end = end_of_stress()};
        ck_assert_int_eq(pthread_create(&owners[i].thread, NULL, make_and_free, &owners[i]), 0);
    }
    for (int i = 0; i < OWNERS; i++) {
        pthread_join(owners[i].thread, NULL);
        ck_assert(owners[i].ok);
    }
}
END_TEST

/* ---- a pool that changes hands: made by one thread, run by others in turn, freed by another ---- */

typedef struct relay {
    pool *pool;
    rounds *rounds;
    bool free_it;
} relay;

static void *take_turn(void *arg) {
    relay *r = arg;
    if (!r->pool) r->pool = pool_new(3, NULL);
    r->rounds->pool = r->pool;
    if (r->pool) pool_run(r->pool, run_rounds, r->rounds);
    if (r->free_it) pool_free(r->pool);
    return NULL;
}

START_TEST(test_changing_hands) {
    rounds r = {0};
    relay relay = {.rounds = &r};
    for (r.run = 0; r.run < 50; r.run++) {
        pthread_t thread;
        relay.free_it = r.run == 49;
        ck_assert_int_eq(pthread_create(&thread, NULL, take_turn, &relay), 0);
        pthread_join(thread, NULL);
        ck_assert_ptr_nonnull(relay.pool);
        for (int t = 0; t < 3; t++) ck_assert(!r.wrong[t] && r.slots[t].value == r.run * BARRIERS + BARRIERS - 1);
    }
}
END_TEST

int main(void) {
    TCase *t = tcase_create("pool");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, test_barriers, 0, N_SIZES);
    tcase_add_loop_test(t, test_runs, 0, N_SIZES);
    tcase_add_test(t, test_pools_come_and_go);
    tcase_add_test(t, test_changing_hands);
    return run_suite("pool", (TCase *const[]){t, NULL});
}
