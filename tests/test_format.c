/* The format's promise: files of released format versions, tests/golden/v*, are opened by this version, are whole, and say and answer
   what their .json says: what inspect shows, the ids of a text, the pixels of a picture, and hashes of all outputs, to the bit. */
#include "tests/golden.h"
#include <dirent.h>
#include <jansson.h>

#define FOLDER LINNET_SOURCE_DIR "/tests/golden/v1"
static const char *const OUTPUTS[] = {"logits", "embedding", "pooled", "next_sentence"};
static const char *const TEXTS[] = {"The kings, thou art!  e\xcc\x81" "a\n\xff <mask> ab", "or he"};
enum { MAX_FILES = 64, MAX_IDS = 16, PICTURE_WIDTH = 23, PICTURE_HEIGHT = 19 };

static char files[MAX_FILES][64]; /* names without ".lnt" */
static int n_files;

static void find_files(void) {
    struct dirent **entries;
    int n = scandir(FOLDER, &entries, NULL, alphasort);
    for (int i = 0; i < n; free(entries[i++])) {
        size_t length = strlen(entries[i]->d_name);
        if (length > 4 && length < sizeof files[0] && !strcmp(entries[i]->d_name + length - 4, ".lnt") && n_files < MAX_FILES)
            memcpy(files[n_files++], entries[i]->d_name, length - 4);
    }
    if (n >= 0) free(entries);
}

/* ---- what a file says and answers, as JSON ---- */

static json_t *hash_json(const void *bytes, size_t n) {
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)XXH3_64bits(bytes, n));
    return json_string(text);
}

static json_t *inspected(const lnt_model *m) {
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    ck_assert_int_eq(lnt_describe(m, LNT_DESCRIBE_TENSORS | LNT_DESCRIBE_GRAPH | LNT_DESCRIBE_JSON, out, NULL), 0);
    fclose(out);
    json_t *o = json_loads(text, 0, NULL);
    ck_assert_msg(o && !json_object_del(o, "path"), "inspect says %s", text);
    free(text);
    return o;
}

static json_t *encoded(lnt_tokenizer *t, const char *pair) {
    lnt_encoding e;
    lnt_error err;
    if (lnt_encode(t, TEXTS[0], strlen(TEXTS[0]), pair, pair ? strlen(pair) : 0, 0, LNT_PLACES, &e, &err)) return json_null();
    json_t *rows = json_array();
    for (size_t i = 0; i < e.n; i++)
        json_array_append_new(rows, json_pack("[i, i, i, i]", e.ids[i], e.segments[i], (int)e.places[i].begin, (int)e.places[i].end));
    return rows;
}

static json_t *labels_of(const lnt_model *m, const lnt_info *info) {
    json_t *labels = json_array();
    for (uint32_t i = 0; i < info->n_labels; i++) json_array_append_new(labels, json_string(lnt_label(m, i)));
    return labels;
}

static json_t *pixels_json(const lnt_model *m, const lnt_info *info) {
    uint8_t bytes[PICTURE_HEIGHT * PICTURE_WIDTH * 3];
    lnt_image picture = {PICTURE_WIDTH, PICTURE_HEIGHT, bytes};
    lnt_error err;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + i / 69 * 11);
    size_t n = (size_t)info->n_channels * info->image_height * info->image_width;
    float *pixels = calloc(n, sizeof *pixels);
    ck_assert_msg(!lnt_image_pixels(m, &picture, 0, 0, pixels, &err), "%s", err.text);
    json_t *hash = hash_json(pixels, n * sizeof *pixels);
    free(pixels);
    return hash;
}

