/* Files of vectors: what is written is read, and what is damaged is refused. */
#include "search/vectors.h"
#include "simd/kernels.h"
#include "tests/testing.h"
#include <fcntl.h>
#include <math.h>
#include <sys/resource.h>
#include <signal.h>

static const unsigned char id[VECTORS_ID] = "an index's own.", other_id[VECTORS_ID] = "another index's";

static uint64_t state = 88172645463325252u;
static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}
static float draw_uniform(void) { return (float)(draw() >> 40) * 0x1p-23f - 1; }

static float *draw_rows(size_t dims) {
    float *rows = malloc(VECTORS_GROUP * dims * sizeof *rows);
    for (size_t i = 0; i < VECTORS_GROUP * dims; i++) rows[i] = draw_uniform();
    return rows;
}

/* What a row is after it has been stored. */
static float stored(vectors_type type, const float *row, size_t dims, size_t c) {
    float largest = 0;
    for (size_t i = 0; i < dims; i++) largest = fmaxf(largest, fabsf(row[i]));
    uint16_t half;
    float f = row[c];
    switch (type) {
    case VECTORS_F16: kernels_best()->f32_to_f16(&f, &half, 1), kernels_best()->f16_to_f32(&half, &f, 1); return f;
    case VECTORS_INT8: return largest > 0 ? rintf(f / (largest / 127)) * (largest / 127) : 0;
    case VECTORS_BITS: return f > 0 ? 1 : -1;
    default: return f;
    }
}

static const size_t dims_tried[] = {1, 3, 16, 63, 64, 65, 384, 768};
enum { N_DIMS = sizeof dims_tried / sizeof *dims_tried };

START_TEST(packs) {
    for (vectors_type type = 0; type < VECTORS_TYPES; type++)
        for (size_t d = 0; d < N_DIMS; d++) {
            const size_t dims = dims_tried[d], bytes = vectors_group_bytes(type, dims);
            float *rows = draw_rows(dims), *row = malloc(dims * sizeof *row);
            memset(rows + 7 * dims, 0, dims * sizeof *rows);
            unsigned char *group = aligned_alloc(64, bytes), *moved = aligned_alloc(64, bytes);
            ck_assert_uint_eq(bytes % 64, 0);
            memset(group, 0xee, bytes);
            vectors_pack_group(type, dims, 12, rows, group);
            ck_assert(vectors_group_holds(type, dims, 12, group) && !vectors_group_holds(type, dims, 13, group));
            const float longest = vectors_trailer_of(type, dims, group)->longest;
            double most = 0;
            for (size_t r = 0; r < VECTORS_GROUP; r++) {
                double squares = 0;
                vectors_row(type, dims, group, r, row);
                for (size_t c = 0; c < dims; c++) {
                    ck_assert_msg(row[c] == stored(type, rows + r * dims, dims, c), "type %d dims %zu row %zu", (int)type, dims, r);
                    squares += (double)row[c] * (double)row[c];
                }
                most = fmax(most, sqrt(squares));
            }
            ck_assert(type == VECTORS_INT8 ? (double)longest >= most && (double)longest < most * 1.00001 : longest == 0);
            /* rows in another order and back are the same bytes */
            memset(moved, 0, bytes);
            for (size_t r = 0; r < VECTORS_GROUP; r++) vectors_copy_row(type, dims, group, r, moved, 63 - r);
            vectors_seal_group(type, dims, 12, moved);
            vectors_row(type, dims, moved, 60, row);
            for (size_t c = 0; c < dims; c++) ck_assert(row[c] == stored(type, rows + 3 * dims, dims, c));
            unsigned char *back = aligned_alloc(64, bytes);
            memset(back, 0, bytes);
            for (size_t r = 0; r < VECTORS_GROUP; r++) vectors_copy_row(type, dims, moved, r, back, 63 - r);
            vectors_seal_group(type, dims, 12, back);
            ck_assert(!memcmp(back, group, bytes));
            for (size_t i = 0; i < 200; i++) {
                const size_t at = draw() % bytes;
                group[at] ^= (unsigned char)(1 << draw() % 8);
                ck_assert(!vectors_group_holds(type, dims, 12, group));
                memcpy(group, back, bytes);
            }
            free(rows), free(row), free(group), free(moved), free(back);
        }
}
END_TEST

