/* One answer: the same logits, bit for bit, at every instruction set level, with any number of threads, however a prompt
   is cut and whatever it is packed with. The reference is the scalar level with one thread and the prompt in one piece. */
#include "tests/golden.h"
#include <pthread.h>

enum { TOKENS = 75, SEQUENCES = 3 };

typedef struct run {
    const char *path;
    uint32_t n_threads, n_batch;
    size_t chunk; /* tokens an evaluation; 0: all */
    bool packed;  /* beside two other sequences of other lengths */
    float *out;   /* [TOKENS][vocabulary] */
} run;

static const char *file_of(const char *name) {
    static char path[512];
    if (name[0] == '@') snprintf(path, sizeof path, "%s/models/%s", LINNET_SOURCE_DIR, name + 1);
    else snprintf(path, sizeof path, "%s/%s.lnt", test_folder, name);
    return path;
}

static void make_ids(int32_t *ids, size_t n, uint32_t vocab, uint32_t seed) {
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        ids[i] = (int32_t)((seed >> 8) % vocab);
    }
}

static bool evaluate(void *arg) {
    const run *r = arg;
    lnt_error err;
    lnt_info info;
    lnt_model *m = lnt_open(r->path, &err);
    if (!m) return fprintf(stderr, "%s\n", err.text), false;
    lnt_model_info(m, &info);
    lnt_context_options o = {.n_threads = r->n_threads, .n_batch = r->n_batch, .n_sequences = SEQUENCES, .n_outputs = TOKENS + 64};
    lnt_context *c = lnt_context_new(m, &o, &err);
    if (!c) return fprintf(stderr, "%s\n", err.text), false;
    int32_t ids[SEQUENCES][TOKENS];
    for (uint32_t s = 0; s < SEQUENCES; s++) make_ids(ids[s], TOKENS, info.vocab_size, s + 1);
    size_t chunk = r->chunk ? r->chunk : TOKENS, others = 0;
    for (size_t at = 0; at < TOKENS; at += chunk) {
        size_t n = TOKENS - at < chunk ? TOKENS - at : chunk;
        lnt_span spans[SEQUENCES] = {{.sequence = 2, .ids = ids[1] + others, .n_ids = 3, .all_outputs = true},
                                     {.sequence = 1, .ids = ids[0] + at, .n_ids = n, .all_outputs = true},
                                     {.sequence = 0, .ids = ids[2] + at, .n_ids = n, .no_outputs = true}};
        size_t first = r->packed ? 0 : 1, rows = r->packed ? 3 : 0;
        if (lnt_eval(c, spans + first, r->packed ? SEQUENCES : 1, &err)) return fprintf(stderr, "%s\n", err.text), false;
        for (size_t i = 0; i < n; i++) memcpy(r->out + (at + i) * info.vocab_size, lnt_output(c, rows + i), info.vocab_size * sizeof(float));
        others = (others + 3) % (TOKENS - 3);
    }
    lnt_context_free(c);
    lnt_close(m);
    return true;
}

static const struct model {
    const char *name, *checkpoint, *type;
} MODELS[] = {{"f32", "untied-gelu", "f32"},   {"f16", "sharded-silu", "f16"}, {"q8", "sharded-silu", "q8"},     {"q4", "sharded-silu", "q4"},
              {"q8b", "torch-tanh", "q8"},     {"q4b", "tied-f16", "q4"},      {"f32b", "bare-bf16-relu", "f32"}, {"@shakespeare/shakespeare.lnt", NULL, NULL}};
enum { N_MODELS = sizeof MODELS / sizeof *MODELS };

static bool convert_all(void *unused) {
    (void)unused;
    lnt_error err;
    for (int i = 0; i < N_MODELS; i++) {
        lnt_convert_options o = {.type = MODELS[i].type};
        if (MODELS[i].checkpoint && lnt_convert(path_of("%s/tests/golden/gpt2/%s", LINNET_SOURCE_DIR, MODELS[i].checkpoint), file_of(MODELS[i].name), &o, &err))
            return fprintf(stderr, "%s\n", err.text), false;
    }
    return true;
}

