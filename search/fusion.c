#include "search/fusion.h"
#include <stdlib.h>

static int by_document(const void *a, const void *b) {
    const fusion_hit *x = a, *y = b;
    return (x->document > y->document) - (x->document < y->document);
}

static int by_score(const void *a, const void *b) {
    const fusion_hit *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : by_document(a, b);
}

/* Hits of the same document, which stand side by side, into one. */
static size_t merge(fusion_hit *hits, size_t n) {
    size_t merged = 0;
    for (size_t i = 0; i < n; i++) {
        if (!merged || hits[merged - 1].document != hits[i].document) hits[merged++] = hits[i];
        else
            for (int l = 0; l < FUSION_LISTS; l++) hits[merged - 1].ranks[l] += hits[i].ranks[l];
    }
    return merged;
}

size_t fusion_join(const int64_t *const lists[FUSION_LISTS], const size_t n[FUSION_LISTS], fusion_hit *hits) {
    size_t all = 0;
    for (int l = 0; l < FUSION_LISTS; l++)
        for (size_t i = 0; i < n[l]; i++) {
            hits[all] = (fusion_hit){.document = lists[l][i]};
            hits[all++].ranks[l] = i + 1;
        }
    if (all) qsort(hits, all, sizeof *hits, by_document);
    all = merge(hits, all);
    for (size_t i = 0; i < all; i++)
        for (int l = 0; l < FUSION_LISTS; l++)
            if (hits[i].ranks[l]) hits[i].score += 1.0 / (double)(FUSION_K + hits[i].ranks[l]);
    if (all) qsort(hits, all, sizeof *hits, by_score);
    return all;
}
