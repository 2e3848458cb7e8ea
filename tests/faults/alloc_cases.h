/* Which allocations are made to fail: all of them (LINNET_TEST_CASES=all), or of each site (a place in the program, by its callers) the
   first, the last and one in between (LINNET_TEST_CASES=sites); without LINNET_TEST_CASES as many of these, at random from
   LINNET_TEST_SEED, as LINNET_TEST_SECONDS allow. */
#ifndef LNT_TESTS_ALLOC_CASES_H
#define LNT_TESTS_ALLOC_CASES_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct alloc_cases {
    size_t *numbers; /* from 1, in an order in which to try them; to be freed */
    size_t n, n_sites;
} alloc_cases;

static const uint64_t *alloc_cases_sites;
static inline int alloc_cases_compare(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    const uint64_t at = alloc_cases_sites[x], of = alloc_cases_sites[y];
    return at != of ? (at > of) - (at < of) : (x > y) - (x < y);
}
/* LINNET_TEST_CASES is that word. */
static inline int alloc_cases_wanted(const char *word) {
    const char *wanted = getenv("LINNET_TEST_CASES");
    return wanted && !strcmp(wanted, word);
}

static inline double alloc_cases_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static uint32_t alloc_cases_state;
/* Says where the random numbers begin; seconds there are for `parts` parts, each. */
static inline double alloc_cases_begin(double seconds, int parts) {
    const char *seed = getenv("LINNET_TEST_SEED"), *given = getenv("LINNET_TEST_SECONDS");
    alloc_cases_state = seed ? (uint32_t)strtoul(seed, NULL, 10) : (uint32_t)time(NULL);
    printf("seed %u\n", alloc_cases_state);
    if (alloc_cases_wanted("all") || alloc_cases_wanted("sites")) return 1e9;
    return (given ? atof(given) : seconds) / (parts ? parts : 1);
}

/* Of n allocations whose sites these are; all of them if that is asked for or they are at most few. */
static inline alloc_cases alloc_cases_choose(const uint64_t *sites, size_t n, size_t few) {
    size_t *order = malloc((n + 1) * sizeof *order), *chosen = malloc((n + 1) * sizeof *chosen), n_chosen = 0, n_sites = 0;
    if (!order || !chosen) abort();
    for (size_t i = 0; i < n; i++) order[i] = i;
    alloc_cases_sites = sites;
    qsort(order, n, sizeof *order, alloc_cases_compare);
    for (size_t i = 0, next; i < n; i = next, n_sites++) {
        for (next = i; next < n && sites[order[next]] == sites[order[i]];) next++;
        const size_t some[] = {i, next - 1, i + 1 + (size_t)(sites[order[i]] % (next - i))};
        if (alloc_cases_wanted("all") || n <= few)
            for (size_t k = i; k < next; k++) chosen[n_chosen++] = order[k] + 1;
        else
            for (size_t k = 0; k < 3 && k < next - i; k++)
                if (k < 2 || some[k] < next - 1) chosen[n_chosen++] = order[some[k]] + 1;
    }
    for (size_t i = n_chosen; i > 1; i--) { /* shuffled */
        alloc_cases_state = alloc_cases_state * 1664525u + 1013904223u;
        const size_t with = (alloc_cases_state >> 4) % i, other = chosen[with];
        chosen[with] = chosen[i - 1];
        chosen[i - 1] = other;
    }
    free(order);
    return (alloc_cases){chosen, n_chosen, n_sites};
}
#endif
