/* Checkpoint folders: golden ones read exactly, and every way in which a safetensors file or an index can lie. */
#define _GNU_SOURCE
#include "formats/checkpoint.h"
#include "formats/json.h"
#include "tests/testing.h"
#include <math.h>

#define GOLDEN LINNET_SOURCE_DIR "/tests/golden/checkpoints"

/* ---- golden folders ---- */

static const char *const FOLDERS[] = {"safetensors",   "safetensors-sharded", "torch",
                                      "torch-sharded", "torch-views",         "torch-nested"};

static void check_tensor(checkpoint *c, const char *name, const json_t *expected, const float *values) {
    lnt_error err;
    const checkpoint_tensor *t = checkpoint_find(c, name);
    const json_t *shape = json_object_get(expected, "shape"), *at = json_object_get(expected, "at");
    ck_assert_msg(t != NULL, "%s is not found", name);
    ck_assert_str_eq(checkpoint_dtype_name(t->dtype), json_string_value(json_object_get(expected, "dtype")));
    ck_assert_uint_eq(t->n_dims, json_array_size(shape));
    uint64_t n = 1;
    for (uint32_t i = 0; i < t->n_dims; n *= t->dims[i++])
        ck_assert_int_eq((json_int_t)t->dims[i], json_integer_value(json_array_get(shape, i)));
    ck_assert_uint_eq(t->n_elements, n);
    float *whole = malloc((n + 1) * sizeof *whole), *part = malloc((n + 1) * sizeof *part);
    if (json_is_null(at)) {
        ck_assert_int_eq(checkpoint_read_f32(c, t, 0, n, whole, &err), -1);
        CHECK_ERROR(&err, name, checkpoint_dtype_name(t->dtype), "expected F32");
    } else {
        const float *right = values + json_integer_value(at);
        whole[n] = 12345;
        ck_assert_msg(!checkpoint_read_f32(c, t, 0, n, whole, &err), "%s", err.text);
        ck_assert_msg(!memcmp(whole, right, n * sizeof *right) && whole[n] == 12345, "%s has wrong values", name);
        for (uint64_t first = 0; first <= n; first++) /* every piece in the middle, short and long */
            for (uint64_t count = 0; count <= n - first; count += 1 + count / 3) {
                ck_assert_int_eq(checkpoint_read_f32(c, t, first, count, part, &err), 0);
                ck_assert_msg(!memcmp(part, right + first, count * sizeof *right), "%s: %d from %d on are wrong", name,
                              (int)count, (int)first);
            }
        ck_assert_int_eq(checkpoint_read_f32(c, t, n, 1, part, &err), -1);
        ck_assert_int_eq(checkpoint_read_f32(c, t, 1, UINT64_MAX, part, &err), -1);
        CHECK_ERROR(&err, name, "elements");
    }
    free(whole);
    free(part);
}

