/* The scan against a brute force that scores every row one by one and sorts: the same rows and the same bits, on every
   level, with any number of threads, in any batch. */
#include "search/scan.h"
#include "tests/testing.h"
#include <math.h>

static uint64_t state = 88172645463325252u;
static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}
static float draw_uniform(void) { return (float)(draw() >> 40) * 0x1p-23f - 1; }
static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static const unsigned char id[VECTORS_ID] = "a scan's vectors";

/* ---- vectors in a file, the last of them in a group that is not full ---- */

typedef enum data { UNIT, DUPLICATES, NEAR_EQUAL, ZEROS, SIZES, NOT_FINITE, DATA } data;

typedef struct corpus {
    vectors_type type;
    size_t dims;
    vectors_file file, exact;
    scan_rows rows;
    float *values; /* [n_rows][dims], as they are stored (bits: in exact) */
} corpus;

static void draw_row(data kind, size_t r, size_t dims, const float *first, float *row) {
    double squares = 0;
    for (size_t c = 0; c < dims; c++) {
        row[c] = draw_uniform();
        squares += (double)row[c] * (double)row[c];
    }
    for (size_t c = 0; c < dims; c++) {
        row[c] = (float)((double)row[c] / sqrt(squares + 1e-30));
        if (kind == DUPLICATES && r % 3) row[c] = first[c];
        if (kind == NEAR_EQUAL) row[c] = first[c] * (1 + (c == r % dims ? 1e-4f * draw_uniform() : 0));
        if (kind == ZEROS) row[c] = r % 5 ? 0 : row[c];
        if (kind == SIZES) row[c] *= r % 7 == 0 ? 1e-30f : r % 7 == 1 ? 1e12f : r % 7 == 2 ? 1e19f : 1;
        if (kind == NOT_FINITE && draw() % 500 == 0) row[c] = r % 3 == 0 ? NAN : r % 3 == 1 ? INFINITY : -INFINITY;
    }
}

static unsigned char *write_vectors(vectors_file *f, vectors_type type, size_t dims, size_t n, const float *rows) {
    static int number;
    lnt_error err;
    const char *path = path_of("%s/%d.lnv", test_folder, number++);
    const size_t whole = n / VECTORS_GROUP, rest = n % VECTORS_GROUP;
    ck_assert_msg(!vectors_create(path, type, (uint32_t)dims, id, &err), "%s", err.text);
    ck_assert_msg(!vectors_open(f, path, id, 0, true, &err), "%s", err.text);
    for (size_t g = 0; g < whole; g++) ck_assert_int_eq(vectors_write_group(f, g, rows + g * VECTORS_GROUP * dims, &err), 0);
    ck_assert_msg(!vectors_commit(f, whole, &err), "%s", err.text);
    unlink(path);
    if (!rest) return NULL;
    float *last = calloc(VECTORS_GROUP * dims, sizeof *last);
    memcpy(last, rows + whole * VECTORS_GROUP * dims, rest * dims * sizeof *last);
    unsigned char *tail = aligned_alloc(64, vectors_group_bytes(type, dims));
    vectors_pack_group(type, dims, whole, last, tail);
    free(last);
    return tail;
}

static corpus *make_corpus(vectors_type type, size_t dims, size_t n, data kind) {
    corpus *c = calloc(1, sizeof *c);
    c->type = type;
    c->dims = dims;
    c->values = calloc((n + 1) * dims, sizeof *c->values);
    for (size_t r = 0; r < n; r++) draw_row(kind, r, dims, c->values, c->values + r * dims);
    c->rows = (scan_rows){.file = &c->file, .n_rows = n};
    c->rows.tail = write_vectors(&c->file, type, dims, n, c->values);
    if (type == VECTORS_BITS) {
        c->rows.rescore = &c->exact;
        c->rows.rescore_tail = write_vectors(&c->exact, VECTORS_INT8, dims, n, c->values);
    }
    const vectors_file *from = type == VECTORS_BITS ? &c->exact : &c->file;
    const unsigned char *tail = type == VECTORS_BITS ? c->rows.rescore_tail : c->rows.tail;
    for (size_t r = 0; r < n; r++) {
        const uint64_t g = r / VECTORS_GROUP;
        vectors_row(from->type, dims, g < from->groups ? vectors_group(from, g) : tail, r % VECTORS_GROUP, c->values + r * dims);
    }
    return c;
}

