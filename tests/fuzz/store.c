/* fuzz: max_len=24576 weight=4 cases=60 */
/* The database of an index, beside files of vectors that are good: opened, searched, read, checked. An input is documents.db. */
#define _GNU_SOURCE
#include "search/vectors.h"
#include "tests/fuzz/folder.h"
#include <math.h>

enum { DIMS = 4, TOP = 20 };
static const unsigned char ID[VECTORS_ID] = "sixteen bytes id";

/* One group of rows in a file of its own generation for each kind. */
static void make_vectors(const char *name, vectors_type type) {
    float rows[VECTORS_GROUP * DIMS];
    char path[512];
    vectors_file f;
    lnt_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) rows[i] = (float)((int)(i * 29 % 31) - 15) / 16;
    snprintf(path, sizeof path, "%s/%s", fuzz_folder, name);
    if (vectors_create(path, type, DIMS, ID, &err) || vectors_open(&f, path, ID, 0, true, &err) || vectors_write_group(&f, 0, rows, &err))
        fprintf(stderr, "%s\n", err.text), exit(1);
    vectors_close(&f);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    folder_make();
    make_vectors("vectors-1.lnv", VECTORS_INT8);
    make_vectors("vectors-2.lnv", VECTORS_F32);
    make_vectors("vectors-3.lnv", VECTORS_INT8);
    make_vectors("bits-3.lnv", VECTORS_BITS);
    return 0;
}

static void search(lnt_index *index, uint32_t dims, const lnt_filter *filters, size_t n_filters) {
    static const char TEXT[] = "word common first second";
    lnt_hit hits[TOP];
    lnt_document d;
    lnt_error err = {""};
    size_t n = 0;
    float *vector = malloc(dims * sizeof *vector);
    if (!vector) exit(1);
    for (uint32_t i = 0; i < dims; i++) vector[i] = (float)(i % 5) - 2;
    lnt_query q = {TEXT, sizeof TEXT - 1, vector};
    lnt_search_options o = {.top = TOP, .filters = filters, .n_filters = n_filters};
    if (lnt_index_search(index, &q, 1, &o, hits, &n, &err)) FUZZ_CHECK(fuzz_is_error(&err));
    else FUZZ_CHECK(n <= TOP);
    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(!isnan(hits[i].score));
        if (lnt_index_document(index, hits[i].document, &d, &err)) FUZZ_CHECK(fuzz_is_error(&err));
        else FUZZ_CHECK(d.text && strlen(d.path) < 1 << 20 && (!d.metadata || strlen(d.metadata) < 1 << 20));
    }
    free(vector);
}

static void read_all(lnt_index *index) {
    static const lnt_filter FILTERS[] = {{"kind", "odd"}, {"path", "a"}};
    lnt_index_info info;
    lnt_error err = {""};
    lnt_source s = {.path = ""};
    if (lnt_index_get_info(index, &info, &err)) FUZZ_CHECK(fuzz_is_error(&err));
    else
        for (size_t n = 0; n < 3; n++) search(index, info.dims, FILTERS + n / 2, n ? 1 : 0);
    for (int i = 0; i < 10 && lnt_index_next_source(index, s.path, &s, &err) > 0; i++) continue;
    if (lnt_index_check(index, &err)) FUZZ_CHECK(fuzz_is_error(&err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lnt_error err = {""};
    folder_write("documents.db", data, size);
    lnt_index *index = lnt_index_open(fuzz_folder, &(lnt_index_options){.n_threads = 1}, &err);
    if (index) read_all(index);
    else FUZZ_CHECK(fuzz_is_error(&err));
    lnt_index_close(index);
    folder_delete("documents.db-wal");
    folder_delete("documents.db-shm");
    folder_delete("documents.db-journal");
    return 0;
}
