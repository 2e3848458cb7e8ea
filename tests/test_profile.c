/* Profiles: how much is counted is exact, the same with any number of threads; the time of all threads fits into the clock's;
   and nothing that is computed knows of it. */
#include "engine/context.h"
#include "tests/golden.h"
#include <pthread.h>
#include <time.h>

enum { PROMPT = 9, NEW = 3, TEXTS = 40, MOST_WIDTH = 256, PICTURES = 5 };

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static lnt_profile *new_profile(void) {
    lnt_error err;
    lnt_profile *p = lnt_profile_new(&err);
    ck_assert_msg(p != NULL, "%s", err.text);
    return p;
}

/* The entry of a name and bound; one of zeros if there is none. */
static lnt_profile_entry entry_of(lnt_profile *p, const char *name, lnt_bound bound) {
    lnt_profile_entry e;
    for (size_t i = 0; lnt_profile_get(p, i, &e); i++)
        if (e.bound == bound && !strcmp(e.name, name)) return e;
    return (lnt_profile_entry){0};
}

/* Every step took time, no more of it than the threads had, and a linear one did two operations a row, input and output. */
static void check_entries(lnt_profile *p, uint32_t threads, double elapsed) {
    double sum = 0;
    size_t n = 0;
    for (lnt_profile_entry e; lnt_profile_get(p, n, &e); n++) {
        char type[8];
        unsigned long long k, outputs;
        ck_assert_msg(e.calls > 0 && e.seconds >= 0 && e.waiting >= 0 && e.seconds + e.waiting > 0, "%s", e.name);
        sum += e.seconds + e.waiting;
        bool linear = sscanf(e.name, "linear %7s %llu x %llu", type, &k, &outputs) == 3;
        ck_assert_msg(linear == !strncmp(e.name, "linear", 6), "%s", e.name);
        ck_assert_msg((e.operations > 0) == (linear || !strncmp(e.name, "attention", 9)), "%s", e.name);
        if (!linear) continue;
        tensor_type t;
        tensor_planes planes;
        ck_assert(tensor_type_from_name(type, &t) && tensor_layout_planes(t, LAYOUT_PANELS, outputs, k, &planes));
        ck_assert_uint_eq(e.operations, 2 * e.rows * k * outputs);
        ck_assert_uint_eq(e.values, e.rows * outputs);
        ck_assert_uint_eq(e.bytes, e.calls * planes.bytes);
        lnt_bound many = t == TENSOR_Q8 ? LNT_BOUND_INT8 : t == TENSOR_Q4 ? LNT_BOUND_INT4 : LNT_BOUND_FP32;
        ck_assert_msg(e.bound == LNT_BOUND_READ || e.bound == many, "%s", e.name);
    }
    ck_assert_uint_gt(n, 5);
    ck_assert_double_le(sum, threads * elapsed);
    ck_assert_uint_eq(lnt_profile_threads(p), threads);
}

static void check_step(lnt_profile *p, const char *name, lnt_bound bound, uint64_t calls, uint64_t rows) {
    lnt_profile_entry e = entry_of(p, name, bound);
    ck_assert_msg(e.calls == calls && e.rows == rows, "%s: %llu calls, %llu rows", name, (unsigned long long)e.calls, (unsigned long long)e.rows);
}

/* ---- a context ---- */