START_TEST(packs_what_is_not_finite) {
    const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f, 1e-45f};
    for (vectors_type type = 0; type < VECTORS_TYPES; type++)
        for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
            enum { DIMS = 20 };
            float *rows = draw_rows(DIMS), row[DIMS];
            unsigned char *group = aligned_alloc(64, vectors_group_bytes(type, DIMS));
            for (size_t c = 0; c < DIMS; c++) rows[5 * DIMS + c] = b == 4 ? 0 : rows[5 * DIMS + c];
            rows[5 * DIMS + 3] = bad[b];
            vectors_pack_group(type, DIMS, 0, rows, group);
            vectors_row(type, DIMS, group, 5, row);
            if (type == VECTORS_INT8) ck_assert(isfinite(bad[b]) == isfinite(row[3]));
            if (type == VECTORS_INT8 && b == 4) ck_assert(row[3] >= 0 && row[3] <= 1e-44f);
            if (type == VECTORS_F32) ck_assert(!memcmp(&row[3], &bad[b], sizeof row[3]));
            vectors_row(type, DIMS, group, 6, row);
            for (size_t c = 0; c < DIMS; c++) ck_assert(row[c] == stored(type, rows + 6 * DIMS, DIMS, c));
            free(rows), free(group);
        }
}
END_TEST

/* A file of n groups whose group g holds draw_rows after `state` was g + 1. */
static void make_file(const char *path, vectors_type type, uint32_t dims, uint64_t n) {
    lnt_error err;
    vectors_file f;
    ck_assert_msg(!vectors_create(path, type, dims, id, &err), "%s", err.text);
    ck_assert_msg(!vectors_open(&f, path, id, 0, true, &err), "%s", err.text);
    for (uint64_t g = 0; g < n; g++) {
        state = g + 1;
        float *rows = draw_rows(dims);
        ck_assert_msg(!vectors_write_group(&f, g, rows, &err), "%s", err.text);
        free(rows);
    }
    ck_assert_msg(!vectors_sync(&f, &err), "%s", err.text);
    ck_assert_msg(!vectors_commit(&f, n, &err), "%s", err.text);
    ck_assert_msg(!vectors_check(&f, &err), "%s", err.text);
    vectors_close(&f);
}

START_TEST(grows) {
    lnt_error err;
    vectors_file f, reader;
    for (vectors_type type = 0; type < VECTORS_TYPES; type++) {
        const char *path = path_of("%s/grows-%d.lnv", test_folder, (int)type);
        const uint32_t dims = 70;
        make_file(path, type, dims, 0);
        ck_assert_int_eq(vectors_open(&f, path, id, 0, true, &err), 0);
        ck_assert_ptr_null(f.map);
        unsigned char *expected = aligned_alloc(64, vectors_group_bytes(type, dims));
        for (uint64_t n = 0; n < 50;) {
            const uint64_t more = 1 + draw() % 9;
            for (uint64_t g = n; g < n + more; g++) {
                state = g + 1;
                float *rows = draw_rows(dims);
                if (draw() % 4 == 0) ck_assert(!vectors_write_group(&f, g + 3, rows, &err)); /* what a crash left behind */
                ck_assert_int_eq(vectors_write_group(&f, g, rows, &err), 0);
                free(rows);
            }
            n += more;
            ck_assert(!vectors_sync(&f, &err) && !vectors_commit(&f, n, &err) && f.groups == n);
            ck_assert_int_eq(vectors_open(&reader, path, id, n, false, &err), 0);
            ck_assert(!vectors_check(&f, &err) && !vectors_check(&reader, &err));
            ck_assert(reader.type == type && reader.dims == dims && reader.map_bytes == f.map_bytes);
            for (uint64_t g = 0; g < n; g++) {
                state = g + 1;
                float *rows = draw_rows(dims);
                vectors_pack_group(type, dims, g, rows, expected);
                ck_assert(!memcmp(vectors_group(&f, g), expected, vectors_group_bytes(type, dims)));
                ck_assert(!memcmp(vectors_group(&reader, g), expected, vectors_group_bytes(type, dims)));
                free(rows);
            }
            state = n * 1234567;
            vectors_close(&reader);
        }
        float *rows = draw_rows(dims);
        ck_assert_int_eq(vectors_write_group(&f, 2, rows, &err), -1);
        CHECK_ERROR(&err, path, "committed");
        ck_assert_int_eq(vectors_write_group(&f, UINT64_MAX / 4, rows, &err), -1);
        CHECK_ERROR(&err, path, "beyond");
        free(rows), free(expected);
        vectors_close(&f);
    }
}
END_TEST

static void refused(const char *path, uint64_t groups, const char *what) {
    lnt_error err = {{0}};
    vectors_file f;
    ck_assert_msg(vectors_open(&f, path, id, groups, false, &err) == -1, "%s", what);
    CHECK_ERROR(&err, path, what);
}