static void free_corpus(corpus *c) {
    vectors_close(&c->file);
    if (c->type == VECTORS_BITS) vectors_close(&c->exact);
    free((void *)(uintptr_t)c->rows.tail);
    free((void *)(uintptr_t)c->rows.rescore_tail);
    free((void *)(uintptr_t)c->rows.alive);
    free(c->values);
    free(c);
}

static float *draw_queries(const corpus *c, size_t n) {
    float *queries = malloc(n * c->dims * sizeof *queries);
    for (size_t q = 0; q < n; q++) {
        draw_row(UNIT, q, c->dims, NULL, queries + q * c->dims);
        if (q % 3 == 1 && c->rows.n_rows) { /* near a row */
            const float *row = c->values + draw() % c->rows.n_rows * c->dims;
            for (size_t d = 0; d < c->dims; d++)
                if (isfinite(row[d]) && fabsf(row[d]) < 2) queries[q * c->dims + d] = row[d] + 0.01f * queries[q * c->dims + d];
        }
    }
    return queries;
}

static void draw_alive(corpus *c, unsigned kind) {
    const size_t words = (c->rows.n_rows + 63) / 64;
    uint64_t *alive = malloc((words + 1) * sizeof *alive);
    for (size_t w = 0; w < words; w++) alive[w] = kind == 0 ? 0 : kind == 1 ? draw() : w % 2 ? UINT64_MAX : draw() & draw() & draw();
    c->rows.alive = alive;
}

static bool is_alive(const corpus *c, size_t r) { return !c->rows.alive || c->rows.alive[r / 64] >> r % 64 & 1; }

/* ---- brute force ---- */

static float product(const corpus *c, const float *query, size_t r) {
    float sum = 0;
    for (size_t d = 0; d < c->dims; d++) sum = fmaf(query[d], c->values[r * c->dims + d], sum);
    return sum + 0.0f;
}

static int by_score(const void *a, const void *b) {
    const scan_hit *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Bits are read from their file, since int8 makes zeros of small positive values. */
static unsigned distance(const corpus *c, const float *query, size_t r) {
    const uint64_t g = r / VECTORS_GROUP;
    const unsigned char *group = g < c->file.groups ? vectors_group(&c->file, g) : c->rows.tail;
    float *row = malloc(c->dims * sizeof *row);
    unsigned n = 0;
    vectors_row(VECTORS_BITS, c->dims, group, r % VECTORS_GROUP, row);
    for (size_t d = 0; d < c->dims; d++) n += (row[d] > 0) != (query[d] > 0);
    free(row);
    return n;
}

static size_t brute_force(const corpus *c, const float *query, size_t top, uint32_t oversample, scan_hit *hits) {
    scan_hit *all = malloc((c->rows.n_rows + 1) * sizeof *all);
    size_t n = 0;
    for (size_t r = 0; r < c->rows.n_rows; r++) {
        if (!is_alive(c, r)) continue;
        const float score = c->type == VECTORS_BITS ? -(float)distance(c, query, r) : product(c, query, r);
        if (!isnan(score)) all[n++] = (scan_hit){r, score};
    }
    qsort(all, n, sizeof *all, by_score);
    if (c->type == VECTORS_BITS) {
        const size_t wanted = top * oversample > 64 ? top * oversample : top > 64 ? top : 64;
        const size_t kept = least(n, wanted);
        n = 0;
        for (size_t i = 0; i < kept; i++) {
            all[i].score = product(c, query, all[i].row);
            if (!isnan(all[i].score)) all[n++] = all[i];
        }
        qsort(all, n, sizeof *all, by_score);
    }
    n = least(n, top);
    memcpy(hits, all, n * sizeof *hits);
    free(all);
    return n;
}

/* ---- comparing ---- */

typedef struct results {
    scan_hit *hits;
    size_t *n_hits;
} results;

static results new_results(size_t n_queries, size_t top) {
    results r = {.hits = calloc(n_queries * top + 1, sizeof *r.hits), .n_hits = calloc(n_queries + 1, sizeof *r.n_hits)};
    return r;
}

static void free_results(results r) { free(r.hits), free(r.n_hits); }

static void check_same(const results *got, const results *expected, size_t n_queries, size_t top, const char *what) {
    for (size_t q = 0; q < n_queries; q++) {
        ck_assert_msg(got->n_hits[q] == expected->n_hits[q], "%s: query %zu has %zu hits, expected %zu", what, q, got->n_hits[q], expected->n_hits[q]);
        for (size_t i = 0; i < expected->n_hits[q]; i++) {
            const scan_hit *a = &got->hits[q * top + i], *b = &expected->hits[q * top + i];
            if (a->row != b->row || memcmp(&a->score, &b->score, sizeof a->score))
                ck_abort_msg("%s: query %zu, hit %zu: row %llu with %a, expected row %llu with %a", what, q, i, (unsigned long long)a->row,
                             (double)a->score, (unsigned long long)b->row, (double)b->score);
        }
    }
}

static pool *pools[6];

static void check_corpus(const corpus *c, size_t n_queries, size_t top, uint32_t oversample, const char *name) {
    lnt_error err;
    char what[160];
    float *queries = draw_queries(c, n_queries);
    results expected = new_results(n_queries, top);
    for (size_t q = 0; q < n_queries; q++) expected.n_hits[q] = brute_force(c, queries + q * c->dims, top, oversample, expected.hits + q * top);
    for (const char *const *level = kernels_levels(); *level; level++)
        for (uint32_t threads = 1; threads <= 5; threads += threads == 3 ? 2 : 1) {
            const size_t batches[] = {n_queries, 1, 1 + draw() % n_queries};
            for (size_t b = 0; b < 3; b++) {
                results got = new_results(n_queries, top);
                for (size_t q = 0; q < n_queries; q += batches[b])
                    ck_assert_msg(!scan(kernels_level(*level), pools[threads], &c->rows, queries + q * c->dims, least(batches[b], n_queries - q), top, oversample,
                                        got.hits + q * top, got.n_hits + q, &err), "%s", err.text);
                snprintf(what, sizeof what, "%s %s rows %zu dims %zu top %zu: %s, %u threads, batches of %zu", vectors_type_name(c->type), name,
                         (size_t)c->rows.n_rows, c->dims, top, *level, threads, batches[b]);
                check_same(&got, &expected, n_queries, top, what);
                free_results(got);
            }
        }
    free_results(expected);
    free(queries);
}

START_TEST(sizes) {
    const vectors_type type = (vectors_type)_i;
    const size_t rows[] = {0, 1, 63, 64, 65, 1000}, dims[] = {1, 3, 16, 63, 64, 384, 768};
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++)
        for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
            corpus *c = make_corpus(type, dims[d], rows[n], UNIT);
            check_corpus(c, rows[n] < 100 ? 5 : 3, d % 2 ? 10 : 1, 4, "sizes");
            if (d == 2) check_corpus(c, 2, 1500, 1, "more than there are");
            free_corpus(c);
        }
}
END_TEST

