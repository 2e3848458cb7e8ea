/* .npy files byte by byte, and that a failed one leaves nothing. */
#define _GNU_SOURCE
#include "formats/npy.h"
#include "tests/testing.h"
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

static size_t files_in(const char *folder) {
    size_t n = 0;
    DIR *d = opendir(folder);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static const char *new_folder(void) {
    static char folder[128];
    snprintf(folder, sizeof folder, "%s/XXXXXX", test_folder);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return folder;
}

static const struct shape {
    size_t n_dims, sizes[4];
    const char *text;
} SHAPES[] = {
    {0, {0}, "()"},
    {1, {5}, "(5,)"},
    {1, {0}, "(0,)"},
    {2, {3, 4}, "(3, 4)"},
    {3, {2, 1, 6}, "(2, 1, 6)"},
    {4, {2, 3, 1, 2}, "(2, 3, 1, 2)"},
    {4, {1000000000000, 1000000, 0, 1}, "(1000000000000, 1000000, 0, 1)"},
};

/* The rules of NumPy's format.py: magic, version, length of the rest of the header, which ends in a newline at a
   multiple of 64; then the values. */
START_TEST(test_written) {
    lnt_error err = {""};
    const struct shape *s = &SHAPES[_i];
    float values[12];
    char expected[256];
    size_t n = 1, size;
    const char *folder = new_folder(), *path = path_of("%s/x.npy", folder);
    for (size_t i = 0; i < s->n_dims; i++) n *= s->sizes[i];
    for (int i = 0; i < 12; i++) values[i] = (float)i / 3;
    write_file(path, "something older", 15);
    ck_assert_msg(!npy_write_f32(path, values, s->sizes, s->n_dims, &err), "%s", err.text);
    unsigned char *bytes = read_file(path, &size);
    size_t header = 10 + bytes[8] + 256u * bytes[9];
    ck_assert(!memcmp(bytes, "\x93NUMPY\x01\x00", 8));
    ck_assert_uint_eq(header % 64, 0);
    ck_assert_uint_eq(bytes[header - 1], '\n');
    int length = snprintf(expected, sizeof expected, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }",
                          s->text);
    ck_assert_msg(!memcmp(bytes + 10, expected, (size_t)length), "'%.*s', expected '%s'", length, (char *)bytes + 10,
                  expected);
    for (size_t i = 10 + (size_t)length; i < header - 1; i++) ck_assert_uint_eq(bytes[i], ' ');
    ck_assert_uint_eq(size, header + n * sizeof *values);
    ck_assert(!memcmp(bytes + header, values, n * sizeof *values));
    ck_assert_uint_eq(files_in(folder), 1);
    free(bytes);
}
END_TEST

START_TEST(test_most_dimensions) {
    lnt_error err;
    size_t shape[33];
    float value = 1;
    const char *folder = new_folder(), *path = path_of("%s/x.npy", folder);
    for (int i = 0; i < 33; i++) shape[i] = 1;
    ck_assert_int_eq(npy_write_f32(path, &value, shape, 32, &err), 0);
    ck_assert_int_eq(npy_write_f32(path_of("%s/y.npy", folder), &value, shape, 33, &err), -1);
    CHECK_ERROR(&err, "y.npy", "33 dimensions", "at most 32");
    for (int i = 0; i < 32; i++) shape[i] = SIZE_MAX;
    shape[0] = 0;
    ck_assert_int_eq(npy_write_f32(path, &value, shape, 32, &err), 0);
    shape[0] = 1;
    ck_assert_int_eq(npy_write_f32(path_of("%s/y.npy", folder), &value, shape, 32, &err), -1);
    CHECK_ERROR(&err, "y.npy", "too large");
    ck_assert_uint_eq(files_in(folder), 1);
}
END_TEST

/* A limit on the size of files stands for a full disk. */
START_TEST(test_no_room) {
    lnt_error err;
    size_t n = 100000, size;
    float *values = calloc(n, sizeof *values);
    const char *folder = new_folder(), *path = path_of("%s/x.npy", folder);
    struct rlimit all, some = {4096, RLIM_INFINITY};
    write_file(path, "older", 5);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
    some.rlim_max = all.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &some), 0);
    int rc = npy_write_f32(path, values, &n, 1, &err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    ck_assert_int_eq(rc, -1);
    CHECK_ERROR(&err, path, "cannot be written: File too large");
    ck_assert_uint_eq(files_in(folder), 1);
    char *bytes = read_file(path, &size);
    ck_assert(size == 5 && !memcmp(bytes, "older", 5));
    free(bytes);
    free(values);
}
END_TEST

START_TEST(test_not_a_place) {
    lnt_error err;
    struct stat st;
    size_t n = 1;
    float value = 1;
    const char *folder = new_folder();
    ck_assert_int_eq(npy_write_f32(path_of("%s/none/x.npy", folder), &value, &n, 1, &err), -1);
    CHECK_ERROR(&err, "none/x.npy", "cannot be created: No such file");
    ck_assert_int_eq(npy_write_f32(folder, &value, &n, 1, &err), -1);
    CHECK_ERROR(&err, folder, "not a regular file");
    ck_assert_int_eq(mkfifo(path_of("%s/pipe", folder), 0600), 0);
    ck_assert_int_eq(npy_write_f32(path_of("%s/pipe", folder), &value, &n, 1, &err), -1);
    CHECK_ERROR(&err, "pipe: is not a regular file");
    ck_assert(!lstat(path_of("%s/pipe", folder), &st) && S_ISFIFO(st.st_mode));
    ck_assert_uint_eq(files_in(folder), 1);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("npy");
    tcase_add_loop_test(t, test_written, 0, sizeof SHAPES / sizeof *SHAPES);
    tcase_add_test(t, test_most_dimensions);
    tcase_add_test(t, test_no_room);
    tcase_add_test(t, test_not_a_place);
    int rc = run_suite("npy", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