/* The logits behind a prompt and each of a few tokens more. */
static void decode(const lnt_model *m, uint32_t threads, lnt_profile *p, float *logits) {
    lnt_error err;
    lnt_info info;
    int32_t ids[PROMPT + NEW];
    lnt_model_info(m, &info);
    for (int i = 0; i < PROMPT + NEW; i++) ids[i] = i * 37 % 131;
    lnt_context *c = lnt_context_new(m, &(lnt_context_options){.n_threads = threads, .profile = p}, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    for (size_t at = 0; at < PROMPT + NEW; logits += info.vocab_size) {
        lnt_span span = {.ids = ids + at, .n_ids = at ? 1 : PROMPT};
        ck_assert_msg(!lnt_eval(c, &span, 1, &err), "%s", err.text);
        memcpy(logits, lnt_output(c, 0), info.vocab_size * sizeof *logits);
        at += span.n_ids;
    }
    lnt_context_free(c);
}

START_TEST(test_a_context_counts_its_steps) {
    static const uint32_t THREADS[] = {1, 3};
    static const char *const TYPES[] = {"f32", "f16", "q8", "q4"};
    static const lnt_bound BOUNDS[] = {LNT_BOUND_FP32, LNT_BOUND_FP32, LNT_BOUND_INT8, LNT_BOUND_INT4};
    const char *type = TYPES[_i / 2];
    lnt_model *m = golden_model("gpt2", "tied-f16", type);
    lnt_info info;
    lnt_model_info(m, &info);
    size_t n = (size_t)info.vocab_size * (NEW + 1), layers = info.n_layers;
    float *plain = malloc(n * sizeof *plain), *measured = malloc(n * sizeof *measured);
    lnt_profile *p = new_profile();
    decode(m, THREADS[_i % 2], NULL, plain);
    double began = seconds();
    decode(m, THREADS[_i % 2], p, measured);
    check_entries(p, THREADS[_i % 2], seconds() - began);
    ck_assert_mem_eq(plain, measured, n * sizeof *plain);
    const char *up = path_of("linear %s 48 x 192 gelu_tanh", type), *down = path_of("linear %s 192 x 48 + residual", type);
    check_step(p, up, BOUNDS[_i / 2], layers, layers * PROMPT);
    check_step(p, up, LNT_BOUND_READ, layers * NEW, layers * NEW);
    check_step(p, down, BOUNDS[_i / 2], layers, layers * PROMPT);
    check_step(p, path_of("linear %s 48 x 144", type), LNT_BOUND_READ, layers * NEW, layers * NEW);
    check_step(p, "embed 48", LNT_BOUND_NONE, NEW + 1, PROMPT + NEW);
    const char *norm = _i / 2 < 2 ? "norm 48" : "norm + quantize 48";
    check_step(p, norm, LNT_BOUND_NONE, (2 * layers + 1) * (NEW + 1), 2 * layers * (PROMPT + NEW) + NEW + 1);
    check_step(p, "select 48", LNT_BOUND_NONE, NEW + 1, NEW + 1);
    uint64_t prompt = PROMPT * (PROMPT + 1) / 2, later = 0;
    for (uint64_t i = PROMPT + 1; i <= PROMPT + NEW; i++) later += i;
    ck_assert_uint_eq(entry_of(p, "attention 2 heads of 24, causal", LNT_BOUND_FP32).operations, 4 * layers * prompt * 48);
    lnt_profile_entry attention = entry_of(p, "attention 2 heads of 24, causal", LNT_BOUND_READ);
    ck_assert_uint_eq(attention.operations, 4 * layers * later * 48);
    ck_assert_uint_eq(attention.bytes, layers * later * 2 * (24 + 32) * sizeof(float)); /* values stand in panels of 16 */
    lnt_profile_free(p);
    lnt_close(m);
    free(plain);
    free(measured);
}
END_TEST

START_TEST(test_parts_of_an_evaluation_are_counted) {
    lnt_model *m = golden_model("gpt2", "tied-f16", "q8");
    lnt_profile *p = new_profile();
    int32_t ids[64] = {0};
    lnt_context *c = lnt_context_new(m, &(lnt_context_options){.n_threads = 2, .n_batch = 20, .profile = p}, NULL);
    ck_assert_int_eq(lnt_eval(c, &(lnt_span){.ids = ids, .n_ids = 44}, 1, NULL), 0);
    lnt_context_free(c);
    /* 20 + 20 + 4 tokens, of which the last ones have an output */
    check_step(p, "embed 48", LNT_BOUND_NONE, 3, 44);
    check_step(p, "select 48", LNT_BOUND_NONE, 1, 1);
    check_step(p, "linear q8 48 x 192 gelu_tanh", LNT_BOUND_INT8, 4, 80);
    check_step(p, "linear q8 48 x 192 gelu_tanh", LNT_BOUND_READ, 2, 8);
    static const char ATTENTION[] = "attention 2 heads of 24, causal";
    lnt_profile_entry many = entry_of(p, ATTENTION, LNT_BOUND_FP32), few = entry_of(p, ATTENTION, LNT_BOUND_READ);
    ck_assert_uint_eq(many.operations + few.operations, 2 * 4 * 48 * (44 * 45 / 2));
    ck_assert_uint_eq(many.rows + few.rows, 2 * 44);
    lnt_profile_free(p);
    lnt_close(m);
}
END_TEST

/* ---- a batcher ---- */

typedef struct rows {
    float values[TEXTS][MOST_WIDTH];
    size_t tokens[TEXTS], width;
} rows;

static void take(void *user, const lnt_text_result *result) {
    rows *r = user;
    r->tokens[result->index] = result->encoding->n;
    memcpy(r->values[result->index], result->rows[0], r->width * sizeof(float));
}

static void embed(const lnt_model *m, uint32_t threads, size_t n, lnt_profile *p, rows *r) {
    lnt_error err;
    lnt_text texts[TEXTS];
    static const char LETTERS[] = "the quick brown fox jumps over the lazy dog and so on";
    for (size_t i = 0; i < n; i++) texts[i] = (lnt_text){.text = LETTERS, .n_bytes = 1 + i * 7 % (sizeof LETTERS - 1)};
    lnt_batcher *b = lnt_batcher_new(m, &(lnt_batcher_options){.n_threads = threads, .n_batch = 60, .profile = p}, &err);
    ck_assert_msg(b != NULL, "%s", err.text);
    r->width = lnt_batcher_width(b);
    ck_assert_uint_le(r->width, MOST_WIDTH);
    ck_assert_msg(!lnt_batcher_run(b, texts, n, take, r, &err), "%s", err.text);
    lnt_batcher_free(b);
}

static lnt_model *sentence_model(void) {
    FILE *f;
    const char *folder = copied_folder(golden_path("encoders", "sentence", "."), "sentence");
    ck_assert_ptr_nonnull(f = fopen(path_of("%s/vocab.txt", folder), "w"));
    fputs("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", f);
    for (int c = 'a'; c <= 'z'; c++) fprintf(f, "%c\n##%c\n", c, c);
    fclose(f);
    return converted_folder(folder, path_of("%s/sentence.lnt", test_folder), "q8");
}

START_TEST(test_a_batcher_counts_its_texts) {
    static const struct { uint32_t threads; size_t n; } WAYS[] = {{1, TEXTS}, {3, TEXTS}, {3, 2}};
    lnt_model *m = sentence_model();
    rows *plain = calloc(2, sizeof *plain), *measured = plain + 1;
    lnt_info info;
    lnt_model_info(m, &info);
    uint32_t threads = WAYS[_i].threads;
    size_t n = WAYS[_i].n, tokens = 0;
    lnt_profile *p = new_profile();
    embed(m, threads, n, NULL, plain);
    double began = seconds();
    embed(m, threads, n, p, measured);
    check_entries(p, threads, seconds() - began);
    ck_assert_mem_eq(plain, measured, sizeof *plain);
    for (size_t i = 0; i < n; i++) tokens += measured->tokens[i];
    lnt_profile_entry tokenize = entry_of(p, "tokenize", LNT_BOUND_NONE), up = entry_of(p, "linear q8 36 x 44 gelu_erf", LNT_BOUND_INT8),
                      few = entry_of(p, "linear q8 36 x 44 gelu_erf", LNT_BOUND_READ);
    ck_assert_uint_eq(tokenize.rows, n);
    ck_assert_uint_eq(tokenize.values, tokens);
    ck_assert_uint_eq(up.rows + few.rows, info.n_layers * tokens);
    ck_assert_uint_eq(entry_of(p, "embed 36", LNT_BOUND_NONE).rows, tokens);
    ck_assert_uint_eq(entry_of(p, "pool 36", LNT_BOUND_NONE).rows, n);
    ck_assert_uint_eq(entry_of(p, "results", LNT_BOUND_NONE).rows, n);
    lnt_profile_free(p);
    lnt_close(m);
    free(plain);
}
END_TEST

static void take_picture(void *user, const lnt_picture_result *result) {
    ck_assert_ptr_nonnull(result->row);
    __atomic_fetch_add((size_t *)user, 1, __ATOMIC_RELAXED);
}

START_TEST(test_a_batcher_counts_its_pictures) {
    lnt_model *m = golden_model("vit", "vit-image", "q8");
    lnt_info info;
    lnt_model_info(m, &info);
    size_t floats = (size_t)info.n_channels * info.image_height * info.image_width, taken = 0;
    lnt_profile *p = new_profile();
    lnt_picture pictures[PICTURES];
    for (uint32_t i = 0; i < PICTURES; i++) pictures[i] = (lnt_picture){.pixels = golden_pixels(i, floats)};
    double began = seconds();
    lnt_batcher *b = lnt_batcher_new(m, &(lnt_batcher_options){.n_threads = 2, .profile = p}, NULL);
    ck_assert_int_eq(lnt_batcher_run_images(b, pictures, PICTURES, take_picture, &taken, NULL), 0);
    lnt_batcher_free(b);
    check_entries(p, 2, seconds() - began);
    ck_assert_uint_eq(taken, PICTURES);
    ck_assert_uint_eq(entry_of(p, "decode pictures", LNT_BOUND_NONE).rows, PICTURES);
    ck_assert_uint_eq(entry_of(p, "results", LNT_BOUND_NONE).rows, PICTURES);
    const char *patches = path_of("patches %u", info.n_channels * info.patch_height * info.patch_width);
    ck_assert_uint_eq(entry_of(p, patches, LNT_BOUND_NONE).rows, PICTURES * info.n_ctx);
    for (uint32_t i = 0; i < PICTURES; i++) free((void *)(uintptr_t)pictures[i].pixels);
    lnt_profile_free(p);
    lnt_close(m);
}
END_TEST

/* ---- what anybody adds ---- */

START_TEST(test_entries_beyond_the_last_are_one) {
    lnt_profile *p = new_profile();
    lnt_profile_entry e;
    for (int i = 0; i < 300; i++) lnt_profile_add(p, &(lnt_profile_entry){.name = path_of("work %d", i), .calls = 1, .seconds = 0.5});
    lnt_profile_add(p, &(lnt_profile_entry){.name = "work 7", .calls = 2, .bytes = 3, .waiting = 1});
    lnt_profile_add(p, &(lnt_profile_entry){.name = "work 7", .bound = LNT_BOUND_FP32, .calls = 1});
    lnt_profile_add(NULL, &(lnt_profile_entry){.name = "work 7"});
    ck_assert(lnt_profile_get(p, 7, &e));
    ck_assert_str_eq(e.name, "work 7");
    ck_assert_uint_eq(e.calls, 3);
    ck_assert_uint_eq(e.bytes, 3);
    ck_assert_double_eq(e.seconds, 0.5);
    ck_assert_double_eq(e.waiting, 1);
    ck_assert(lnt_profile_get(p, 255, &e));
    ck_assert_str_eq(e.name, "others");
    ck_assert_uint_eq(e.calls, 300 - 255 + 1);
    ck_assert(!lnt_profile_get(p, 256, &e));
    lnt_profile_free(p);
    lnt_profile_free(NULL);
}
END_TEST

START_TEST(test_names_and_bounds_tell_entries_apart) {
    lnt_profile *p = new_profile();
    lnt_profile_entry e;
    char name[100];
    memset(name, 'a', sizeof name);
    for (size_t n = 60; n < 70; n++) {
        name[n] = 0;
        lnt_profile_add(p, &(lnt_profile_entry){.name = name, .calls = 1});
        name[n] = 'a';
    }
    for (lnt_bound bound = LNT_BOUND_NONE; bound <= LNT_BOUND_READ; bound++)
        lnt_profile_add(p, &(lnt_profile_entry){.name = "one", .bound = bound, .calls = 1});
    size_t n = 0;
    uint64_t calls = 0;
    for (; lnt_profile_get(p, n, &e); n++) {
        calls += e.calls;
        ck_assert_uint_lt(strlen(e.name), 64);
    }
    ck_assert_uint_eq(n, 4 + 5);
    ck_assert_uint_eq(calls, 10 + 5);
    lnt_profile_free(p);
}
END_TEST

static void *add_many(void *p) {
    for (int i = 0; i < 1000; i++) lnt_profile_add(p, &(lnt_profile_entry){.name = i % 2 ? "odd" : "even", .calls = 1, .rows = 2, .seconds = 0.25});
    return NULL;
}

START_TEST(test_threads_add_at_the_same_time) {
    lnt_profile *p = new_profile();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, p), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    lnt_profile_entry odd = entry_of(p, "odd", LNT_BOUND_NONE), even = entry_of(p, "even", LNT_BOUND_NONE);
    ck_assert_uint_eq(odd.calls, 2000);
    ck_assert_uint_eq(even.rows, 4000);
    ck_assert_double_eq(odd.seconds + even.seconds, 1000);
    lnt_profile_free(p);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *counting = tcase_create("counting"), *adding = tcase_create("adding");
    tcase_set_timeout(counting, 60);
    tcase_add_loop_test(counting, test_a_context_counts_its_steps, 0, 8);
    tcase_add_test(counting, test_parts_of_an_evaluation_are_counted);
    tcase_add_loop_test(counting, test_a_batcher_counts_its_texts, 0, 3);
    tcase_add_test(counting, test_a_batcher_counts_its_pictures);
    tcase_add_test(adding, test_entries_beyond_the_last_are_one);
    tcase_add_test(adding, test_names_and_bounds_tell_entries_apart);
    tcase_add_test(adding, test_threads_add_at_the_same_time);
    int status = run_suite("profile", (TCase *const[]){counting, adding, NULL});
    remove_test_folder();
    return status;
}