static const char *const data_names[DATA] = {"unit", "duplicates", "near equal", "zeros", "sizes", "not finite"};

START_TEST(all_kinds) {
    const vectors_type type = (vectors_type)(_i % VECTORS_TYPES);
    const data kind = (data)(_i / VECTORS_TYPES);
    const size_t tops[] = {1, 10, 100};
    for (size_t i = 0; i < 3; i++) {
        corpus *c = make_corpus(type, i == 1 ? 37 : 100, 1500 + draw() % 1000, kind);
        check_corpus(c, 3, tops[i], (uint32_t)i * 3, data_names[kind]);
        free_corpus(c);
    }
}
END_TEST

START_TEST(dead_rows) {
    const vectors_type type = (vectors_type)_i;
    for (unsigned kind = 0; kind < 3; kind++) {
        corpus *c = make_corpus(type, 48, 700 + draw() % 300, kind == 1 ? DUPLICATES : UNIT);
        draw_alive(c, kind);
        check_corpus(c, 4, 20, 3, "dead");
        free_corpus(c);
    }
}
END_TEST

/* More queries than a block has. */
START_TEST(many_queries) {
    const vectors_type type = (vectors_type)_i;
    corpus *c = make_corpus(type, 64, 600, type == VECTORS_INT8 ? NEAR_EQUAL : UNIT);
    check_corpus(c, 150, 5, 4, "many");
    free_corpus(c);
}
END_TEST

/* So large a top that a block has room for few queries. */
START_TEST(large_top) {
    corpus *c = make_corpus(VECTORS_INT8, 5, 60000, DUPLICATES);
    lnt_error err;
    enum { QUERIES = 70, TOP = 20000 };
    float *queries = draw_queries(c, QUERIES);
    results expected = new_results(QUERIES, TOP), got = new_results(QUERIES, TOP);
    for (size_t q = 0; q < QUERIES; q++) expected.n_hits[q] = brute_force(c, queries + q * c->dims, TOP, 1, expected.hits + q * TOP);
    ck_assert_int_eq(scan(kernels_best(), pools[3], &c->rows, queries, QUERIES, TOP, 1, got.hits, got.n_hits, &err), 0);
    check_same(&got, &expected, QUERIES, TOP, "large top");
    free_results(expected), free_results(got), free(queries);
    free_corpus(c);
}
END_TEST

