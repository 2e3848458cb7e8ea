/* Many texts through lnt_batcher: every text's rows have the bits that it has alone, on the scalar level, whatever the
   level, the threads, the size of batches and the company. */
#include "tests/golden.h"
#include <math.h>

enum { TEXTS = 61, MAX_ROWS = 24, MAX_WIDTH = 64 };

static const char *const MODELS[][2] = {{"sentence", "f32"}, {"sentence", "q8"}, {"bert-masked", "f32"}, {"bert-masked", "q8"}, {"bert-text", "q8"}};
enum { N_MODELS = sizeof MODELS / sizeof *MODELS, SENTENCE = 0, MASKED = 2, TEXT_CLASSES = 4 };

static const char *file_of(int model) { return path_of("%s/%s-%s.lnt", test_folder, MODELS[model][0], MODELS[model][1]); }

/* A vocabulary of single letters makes a word of n letters n tokens. */
static void write_vocabulary(const char *path) {
    FILE *f = fopen(path, "w");
    fputs("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", f);
    for (int c = 'a'; c <= 'z'; c++) fprintf(f, "%c\n##%c\n", c, c);
    fclose(f);
}

static bool convert_all(void *unused) {
    (void)unused;
    for (int i = 0; i < N_MODELS; i++) {
        const char *folder = path_of("%s/%s", test_folder, MODELS[i][0]);
        lnt_error err;
        lnt_convert_options o = {.type = MODELS[i][1], .no_check = true};
        if (access(folder, F_OK) && system(path_of("cp -r '%s/tests/golden/encoders/%s' '%s'", LINNET_SOURCE_DIR, MODELS[i][0], folder))) return false;
        write_vocabulary(path_of("%s/vocab.txt", folder));
        if (!lnt_convert(folder, file_of(i), &o, &err)) continue;
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    return true;
}

/* ---- texts ---- */

/* Of 0 to 36 letters, so that some are empty and some too long; with masks and now and then a second text. */
static lnt_text text_at(size_t i) {
    static char texts[TEXTS][256], pairs[TEXTS][64];
    uint32_t state = (uint32_t)i * 2654435761u + 1;
    char *p = texts[i];
    for (size_t k = 0; k < i * 7 % 37; k++) {
        state = state * 1664525u + 1013904223u;
        *p++ = (char)('a' + (state >> 24) % 26);
        if ((state >> 16) % 5 == 0) *p++ = ' ';
        if (i % 3 == 0 && (state >> 16) % 7 == 0) p += sprintf(p, " [MASK] ");
    }
    *p = 0;
    snprintf(pairs[i], sizeof pairs[i], "pair %c%c", 'a' + (int)(i % 26), 'z' - (int)(i % 25));
    return (lnt_text){texts[i], strlen(texts[i]), i % 4 == 3 ? pairs[i] : NULL, i % 4 == 3 ? strlen(pairs[i]) : 0};
}

/* What came of each text: its rows, one behind the other. */
typedef struct answer {
    size_t n_rows, calls, n_tokens, n_dropped;
    uint32_t tokens[MAX_ROWS];
    float rows[MAX_ROWS][MAX_WIDTH];
} answer;

typedef struct collector {
    answer *answers; /* [TEXTS] */
    const size_t *order; /* of the texts in the call */
    size_t width;
} collector;

static void collect(void *user, const lnt_text_result *r) {
    const collector *c = user;
    answer *a = &c->answers[c->order[r->index]];
    a->calls++;
    a->n_rows = r->n_rows;
    a->n_tokens = r->encoding->n;
    a->n_dropped = r->encoding->n_dropped;
    for (size_t i = 0; i < r->n_rows && i < MAX_ROWS; i++) {
        a->tokens[i] = r->tokens ? r->tokens[i] : 0;
        memcpy(a->rows[i], r->rows[i], c->width * sizeof(float));
    }
}

/* ---- every way gives the same bits ---- */

typedef struct way {
    int model;
    lnt_batcher_options o;
    size_t at_a_time, step; /* texts in a call; the order takes every step-th */
    answer *answers;
} way;

static bool run_way(void *arg) {
    way *w = arg;
    lnt_error err = {0};
    lnt_text texts[TEXTS];
    size_t order[TEXTS];
    lnt_model *m = lnt_open(file_of(w->model), &err);
    lnt_batcher *b = m ? lnt_batcher_new(m, &w->o, &err) : NULL;
    bool ok = b != NULL;
    memset(w->answers, 0, TEXTS * sizeof *w->answers);
    for (size_t done = 0, n; ok && done < TEXTS; done += n) {
        n = TEXTS - done < w->at_a_time ? TEXTS - done : w->at_a_time;
        for (size_t i = 0; i < n; i++) texts[i] = text_at(order[i] = (done + i) * w->step % TEXTS);
        collector c = {w->answers, order, lnt_batcher_width(b)};
        ok = !lnt_batcher_run(b, texts, n, collect, &c, &err);
    }
    if (!ok) fprintf(stderr, "%s\n", err.text);
    lnt_batcher_free(b);
    lnt_close(m);
    return ok;
}

START_TEST(test_every_way_gives_the_same_bits) {
    static const struct { uint32_t threads, n_batch; size_t at_a_time, step; } WAYS[] = {
        {1, 0, 1, 1}, {2, 0, 1, 1}, {1, 0, TEXTS, 1}, {2, 0, TEXTS, 7}, {3, 24, TEXTS, 60}, {5, 64, TEXTS, 11}, {2, 30, 20, 2}, {3, 0, 2, 3}, {5, 0, 4, 1}};
    answer *all = shared_memory(2 * TEXTS * sizeof *all), *reference = all + TEXTS;
    way w = {.model = _i, .o = {.n_threads = 1, .all_outputs = _i == MASKED}, .at_a_time = 1, .step = 1, .answers = reference};
    ck_assert(run_at_level("scalar", run_way, &w));
    size_t rows = 0, dropped = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        ck_assert_uint_eq(reference[i].calls, 1);
        rows += reference[i].n_rows;
        dropped += reference[i].n_dropped;
    }
    ck_assert_uint_gt(dropped, 0);
    ck_assert(_i == MASKED || _i == MASKED + 1 ? rows > TEXTS / 3 : rows == TEXTS);
    for (const char *const *level = lnt_cpu_levels(); *level; level++)
        for (size_t k = 0; k < sizeof WAYS / sizeof *WAYS; k++) {
            w = (way){_i, w.o, WAYS[k].at_a_time, WAYS[k].step, all};
            w.o.n_threads = WAYS[k].threads;
            w.o.n_batch = WAYS[k].n_batch;
            ck_assert(run_at_level(*level, run_way, &w));
            for (size_t i = 0; i < TEXTS; i++)
                ck_assert_msg(!memcmp(&all[i], &reference[i], sizeof *all), "%s: text %zu differs at level %s, way %zu", file_of(_i), i, *level, k);
        }
}
END_TEST