static size_t vocabulary_of(const char *path) {
    lnt_error err;
    lnt_info info;
    lnt_model *m = lnt_open(path, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    lnt_model_info(m, &info);
    lnt_close(m);
    return info.vocab_size;
}

static void expect_same(const char *level, run r, const float *reference, size_t n) {
    memset(r.out, 0xff, n * sizeof(float));
    ck_assert_msg(run_at_level(level, evaluate, &r), "%s fails at %s", r.path, level);
    ck_assert_msg(!memcmp(r.out, reference, n * sizeof(float)), "%s: other bits at %s, %u threads, batches of %u, parts of %zu%s", r.path, level,
                  r.n_threads, r.n_batch, r.chunk, r.packed ? ", packed" : "");
}

START_TEST(test_every_way_gives_the_same_bits) {
    static const struct {
        uint32_t n_threads, n_batch;
        size_t chunk;
        bool packed;
    } WAYS[] = {{1, 512, 0, false}, {2, 512, 0, false}, {3, 512, 0, false}, {5, 512, 0, false}, {1, 512, 1, false}, {2, 512, 1, false}, {5, 512, 1, true},
                {2, 512, 7, false}, {3, 512, 17, true}, {2, 5, 0, false},   {1, 16, 0, true},   {3, 512, 0, true},  {2, 512, 2, true},  {1, 33, 31, false}};
    const struct model *model = &MODELS[_i];
    const char *path = file_of(model->name);
    size_t n = TOKENS * vocabulary_of(path);
    float *out = shared_memory(2 * n * sizeof(float)), *reference = out + n;
    run r = {.path = path, .n_threads = 1, .n_batch = 512, .out = reference};
    ck_assert(run_at_level("scalar", evaluate, &r));
    for (size_t i = 1; i < n; i++) ck_assert_msg(reference[i] - reference[i] == 0, "logit %zu is not finite", i);
    if (!model->checkpoint) expect_hash("shakespeare", reference, n);
    for (const char *const *level = lnt_cpu_levels(); *level; level++)
        for (size_t w = 0; w < sizeof WAYS / sizeof *WAYS; w++) {
            if (!strcmp(*level, "scalar") && !model->checkpoint && w > 3) continue; /* the shipped model takes a second each */
            expect_same(*level, (run){path, WAYS[w].n_threads, WAYS[w].n_batch, WAYS[w].chunk, WAYS[w].packed, out}, reference, n);
        }
}
END_TEST

/* Several contexts over one model, each from a thread of its own. */
typedef struct user {
    pthread_t thread;
    const lnt_model *model;
    float *last;
    size_t n_vocab;
    bool ok;
} user;

static void *use(void *arg) {
    user *u = arg;
    int32_t ids[TOKENS];
    make_ids(ids, TOKENS, (uint32_t)u->n_vocab, 1);
    lnt_context_options o = {.n_threads = 2};
    lnt_context *c = lnt_context_new(u->model, &o, NULL);
    lnt_span span = {.ids = ids, .n_ids = TOKENS};
    u->ok = c && !lnt_eval(c, &span, 1, NULL);
    if (u->ok) memcpy(u->last, lnt_output(c, 0), u->n_vocab * sizeof(float));
    lnt_context_free(c);
    return NULL;
}

START_TEST(test_contexts_in_several_threads) {
    enum { USERS = 4 };
    lnt_error err;
    lnt_model *m = lnt_open(file_of("q8"), &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    lnt_info info;
    lnt_model_info(m, &info);
    user users[USERS];
    for (int i = 0; i < USERS; i++) {
        users[i] = (user){.model = m, .n_vocab = info.vocab_size, .last = calloc(info.vocab_size, sizeof(float))};
        ck_assert_int_eq(pthread_create(&users[i].thread, NULL, use, &users[i]), 0);
    }
    for (int i = 0; i < USERS; i++) pthread_join(users[i].thread, NULL);
    for (int i = 0; i < USERS; i++) {
        ck_assert(users[i].ok);
        ck_assert_mem_eq(users[i].last, users[0].last, info.vocab_size * sizeof(float));
        if (i) free(users[i].last);
    }
    free(users[0].last);
    lnt_close(m);
}
END_TEST

int main(void) {
    make_test_folder();
    bool ok = run_at_level(NULL, convert_all, NULL);
    TCase *ways = tcase_create("ways"), *threads = tcase_create("threads");
    tcase_set_timeout(ways, 300);
    tcase_add_loop_test(ways, test_every_way_gives_the_same_bits, 0, N_MODELS);
    tcase_add_test(threads, test_contexts_in_several_threads);
    int rc = ok ? run_suite("identity", (TCase *const[]){ways, threads, NULL}) : 1;
    remove_test_folder();
    return rc;
}
