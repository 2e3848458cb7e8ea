#include "search/scan.h"
#include "search/scan_best.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_TOP = 1 << 20,
    BLOCK_QUERIES = 64,
    BLOCK_BYTES = 64 << 20, /* of hits that the threads keep for a block of queries */
    CLAIM_BYTES = 1 << 20,  /* of vectors that a thread takes at a time */
    LEAST_CANDIDATES = 64,  /* of bits */
    PANELS = VECTORS_GROUP / LANES,
};

/* int8: for the score s that the scan finds and the score f that counts, |s - f| <= error * |v| + smallest (of what
   underflows), if size * |v| does not overflow. Other types: zeros. */
typedef struct query {
    const float *x; /* [dims], padded with zeros */
    size_t at;      /* among those that were asked */
    bool finite, complete;
    float error, size, smallest;
    float reached;  /* second pass: `top` rows have this score or a better one */
} query;

typedef struct worker {
    _Alignas(64) float scores[BLOCK_QUERIES * VECTORS_GROUP];
    float *panel; /* [dims][16] */
    float *row;   /* [dims] */
} worker;

typedef struct scan_job {
    const kernels *k;
    const scan_rows *rows;
    const vectors_file *exact; /* where scores are taken from */
    const unsigned char *exact_tail;
    vectors_type type;
    size_t dims;
    uint64_t n_rows, groups, claim;
    size_t top, kept; /* hits of a query; candidates of it that a thread keeps */
    query queries[BLOCK_QUERIES];
    size_t n_queries, block; /* now, and at most */
    float *x;                /* [block][x_floats] */
    unsigned char *coded;    /* [block][coded_bytes]: quantised, or bits */
    size_t x_floats, coded_bytes;
    uint32_t n_threads;
    scan_hit *space;  /* [threads][block][kept] */
    best *best;       /* [threads][block], in it */
    worker *workers;  /* [threads] */
    float *panels;    /* of the workers */
    uint64_t next;    /* group or query to be claimed */
    bool second;      /* pass */
    scan_hit *hits;
    size_t *n_hits;
} scan_job;

static inline uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static const unsigned char *group_at(const vectors_file *file, const unsigned char *tail, uint64_t group) {
    return group < file->groups ? vectors_group(file, group) : tail;
}

/* The rows of a group that count, a bit each. */
static uint64_t alive_rows(const scan_job *j, uint64_t group) {
    const uint64_t rest = j->n_rows - group * VECTORS_GROUP;
    return (j->rows->alive ? j->rows->alive[group] : UINT64_MAX) & (rest < VECTORS_GROUP ? (UINT64_C(1) << rest) - 1 : UINT64_MAX);
}

/* ---- scores ---- */

static void score_linear(const scan_job *j, const unsigned char *group, float *scores) {
    static const weight_type types[] = {[VECTORS_F32] = WEIGHT_F32, [VECTORS_F16] = WEIGHT_F16, [VECTORS_INT8] = WEIGHT_Q8};
    const bool coded = j->type == VECTORS_INT8;
    const linear_args a = {.x = coded ? (const void *)j->coded : j->x, .x_stride = coded ? j->coded_bytes : j->x_floats * sizeof(float), .w = group,
                           .w_scale = coded ? vectors_scales(j->dims, group) : NULL, .w_sum = coded ? vectors_sums(j->dims, group) : NULL,
                           .k = j->dims, .y = scores, .y_stride = VECTORS_GROUP, .beside = j->type == VECTORS_F16 ? PANELS : 0};
    const size_t panels = j->type == VECTORS_F32 && j->n_queries == 1 ? 1 : PANELS; /* a single stream from memory */
    for (size_t p = 0; p < PANELS; p += panels) j->k->linear[types[j->type]](&a, 0, j->n_queries, p, p + panels);
}

static void score_bits(const scan_job *j, const unsigned char *group, float *scores) {
    uint32_t distances[HAMMING_ROWS];
    for (size_t q = 0; q < j->n_queries; q++, scores += VECTORS_GROUP) {
        j->k->hamming((const uint64_t *)(const void *)(j->coded + q * j->coded_bytes), (const uint64_t *)(const void *)group, j->coded_bytes / 8, distances);
        for (size_t r = 0; r < VECTORS_GROUP; r++) scores[r] = -(float)distances[r];
    }
}

