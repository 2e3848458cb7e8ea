/* Contexts as the public interface promises them: what is refused and leaves nothing changed, going back, shifting,
   batches, taps. */
#include "tests/testing.h"
#include <math.h>

enum { N = 20 };

typedef struct fixture {
    lnt_model *model;
    lnt_context *context;
    lnt_info info;
    lnt_error err;
    int32_t ids[N];
} fixture;

static fixture set_up(const lnt_context_options *options) {
    fixture f = {0};
    const char *path = path_of("%s/model.lnt", test_folder);
    lnt_convert_options o = {.type = "f16"};
    if (access(path, F_OK))
        ck_assert_msg(!lnt_convert(path_of("%s/tests/golden/gpt2/tied-f16", LINNET_SOURCE_DIR), path, &o, &f.err), "%s", f.err.text);
    f.model = lnt_open(path, &f.err);
    ck_assert_msg(f.model != NULL, "%s", f.err.text);
    lnt_model_info(f.model, &f.info);
    f.context = lnt_context_new(f.model, options, &f.err);
    ck_assert_msg(f.context != NULL, "%s", f.err.text);
    for (int i = 0; i < N; i++) f.ids[i] = i * 37 % 131;
    return f;
}

static void tear_down(fixture f) {
    lnt_context_free(f.context);
    lnt_close(f.model);
}

/* Logits after ids[0 .. n - 1] of sequence 0, in a context of their own. */
static float *logits_after(const fixture *f, const int32_t *ids, size_t n) {
    lnt_context *c = lnt_context_new(f->model, NULL, NULL);
    lnt_span span = {.ids = ids, .n_ids = n};
    ck_assert_int_eq(lnt_eval(c, &span, 1, NULL), 0);
    float *copy = malloc(f->info.vocab_size * sizeof *copy);
    memcpy(copy, lnt_output(c, 0), f->info.vocab_size * sizeof *copy);
    lnt_context_free(c);
    return copy;
}

static void expect_logits(const fixture *f, size_t row, const int32_t *ids, size_t n) {
    float *expected = logits_after(f, ids, n);
    ck_assert_ptr_nonnull(lnt_output(f->context, row));
    ck_assert_mem_eq(lnt_output(f->context, row), expected, f->info.vocab_size * sizeof *expected);
    free(expected);
}

static void expect_refused(fixture *f, lnt_span span, const char *word) {
    size_t held = lnt_sequence_length(f->context, 0);
    ck_assert_int_eq(lnt_eval(f->context, &span, 1, &f->err), -1);
    CHECK_ERROR(&f->err, word, "model.lnt");
    ck_assert_uint_eq(lnt_sequence_length(f->context, 0), held);
}

START_TEST(test_refused_spans_change_nothing) {
    fixture f = set_up(&(lnt_context_options){.n_ctx = N});
    lnt_span span = {.ids = f.ids, .n_ids = 4};
    ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    expect_refused(&f, (lnt_span){.ids = (int32_t[]){1, -1}, .n_ids = 2}, "token id -1");
    expect_refused(&f, (lnt_span){.ids = (int32_t[]){131}, .n_ids = 1}, "token id 131");
    expect_refused(&f, (lnt_span){.ids = (int32_t[]){INT32_MAX}, .n_ids = 1}, "token id");
    expect_refused(&f, (lnt_span){.ids = f.ids, .n_ids = 0}, "at least one token");
    expect_refused(&f, (lnt_span){.ids = f.ids, .n_ids = N - 3}, "context of 20");
    expect_refused(&f, (lnt_span){.ids = f.ids, .n_ids = SIZE_MAX}, "context of 20");
    expect_refused(&f, (lnt_span){.sequence = 1, .ids = f.ids, .n_ids = 1}, "sequence 1");
    expect_refused(&f, (lnt_span){.ids = f.ids, .n_ids = 2, .all_outputs = true}, "rows of output");
    lnt_span twice[] = {{.ids = f.ids, .n_ids = 1}, {.ids = f.ids, .n_ids = 1, .no_outputs = true}};
    ck_assert_int_eq(lnt_eval(f.context, twice, 2, &f.err), -1);
    CHECK_ERROR(&f.err, "twice");
    span = (lnt_span){.ids = f.ids + 4, .n_ids = N - 4};
    ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    expect_logits(&f, 0, f.ids, N);
    expect_refused(&f, (lnt_span){.ids = f.ids, .n_ids = 1}, "context of 20");
    tear_down(f);
}
END_TEST