/* Hash of all rows of an output, for ids or an image that any model takes; NULL: it has no such output. */
static json_t *output_json(const lnt_model *m, const lnt_info *info, const char *output) {
    int32_t ids[MAX_IDS];
    uint8_t segments[MAX_IDS];
    lnt_error err;
    lnt_context_options o = {.n_threads = 1, .output = output, .n_outputs = MAX_IDS};
    lnt_context *c = lnt_context_new(m, &o, &err);
    if (!c) return NULL;
    size_t n = info->n_ctx < MAX_IDS ? info->n_ctx : MAX_IDS;
    float *pixels = info->n_channels ? golden_pixels(0, (size_t)info->n_channels * info->image_height * info->image_width) : NULL;
    for (size_t i = 0; i < n; i++) {
        ids[i] = info->vocab_size ? (int32_t)((i * i * 7 + 3) % info->vocab_size) : 0;
        segments[i] = (uint8_t)(info->n_segments ? i / 2 % info->n_segments : 0);
    }
    lnt_span span = {.ids = ids, .n_ids = n, .segments = segments, .all_outputs = true};
    if (pixels) span = (lnt_span){.pixels = pixels};
    ck_assert_msg(!lnt_eval(c, &span, 1, &err), "%s", err.text);
    ck_assert_uint_gt(lnt_output_rows(c), 0);
    json_t *hash = hash_json(lnt_output(c, 0), lnt_output_rows(c) * lnt_output_width(c) * sizeof(float));
    lnt_context_free(c);
    free(pixels);
    return hash;
}

static json_t *answers_of(const lnt_model *m) {
    lnt_info info;
    lnt_model_info(m, &info);
    json_t *o = json_object();
    if (info.has_tokenizer) {
        lnt_tokenizer *t = lnt_tokenizer_new(m, NULL);
        ck_assert_ptr_nonnull(t);
        json_object_set_new(o, "text", encoded(t, NULL));
        json_object_set_new(o, "pair", encoded(t, TEXTS[1]));
        lnt_tokenizer_free(t);
    }
    if (info.n_labels) json_object_set_new(o, "labels", labels_of(m, &info));
    if (info.has_preprocessing) json_object_set_new(o, "pixels", pixels_json(m, &info));
    json_object_set_new(o, "prompt", json_string(lnt_prompt(m, NULL)));
    for (size_t i = 0; i < sizeof OUTPUTS / sizeof *OUTPUTS; i++) {
        json_t *hash = output_json(m, &info, OUTPUTS[i]);
        if (hash) json_object_set_new(o, OUTPUTS[i], hash);
    }
    return o;
}

/* ---- comparing ---- */

/* A later version may say more than the file's JSON, never something else. Names what differs. */
static bool holds(const json_t *found, const json_t *expected, const char *where) {
    char part[256];
    if (json_is_object(expected)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)expected, key, value) {
            snprintf(part, sizeof part, "%s.%s", where, key);
            if (!holds(json_object_get(found, key), value, part)) return false;
        }
        return true;
    }
    if (json_is_array(expected) && json_array_size(found) == json_array_size(expected)) {
        for (size_t i = 0; i < json_array_size(expected); i++) {
            snprintf(part, sizeof part, "%s[%zu]", where, i);
            if (!holds(json_array_get(found, i), json_array_get(expected, i), part)) return false;
        }
        return true;
    }
    if (json_equal(found, expected)) return true;
    char *said = json_dumps(found, JSON_ENCODE_ANY), *wanted = json_dumps(expected, JSON_ENCODE_ANY);
    printf("%s is %s, expected %s\n", where, said ? said : "missing", wanted);
    free(said);
    free(wanted);
    return false;
}

static bool check_file(void *arg) {
    const char *name = arg;
    lnt_error err;
    lnt_model *m = lnt_open(path_of("%s/%s.lnt", FOLDER, name), &err);
    ck_assert_msg(m && !lnt_verify(m, &err), "%s", err.text);
    json_t *found = json_pack("{s:o, s:o}", "inspect", inspected(m), "answers", answers_of(m));
    json_t *expected = json_load_file(path_of("%s/%s.json", FOLDER, name), 0, NULL);
    if (!expected) { /* of a new file */
        printf("%s.json is missing; this version says\n", name);
        json_dumpf(found, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        puts("");
    }
    bool right = expected && holds(found, expected, name);
    fflush(stdout);
    json_decref(found);
    json_decref(expected);
    lnt_close(m);
    return right;
}

START_TEST(test_here) { ck_assert(check_file(files[_i])); }
END_TEST

START_TEST(test_scalar) { ck_assert(run_at_level("scalar", check_file, files[_i])); }
END_TEST

/* None may get lost. */
START_TEST(test_all_there) { ck_assert_int_ge(n_files, 11); }
END_TEST

int main(void) {
    find_files();
    TCase *t = tcase_create("v1");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_all_there);
    tcase_add_loop_test(t, test_here, 0, n_files);
    tcase_add_loop_test(t, test_scalar, 0, n_files);
    return run_suite("format", (TCase *const[]){t, NULL});
}