/* Scores up to 16 rows as they are stored against the query as it is. */
static void rescore(const scan_job *j, worker *w, const query *q, const uint64_t *rows, size_t n, best *to) {
    float scores[LANES];
    for (size_t i = 0; i < n; i++) {
        vectors_row(j->exact->type, j->dims, group_at(j->exact, j->exact_tail, rows[i] / VECTORS_GROUP), rows[i] % VECTORS_GROUP, w->row);
        for (size_t d = 0; d < j->dims; d++) w->panel[d * LANES + i] = w->row[d];
    }
    const linear_args a = {.x = q->x, .w = w->panel, .k = j->dims, .y = scores};
    j->k->linear[WEIGHT_F32](&a, 0, 1, 0, 1);
    for (size_t i = 0; i < n; i++)
        if (!isnan(scores[i])) best_add(to, (scan_hit){rows[i], scores[i]});
}

/* ---- a pass over all groups ---- */

/* What is added to the scores of a group to bound from above the scores that count: nothing where these are the same, as
   then error and size are 0. */
static float margin_of(const query *q, float longest) {
    return q->size * longest < 1e37f ? q->error * longest + q->smallest : INFINITY;
}

static inline float upper_bound(float score, float margin) { return margin < INFINITY ? score + margin : INFINITY; }

/* First pass: candidates by the bounds of their scores. A thread sees rows in order, so that none of a group comes before
   an equal one that it has kept. */
static void take(const scan_job *j, best *b, const float *scores, float margin, uint64_t alive, uint64_t row) {
    if (b->n == b->capacity && j->k->max(scores, VECTORS_GROUP) + margin <= b->heap[0].score) return;
    for (size_t p = 0; p < VECTORS_GROUP; p += LANES) {
        if (b->n == b->capacity && j->k->max(scores + p, LANES) + margin <= b->heap[0].score) continue;
        for (uint64_t lanes = alive >> p & 0xffff; lanes; lanes &= lanes - 1) {
            const size_t r = p + (size_t)__builtin_ctzll(lanes);
            const float upper = upper_bound(scores[r], margin);
            if (!isnan(upper)) best_add(b, (scan_hit){row + r, upper});
        }
    }
}

/* Second pass: what the bound does not exclude is scored at once. */
static void take_exact(const scan_job *j, worker *w, const query *q, best *b, const float *scores, float margin, uint64_t alive, uint64_t row) {
    uint64_t rows[LANES];
    size_t n = 0;
    for (; alive; alive &= alive - 1) {
        const unsigned r = (unsigned)__builtin_ctzll(alive);
        const float upper = upper_bound(scores[r], margin);
        if (upper < q->reached || upper < best_least(b)) continue;
        rows[n++] = row + r;
        if (n == LANES) rescore(j, w, q, rows, n, b), n = 0;
    }
    if (n) rescore(j, w, q, rows, n, b);
}

static void scan_group(const scan_job *j, worker *w, best *b, uint64_t group) {
    const uint64_t alive = alive_rows(j, group);
    const unsigned char *bytes = group_at(j->rows->file, j->rows->tail, group);
    if (!alive) return;
    (j->type == VECTORS_BITS ? score_bits : score_linear)(j, bytes, w->scores);
    const float longest = j->type == VECTORS_INT8 ? vectors_trailer_of(j->type, j->dims, bytes)->longest : 0;
    for (size_t i = 0; i < j->n_queries; i++) {
        const query *q = &j->queries[i];
        const float *scores = w->scores + i * VECTORS_GROUP, margin = margin_of(q, longest);
        if (j->second)
            take_exact(j, w, q, &b[i], scores, margin, alive, group * VECTORS_GROUP);
        else
            take(j, &b[i], scores, margin, alive, group * VECTORS_GROUP);
    }
}

static void scan_claims(void *arg, uint32_t thread) {
    scan_job *j = arg;
    for (uint64_t g; (g = __atomic_fetch_add(&j->next, j->claim, __ATOMIC_RELAXED)) < j->groups;)
        for (const uint64_t end = least(g + j->claim, j->groups); g < end; g++)
            scan_group(j, &j->workers[thread], &j->best[thread * j->block], g);
}

static void run_pass(scan_job *j, pool *threads, bool second) {
    const size_t capacity = second ? j->top : j->kept;
    for (size_t i = 0; i < j->n_threads * j->block; i++) j->best[i] = (best){.heap = j->space + i * j->kept, .capacity = capacity};
    j->second = second;
    j->next = 0;
    pool_run(threads, scan_claims, j);
}

/* ---- what the threads have found ---- */

static best *merge(scan_job *j, size_t i) {
    best *all = &j->best[i];
    for (uint32_t t = 1; t < j->n_threads; t++) {
        const best *b = &j->best[t * j->block + i];
        for (size_t h = 0; h < b->n; h++) best_add(all, b->heap[h]);
    }
    best_sort(all);
    return all;
}

