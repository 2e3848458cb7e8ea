/* GPT-2 against transformers in float32 (tests/golden/gpt2.py made the expectations): logits, hidden states, attention,
   greedy text and perplexity of several configurations, and what the converter refuses. */
#include "tests/golden.h"

enum { PROMPT = 24, GREEDY = 200 };

static const char *const CASES[] = {"tied-f16", "untied-gelu", "bare-bf16-relu", "sharded-silu", "torch-tanh"};
enum { N_CASES = sizeof CASES / sizeof *CASES };

static const char *golden(const char *name, const char *file) { return golden_path("gpt2", name, file); }
static lnt_model *converted(const char *name, const char *type) { return golden_model("gpt2", name, type); }
static double distance(const char *name, const char *file, const float *values, size_t n) { return golden_distance("gpt2", name, file, values, n); }

typedef struct fixture {
    lnt_model *model;
    lnt_info info;
    lnt_context *context;
    int32_t *prompt;
} fixture;

static fixture set_up(const char *name) {
    fixture f = {.model = converted(name, "f32")};
    lnt_context_options o = {.n_outputs = PROMPT + GREEDY};
    size_t bytes;
    lnt_model_info(f.model, &f.info);
    f.context = lnt_context_new(f.model, &o, NULL);
    f.prompt = read_file(golden(name, "prompt.i32"), &bytes);
    ck_assert_uint_eq(bytes, PROMPT * sizeof *f.prompt);
    return f;
}

static void tear_down(fixture f) {
    free(f.prompt);
    lnt_context_free(f.context);
    lnt_close(f.model);
}

START_TEST(test_logits_hidden_attention) {
    fixture f = set_up(CASES[_i]);
    size_t w = f.info.width, layers = f.info.n_layers, heads = f.info.n_heads, maps = heads * PROMPT * PROMPT;
    float *hidden = calloc((layers + 1) * PROMPT * w, sizeof *hidden), *attention = calloc(layers * maps, sizeof *attention);
    float *logits = calloc(PROMPT * f.info.vocab_size, sizeof *logits);
    for (uint32_t i = 0; i <= layers; i++) ck_assert_int_eq(lnt_tap(f.context, "hidden", i, hidden + i * PROMPT * w, PROMPT, NULL), 0);
    for (uint32_t i = 0; i < layers; i++) ck_assert_int_eq(lnt_tap(f.context, "attention", i, attention + i * maps, PROMPT, NULL), 0);
    lnt_span span = {.ids = f.prompt, .n_ids = PROMPT, .all_outputs = true};
    ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
    for (size_t r = 0; r < PROMPT; r++) memcpy(logits + r * f.info.vocab_size, lnt_output(f.context, r), f.info.vocab_size * sizeof *logits);
    ck_assert(distance(CASES[_i], "logits.f32", logits, PROMPT * f.info.vocab_size) <= 1e-4);
    ck_assert(distance(CASES[_i], "hidden.f32", hidden, (layers + 1) * PROMPT * w) <= 1e-4);
    ck_assert(distance(CASES[_i], "attention.f32", attention, layers * maps) <= 1e-5);
    free(hidden);
    free(attention);
    free(logits);
    tear_down(f);
}
END_TEST

START_TEST(test_greedy_text_and_perplexity) {
    fixture f = set_up(CASES[_i]);
    lnt_sampling greedy = lnt_sampling_default();
    greedy.temperature = 0;
    lnt_sampler *sampler = lnt_sampler_new(f.model, &greedy, NULL);
    size_t bytes;
    int32_t *expected = read_file(golden(CASES[_i], "greedy.i32"), &bytes), ids[PROMPT + GREEDY];
    ck_assert_uint_eq(bytes, GREEDY * sizeof *expected);
    memcpy(ids, f.prompt, sizeof *ids * PROMPT);
    for (size_t done = 0, n = PROMPT; n < PROMPT + GREEDY; n++) {
        lnt_span span = {.ids = ids + done, .n_ids = n - done};
        ck_assert_int_eq(lnt_eval(f.context, &span, 1, NULL), 0);
        ids[n] = lnt_sample(sampler, lnt_output(f.context, 0));
        ck_assert_int_eq(ids[n], expected[n - PROMPT]);
        done = n;
    }
    lnt_sampler_free(sampler);
    lnt_sequence_truncate(f.context, 0, 0);
    lnt_span all = {.ids = ids, .n_ids = PROMPT + GREEDY, .all_outputs = true};
    ck_assert_int_eq(lnt_eval(f.context, &all, 1, NULL), 0);
    double nll = 0;
    for (size_t i = 0; i + 1 < PROMPT + GREEDY; i++) nll -= lnt_log_probability(lnt_output(f.context, i), f.info.vocab_size, ids[i + 1]);
    double perplexity = exp(nll / (PROMPT + GREEDY - 1)), *wanted = read_file(golden(CASES[_i], "score.f64"), &bytes);
    printf("%s perplexity %.6f, transformers %.6f\n", CASES[_i], perplexity, *wanted);
    ck_assert(fabs(perplexity / *wanted - 1) < 1e-5);
    free(wanted);
    free(expected);
    tear_down(f);
}
END_TEST