/* ---- the shipped model's embeddings have the bits that they had where it was made ---- */

enum { SHIPPED_WIDTH = 384 };

static void collect_embedding(void *user, const lnt_text_result *r) {
    float(*rows)[SHIPPED_WIDTH] = user;
    memcpy(rows[r->index], r->rows[0], sizeof *rows);
}

static bool embed_shipped(void *arg) {
    lnt_error err = {0};
    lnt_text texts[TEXTS];
    for (size_t i = 0; i < TEXTS; i++) texts[i] = text_at(i);
    lnt_model *m = lnt_open(path_of("%s/models/sentences/sentences.lnt", LINNET_SOURCE_DIR), &err);
    lnt_batcher *b = m ? lnt_batcher_new(m, NULL, &err) : NULL;
    bool ok = b && lnt_batcher_width(b) == SHIPPED_WIDTH && !lnt_batcher_run(b, texts, TEXTS, collect_embedding, arg, &err);
    if (!ok) fprintf(stderr, "%s\n", err.text);
    lnt_batcher_free(b);
    lnt_close(m);
    return ok;
}

START_TEST(test_shipped_model) {
    float *rows = shared_memory(TEXTS * SHIPPED_WIDTH * sizeof *rows);
    for (const char *const *level = lnt_cpu_levels(); *level; level++) {
        ck_assert(run_at_level(*level, embed_shipped, rows));
        expect_hash("sentences", rows, TEXTS * SHIPPED_WIDTH);
    }
}
END_TEST

/* ---- what the batcher gives is what lnt_encode and lnt_eval give ---- */