/* Scores candidates, best first, until no other can be among the best. False: there may be some that were not kept. */
static bool rescore_candidates(const scan_job *j, worker *w, query *q, const best *candidates, best *to) {
    for (size_t i = 0, n; i < candidates->n; i += n) {
        uint64_t rows[LANES];
        if (j->type == VECTORS_INT8 && candidates->heap[i].score < best_least(to)) return true;
        for (n = 0; n < LANES && i + n < candidates->n; n++) rows[n] = candidates->heap[i + n].row;
        rescore(j, w, q, rows, n, to);
    }
    q->reached = best_least(to);
    return j->type == VECTORS_BITS || candidates->n < candidates->capacity || candidates->capacity == j->n_rows;
}

static void finish_queries(void *arg, uint32_t thread) {
    scan_job *j = arg;
    for (uint64_t i; (i = __atomic_fetch_add(&j->next, 1, __ATOMIC_RELAXED)) < j->n_queries;) {
        query *q = &j->queries[i];
        const best *found = merge(j, i);
        best to = {.heap = j->hits + q->at * j->top, .capacity = j->top};
        q->complete = true;
        if (j->second || j->type < VECTORS_INT8) {
            to.n = least(found->n, j->top);
            memcpy(to.heap, found->heap, to.n * sizeof *to.heap);
        } else {
            q->complete = rescore_candidates(j, &j->workers[thread], q, found, &to);
            best_sort(&to);
        }
        j->n_hits[q->at] = q->finite ? to.n : 0;
    }
}

/* Queries whose results are not complete yet move to the front. */
static void keep_incomplete(scan_job *j) {
    size_t n = 0;
    for (size_t i = 0; i < j->n_queries; i++) {
        if (j->queries[i].complete) continue;
        memmove(j->x + n * j->x_floats, j->x + i * j->x_floats, j->x_floats * sizeof *j->x);
        memmove(j->coded + n * j->coded_bytes, j->coded + i * j->coded_bytes, j->coded_bytes);
        j->queries[n] = j->queries[i];
        j->queries[n].x = j->x + n * j->x_floats;
        n++;
    }
    j->n_queries = n;
}

/* int8 is exact: with q' the query as the scan has it, |q'.v - q.v| <= |q - q'| |v|, and rounding adds at most 2^-24
   (1.01 dims + 16) (|q| + |q'|) |v|; so no row scores more than its bound, scan score + error * longest. Once `top` rows
   score at least as much as every other's bound is below, they are the best; the second pass scores what is not excluded so. */
static void bound_error(const scan_job *j, query *q, const unsigned char *coded) {
    const float scale = *quantized_scale((void *)(uintptr_t)coded, j->dims);
    int32_t zero;
    memcpy(&zero, quantized_scale((void *)(uintptr_t)coded, j->dims) + 1, sizeof zero);
    double difference = 0, squares = 0, coded_squares = 0;
    for (size_t d = 0; d < j->dims; d++) {
        const double x = (double)q->x[d], y = (double)scale * (coded[d] - zero);
        difference += (x - y) * (x - y);
        squares += x * x;
        coded_squares += y * y;
    }
    const double size = __builtin_sqrt(squares) + __builtin_sqrt(coded_squares);
    const double error = __builtin_sqrt(difference) + 0x1p-24 * (1.01 * (double)j->dims + 16) * size;
    q->size = (float)(size * (1 + 0x1p-20));
    q->error = (float)(error * (1 + 0x1p-20));
    q->smallest = 1e-35f;
}

static void prepare_query(scan_job *j, size_t i, size_t at, const float *x) {
    float *padded = j->x + i * j->x_floats;
    unsigned char *coded = j->coded + i * j->coded_bytes;
    query *q = &j->queries[i];
    *q = (query){.x = padded, .at = at, .finite = true};
    for (size_t d = 0; d < j->dims; d++) q->finite = q->finite && isfinite(x[d]);
    memset(padded, 0, j->x_floats * sizeof *padded);
    if (q->finite) memcpy(padded, x, j->dims * sizeof *x);
    if (j->type == VECTORS_INT8) {
        j->k->quantize(padded, NULL, j->dims, coded);
        bound_error(j, q, coded);
    } else if (j->type == VECTORS_BITS) {
        memset(coded, 0, j->coded_bytes);
        for (size_t d = 0; d < j->dims; d++) ((uint64_t *)(void *)coded)[d / 64] |= (uint64_t)(padded[d] > 0) << d % 64;
    }
}

static void scan_block(scan_job *j, pool *threads) {
    for (bool second = false; j->n_queries; second = true) {
        run_pass(j, threads, second);
        j->next = 0;
        pool_run(threads, finish_queries, j);
        if (second || j->type != VECTORS_INT8) return;
        keep_incomplete(j);
    }
}

