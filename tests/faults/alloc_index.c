/* An index: made, changed, made smaller, checked and searched; and rankings judged. */
#include "search/evaluate.h"
#include "tests/faults/alloc_scenarios.h"

enum { DIMS = 20, DOCUMENTS = 40, TOP = 6 };

typedef struct indexer {
    lnt_model *model;
    lnt_index *index;
} indexer;

static void vector_of(uint32_t number, float *v) {
    uint32_t state = number * 2654435761u + 12345;
    for (int i = 0; i < DIMS; i++) {
        state = state * 1664525u + 1013904223u;
        v[i] = (float)((int32_t)(state >> 8) - (1 << 23)) / (float)(1 << 20);
    }
}

static int add(lnt_index *index, const char *path, uint32_t i, uint32_t number, lnt_error *err) {
    char text[200], metadata[100];
    float vector[DIMS];
    vector_of(number, vector);
    snprintf(text, sizeof text, "Text number%u of %s, word%u word%u common", number, path, number % 7, number % 31);
    snprintf(metadata, sizeof metadata, "{\"number\": %u, \"kind\": \"%s\"}", number, number % 2 ? "odd" : "even");
    lnt_document d = {.path = path, .text = text, .n_bytes = strlen(text), .line = i + 1, .begin = 10 * i, .end = 10 * i + 9, .metadata = metadata};
    return lnt_index_add(index, &d, vector, i + 1, err);
}

static int add_source(lnt_index *index, const char *path, uint32_t n, uint32_t first, lnt_error *err) {
    lnt_source s = {.path = path, .bytes = 100, .modified = 1000, .hash = {1, 2, 3}, .n_records = n, .complete = true};
    if (lnt_index_begin_source(index, &s, false, err)) return -1;
    for (uint32_t i = 0; i < n; i++)
        if (add(index, path, i, first + i, err)) return -1;
    return lnt_index_end_source(index, &s, err);
}

static int open_indexer(indexer *x, bool write, const char *vectors, lnt_error *err) {
    lnt_index_options o = {.write = write, .vectors = vectors, .dims = write ? DIMS : 0, .n_threads = 1};
    if (write && !(x->model = lnt_open(FIXTURE("sentence.lnt"), err))) return -1;
    o.model = x->model;
    x->index = lnt_index_open(write ? OUTPUT("index") : FIXTURE("index"), &o, err);
    return x->index ? 0 : -1;
}

static void close_indexer(indexer *x) {
    lnt_index_close(x->index);
    lnt_close(x->model);
}

/* ---- searching ---- */

static int search_for(lnt_index *index, const char *mode, const lnt_filter *filter, uint64_t *digest, lnt_error *err) {
    static const char *const WORDS[] = {"common word3", "number7 OR \"text", "nothing"};
    float vectors[3][DIMS];
    lnt_query q[3];
    lnt_hit hits[3 * TOP];
    size_t n[3];
    lnt_document d;
    for (uint32_t i = 0; i < 3; i++) {
        vector_of(i + 3, vectors[i]);
        q[i] = (lnt_query){WORDS[i], strlen(WORDS[i]), vectors[i]};
    }
    lnt_search_options o = {.mode = mode, .top = TOP, .filters = filter, .n_filters = filter ? 1 : 0};
    if (TRY_AGAIN(lnt_index_search(index, q, 3, &o, hits, n, err))) return -1;
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < n[i]; k++) {
            if (TRY_AGAIN(lnt_index_document(index, hits[i * TOP + k].document, &d, err))) return -1;
            mix(digest, d.text, d.n_bytes);
            mix(digest, &hits[i * TOP + k].score, sizeof(double));
        }
    return 0;
}

static int search_all(lnt_index *index, uint64_t *digest, lnt_error *err) {
    static const lnt_filter KIND = {"kind", "odd"}, PATH = {"path", "b"};
    lnt_source s;
    uint64_t all = 0;
    for (const char *const *mode = (const char *const[]){"dense", "text", "hybrid", NULL}; *mode; mode++)
        if (search_for(index, *mode, NULL, &all, err) || search_for(index, *mode, &KIND, &all, err) || search_for(index, *mode, &PATH, &all, err)) return -1;
    if (TRY_AGAIN(lnt_index_find_source(index, "b.txt", &s, err) != 1) || TRY_AGAIN(lnt_index_next_source(index, "", &s, err) != 1)) return -1;
    *digest = all;
    return 0;
}

static int search(uint64_t *digest, lnt_error *err) {
    indexer x = {0};
    int rc = open_indexer(&x, false, NULL, err) || search_all(x.index, digest, err) ? -1 : 0;
    close_indexer(&x);
    return rc;
}

