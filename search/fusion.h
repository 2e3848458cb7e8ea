/* Reciprocal rank fusion (Cormack, Clarke, Buettcher 2009): one list of documents of several, by ranks alone. */
#ifndef LNT_SEARCH_FUSION_H
#define LNT_SEARCH_FUSION_H
#include <stddef.h>
#include <stdint.h>

enum { FUSION_K = 60, FUSION_LISTS = 2 };

typedef struct fusion_hit {
    int64_t document;
    double score;               /* the sum of 1 / (60 + rank) over the lists, in their order */
    size_t ranks[FUSION_LISTS]; /* from 1; 0: not in that list */
} fusion_hit;

/* Lists of n[l] different documents, best first, to hits (room for all of them): best score first, of equal ones the lower
   document. Their number. */
size_t fusion_join(const int64_t *const lists[FUSION_LISTS], const size_t n[FUSION_LISTS], fusion_hit *hits);
#endif
