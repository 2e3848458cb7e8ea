/* The best of many hits: a heap whose root is the worst that it keeps. */
#ifndef LNT_SEARCH_SCAN_BEST_H
#define LNT_SEARCH_SCAN_BEST_H
#include "search/scan.h"

typedef struct best {
    scan_hit *heap; /* [capacity] */
    size_t n, capacity;
} best;

/* The higher score, of equal ones the lower row. No score is NaN. */
static inline bool precedes(scan_hit a, scan_hit b) { return a.score > b.score || (a.score == b.score && a.row < b.row); }

/* Puts h where `at` is, or below it among the first n. */
static inline void best_sink(scan_hit *heap, size_t n, size_t at, scan_hit h) {
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && precedes(heap[child], heap[child + 1])) child++;
        if (!precedes(h, heap[child])) break;
        heap[at] = heap[child];
    }
    heap[at] = h;
}

static inline void best_add(best *b, scan_hit h) {
    if (b->n == b->capacity) {
        if (b->n && precedes(h, b->heap[0])) best_sink(b->heap, b->n, 0, h);
        return;
    }
    size_t at = b->n++;
    for (size_t above; at && precedes(b->heap[above = (at - 1) / 2], h); at = above) b->heap[at] = b->heap[above];
    b->heap[at] = h;
}

/* Best first: no longer a heap. */
static inline void best_sort(best *b) {
    for (size_t n = b->n; n > 1; n--) {
        const scan_hit worst = b->heap[0];
        best_sink(b->heap, n - 1, 0, b->heap[n - 1]);
        b->heap[n - 1] = worst;
    }
}

/* What a score must reach to be added; equal scores may still be too late. */
static inline float best_least(const best *b) { return b->n < b->capacity ? -__builtin_inff() : b->heap[0].score; }
#endif