START_TEST(test_going_back) {
    fixture f = set_up(NULL);
    lnt_span span = {.ids = f.ids, .n_ids = N};
    ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    lnt_sequence_truncate(f.context, 0, 7);
    lnt_sequence_truncate(f.context, 0, 9); /* more than it holds: nothing */
    ck_assert_uint_eq(lnt_sequence_length(f.context, 0), 7);
    int32_t other[N];
    memcpy(other, f.ids, sizeof other);
    for (int i = 7; i < 12; i++) other[i] = 130 - i;
    span = (lnt_span){.ids = other + 7, .n_ids = 5};
    ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    expect_logits(&f, 0, other, 12);
    tear_down(f);
}
END_TEST

START_TEST(test_shifting) {
    fixture f = set_up(&(lnt_context_options){.n_ctx = N});
    lnt_span span = {.ids = f.ids, .n_ids = N};
    ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    ck_assert_int_eq(lnt_sequence_shift(f.context, 0, 2, 9, NULL), 0);
    ck_assert_uint_eq(lnt_sequence_length(f.context, 0), N - 9);
    int32_t kept[N] = {f.ids[0], f.ids[1]};
    memcpy(kept + 2, f.ids + 11, 9 * sizeof *kept);
    kept[11] = 3;
    span = (lnt_span){.ids = kept + 11, .n_ids = 1};
    ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    expect_logits(&f, 0, kept, 12);
    ck_assert_int_eq(lnt_sequence_shift(f.context, 0, 2, N, &f.err), -1);
    CHECK_ERROR(&f.err, "drop");
    tear_down(f);
}
END_TEST

START_TEST(test_rows_of_logits) {
    fixture f = set_up(&(lnt_context_options){.n_sequences = 3, .n_outputs = N, .n_batch = 4});
    lnt_span spans[] = {{.sequence = 2, .ids = f.ids, .n_ids = 5}, {.sequence = 0, .ids = f.ids, .n_ids = 9, .no_outputs = true},
                        {.sequence = 1, .ids = f.ids + 3, .n_ids = 7, .all_outputs = true}};
    ck_assert_int_eq(lnt_eval(f.context, spans, 3, NULL), 0);
    ck_assert_uint_eq(lnt_output_rows(f.context), 8);
    expect_logits(&f, 0, f.ids, 5);
    for (size_t i = 0; i < 7; i++) expect_logits(&f, i + 1, f.ids + 3, i + 1);
    ck_assert_ptr_null(lnt_output(f.context, 8));
    ck_assert_uint_eq(lnt_sequence_length(f.context, 0), 9);
    tear_down(f);
}
END_TEST

START_TEST(test_options_refused) {
    fixture f = set_up(NULL);
    ck_assert_ptr_null(lnt_context_new(f.model, &(lnt_context_options){.n_ctx = 257}, &f.err));
    CHECK_ERROR(&f.err, "257", "256");
    ck_assert_ptr_null(lnt_context_new(f.model, &(lnt_context_options){.n_threads = 5000}, &f.err));
    CHECK_ERROR(&f.err, "5000 threads");
    ck_assert_ptr_null(lnt_context_new(f.model, &(lnt_context_options){.n_sequences = UINT32_MAX}, &f.err));
    CHECK_ERROR(&f.err, "sequences");
    tear_down(f);
}
END_TEST