/* Smoothing moves factors between norms and weights: it must not show in what is tapped. */
START_TEST(test_quantized_hidden_states) {
    lnt_model *m[2] = {converted(CASES[_i], "f32"), converted(CASES[_i], "q8")};
    lnt_info info;
    lnt_model_info(m[0], &info);
    size_t n = (info.n_layers + 1) * PROMPT * info.width, bytes;
    float *hidden = calloc(2 * n, sizeof *hidden);
    int32_t *prompt = read_file(golden(CASES[_i], "prompt.i32"), &bytes);
    for (int k = 0; k < 2; k++) {
        lnt_context *c = lnt_context_new(m[k], &(lnt_context_options){.n_outputs = PROMPT}, NULL);
        for (uint32_t i = 0; i <= info.n_layers; i++)
            ck_assert_int_eq(lnt_tap(c, "hidden", i, hidden + (size_t)k * n + i * PROMPT * info.width, PROMPT, NULL), 0);
        lnt_span span = {.ids = prompt, .n_ids = PROMPT, .all_outputs = true};
        ck_assert_int_eq(lnt_eval(c, &span, 1, NULL), 0);
        lnt_context_free(c);
        lnt_close(m[k]);
    }
    for (uint32_t i = 0; i <= info.n_layers; i++) {
        double ab = 0, aa = 0, bb = 0;
        for (size_t j = i * PROMPT * info.width; j < (i + 1) * PROMPT * info.width; j++) {
            double a = (double)hidden[j], b = (double)hidden[n + j];
            ab += a * b, aa += a * a, bb += b * b;
        }
        printf("%s q8 hidden %u: cosine %.6f\n", CASES[_i], i, ab / sqrt(aa * bb));
        ck_assert(ab / sqrt(aa * bb) > (strcmp(CASES[_i], "sharded-silu") ? 0.999 : 0.98)); /* its attention is unscaled and sharp */
    }
    free(prompt);
    free(hidden);
}
END_TEST

/* ---- what the converter refuses ---- */

static const struct refusal {
    const char *from, *to; /* an edit of config.json */
    const char *word;
} REFUSALS[] = {
    {"\"gelu_new\"", "\"mish\"", "mish"},
    {"\"n_head\": 2", "\"n_head\": 5", "n_head"},
    {"\"n_head\": 2", "\"n_head\": -1", "n_head"},
    {"\"n_layer\": 2", "\"n_layer\": 3", "transformer.h.2"},
    {"\"n_layer\": 2", "\"n_layer\": 1", "transformer.h.1"},
    {"\"n_embd\": 48", "\"n_embd\": 64", "wte"},
    {"\"vocab_size\": 131", "\"vocab_size\": 132", "wte"},
    {"\"n_positions\": 256", "\"n_positions\": 300", "wpe"},
    {"\"n_inner\": null", "\"n_inner\": 64", "c_fc"},
    {"\"add_cross_attention\": false", "\"add_cross_attention\": true", "add_cross_attention"},
    {"\"layer_norm_epsilon\": 1e-05", "\"layer_norm_epsilon\": -1", "layer_norm_epsilon"},
    {"\"layer_norm_epsilon\": 1e-05", "\"layer_norm_epsilon\": \"x\"", "layer_norm_epsilon"},
    {"\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", "lm_head.weight"},
    {"\"use_cache\": true", "\"use_cache\": true, \"rotary_dim\": 8", "rotary_dim"},
    {"\"model_type\": \"gpt2\"", "\"model_type\": \"mamba\"", "mamba"},
    {"\"model_type\": \"gpt2\",", "", "model_type"},
    {"\"n_embd\": 48,", "", "n_embd"},
    {"{", "", "config.json"},
};

