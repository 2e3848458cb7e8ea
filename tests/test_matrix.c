/* The bit-identity matrix: {every level of this CPU} x {1, 2, 3, 5, 8 threads} x {alone, packed with others, in any order} x
   {in one piece, in pieces of 1, 7, 64 tokens} gives the same bits, for every model that ships, models that the converter makes and
   models of random shape; the same text is sampled at every level by any number of threads; and a kernel that sums in another
   order is noticed (matrix_mutants.h).
   Cells are drawn: LINNET_TEST_CASES=N, so many of each model and level (60 are all); but those of models that ship are compared all
   at every level but the scalar one, which is slow (with a sanitizer some). LINNET_TEST_SECONDS: how long random models are drawn.
   LINNET_TEST_SEED: where drawing starts; otherwise the clock says it. */
#include "tests/matrix_models.h"
#include "tests/matrix_mutants.h"
#include <time.h>

/* Cells of each model and level; and of a model that ships, at any level but the slow scalar one. */
static size_t cases = SANITIZED ? 2 : 6, shipped_cases = SANITIZED ? 20 : MAX_CELLS;
static uint64_t start;

/* Of all tests, each of which runs in a process of its own. */
static struct sums {
    struct totals compared;
    uint64_t texts, mutants;
} *sums;

static void add_to_sums(void) {
    sums->compared.models += total.models;
    sums->compared.cells += total.cells;
    sums->compared.floats += total.floats;
    total = (struct totals){0};
}

/* Long enough for every piece to cut the first. */
static const size_t LENGTHS[SEQUENCES] = {75, 17, 1};

static const struct shipped {
    const char *name, *hash; /* of the first sequence's logits, in tests/golden */
} SHIPPED[] = {{"shakespeare", "shakespeare"}, {"sentences", NULL}, {"fashion", NULL}};

static const struct converted {
    const char *name, *set, *checkpoint, *type;
} CONVERTED[] = {{"f32", "gpt2", "untied-gelu", "f32"},   {"f16", "gpt2", "sharded-silu", "f16"},   {"q8", "gpt2", "sharded-silu", "q8"},
                 {"q4", "gpt2", "sharded-silu", "q4"},    {"q8-torch", "gpt2", "torch-tanh", "q8"}, {"q4-tied", "gpt2", "tied-f16", "q4"},
                 {"f32-relu", "gpt2", "bare-bf16-relu", "f32"}};