START_TEST(test_taps) {
    fixture f = set_up(NULL);
    size_t w = f.info.width;
    float *hidden = calloc(N * w, sizeof *hidden), *parts = calloc(N * w, sizeof *parts), *attention = malloc(2 * N * N * sizeof *attention);
    for (int i = 0; i < 2 * N * N; i++) attention[i] = -1;
    ck_assert_int_eq(lnt_tap(f.context, "smell", 0, hidden, N, &f.err), -1);
    CHECK_ERROR(&f.err, "smell");
    ck_assert_int_eq(lnt_tap(f.context, "hidden", 3, hidden, N, &f.err), -1);
    ck_assert_int_eq(lnt_tap(f.context, "hidden", 1, hidden, N, NULL), 0);
    ck_assert_int_eq(lnt_tap(f.context, "attention", 1, attention, N, NULL), 0);
    lnt_span span = {.ids = f.ids, .n_ids = N};
    ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    for (size_t h = 0; h < 2; h++)
        for (size_t q = 0; q < N; q++) {
            double sum = 0;
            for (size_t k = 0; k < N; k++) sum += (double)attention[(h * N + q) * N + k];
            ck_assert(fabs(sum - 1) < 1e-5);
            for (size_t k = q + 1; k < N; k++) ck_assert(attention[(h * N + q) * N + k] == 0);
        }
    expect_refused(&f, (lnt_span){.ids = f.ids, .n_ids = 1}, "room");
    lnt_sequence_truncate(f.context, 0, 0);
    ck_assert_int_eq(lnt_tap(f.context, "hidden", 1, parts, N, NULL), 0);
    for (size_t i = 0; i < N; i += 5) {
        span = (lnt_span){.ids = f.ids + i, .n_ids = 5};
        ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    }
    ck_assert_mem_eq(hidden, parts, N * w * sizeof *hidden);
    ck_assert_int_eq(lnt_tap(f.context, "hidden", 1, NULL, 0, NULL), 0);
    ck_assert_int_eq(lnt_tap(f.context, "attention", 1, NULL, 0, NULL), 0);
    span = (lnt_span){.ids = f.ids, .n_ids = 1};
    ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    free(hidden);
    free(parts);
    free(attention);
    tear_down(f);
}
END_TEST

/* ---- sampling ---- */

static lnt_sampler *sampler_of(const fixture *f, lnt_sampling s) {
    lnt_error err;
    lnt_sampler *sampler = lnt_sampler_new(f->model, &s, &err);
    ck_assert_msg(sampler != NULL, "%s", err.text);
    return sampler;
}

/* How often each of the first four ids comes in 20,000 draws from logits ln(weights), all others impossible. */
static void count_draws(const fixture *f, lnt_sampling s, const double *weights, int *counts) {
    enum { DRAWS = 20000 };
    float logits[131];
    for (int i = 0; i < 131; i++) logits[i] = i < 4 && weights[i] > 0 ? (float)log(weights[i]) : -100.0f;
    lnt_sampler *sampler = sampler_of(f, s);
    for (int i = 0; i < DRAWS; i++) {
        int32_t id = lnt_sample(sampler, logits);
        ck_assert_int_lt(id, 4);
        counts[id]++;
    }
    lnt_sampler_free(sampler);
}

static void expect_shares(lnt_sampling s, const double *weights, const double *shares) {
    fixture f = set_up(NULL);
    int counts[4] = {0};
    count_draws(&f, s, weights, counts);
    for (int i = 0; i < 4; i++)
        ck_assert_msg(fabs(counts[i] / 20000.0 - shares[i]) < 0.015, "id %d comes in %g of the draws, expected %g", i, counts[i] / 20000.0, shares[i]);
    tear_down(f);
}

START_TEST(test_shares) {
    const double w[] = {0.1, 0.4, 0.3, 0.2};
    lnt_sampling s = lnt_sampling_default();
    s.repeat_last = 0;
    expect_shares(s, w, w);
    s.seed = 7;
    expect_shares(s, w, w);
    s.temperature = 0.5f;
    expect_shares(s, w, (double[]){0.01 / 0.3, 0.16 / 0.3, 0.09 / 0.3, 0.04 / 0.3});
    s.temperature = 1, s.top_k = 2;
    expect_shares(s, w, (double[]){0, 4 / 7.0, 3 / 7.0, 0});
    s.top_k = 0, s.top_p = 0.65f;
    expect_shares(s, w, (double[]){0, 4 / 7.0, 3 / 7.0, 0});
    s.top_p = 1, s.min_p = 0.4f;
    expect_shares(s, w, (double[]){0, 4 / 9.0, 3 / 9.0, 2 / 9.0});
    s.min_p = 0, s.n_bias = 2, s.bias_ids = (int32_t[]){1, 0}, s.bias_values = (float[]){-INFINITY, (float)log(5.0)};
    expect_shares(s, w, (double[]){0.5, 0, 0.3, 0.2});
    s.n_bias = 0, s.temperature = 0;
    expect_shares(s, w, (double[]){0, 1, 0, 0});
}
END_TEST