/* ---- a job ---- */

static void free_job(scan_job *j) {
    free(j->x);
    free(j->coded);
    free(j->space);
    free(j->best);
    free(j->workers);
    free(j->panels);
}

/* As many queries at once as their candidates have room for. */
static bool allocate_job(scan_job *j) {
    const size_t each = j->n_threads * j->kept * sizeof *j->space, most = BLOCK_BYTES / each;
    j->block = most < 1 ? 1 : most < j->block ? most : j->block;
    j->x_floats = round_up(j->dims, LANES);
    j->coded_bytes = j->type == VECTORS_INT8 ? quantized_row_bytes(j->dims) : j->type == VECTORS_BITS ? round_up(j->dims, 64) / 8 : 0;
    j->x = aligned_alloc(64, j->block * j->x_floats * sizeof *j->x);
    j->coded = aligned_alloc(64, round_up(j->block * j->coded_bytes + 1, 64));
    j->space = malloc(j->block * each);
    j->best = malloc(j->n_threads * j->block * sizeof *j->best);
    j->workers = aligned_alloc(64, j->n_threads * sizeof *j->workers);
    j->panels = aligned_alloc(64, j->n_threads * j->x_floats * (LANES + 1) * sizeof *j->panels);
    if (!j->x || !j->coded || !j->space || !j->best || !j->workers || !j->panels) return false;
    memset(j->panels, 0, j->n_threads * j->x_floats * (LANES + 1) * sizeof *j->panels);
    for (uint32_t t = 0; t < j->n_threads; t++) {
        j->workers[t].panel = j->panels + t * j->x_floats * (LANES + 1);
        j->workers[t].row = j->workers[t].panel + j->x_floats * LANES;
    }
    return true;
}

static int check_rows(const scan_rows *rows, size_t top, lnt_error *err) {
    const vectors_file *file = rows->file, *exact = rows->rescore;
    const uint64_t held = file->groups + (rows->tail != NULL);
    if (top > MOST_TOP) return err_set(err, "%s: the best %zu of a query, expected at most %d", file->path, top, MOST_TOP);
    if (rows->n_rows > held * VECTORS_GROUP)
        return err_set(err, "%s: %llu rows in %llu groups of %d", file->path, (unsigned long long)rows->n_rows, (unsigned long long)held, VECTORS_GROUP);
    if (file->type != VECTORS_BITS) return 0;
    if (!exact || exact->type != VECTORS_INT8 || exact->dims != file->dims || exact->groups != file->groups || !rows->rescore_tail != !rows->tail)
        return err_set(err, "%s: bits without the same rows of int8 to score them again", file->path);
    return 0;
}

static size_t candidates(const scan_job *j, uint32_t oversample) {
    uint64_t n = j->top;
    if (j->type == VECTORS_INT8) n = 3 * n + 64;
    if (j->type == VECTORS_BITS) n = n * oversample > LEAST_CANDIDATES ? n * oversample : LEAST_CANDIDATES;
    if (n < j->top) n = j->top;
    return least(n, j->n_rows);
}

int scan(const kernels *k, pool *threads, const scan_rows *rows, const float *queries, size_t n_queries, size_t top, uint32_t oversample, scan_hit *hits,
         size_t *n_hits, lnt_error *err) {
    scan_job j = {.k = k, .rows = rows, .exact = rows->rescore ? rows->rescore : rows->file,
                  .exact_tail = rows->rescore ? rows->rescore_tail : rows->tail, .type = rows->file->type, .dims = rows->file->dims,
                  .n_rows = rows->n_rows, .groups = round_up(rows->n_rows, VECTORS_GROUP) / VECTORS_GROUP, .top = top,
                  .block = least(n_queries, BLOCK_QUERIES), .n_threads = pool_threads(threads), .hits = hits, .n_hits = n_hits};
    if (check_rows(rows, top, err)) return -1;
    memset(n_hits, 0, n_queries * sizeof *n_hits);
    if (!n_queries || !top || !j.n_rows) return 0;
    j.kept = candidates(&j, oversample);
    j.claim = least(CLAIM_BYTES / vectors_group_bytes(j.type, j.dims), j.groups / j.n_threads / 8);
    j.claim += !j.claim;
    const bool ok = allocate_job(&j);
    for (size_t q = 0; ok && q < n_queries; q += j.block) {
        j.n_queries = least(j.block, n_queries - q);
        for (size_t i = 0; i < j.n_queries; i++) prepare_query(&j, i, q + i, queries + (q + i) * j.dims);
        scan_block(&j, threads);
    }
    free_job(&j);
    return ok ? 0 : err_memory(err, j.n_threads * j.kept * sizeof *j.space, "a scan");
}