static subject open_subject(const char *path, const char *name) {
    lnt_error err;
    lnt_model *m = lnt_open(path, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return subject_of(name, m, &(lnt_context_options){0}, LENGTHS);
}

static const char *shipped_path(const char *name) { return path_of("%s/models/%s/%s.lnt", LINNET_SOURCE_DIR, name, name); }
static const char *converted_path(const char *name) { return path_of("%s/%s.lnt", test_folder, name); }

/* ---- the matrix ---- */

START_TEST(test_shipped) {
    const struct shipped *m = &SHIPPED[_i];
    subject s = open_subject(shipped_path(m->name), m->name);
    if (m->hash) expect_hash(m->hash, s.reference, s.at[1]);
    expect_one_answer(&s, cases, shipped_cases);
    free_subject(&s);
    add_to_sums();
}
END_TEST

START_TEST(test_converted) {
    subject s = open_subject(converted_path(CONVERTED[_i].name), CONVERTED[_i].name);
    expect_one_answer(&s, cases, cases);
    free_subject(&s);
    add_to_sums();
}
END_TEST

START_TEST(test_random) {
    static const char *const NAMES[] = {"causal", "encoder", "images"};
    const char *seconds = getenv("LINNET_TEST_SECONDS");
    const time_t end = time(NULL) + (seconds ? atol(seconds) : 5);
    for (uint64_t n = 0; n < RANDOM_KINDS || time(NULL) < end; n++) {
        char name[80];
        random_kind kind = (random_kind)((start + n) % RANDOM_KINDS);
        snprintf(name, sizeof name, "random model of LINNET_TEST_SEED=%llu (%s)", (unsigned long long)(start + n), NAMES[kind]);
        random_at = mixed(start + n);
        subject s = random_subject(kind, name);
        expect_one_answer(&s, cases, cases);
        free_subject(&s);
        add_to_sums();
    }
}
END_TEST

/* ---- sampling ---- */

enum { SAMPLED = 40 };
typedef struct sampling {
    uint32_t n_threads;
    int32_t ids[SAMPLED];
} sampling;

/* As the command completes a text, at the level that LINNET_CPU names. */
static bool sample_text(void *arg) {
    sampling *s = arg;
    lnt_error err = {""};
    lnt_model *m = lnt_open(shipped_path("shakespeare"), &err);
    lnt_sampling o = lnt_sampling_default();
    o.temperature = 0.9f, o.top_k = 100, o.top_p = 0.95f, o.repeat_penalty = 1.1f, o.seed = 7;
    lnt_tokenizer *t = m ? lnt_tokenizer_new(m, &err) : NULL;
    lnt_context *c = m ? lnt_context_new(m, &(lnt_context_options){.n_threads = s->n_threads}, &err) : NULL;
    lnt_sampler *sampler = m ? lnt_sampler_new(m, &o, &err) : NULL;
    const int32_t *ids;
    lnt_span span = {0};
    bool ok = t && c && sampler && !lnt_tokenize(t, "ROMEO:\nO, ", 10, 0, &ids, &span.n_ids, &err);
    for (int i = 0; ok && i < SAMPLED; i++) {
        span.ids = i ? &s->ids[i - 1] : ids;
        if (i) span.n_ids = 1;
        ok = !lnt_eval(c, &span, 1, &err);
        if (ok) s->ids[i] = lnt_sample(sampler, lnt_output(c, 0));
    }
    if (!ok) fprintf(stderr, "%s\n", err.text);
    lnt_sampler_free(sampler);
    lnt_context_free(c);
    lnt_tokenizer_free(t);
    lnt_close(m);
    return ok;
}

START_TEST(test_sampling) {
    sampling *s = shared_memory(2 * sizeof *s), *expected = s + 1;
    expected->n_threads = 1;
    ck_assert(run_at_level("scalar", sample_text, expected));
    for (const char *const *level = lnt_cpu_levels(); *level; level++)
        for (size_t t = 0; t < COUNT(THREADS); t++) {
            *s = (sampling){.n_threads = THREADS[t]};
            ck_assert(run_at_level(*level, sample_text, s));
            ck_assert_msg(!memcmp(s->ids, expected->ids, sizeof s->ids), "another text at %s, %u threads", *level, THREADS[t]);
            sums->texts++;
        }
}
END_TEST

/* ---- the matrix can fail ---- */

/* Noticed in all cells where the mutant shows, and nowhere else. */
static void expect_noticed(const struct mutant *m, const subject *s) {
    static const company TOGETHER[] = {ALONE, PACKED};
    const kernels wrong = mutated(&m->change);
    size_t noticed = 0;
    for (size_t t = 0; t < 3; t++)
        for (size_t k = 0; k < COUNT(TOGETHER); k++)
            for (size_t p = 0; p < COUNT(PIECES); p++) {
                cell c = {&wrong, THREADS[t], TOGETHER[k], PIECES[p]};
                if (!is_way(s, c.company, c.piece)) continue;
                bool expected = m->noticed(s, &c), differs = !agrees(s, &c);
                ck_assert_msg(differs == expected, "%s: %s, %u threads, %s, pieces of %zu", m->name, differs ? "other bits" : "not noticed", c.n_threads,
                              COMPANY_NAMES[c.company], c.piece);
                noticed += differs;
            }
    ck_assert_uint_gt(noticed, 0);
}

START_TEST(test_mutants) {
    const struct mutant *m = &MUTANTS[_i];
    bool shipped = !strcmp(m->model, "sentences");
    subject s = open_subject(shipped ? shipped_path(m->model) : converted_path(m->model), m->model);
    right = kernels_best();
    mutant_rows = s.longest;
    expect_noticed(m, &s);
    sums->mutants++;
    free_subject(&s);
}
END_TEST

static bool convert_all(void *unused) {
    (void)unused;
    for (size_t i = 0; i < COUNT(CONVERTED); i++) {
        const struct converted *m = &CONVERTED[i];
        lnt_error err;
        if (lnt_convert(golden_path(m->set, m->checkpoint, "."), converted_path(m->name), &(lnt_convert_options){.type = m->type}, &err))
            return fprintf(stderr, "%s\n", err.text), false;
    }
    return true;
}

int main(void) {
    const char *n = getenv("LINNET_TEST_CASES"), *first = getenv("LINNET_TEST_SEED");
    if (n) cases = strtoull(n, NULL, 10);
    if (cases > shipped_cases) shipped_cases = cases;
    random_at = start = first ? strtoull(first, NULL, 10) : (uint64_t)time(NULL);
    make_test_folder();
    sums = mmap(NULL, sizeof *sums, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool ok = sums != MAP_FAILED && run_at_level(NULL, convert_all, NULL);
    if (!ok) return remove_test_folder(), 1;
    TCase *shipped = tcase_create("shipped"), *others = tcase_create("others"), *mutants = tcase_create("mutants");
    tcase_set_timeout(shipped, 3600);
    tcase_set_timeout(others, 3600);
    tcase_set_timeout(mutants, 300);
    tcase_add_loop_test(shipped, test_shipped, 0, COUNT(SHIPPED));
    tcase_add_test(shipped, test_sampling);
    tcase_add_loop_test(others, test_converted, 0, COUNT(CONVERTED));
    tcase_add_test(others, test_random);
    tcase_add_loop_test(mutants, test_mutants, 0, COUNT(MUTANTS));
    int rc = run_suite("matrix", (TCase *const[]){shipped, others, mutants, NULL});
    printf("%llu models, %llu cells (%llu floats) with one answer, %llu texts, %llu mutants noticed; levels", (unsigned long long)sums->compared.models,
           (unsigned long long)sums->compared.cells, (unsigned long long)sums->compared.floats, (unsigned long long)sums->texts, (unsigned long long)sums->mutants);
    for (const char *const *level = lnt_cpu_levels(); *level; level++) printf(" %s", *level);
    printf("; LINNET_TEST_SEED=%llu\n", (unsigned long long)start);
    remove_test_folder();
    return rc;
}
