/* Who uses the pool, several at a time: contexts over one model and over two, batchers over one model, an index that is written
   while others search it; each in a thread of its own, with threads of its own. Every answer has the bits it has alone.
   LINNET_TEST_SECONDS: the index is searched for a quarter of it. */
#include "tests/indexing.h"
#include "tests/matrix.h"
#include <pthread.h>
#include <time.h>

enum { USERS = 4 };

/* ---- contexts ---- */

typedef struct user {
    pthread_t thread;
    const subject *subject;
    cell cell;
    lnt_error err;
    bool ok;
} user;

static void *use(void *arg) {
    user *u = arg;
    size_t bytes = u->subject->at[SEQUENCES] * sizeof(float);
    float *answer = malloc(bytes);
    u->ok = answer && evaluate_cell(u->subject, &u->cell, answer, &u->err) && !memcmp(answer, u->subject->reference, bytes);
    free(answer);
    return NULL;
}

/* User i has subject i, or in its second half the first ones again. */
static void use_together(const subject *subjects, size_t n_subjects) {
    user users[USERS];
    for (size_t i = 0; i < USERS; i++) {
        users[i] = (user){.subject = &subjects[i % n_subjects], .cell = {kernels_best(), 1 + (uint32_t)i, i % 2 ? PACKED : ALONE, PIECES[i]}};
        ck_assert_int_eq(pthread_create(&users[i].thread, NULL, use, &users[i]), 0);
    }
    for (size_t i = 0; i < USERS; i++) {
        pthread_join(users[i].thread, NULL);
        ck_assert_msg(users[i].ok, "user %zu: other bits %s", i, users[i].err.text);
    }
}

static subject golden_subject(const char *name, const char *type) {
    return subject_of(name, golden_model("gpt2", name, type), &(lnt_context_options){0}, (const size_t[SEQUENCES]){70, 17, 1});
}

START_TEST(test_one_model) {
    subject s = golden_subject("sharded-silu", "q8");
    use_together(&s, 1);
    free_subject(&s);
}
END_TEST

START_TEST(test_two_models) {
    subject s[2] = {golden_subject("sharded-silu", "q4"), golden_subject("untied-gelu", "f32")};
    use_together(s, 2);
    free_subject(&s[0]);
    free_subject(&s[1]);
}
END_TEST

/* ---- batchers ---- */

enum { TEXTS = 40, EMBEDDING = 384 };
static const char TEXT[] = "What is the weather like in the mountains today, and will there be snow at the pass tomorrow?";

typedef struct embedder {
    pthread_t thread;
    const lnt_model *model;
    uint32_t n_threads;
    float rows[TEXTS][EMBEDDING];
    bool ok;
} embedder;

static void keep_row(void *user, const lnt_text_result *r) { memcpy(((embedder *)user)->rows[r->index], r->rows[0], EMBEDDING * sizeof(float)); }

static void *embed(void *arg) {
    embedder *e = arg;
    lnt_text texts[TEXTS];
    for (size_t i = 0; i < TEXTS; i++) texts[i] = (lnt_text){.text = TEXT, .n_bytes = i * 11 % sizeof TEXT};
    lnt_batcher *b = lnt_batcher_new(e->model, &(lnt_batcher_options){.n_threads = e->n_threads, .n_batch = 64}, NULL);
    e->ok = b && lnt_batcher_width(b) == EMBEDDING && !lnt_batcher_run(b, texts, TEXTS, keep_row, e, NULL) && !lnt_batcher_run(b, texts, 1, keep_row, e, NULL);
    lnt_batcher_free(b);
    return NULL;
}

