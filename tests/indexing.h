/* What tests of an index share: a model for its hash, made-up documents with made-up vectors. */
#ifndef LNT_TESTS_INDEXING_H
#define LNT_TESTS_INDEXING_H
#include "tests/testing.h"
#include <math.h>
#include <stdio.h>

enum { DIMS = 24 };

static lnt_model *model;

/* Folders of a test, which stay where path_of's take turns. */
__attribute__((format(printf, 1, 2))) static inline const char *folder_of(const char *format, ...) {
    static char folders[16][256];
    static int turn;
    char *p = folders[turn++ % 16];
    va_list list;
    va_start(list, format);
    int n = snprintf(p, sizeof folders[0], "%s/", test_folder);
    vsnprintf(p + n, sizeof folders[0] - (size_t)n, format, list);
    va_end(list);
    return p;
}

static inline void open_model(void) {
    lnt_error err;
    model = lnt_open(LINNET_SOURCE_DIR "/models/sentences/sentences.lnt", &err);
    if (!model) fprintf(stderr, "%s\n", err.text), exit(1);
}

/* Of any length, the same for the same number. */
static inline const float *vector_of(uint32_t number) {
    static float v[4][DIMS];
    static int turn;
    float *out = v[turn++ % 4];
    uint32_t state = number * 2654435761u + 12345;
    for (int i = 0; i < DIMS; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (float)((int32_t)(state >> 8) - (1 << 23)) / (float)(1 << 20);
    }
    return out;
}

static inline lnt_index *open_index(const char *folder, bool write, const char *vectors) {
    lnt_error err = {""};
    lnt_index_options o = {.write = write, .model = model, .vectors = write ? vectors : NULL, .dims = write ? DIMS : 0, .n_threads = 2};
    lnt_index *index = lnt_index_open(folder, &o, &err);
    ck_assert_msg(index != NULL, "%s", err.text);
    return index;
}

static inline void refuse_to_open(const char *folder, bool write, lnt_error *err) {
    lnt_index_options o = {.write = write, .model = model};
    lnt_index *index = lnt_index_open(folder, &o, err);
    ck_assert_msg(index == NULL, "%s was opened", folder);
}

#define OK(call)                                          \
    do {                                                  \
        lnt_error err = {""};                             \
        ck_assert_msg((call) == 0, "%s: %s", #call, err.text); \
    } while (0)

static inline lnt_source source_of(const char *path, uint64_t n_records) {
    return (lnt_source){.path = path, .bytes = 100 * n_records, .modified = (int64_t)n_records * 1000, .hash = {1, 2, 3}, .n_records = n_records, .complete = true};
}

/* Document i of a file: its words say where it is from. */
static inline void add_document(lnt_index *index, const char *path, uint32_t i, uint32_t number) {
    char text[200], metadata[100];
    snprintf(text, sizeof text, "Text number%u of %s, word%u word%u common", number, path, number % 7, number % 31);
    snprintf(metadata, sizeof metadata, "{\"number\": %u, \"kind\": \"%s\", \"at\": {\"row\": %u}}", number, number % 2 ? "odd" : "even", i);
    lnt_document d = {.path = path, .text = text, .n_bytes = strlen(text), .line = i + 1, .begin = 10 * i, .end = 10 * i + 9, .metadata = metadata};
    OK(lnt_index_add(index, &d, vector_of(number), i + 1, &err));
}

/* A source of n documents numbered from `first`. */
static inline void add_source(lnt_index *index, const char *path, uint32_t n, uint32_t first) {
    lnt_source s = source_of(path, n);
    OK(lnt_index_begin_source(index, &s, false, &err));
    for (uint32_t i = 0; i < n; i++) add_document(index, path, i, first + i);
    OK(lnt_index_end_source(index, &s, &err));
}

static inline lnt_index_info info_of(lnt_index *index) {
    lnt_index_info info;
    OK(lnt_index_get_info(index, &info, &err));
    return info;
}

/* One query's hits; their number. */
static inline size_t find(lnt_index *index, const char *mode, const char *text, const float *vector, uint32_t top, const lnt_filter *filters, size_t n_filters,
                          lnt_hit *hits) {
    lnt_query q = {text, text ? strlen(text) : 0, vector};
    lnt_search_options o = {.mode = mode, .top = top, .filters = filters, .n_filters = n_filters};
    size_t n = 0;
    OK(lnt_index_search(index, &q, 1, &o, hits, &n, &err));
    ck_assert_uint_le(n, top);
    return n;
}

/* The "number" in the text of a document. */
static inline uint32_t number_of(lnt_index *index, int64_t id) {
    lnt_document d;
    unsigned number;
    OK(lnt_index_document(index, id, &d, &err));
    ck_assert_int_eq(sscanf(d.text, "Text number%u", &number), 1);
    return number;
}
#endif