START_TEST(test_as_by_hand) {
    answer *answers = shared_memory(TEXTS * sizeof *answers);
    way w = {.model = _i, .o = {.n_threads = 2}, .at_a_time = TEXTS, .step = 1, .answers = answers};
    ck_assert(run_way(&w));
    lnt_error err;
    lnt_info info;
    lnt_model *m = lnt_open(file_of(_i), &err);
    lnt_model_info(m, &info);
    lnt_tokenizer *t = lnt_tokenizer_new(m, &err);
    lnt_context *c = lnt_context_new(m, &(lnt_context_options){.n_threads = 1, .n_outputs = info.n_ctx}, &err);
    ck_assert_msg(t && c, "%s", err.text);
    for (size_t i = 0; i < TEXTS; i++) {
        lnt_text text = text_at(i);
        lnt_encoding e;
        ck_assert(!lnt_encode(t, text.text, text.n_bytes, text.pair, text.n_pair_bytes, info.max_tokens, 0, &e, &err));
        ck_assert_uint_eq(e.n, answers[i].n_tokens);
        ck_assert_uint_le(e.n, info.max_tokens);
        uint32_t masks[64];
        size_t n_masks = 0;
        for (size_t k = 0; k < e.n; k++)
            if (e.ids[k] == info.mask_id) masks[n_masks++] = (uint32_t)k;
        bool per_token = _i == MASKED || _i == MASKED + 1;
        lnt_span span = {.ids = e.ids, .n_ids = e.n, .segments = e.segments, .outputs = masks, .n_outputs = n_masks};
        ck_assert_msg(!lnt_eval(c, &span, 1, &err), "%s", err.text);
        ck_assert_uint_eq(answers[i].n_rows, per_token ? n_masks : 1);
        ck_assert_uint_eq(lnt_output_rows(c), answers[i].n_rows);
        for (size_t r = 0; r < answers[i].n_rows; r++) {
            ck_assert(!per_token || answers[i].tokens[r] == masks[r]);
            ck_assert_mem_eq(answers[i].rows[r], lnt_output(c, r), lnt_output_width(c) * sizeof(float));
        }
    }
    lnt_context_free(c);
    lnt_tokenizer_free(t);
    lnt_close(m);
}
END_TEST

/* ---- embeddings cut and normalized ---- */

START_TEST(test_dims_and_normalize) {
    answer *whole = shared_memory(3 * TEXTS * sizeof *whole), *cut = whole + TEXTS, *unit = cut + TEXTS;
    way w = {.model = SENTENCE, .o = {.n_threads = 2, .output = "embedding", .pooling = "max"}, .at_a_time = TEXTS, .step = 1, .answers = whole};
    ck_assert(run_way(&w));
    w.answers = cut, w.o.dims = 5;
    ck_assert(run_way(&w));
    w.answers = unit, w.o.normalize = true;
    ck_assert(run_way(&w));
    for (size_t i = 0; i < TEXTS; i++) {
        double squares = 0;
        for (size_t k = 0; k < 5; k++) {
            ck_assert(cut[i].rows[0][k] == whole[i].rows[0][k]);
            squares += (double)cut[i].rows[0][k] * (double)cut[i].rows[0][k];
        }
        for (size_t k = 0; k < 5; k++) ck_assert_double_eq_tol((double)unit[i].rows[0][k], (double)cut[i].rows[0][k] / sqrt(squares), 1e-6);
        ck_assert(cut[i].rows[0][5] == 0);
    }
}
END_TEST

START_TEST(test_refusals) {
    static const struct { int model; lnt_batcher_options o; const char *word; } CASES[] = {
        {SENTENCE, {.dims = 1000}, "1000 dims"}, {SENTENCE, {.pooling = "median"}, "median"}, {SENTENCE, {.output = "logits"}, "logits"},
        {SENTENCE, {.output = "hidden"}, "hidden"}, {SENTENCE, {.max_tokens = 25}, "25 tokens"}, {SENTENCE, {.n_batch = 1u << 20}, "batches"},
        {MASKED, {.normalize = true}, "normalize"}, {TEXT_CLASSES, {.pooling = "mean"}, "mean"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        lnt_error err;
        lnt_model *m = lnt_open(file_of(CASES[i].model), &err);
        ck_assert_ptr_null(lnt_batcher_new(m, &CASES[i].o, &err));
        CHECK_ERROR(&err, CASES[i].word);
        lnt_close(m);
    }
}
END_TEST

int main(void) {
    make_test_folder();
    bool ok = run_at_level(NULL, convert_all, NULL);
    TCase *ways = tcase_create("ways"), *results = tcase_create("results");
    tcase_set_timeout(ways, 300);
    tcase_add_loop_test(ways, test_every_way_gives_the_same_bits, 0, N_MODELS);
    tcase_add_test(ways, test_shipped_model);
    tcase_add_loop_test(results, test_as_by_hand, 0, N_MODELS);
    tcase_add_test(results, test_dims_and_normalize);
    tcase_add_test(results, test_refusals);
    int rc = ok ? run_suite("batcher", (TCase *const[]){ways, results, NULL}) : 1;
    remove_test_folder();
    return rc;
}