START_TEST(test_repetition_and_ties) {
    fixture f = set_up(NULL);
    lnt_sampling s = lnt_sampling_default();
    s.temperature = 0, s.repeat_penalty = 2, s.repeat_last = 2;
    lnt_sampler *sampler = sampler_of(&f, s);
    float logits[131] = {[5] = 4, [6] = 3, [7] = 2.5f, [8] = 2.5f};
    const int32_t expected[] = {5, 6, 7, 5, 6, 7};
    for (int i = 0; i < 6; i++) ck_assert_int_eq(lnt_sample(sampler, logits), expected[i]);
    lnt_sampler_accept(sampler, 5);
    lnt_sampler_accept(sampler, 6);
    ck_assert_int_eq(lnt_sample(sampler, logits), 7);
    lnt_sampler_free(sampler);
    for (int i = 0; i < 131; i++) logits[i] = NAN;
    logits[9] = -3;
    sampler = sampler_of(&f, lnt_sampling_default());
    int32_t id = lnt_sample(sampler, logits);
    ck_assert(id >= 0 && id < 131);
    lnt_sampler_free(sampler);
    tear_down(f);
}
END_TEST

START_TEST(test_sampling_refused) {
    fixture f = set_up(NULL);
    const lnt_sampling d = lnt_sampling_default();
    struct {
        lnt_sampling s;
        const char *word;
    } bad[] = {{d, "temperature"}, {d, "temperature"}, {d, "top-p"}, {d, "min-p"}, {d, "repeat"}, {d, "bias"}, {d, "window"}};
    bad[0].s.temperature = -1, bad[1].s.temperature = NAN, bad[2].s.top_p = 0, bad[3].s.min_p = 2, bad[4].s.repeat_penalty = 0;
    bad[5].s.n_bias = 1, bad[5].s.bias_ids = (int32_t[]){131}, bad[5].s.bias_values = (float[]){1}, bad[6].s.repeat_last = UINT32_MAX;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_ptr_null(lnt_sampler_new(f.model, &bad[i].s, &f.err));
        CHECK_ERROR(&f.err, bad[i].word);
    }
    tear_down(f);
}
END_TEST

START_TEST(test_log_probability) {
    float logits[100];
    double total = 0;
    for (int i = 0; i < 100; i++) logits[i] = (float)(i * i % 37) * 0.3f - 5;
    for (int i = 0; i < 100; i++) total += exp((double)logits[i]);
    for (int i = 0; i < 100; i++) ck_assert(fabs(lnt_log_probability(logits, 100, i) - ((double)logits[i] - log(total))) < 1e-6);
    ck_assert(lnt_log_probability(logits, 100, 100) == -INFINITY);
    ck_assert(lnt_log_probability(logits, 100, -1) == -INFINITY);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *c = tcase_create("contexts"), *s = tcase_create("sampling");
    tcase_set_timeout(c, 60);
    tcase_set_timeout(s, 60);
    tcase_add_test(c, test_refused_spans_change_nothing);
    tcase_add_test(c, test_going_back);
    tcase_add_test(c, test_shifting);
    tcase_add_test(c, test_rows_of_logits);
    tcase_add_test(c, test_options_refused);
    tcase_add_test(c, test_taps);
    tcase_add_test(s, test_shares);
    tcase_add_test(s, test_repetition_and_ties);
    tcase_add_test(s, test_sampling_refused);
    tcase_add_test(s, test_log_probability);
    int rc = run_suite("context", (TCase *const[]){c, s, NULL});
    remove_test_folder();
    return rc;
}