/* int8 rows that differ by less than the query's rounding does: the bound cannot part them, their own scores do. */
START_TEST(closer_than_the_bound) {
    enum { DIMS = 64, ROWS = 3000 };
    float *rows = malloc(ROWS * DIMS * sizeof *rows);
    corpus *c = make_corpus(VECTORS_INT8, DIMS, ROWS, UNIT);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t d = 0; d < DIMS; d++) rows[r * DIMS + d] = d == 63 ? 127 : (float)((r >> d % 12 & 1) + 60);
    vectors_close(&c->file);
    free((void *)(uintptr_t)c->rows.tail);
    c->rows.tail = write_vectors(&c->file, VECTORS_INT8, DIMS, ROWS, rows);
    memcpy(c->values, rows, ROWS * DIMS * sizeof *rows);
    for (size_t r = 0; r < ROWS; r++) {
        const uint64_t g = r / VECTORS_GROUP;
        vectors_row(VECTORS_INT8, DIMS, g < c->file.groups ? vectors_group(&c->file, g) : c->rows.tail, r % VECTORS_GROUP, c->values + r * DIMS);
        for (size_t d = 0; d < DIMS; d++) ck_assert(c->values[r * DIMS + d] == rows[r * DIMS + d]);
    }
    check_corpus(c, 8, 10, 1, "closer than the bound");
    free_corpus(c);
    free(rows);
}
END_TEST

/* Against products in double precision of what was stored. */
START_TEST(doubles) {
    const vectors_type type = (vectors_type)_i;
    enum { DIMS = 384, ROWS = 2000, TOP = 10, QUERIES = 6 };
    corpus *c = make_corpus(type, DIMS, ROWS, UNIT);
    float *queries = draw_queries(c, QUERIES);
    results got = new_results(QUERIES, TOP);
    lnt_error err;
    ck_assert_int_eq(scan(kernels_best(), pools[2], &c->rows, queries, QUERIES, TOP, 4, got.hits, got.n_hits, &err), 0);
    for (size_t q = 0; q < QUERIES; q++) {
        double scores[ROWS], sorted[ROWS];
        for (size_t r = 0; r < ROWS; r++) {
            scores[r] = 0;
            for (size_t d = 0; d < DIMS; d++) scores[r] += (double)queries[q * DIMS + d] * (double)c->values[r * DIMS + d];
            size_t at = r;
            for (; at && sorted[at - 1] < scores[r]; at--) sorted[at] = sorted[at - 1];
            sorted[at] = scores[r];
        }
        ck_assert_uint_eq(got.n_hits[q], TOP);
        for (size_t i = 0; i < TOP; i++) {
            const scan_hit h = got.hits[q * TOP + i];
            ck_assert(fabs((double)h.score - scores[h.row]) < 1e-6);
            ck_assert(scores[h.row] > sorted[i] - 2e-6);
        }
    }
    free_results(got), free(queries);
    free_corpus(c);
}
END_TEST

START_TEST(strange_queries) {
    const vectors_type type = (vectors_type)_i;
    enum { DIMS = 40, TOP = 7, QUERIES = 8 };
    corpus *c = make_corpus(type, DIMS, 500, UNIT);
    float *queries = draw_queries(c, QUERIES);
    const float values[QUERIES] = {NAN, INFINITY, -INFINITY, 3e38f, 1e-42f, 0, 1e20f, -3e38f};
    for (size_t q = 0; q < QUERIES; q++)
        for (size_t d = 0; d < DIMS; d++)
            if (q >= 3 || d == 5) queries[q * DIMS + d] = values[q] * (isfinite(values[q]) && draw() % 2 ? -1 : 1);
    results expected = new_results(QUERIES, TOP), got = new_results(QUERIES, TOP);
    for (size_t q = 3; q < QUERIES; q++) expected.n_hits[q] = brute_force(c, queries + q * DIMS, TOP, 2, expected.hits + q * TOP);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        lnt_error err;
        ck_assert_int_eq(scan(kernels_best(), pools[threads], &c->rows, queries, QUERIES, TOP, 2, got.hits, got.n_hits, &err), 0);
        check_same(&got, &expected, QUERIES, TOP, "strange queries");
    }
    free_results(expected), free_results(got), free(queries);
    free_corpus(c);
}
END_TEST

