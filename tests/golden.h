/* Golden folders, tests/golden/SET/NAME: a checkpoint, and beside it what its makers' own code computes of it. */
#ifndef LNT_TESTS_GOLDEN_H
#define LNT_TESTS_GOLDEN_H
#include "tests/testing.h"
#include <math.h>
#include <xxhash.h>

static inline const char *golden_path(const char *set, const char *name, const char *file) {
    return path_of("%s/tests/golden/%s/%s/%s", LINNET_SOURCE_DIR, set, name, file);
}

/* A folder converted to a file in test_folder and opened. */
static inline lnt_model *converted_folder(const char *folder, const char *out, const char *type) {
    lnt_error err;
    lnt_convert_options o = {.type = type};
    ck_assert_msg(!lnt_convert(folder, out, &o, &err), "%s", err.text);
    lnt_model *m = lnt_open(out, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    ck_assert_msg(!lnt_verify(m, &err), "%s", err.text);
    return m;
}
static inline lnt_model *golden_model(const char *set, const char *name, const char *type) {
    return converted_folder(golden_path(set, name, "."), path_of("%s/%s-%s.lnt", test_folder, name, type), type);
}

/* The largest |a - b| of a golden file of floats, whose size must be n. */
static inline double golden_distance(const char *set, const char *name, const char *file, const float *values, size_t n) {
    size_t bytes;
    float *expected = read_file(golden_path(set, name, file), &bytes);
    ck_assert_uint_eq(bytes, n * sizeof *expected);
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)values[i] - (double)expected[i]);
        if (!(d <= most)) most = d; /* NaN too */
    }
    free(expected);
    printf("%s %s: max |difference| %.2g over %zu\n", name, file, most, n);
    return most;
}

/* Numbers have the bits that tests/golden/NAME.hash says (XXH3-64): those they had where the file was made. */
static inline void expect_hash(const char *name, const float *x, size_t n) {
    size_t bytes;
    char *expected = read_file(path_of("%s/tests/golden/%s.hash", LINNET_SOURCE_DIR, name), &bytes), found[32];
    expected[bytes] = 0;
    snprintf(found, sizeof found, "%016llx\n", (unsigned long long)XXH3_64bits(x, n * sizeof *x));
    ck_assert_str_eq(found, expected);
    free(expected);
}

/* Pixel values of image i as tests/golden/vit.py has them, to be freed. */
static inline float *golden_pixels(uint32_t i, size_t n) {
    float *pixels = malloc(n * sizeof *pixels);
    uint32_t seed = i + 1;
    for (size_t k = 0; k < n; k++) {
        seed = seed * 1664525u + 1013904223u;
        pixels[k] = (float)(seed >> 12 & 4095) / 1024 - 2;
    }
    return pixels;
}

/* Replaces the first `from` in a file. */
static inline void edit_file(const char *path, const char *from, const char *to) {
    size_t n;
    char *text = read_file(path, &n), *edited = malloc(n + strlen(to) + 1);
    text[n] = 0;
    char *at = strstr(text, from);
    ck_assert_msg(at != NULL, "%s does not hold %s", path, from);
    sprintf(edited, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    write_file(path, edited, strlen(edited));
    free(edited);
    free(text);
}

/* A copy of a folder in test_folder under a name that must be new. */
static inline const char *copied_folder(const char *folder, const char *name) {
    char command[2048];
    const char *copy = path_of("%s/%s", test_folder, name);
    snprintf(command, sizeof command, "cp -R '%s' '%s'", folder, copy);
    ck_assert_int_eq(system(command), 0);
    return copy;
}
#endif