START_TEST(test_golden) {
    lnt_error err = {""};
    json_file expected;
    size_t bytes;
    const char *folder = path_of("%s/%s", GOLDEN, FOLDERS[_i]), *name;
    checkpoint *c = checkpoint_open(folder, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    ck_assert_int_eq(json_file_open(&expected, path_of("%s/expected.json", folder), &err), 0);
    float *values = read_file(path_of("%s/values.f32", folder), &bytes);
    json_t *one;
    json_object_foreach(expected.root, name, one) check_tensor(c, name, one, values);
    ck_assert_uint_eq(checkpoint_count(c), json_object_size(expected.root));
    for (size_t i = 0; i < checkpoint_count(c); i++) {
        ck_assert_ptr_eq(checkpoint_find(c, checkpoint_at(c, i)->name), checkpoint_at(c, i));
        ck_assert(i == 0 || strcmp(checkpoint_at(c, i - 1)->name, checkpoint_at(c, i)->name) < 0);
    }
    ck_assert_ptr_null(checkpoint_find(c, "no such tensor"));
    free(values);
    json_file_close(&expected);
    checkpoint_close(c);
}
END_TEST

/* ---- files made here ---- */

/* One for each test: the name stays until the next call. */
static const char *new_folder(void) {
    static char folder[128];
    snprintf(folder, sizeof folder, "%s/XXXXXX", test_folder);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return folder;
}

static void write_safetensors(const char *path, const char *header, uint64_t n_header, size_t n_data) {
    size_t n = strlen(header);
    unsigned char *bytes = calloc(1, 8 + n + n_data);
    memcpy(bytes, &n_header, 8);
    memcpy(bytes + 8, header, n);
    write_file(path, bytes, 8 + n + n_data);
    free(bytes);
}

static void refuse(const char *folder, const char *const *words) {
    lnt_error err = {""};
    checkpoint *c = checkpoint_open(folder, &err);
    ck_assert_msg(c == NULL, "%s is accepted", folder);
    check_error(&err, words);
    ck_assert_msg(!strncmp(err.text, folder, strlen(folder)), "'%s' does not begin with %s", err.text, folder);
}
#define REFUSE(folder, ...) refuse(folder, (const char *const[]){__VA_ARGS__, NULL})

/* A tensor in a header, and a header. */
#define T(name, dtype, shape, offsets) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define H(tensors) "{" tensors "}"

static const struct lie {
    const char *header;
    size_t n_data;
    const char *words[5];
} LIES[] = {
    {"{" T("a", "F32", "[2]", "[0,8]"), 8, {"header: line 1", "'}' expected"}},
    {"", 0, {"header", "line 1"}},
    {"[1, 2]", 0, {"header", "not a JSON object"}},
    {"{\"a\":1}", 0, {"'a'", "'dtype'"}},
    {H(T("a", "F32", "[2]", "[0,8]") "," T("a", "F32", "[2]", "[8,16]")), 16, {"duplicate object key", "\"a\""}},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, {"duplicate object key"}},
    {H(T("a", "F33", "[2]", "[0,8]")), 8, {"'a'", "'F33'", "expected"}},
    {"{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, {"'a'", "dtype"}},
    {H(T("a", "F32", "2", "[0,8]")), 8, {"'a'", "'shape'"}},
    {H(T("a", "F32", "[2.0]", "[0,8]")), 8, {"'a'", "'shape'", "whole number"}},
    {H(T("a", "F32", "[-2]", "[0,8]")), 8, {"'a'", "'shape'", "from 0 on"}},
    {H(T("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]")), 4, {"'a'", "'shape'", "at most 8"}},
    {H(T("a", "F32", "[4294967296,4294967296]", "[0,0]")), 0, {"'a'", "2^63"}},
    {H(T("a", "F32", "[2305843009213693952]", "[0,0]")), 0, {"'a'", "2^63"}},
    {H(T("a", "F32", "[4611686018427387904,4]", "[0,0]")), 0, {"'a'", "2^63"}},
    {H(T("a", "F32", "[18446744073709551616]", "[0,0]")), 0, {"header", "too big integer"}},
    {H(T("a", "F32", "[2]", "[8,0]")), 8, {"'a'", "begins at 8", "end at 0"}},
    {H(T("a", "F32", "[2]", "[4,12]")), 8, {"'a'", "ends at 12", "8 bytes"}},
    {H(T("a", "F32", "[2]", "[0,9223372036854775807]")), 8, {"'a'", "ends at 9223372036854775807"}},
    {H(T("a", "F32", "[2]", "[-8,0]")), 8, {"'a'", "'data_offsets'"}},
    {H(T("a", "F32", "[2]", "[0,8,8]")), 8, {"'a'", "'data_offsets'"}},
    {H(T("a", "F32", "[2]", "8")), 8, {"'a'", "'data_offsets'"}},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"offsets\":[0,8]}}", 8, {"'a'", "'data_offsets'"}},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8,
     {"'a'", "not described as expected"}},
    {H(T("a", "F32", "[2]", "[0,4]")), 4, {"'a'", "4 bytes", "expected the 8"}},
    {H(T("a", "F16", "[2]", "[0,8]")), 8, {"'a'", "8 bytes", "expected the 4"}},
    {H(T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[2]", "[4,12]")), 12, {"'a'", "'b'", "overlap"}},
    {H(T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[2]", "[0,8]")), 8, {"'a'", "'b'", "overlap"}},
    {H(T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[2]", "[12,20]")), 20, {"'b'", "hole"}},
    {H(T("a", "F32", "[2]", "[4,12]")), 12, {"'a'", "hole"}},
    {H(T("a", "F32", "[2]", "[0,8]")), 9, {"9 bytes of data", "expected the 8"}},
    {"{}", 1, {"1 bytes of data", "expected the 0"}},
    {"{\"__metadata__\":[]}", 0, {"__metadata__", "object"}},
    {"{\"__metadata__\":{\"format\":1}}", 0, {"__metadata__", "'format'"}},
    {"{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, {"header", "\\u0000"}},
    {"{\"a\xff\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, {"header", "decode byte 0xff"}},
};

START_TEST(test_lies) {
    const struct lie *lie = &LIES[_i];
    const char *folder = new_folder();
    write_safetensors(path_of("%s/model.safetensors", folder), lie->header, strlen(lie->header), lie->n_data);
    refuse(folder, lie->words);
}
END_TEST

START_TEST(test_header_lengths) {
    const char *folder = new_folder(), *path = path_of("%s/model.safetensors", folder);
    write_file(path, "1234567", 7);
    REFUSE(folder, "7 bytes", "at least 8");
    write_file(path, "", 0);
    REFUSE(folder, "0 bytes", "at least 8");
    write_safetensors(path, "{}", 3, 0);
    REFUSE(folder, "header of 3 bytes", "the file has 10");
    write_safetensors(path, "{}", UINT64_MAX, 0);
    REFUSE(folder, "header of 18446744073709551615 bytes");
    write_safetensors(path, "{}", UINT64_MAX - 7, 0);
    REFUSE(folder, "header of 18446744073709551608 bytes");
    write_safetensors(path, "{}", 100000001, 0);
    ck_assert_int_eq(truncate(path, 100000001 + 8), 0);
    REFUSE(folder, "header of 100000001 bytes", "at most 100000000");
}
END_TEST

START_TEST(test_deep_json) {
    enum { DEPTH = 1000000 };
    const char *folder = new_folder();
    char *header = malloc(2 * DEPTH + 1);
    memset(header, '[', DEPTH);
    memset(header + DEPTH, ']', DEPTH);
    header[2 * DEPTH] = 0;
    write_safetensors(path_of("%s/model.safetensors", folder), header, 2 * DEPTH, 0);
    REFUSE(folder, "header", "depth");
    memcpy(header, "{\"weight_map\":", 14);
    write_file(path_of("%s/model.safetensors", folder), header, 2 * DEPTH);
    REFUSE(folder, "header of");
    ck_assert_int_eq(remove(path_of("%s/model.safetensors", folder)), 0);
    write_file(path_of("%s/model.safetensors.index.json", folder), header, 2 * DEPTH);
    REFUSE(folder, "index.json", "depth");
    free(header);
}
END_TEST

/* Any order, padding behind the header, data that is not aligned, no elements at all. */
START_TEST(test_unusual_but_right) {
    lnt_error err = {""};
    const char *folder = new_folder();
    const char *header = "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]},\"__metadata__\":{},"
                         "\"none\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[2,2]},"
                         "\"a\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]}}      ";
    write_safetensors(path_of("%s/model.safetensors", folder), header, strlen(header), 6);
    checkpoint *c = checkpoint_open(folder, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    ck_assert_uint_eq(checkpoint_count(c), 3);
    float value[2] = {1, 1};
    for (size_t i = 0; i < 3; i++) {
        const checkpoint_tensor *t = checkpoint_at(c, i);
        ck_assert_int_eq(checkpoint_read_f32(c, t, 0, t->n_elements, value, &err), 0);
    }
    ck_assert(value[0] == 0 && value[1] == 1);
    checkpoint_close(c);
    write_safetensors(path_of("%s/model.safetensors", folder), "{}", 2, 0);
    ck_assert_ptr_nonnull(c = checkpoint_open(folder, &err));
    ck_assert_uint_eq(checkpoint_count(c), 0);
    ck_assert_ptr_null(checkpoint_find(c, "a"));
    checkpoint_close(c);
    checkpoint_close(NULL);
}
END_TEST

/* All 65,536 values of each of the short floats, against their definition. */
START_TEST(test_short_floats) {
    lnt_error err;
    const char *folder = new_folder();
    const char *header = "{\"f16\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]},"
                         "\"bf16\":{\"dtype\":\"BF16\",\"shape\":[65536],\"data_offsets\":[131072,262144]}}";
    size_t n;
    write_safetensors(path_of("%s/model.safetensors", folder), header, strlen(header), 262144);
    unsigned char *bytes = read_file(path_of("%s/model.safetensors", folder), &n);
    for (unsigned i = 0; i < 131072; i++) memcpy(bytes + 8 + strlen(header) + 2 * i, &(uint16_t){(uint16_t)i}, 2);
    write_file(path_of("%s/model.safetensors", folder), bytes, n);
    free(bytes);
    checkpoint *c = checkpoint_open(folder, &err);
    float *half = malloc(65536 * sizeof *half), *brain = malloc(65536 * sizeof *brain);
    ck_assert_int_eq(checkpoint_read_f32(c, checkpoint_find(c, "f16"), 0, 65536, half, &err), 0);
    ck_assert_int_eq(checkpoint_read_f32(c, checkpoint_find(c, "bf16"), 0, 65536, brain, &err), 0);
    for (int i = 0; i < 65536; i++) {
        int exponent = i >> 10 & 31, fraction = i & 1023;
        double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction,
                                                                                    -24), is = (double)half[i];
        if (exponent == 31) magnitude = fraction ? NAN : INFINITY;
        ck_assert_msg(isnan(magnitude) ? isnan(is) : fabs(is) == magnitude, "half 0x%04x is %g", (unsigned)i, is);
        ck_assert_msg(!signbit(half[i]) == !(i >> 15), "half 0x%04x has the wrong sign", (unsigned)i);
        uint32_t bits;
        memcpy(&bits, &brain[i], sizeof bits);
        ck_assert_uint_eq(bits, (uint32_t)i << 16);
    }
    free(half);
    free(brain);
    checkpoint_close(c);
}
END_TEST

/* ---- folders and indexes ---- */

START_TEST(test_no_folder) {
    const char *folder = new_folder();
    REFUSE(folder, "no weights", "model.safetensors", "pytorch_model.bin");
    REFUSE(path_of("%s/missing", folder), "No such file");
    write_file(path_of("%s/file", folder), "", 0);
    REFUSE(path_of("%s/file", folder), "not a folder");
    ck_assert_int_eq(symlink("nowhere", path_of("%s/model.safetensors", folder)), 0);
    REFUSE(folder, "model.safetensors", "No such file");
    ck_assert_int_eq(remove(path_of("%s/model.safetensors", folder)), 0);
    ck_assert_int_eq(mkdir(path_of("%s/model.safetensors", folder), 0700), 0);
    REFUSE(folder, "model.safetensors", "is a directory");
    ck_assert_int_eq(remove(path_of("%s/model.safetensors", folder)), 0);
    ck_assert_int_eq(mkfifo(path_of("%s/model.safetensors", folder), 0600), 0);
    REFUSE(folder, "model.safetensors", "not a regular file");
}
END_TEST

START_TEST(test_lfs_pointer) {
    static const char POINTER[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 548105171\n";
    const char *folder = new_folder();
    write_file(path_of("%s/model.safetensors", folder), POINTER, sizeof POINTER - 1);
    REFUSE(folder, "model.safetensors", "Git LFS");
    ck_assert_int_eq(rename(path_of("%s/model.safetensors", folder), path_of("%s/pytorch_model.bin", folder)), 0);
    REFUSE(folder, "pytorch_model.bin", "Git LFS");
}
END_TEST

#define ONE(name) H(T(name, "F32", "[1]", "[0,4]"))
#define TWO H(T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[4,8]"))
#define IN(a) "{\"weight_map\":{\"a\":\"" a "\"}}"
#define IN_BOTH(a, b) "{\"weight_map\":{\"a\":\"" a "\",\"b\":\"" b "\"}}"

static const struct index_lie {
    const char *index, *first, *second; /* the headers of 1.safetensors and 2.safetensors */
    const char *words[5];
} INDEX_LIES[] = {
    {IN_BOTH("1.safetensors", "2.safetensors"), ONE("a"), ONE("c"), {"2.safetensors", "'c'", "not in the index"}},
    {IN_BOTH("1.safetensors", "2.safetensors"), TWO, "{}", {"1.safetensors", "'b'", "expected it in '2.safetensors'"}},
    {IN_BOTH("1.safetensors", "2.safetensors"), TWO, ONE("b"),
     {"1.safetensors", "'b'", "expected it in '2.safetensors'"}},
    {IN_BOTH("1.safetensors", "2.safetensors"), ONE("a"), "{}", {"index.json", "'b'", "not in '2.safetensors'"}},
    {IN_BOTH("1.safetensors", "3.safetensors"), ONE("a"), "{}", {"3.safetensors", "No such file"}},
    {IN("../1.safetensors"), ONE("a"), "{}", {"index.json", "'a'", "'../1.safetensors'", "same folder"}},
    {IN("/etc/passwd"), ONE("a"), "{}", {"index.json", "'/etc/passwd'", "same folder"}},
    {IN(".."), ONE("a"), "{}", {"index.json", "'..'"}},
    {IN(""), ONE("a"), "{}", {"index.json", "''"}},
    {"{\"weight_map\":{\"a\":1}}", ONE("a"), "{}", {"index.json", "not a string"}},
    {"{\"weight_map\":[]}", ONE("a"), "{}", {"index.json", "weight_map"}},
    {"{\"metadata\":{}}", ONE("a"), "{}", {"index.json", "weight_map"}},
    {"{\"weight_map\":{\"a\":\"1.safetensors\",\"a\":\"2.safetensors\"}}", ONE("a"), "{}", {"index.json", "duplicate"}},
    {"{\"weight_map\":{\"a\":\"1.safetensors\"}", ONE("a"), "{}", {"index.json", "line 1"}},
    {"[]", ONE("a"), "{}", {"index.json", "not a JSON object"}},
};

START_TEST(test_index_lies) {
    const struct index_lie *lie = &INDEX_LIES[_i];
    const char *folder = new_folder(), *headers[] = {lie->first, lie->second};
    write_file(path_of("%s/model.safetensors.index.json", folder), lie->index, strlen(lie->index));
    for (int i = 0; i < 2; i++)
        write_safetensors(path_of("%s/%d.safetensors", folder, i + 1), headers[i], strlen(headers[i]),
                          !strcmp(headers[i], "{}") ? 0 : !strcmp(headers[i], TWO) ? 8 : 4);
    refuse(folder, lie->words);
}
END_TEST

/* safetensors before PyTorch's, a whole file before shards. */
START_TEST(test_preference) {
    static const char *const ORDER[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                        "pytorch_model.bin.index.json"};
    lnt_error err;
    const char *folder = new_folder();
    for (int i = 0; i < 4; i++) write_file(path_of("%s/%s", folder, ORDER[i]), "nothing that can be read", 24);
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_null(checkpoint_open(folder, &err));
        CHECK_ERROR(&err, path_of("%s/%s: ", folder, ORDER[i]));
        ck_assert_int_eq(remove(path_of("%s/%s", folder, ORDER[i])), 0);
    }
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("folders");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_golden, 0, sizeof FOLDERS / sizeof *FOLDERS);
    tcase_add_loop_test(t, test_lies, 0, sizeof LIES / sizeof *LIES);
    tcase_add_test(t, test_header_lengths);
    tcase_add_test(t, test_deep_json);
    tcase_add_test(t, test_unusual_but_right);
    tcase_add_test(t, test_short_floats);
    tcase_add_test(t, test_no_folder);
    tcase_add_test(t, test_lfs_pointer);
    tcase_add_loop_test(t, test_index_lies, 0, sizeof INDEX_LIES / sizeof *INDEX_LIES);
    tcase_add_test(t, test_preference);
    int rc = run_suite("checkpoint", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