START_TEST(test_batchers) {
    static embedder alone, together[USERS];
    open_model();
    alone = (embedder){.model = model, .n_threads = 1};
    embed(&alone);
    for (uint32_t i = 0; i < USERS; i++) {
        together[i] = (embedder){.model = model, .n_threads = 1 + i};
        ck_assert_int_eq(pthread_create(&together[i].thread, NULL, embed, &together[i]), 0);
    }
    for (int i = 0; i < USERS; i++) {
        pthread_join(together[i].thread, NULL);
        ck_assert(together[i].ok);
        ck_assert_mem_eq(together[i].rows, alone.rows, sizeof alone.rows);
    }
    lnt_close(model);
}
END_TEST

/* ---- an index ---- */

enum { STEP = 12, STEPS = 20, ALL = STEP * STEPS };
static float vectors[ALL][DIMS];
static uint32_t committed; /* documents that every reader who opens the index now must find */

typedef struct reader {
    pthread_t thread;
    const char *folder;
    time_t end;
    uint64_t searches;
    lnt_error err; /* "": none */
} reader;

/* The document that has the vector is found first. */
static bool search(lnt_index *index, uint32_t number, lnt_error *err) {
    lnt_query q = {.vector = vectors[number]};
    lnt_hit hits[3];
    lnt_document d;
    size_t n;
    char word[40];
    if (lnt_index_search(index, &q, 1, &(lnt_search_options){.mode = "dense", .top = 3}, hits, &n, err)) return false;
    if (!n || lnt_index_document(index, hits[0].document, &d, err)) return snprintf(err->text, sizeof err->text, "%zu hits for document %u", n, number), false;
    snprintf(word, sizeof word, "Text number%u of", number);
    if (!strncmp(d.text, word, strlen(word))) return true;
    return snprintf(err->text, sizeof err->text, "'%s' instead of document %u", d.text, number), false;
}

static void *read_index(void *arg) {
    reader *r = arg;
    while (!r->err.text[0] && (time(NULL) < r->end || __atomic_load_n(&committed, __ATOMIC_ACQUIRE) < ALL)) {
        uint32_t n = __atomic_load_n(&committed, __ATOMIC_ACQUIRE);
        lnt_index *index = lnt_index_open(r->folder, &(lnt_index_options){.model = model, .n_threads = 2}, &r->err);
        for (uint32_t i = 0; index && i < 20 && search(index, (uint32_t)(mixed(r->searches) % n), &r->err); i++) r->searches++;
        lnt_index_close(index);
    }
    return NULL;
}

static void commit_step(lnt_index *index, uint32_t step) {
    char path[32];
    snprintf(path, sizeof path, "file-%u", step);
    add_source(index, path, STEP, step * STEP);
    OK(lnt_index_commit(index, &err));
    __atomic_store_n(&committed, (step + 1) * STEP, __ATOMIC_RELEASE);
}

START_TEST(test_searching_while_writing) {
    const char *folder = folder_of("index"), *seconds = getenv("LINNET_TEST_SECONDS");
    reader readers[USERS - 1] = {0};
    open_model();
    for (uint32_t i = 0; i < ALL; i++) memcpy(vectors[i], vector_of(i), sizeof *vectors);
    lnt_index *index = open_index(folder, true, "int8");
    commit_step(index, 0);
    for (int i = 0; i < USERS - 1; i++) {
        readers[i] = (reader){.folder = folder, .end = time(NULL) + (seconds ? atol(seconds) / 4 : 1), .searches = (uint64_t)i << 32};
        ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, read_index, &readers[i]), 0);
    }
    for (uint32_t step = 1; step < STEPS; step++) commit_step(index, step);
    OK(lnt_index_compact(index, &err));
    for (int i = 0; i < USERS - 1; i++) {
        pthread_join(readers[i].thread, NULL);
        ck_assert_msg(!readers[i].err.text[0], "%s", readers[i].err.text);
        ck_assert_uint_gt(readers[i].searches & UINT32_MAX, 0);
    }
    lnt_index_close(index);
    lnt_close(model);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("users");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, test_one_model);
    tcase_add_test(t, test_two_models);
    tcase_add_test(t, test_batchers);
    tcase_add_test(t, test_searching_while_writing);
    int rc = run_suite("pool users", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