START_TEST(refuses) {
    lnt_error err;
    vectors_file f;
    const char *path = path_of("%s/refuses.lnv", test_folder);
    make_file(path, VECTORS_INT8, 30, 4);
    ck_assert_int_eq(vectors_create(path, VECTORS_INT8, 30, id, &err), -1);
    CHECK_ERROR(&err, path, "exists");
    ck_assert_int_eq(vectors_create(path_of("%s/none/x", test_folder), VECTORS_F32, 3, id, &err), -1);
    ck_assert_int_eq(vectors_create(path_of("%s/zero", test_folder), VECTORS_F32, 0, id, &err), -1);
    ck_assert_int_eq(vectors_create(path_of("%s/large", test_folder), VECTORS_F32, VECTORS_MAX_DIMS + 1, id, &err), -1);
    ck_assert_int_eq(vectors_open(&f, path, other_id, 4, false, &err), -1);
    CHECK_ERROR(&err, path, "another index");
    refused(path, 5, "committed");
    refused(path, UINT64_MAX, "committed");
    refused(path, UINT64_MAX / 4096, "committed");
    refused(path_of("%s/missing.lnv", test_folder), 1, "No such file");
    refused(test_folder, 0, "regular");
    const char *fifo = path_of("%s/fifo", test_folder);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    refused(fifo, 0, "regular");

    size_t n;
    char *bytes = read_file(path, &n);
    const char *bad = path_of("%s/bad.lnv", test_folder);
    const size_t group = vectors_group_bytes(VECTORS_INT8, 30);
    ck_assert_uint_eq(n, VECTORS_HEADER + 4 * group);
    for (size_t length = 0; length < n; length += length < 100 ? 1 : 997) {
        write_file(bad, bytes, length);
        refused(bad, 4, length < VECTORS_HEADER ? "header" : "committed");
        if (length < VECTORS_HEADER) continue;
        const uint64_t whole = (length - VECTORS_HEADER) / group;
        ck_assert_int_eq(vectors_open(&f, bad, id, whole, false, &err), 0);
        ck_assert_int_eq(vectors_check(&f, &err), 0);
        ck_assert_int_eq(vectors_commit(&f, whole + 1, &err), -1);
        vectors_close(&f);
    }
    for (size_t i = 0; i < 3000; i++) {
        const size_t at = i < 800 ? i : draw() % n;
        const int bit = 1 << draw() % 8;
        bytes[at] = (char)(bytes[at] ^ bit);
        write_file(bad, bytes, n);
        if (at < VECTORS_HEADER) {
            ck_assert_int_eq(vectors_open(&f, bad, id, 4, false, &err), -1);
        } else {
            char word[64];
            snprintf(word, sizeof word, "group %zu of 4", (at - VECTORS_HEADER) / group);
            ck_assert_int_eq(vectors_open(&f, bad, id, 4, false, &err), 0);
            ck_assert_int_eq(vectors_check(&f, &err), -1);
            CHECK_ERROR(&err, bad, word);
            vectors_close(&f);
        }
        bytes[at] = (char)(bytes[at] ^ bit);
    }
    free(bytes);
}
END_TEST

/* A file that may not grow (as a disk that is full) gives one line, and what was committed stays. */
START_TEST(full_disk) {
    lnt_error err = {{0}};
    vectors_file f;
    const char *path = path_of("%s/full.lnv", test_folder);
    make_file(path, VECTORS_F32, 100, 2);
    ck_assert_int_eq(vectors_open(&f, path, id, 2, true, &err), 0);
    signal(SIGXFSZ, SIG_IGN);
    const size_t group = vectors_group_bytes(VECTORS_F32, 100);
    const struct rlimit limit = {VECTORS_HEADER + 2 * group + 1000, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    float *rows = draw_rows(100);
    ck_assert_int_eq(vectors_write_group(&f, 2, rows, &err), -1); /* 1000 bytes of it are written: a short write */
    CHECK_ERROR(&err, path, "cannot be written");
    ck_assert_int_eq(vectors_commit(&f, 3, &err), -1);
    ck_assert_int_eq(vectors_check(&f, &err), 0);
    ck_assert_uint_eq(f.groups, 2);
    ck_assert_int_eq(vectors_create(path_of("%s/full2.lnv", test_folder), VECTORS_F32, 3, id, &err), 0);
    const struct rlimit small = {100, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(vectors_create(path_of("%s/full3.lnv", test_folder), VECTORS_F32, 3, id, &err), -1);
    ck_assert_int_ne(access(path_of("%s/full3.lnv", test_folder), F_OK), 0);
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    ck_assert_int_eq(vectors_write_group(&f, 2, rows, &err), 0);
    ck_assert(!vectors_commit(&f, 3, &err) && !vectors_check(&f, &err));
    free(rows);
    vectors_close(&f);
}
END_TEST

START_TEST(names) {
    for (vectors_type type = 0, found; type < VECTORS_TYPES; type++)
        ck_assert(vectors_type_from_name(vectors_type_name(type), &found) && found == type);
    vectors_type none;
    ck_assert(!vectors_type_from_name("f64", &none) && !vectors_type_from_name("", &none));
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *c = tcase_create("vectors");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, names);
    tcase_add_test(c, packs);
    tcase_add_test(c, packs_what_is_not_finite);
    tcase_add_test(c, grows);
    tcase_add_test(c, refuses);
    tcase_add_test(c, full_disk);
    const int failed = run_suite("vectors", (TCase *const[]){c, NULL});
    remove_test_folder();
    return failed;
}
