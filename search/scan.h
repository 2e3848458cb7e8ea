/* Exact nearest neighbours by dot product: every committed row against every query, by all threads. The result is the same
   on every instruction set and with any number of threads: best score first, of equal scores the lower row. */
#ifndef LNT_SEARCH_SCAN_H
#define LNT_SEARCH_SCAN_H
#include "engine/pool.h"
#include "search/vectors.h"
#include "simd/kernels.h"

typedef struct scan_hit {
    uint64_t row; /* group * 64 + place in it */
    float score;
} scan_hit;

/* Where rows are: committed groups of a file and the group behind them that is not full yet. */
typedef struct scan_rows {
    const vectors_file *file;
    const vectors_file *rescore; /* with VECTORS_BITS: the same rows as VECTORS_INT8; NULL otherwise */
    const unsigned char *tail, *rescore_tail; /* a packed group, NULL: none */
    uint64_t n_rows;       /* those of the tail included */
    const uint64_t *alive; /* a bit a row: only these count; NULL: all */
} scan_rows;

/* For each query [dims] of queries [n_queries][dims] its `top` best rows (at most 2^20) to hits [n_queries][top], their number to
   n_hits [n_queries].
   f32, f16: scores are the products that the linear kernels define. int8: queries are quantised for the scan as activations are;
   what can be among the best, by the bound |q - q'| |v|, is scored again with the query as it is, so that the result is that of a
   scan with float queries. bits: the rows of least Hamming distance, `oversample` times as many as wanted (at least 64), are
   scored again from `rescore`.
   0, or -1: memory is out. */
int scan(const kernels *k, pool *threads, const scan_rows *rows, const float *queries, size_t n_queries, size_t top, uint32_t oversample, scan_hit *hits,
         size_t *n_hits, lnt_error *err);
#endif