START_TEST(test_config_refusals) {
    const struct refusal *c = &REFUSALS[_i];
    char name[32];
    snprintf(name, sizeof name, "refused-%d", _i);
    const char *folder = copied_folder(golden("tied-f16", "."), name), *out = path_of("%s/%s.lnt", test_folder, name);
    edit_file(path_of("%s/config.json", folder), c->from, c->to);
    lnt_error err;
    lnt_convert_options o = {.type = "q8"};
    ck_assert_int_eq(lnt_convert(folder, out, &o, &err), -1);
    CHECK_ERROR(&err, c->word, folder);
    ck_assert_int_eq(access(out, F_OK), -1);
}
END_TEST

START_TEST(test_types_and_paths_refused) {
    lnt_error err;
    const char *out = path_of("%s/none.lnt", test_folder), *folder = golden("tied-f16", ".");
    ck_assert_int_eq(lnt_convert(folder, out, &(lnt_convert_options){.type = "q5"}, &err), -1);
    CHECK_ERROR(&err, "q5", "q8");
    ck_assert_int_eq(lnt_convert(folder, out, &(lnt_convert_options){.type = "q8", .head_type = "x"}, &err), -1);
    CHECK_ERROR(&err, "head", "x");
    ck_assert_int_eq(lnt_convert(path_of("%s/nowhere", test_folder), out, &(lnt_convert_options){.type = "q8"}, &err), -1);
    CHECK_ERROR(&err, "nowhere");
    ck_assert_int_eq(lnt_convert(folder, path_of("%s/nowhere/x.lnt", test_folder), &(lnt_convert_options){.type = "q8"}, &err), -1);
    CHECK_ERROR(&err, "nowhere");
    ck_assert_int_eq(lnt_convert(folder, out, &(lnt_convert_options){.type = "q8", .check_path = "/dev/null"}, &err), -1);
    CHECK_ERROR(&err, "tokenizer");
    lnt_close(converted("tied-f16", "q8"));
    ck_assert_int_eq(lnt_quantize(path_of("%s/tied-f16-q8.lnt", test_folder), out, &(lnt_convert_options){.type = "q4"}, &err), -1);
    CHECK_ERROR(&err, "tied-f16-q8.lnt", "q8", "f32 or f16");
    ck_assert_int_eq(access(out, F_OK), -1);
}
END_TEST

/* quantize of the f32 file gives the very file that convert gives. */
START_TEST(test_quantize_equals_convert) {
    const char *type = _i ? "q4" : "q8", *quantized = path_of("%s/again.lnt", test_folder);
    lnt_error err;
    lnt_close(converted("sharded-silu", "f32"));
    lnt_close(converted("sharded-silu", type));
    lnt_convert_options o = {.type = type};
    ck_assert_msg(!lnt_quantize(path_of("%s/sharded-silu-f32.lnt", test_folder), quantized, &o, &err), "%s", err.text);
    size_t n, m;
    void *a = read_file(quantized, &n), *b = read_file(path_of("%s/sharded-silu-%s.lnt", test_folder, type), &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(a, b, n);
    free(a);
    free(b);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *truth = tcase_create("transformers"), *refused = tcase_create("refused");
    tcase_set_timeout(truth, 120);
    tcase_add_loop_test(truth, test_logits_hidden_attention, 0, N_CASES);
    tcase_add_loop_test(truth, test_greedy_text_and_perplexity, 0, N_CASES);
    tcase_add_loop_test(truth, test_quantize_equals_convert, 0, 2);
    tcase_add_loop_test(truth, test_quantized_hidden_states, 0, N_CASES);
    tcase_add_loop_test(refused, test_config_refusals, 0, sizeof REFUSALS / sizeof *REFUSALS);
    tcase_add_test(refused, test_types_and_paths_refused);
    int rc = run_suite("gpt2", (TCase *const[]){truth, refused, NULL});
    remove_test_folder();
    return rc;
}