/* Whatever a damaged group says, a scan ends and its hits are rows that there are. */
START_TEST(damaged_groups) {
    for (int i = 0; i < 200; i++) {
        const vectors_type type = (vectors_type)(i % VECTORS_TYPES);
        enum { DIMS = 33, TOP = 9, QUERIES = 2 };
        corpus *c = make_corpus(type, DIMS, 40, UNIT);
        unsigned char *bytes = (unsigned char *)(uintptr_t)c->rows.tail;
        const size_t n = vectors_group_bytes(type, DIMS), from = i % 8 < 4 || type != VECTORS_INT8 ? 0 : n - 576;
        for (size_t b = from; b < n; b++) bytes[b] = i % 3 ? (unsigned char)draw() : i % 2 ? 0xff : 0x7f;
        float *queries = draw_queries(c, QUERIES);
        results got = new_results(QUERIES, TOP);
        lnt_error err;
        ck_assert_int_eq(scan(kernels_best(), pools[1 + i % 2], &c->rows, queries, QUERIES, TOP, 3, got.hits, got.n_hits, &err), 0);
        for (size_t q = 0; q < QUERIES; q++) {
            ck_assert_uint_le(got.n_hits[q], TOP);
            for (size_t h = 0; h < got.n_hits[q]; h++) ck_assert_uint_lt(got.hits[q * TOP + h].row, 40);
        }
        free_results(got), free(queries);
        free_corpus(c);
    }
}
END_TEST

START_TEST(refuses) {
    lnt_error err = {{0}};
    corpus *c = make_corpus(VECTORS_BITS, 20, 70, UNIT);
    float *queries = draw_queries(c, 1);
    scan_hit hits[4];
    size_t n_hits;
    scan_rows rows = c->rows;
    rows.rescore = NULL;
    ck_assert_int_eq(scan(kernels_best(), pools[1], &rows, queries, 1, 4, 4, hits, &n_hits, &err), -1);
    CHECK_ERROR(&err, c->file.path, "int8");
    rows = c->rows;
    rows.n_rows = 129;
    ck_assert_int_eq(scan(kernels_best(), pools[1], &rows, queries, 1, 4, 4, hits, &n_hits, &err), -1);
    CHECK_ERROR(&err, c->file.path, "129 rows");
    ck_assert_int_eq(scan(kernels_best(), pools[1], &c->rows, queries, 1, (1 << 20) + 1, 4, hits, &n_hits, &err), -1);
    CHECK_ERROR(&err, c->file.path, "at most");
    ck_assert_int_eq(scan(kernels_best(), pools[1], &c->rows, queries, 0, 4, 4, hits, &n_hits, &err), 0);
    ck_assert_int_eq(scan(kernels_best(), pools[1], &c->rows, queries, 1, 0, 4, hits, &n_hits, &err), 0);
    ck_assert_uint_eq(n_hits, 0);
    free(queries);
    free_corpus(c);
}
END_TEST

static void make_pools(void) {
    for (uint32_t n = 1; n <= 5; n++) ck_assert_ptr_nonnull(pools[n] = pool_new(n, NULL));
}
static void free_pools(void) {
    for (uint32_t n = 1; n <= 5; n++) pool_free(pools[n]);
}

int main(void) {
    make_test_folder();
    TCase *c = tcase_create("scan");
    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, make_pools, free_pools); /* in the process of each test */
    tcase_add_loop_test(c, sizes, 0, VECTORS_TYPES);
    tcase_add_loop_test(c, all_kinds, 0, VECTORS_TYPES * DATA);
    tcase_add_loop_test(c, dead_rows, 0, VECTORS_TYPES);
    tcase_add_loop_test(c, many_queries, 0, VECTORS_TYPES);
    tcase_add_test(c, large_top);
    tcase_add_test(c, closer_than_the_bound);
    tcase_add_loop_test(c, doubles, 0, VECTORS_BITS);
    tcase_add_loop_test(c, strange_queries, 0, VECTORS_TYPES);
    tcase_add_test(c, damaged_groups);
    tcase_add_test(c, refuses);
    const int failed = run_suite("scan", (TCase *const[]){c, NULL});
    remove_test_folder();
    return failed;
}