static int check(uint64_t *digest, lnt_error *err) {
    indexer x = {0};
    lnt_index_info info;
    int rc = open_indexer(&x, false, NULL, err) || TRY_AGAIN(lnt_index_check(x.index, err)) || TRY_AGAIN(lnt_index_get_info(x.index, &info, err)) ? -1 : 0;
    if (!rc) mix(digest, &info.n_documents, sizeof info.n_documents);
    close_indexer(&x);
    return rc;
}

/* ---- writing: what a reader finds afterwards is the number ---- */

static int read_back(lnt_index *index, uint64_t *digest, lnt_error *err) {
    lnt_index_info info;
    if (lnt_index_check(index, err) || lnt_index_get_info(index, &info, err)) return -1;
    mix(digest, &info.n_documents, sizeof info.n_documents);
    return search_for(index, "hybrid", NULL, digest, err);
}

static int make_with(const char *vectors, uint64_t *digest, lnt_error *err) {
    indexer x = {0};
    int rc = open_indexer(&x, true, vectors, err) || add_source(x.index, "a.txt", DOCUMENTS, 0, err) || add_source(x.index, "b.txt", 9, 1000, err) ||
                     lnt_index_commit(x.index, err) || read_back(x.index, digest, err) ? -1 : 0;
    close_indexer(&x);
    return rc;
}
static int make(uint64_t *digest, lnt_error *err) { return make_with("int8", digest, err); }
static int make_binary(uint64_t *digest, lnt_error *err) { return make_with("binary", digest, err); }

static int change(uint64_t *digest, lnt_error *err) {
    indexer x = {0};
    lnt_source touched = {.path = "b.txt", .bytes = 100, .modified = 2000, .hash = {1, 2, 3}, .n_records = 9, .complete = true};
    int rc = open_indexer(&x, true, NULL, err) || add_source(x.index, "a.txt", 7, 500, err) || lnt_index_touch_source(x.index, &touched, err) ||
                     lnt_index_commit(x.index, err) || lnt_index_remove_source(x.index, "c.txt", err) || lnt_index_commit(x.index, err) ||
                     read_back(x.index, digest, err) ? -1 : 0;
    close_indexer(&x);
    return rc;
}

static int compact(uint64_t *digest, lnt_error *err) {
    indexer x = {0};
    int rc = open_indexer(&x, true, NULL, err) || lnt_index_remove_source(x.index, "a.txt", err) || lnt_index_commit(x.index, err) ||
                     lnt_index_compact(x.index, err) || read_back(x.index, digest, err) ? -1 : 0;
    close_indexer(&x);
    return rc;
}

/* ---- judging ---- */

static int evaluate(uint64_t *digest, lnt_error *err) {
    static const evaluate_judgement JUDGED[] = {{"q1", "a", 2}, {"q1", "b", 1}, {"q2", "c", 1}};
    evaluation *e = evaluation_new(JUDGED, 3, &(evaluate_options){10, 10}, err);
    evaluate_scores mean;
    int rc = e && !TRY_AGAIN(evaluation_add(e, "q1", (const char *const[]){"x", "b", "a"}, 3, NULL, err)) && !TRY_AGAIN(evaluation_add(e, "q2", (const char *const[]){"c"}, 1, NULL, err)) ? 0 : -1;
    if (!rc) {
        evaluation_mean(e, &mean);
        mix(digest, &mean.ndcg, sizeof mean.ndcg);
    }
    evaluation_free(e);
    return rc;
}

/* With three sources, and rows of documents that are gone. */
void prepare_index(void) {
    lnt_error e, *err = &e;
    indexer x = {0};
    ck_assert_int_eq(system(path_of("rm -rf '%s/out' && mkdir '%s/out'", fixtures, fixtures)), 0);
    bool made = !open_indexer(&x, true, "int8", err) && !add_source(x.index, "a.txt", DOCUMENTS, 0, err) && !add_source(x.index, "b.txt", 9, 1000, err) &&
                !add_source(x.index, "c.txt", 5, 2000, err) && !lnt_index_commit(x.index, err) && !add_source(x.index, "c.txt", 6, 3000, err) && !lnt_index_commit(x.index, err);
    ck_assert_msg(made, "%s", err->text);
    close_indexer(&x);
    ck_assert_int_eq(system(path_of("cp -R '%s/out/index' '%s/index'", fixtures, fixtures)), 0);
}

const scenario index_scenarios[] = {
    {"index: make", make, NULL, false},      {"index: make, binary", make_binary, NULL, false}, {"index: change", change, "index", false}, {"index: compact", compact, "index", false},
    {"index: check", check, NULL, false},    {"index: search", search, NULL, false},              {"evaluate", evaluate, NULL, false},       {0}};
