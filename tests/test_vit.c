/* ViT and DeiT against transformers in float32 (tests/golden/vit.py made the expectations): all outputs, hidden states,
   attention, other sizes of images; what q8 loses; one answer at every level, with any threads, in any company; and
   where it is at hand, a trained model over CIFAR-10's test batch. */
#include "tests/golden.h"

static const char SET[] = "vit";
static const char *const CASES[] = {"vit-model", "vit-bare",   "vit-image",  "vit-odd",      "vit-grey",
                                    "vit-many",  "deit-model", "deit-image", "deit-teacher", "deit-teacher-many"};
enum { N_CASES = sizeof CASES / sizeof *CASES, IMAGES = 3 };

static size_t values_of(const lnt_model *m, uint32_t height, uint32_t width) {
    lnt_info info;
    lnt_model_info(m, &info);
    return (size_t)info.n_channels * (height ? height : info.image_height) * (width ? width : info.image_width);
}

static lnt_context *context_of(const lnt_model *m, const lnt_context_options *o) {
    lnt_error err;
    lnt_context *c = lnt_context_new(m, o, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    return c;
}

static bool has_file(const char *name, const char *file) { return !access(golden_path(SET, name, file), F_OK); }

/* An output of IMAGES images evaluated together, [IMAGES][*width], to be freed. */
static float *evaluate(const lnt_model *m, const char *output, size_t *width) {
    lnt_error err;
    lnt_span spans[IMAGES];
    float *pixels[IMAGES];
    lnt_context *c = context_of(m, &(lnt_context_options){.n_threads = 2, .n_sequences = IMAGES, .output = output});
    for (uint32_t i = 0; i < IMAGES; i++) spans[i] = (lnt_span){.sequence = i, .pixels = pixels[i] = golden_pixels(i, values_of(m, 0, 0))};
    ck_assert_msg(!lnt_eval(c, spans, IMAGES, &err), "%s", err.text);
    *width = lnt_output_width(c);
    ck_assert_uint_eq(lnt_output_rows(c), IMAGES);
    float *rows = malloc(IMAGES * *width * sizeof *rows);
    for (size_t i = 0; i < IMAGES; i++) memcpy(rows + i * *width, lnt_output(c, i), *width * sizeof *rows);
    for (int i = 0; i < IMAGES; i++) free(pixels[i]);
    lnt_context_free(c);
    return rows;
}

/* ---- against transformers ---- */

START_TEST(test_outputs) {
    static const char *const OUTPUTS[] = {"logits", "embedding", "pooled"};
    const char *name = CASES[_i];
    lnt_model *m = golden_model(SET, name, "f32");
    lnt_error err;
    for (int k = 0; k < 3; k++) {
        char file[32];
        size_t width;
        snprintf(file, sizeof file, "%s.f32", OUTPUTS[k]);
        if (has_file(name, file)) {
            float *rows = evaluate(m, OUTPUTS[k], &width);
            ck_assert(golden_distance(SET, name, file, rows, IMAGES * width) <= 1e-4);
            free(rows);
        } else {
            ck_assert_ptr_null(lnt_context_new(m, &(lnt_context_options){.output = OUTPUTS[k]}, &err));
            CHECK_ERROR(&err, OUTPUTS[k]);
        }
    }
    lnt_close(m);
}
END_TEST

START_TEST(test_hidden_and_attention) {
    const char *name = CASES[_i];
    lnt_model *m = golden_model(SET, name, "f32");
    lnt_info info;
    lnt_model_info(m, &info);
    size_t tokens = info.n_ctx, states = tokens * info.width, maps = info.n_heads * tokens * tokens;
    float *hidden = calloc((info.n_layers + 1) * states, sizeof *hidden), *attention = calloc(info.n_layers * maps, sizeof *attention);
    float *pixels = golden_pixels(0, values_of(m, 0, 0));
    lnt_context *c = context_of(m, NULL);
    for (uint32_t i = 0; i <= info.n_layers; i++) ck_assert_int_eq(lnt_tap(c, "hidden", i, hidden + i * states, tokens, NULL), 0);
    for (uint32_t i = 0; i < info.n_layers; i++) ck_assert_int_eq(lnt_tap(c, "attention", i, attention + i * maps, tokens, NULL), 0);
    ck_assert_int_eq(lnt_eval(c, &(lnt_span){.pixels = pixels}, 1, NULL), 0);
    ck_assert(golden_distance(SET, name, "hidden.f32", hidden, (info.n_layers + 1) * states) <= 1e-4);
    ck_assert(golden_distance(SET, name, "attention.f32", attention, info.n_layers * maps) <= 1e-5);
    free(hidden);
    free(attention);
    free(pixels);
    lnt_context_free(c);
    lnt_close(m);
}
END_TEST

/* The first hidden state and then the output of an image of another size; gives their number. */
static size_t evaluate_sized(const lnt_model *m, uint32_t i, uint32_t height, uint32_t width, float *out, size_t room) {
    lnt_error err;
    lnt_info info;
    lnt_model_info(m, &info);
    size_t tokens = lnt_image_tokens(m, height, width), states = tokens * info.width;
    float *pixels = golden_pixels(i, values_of(m, height, width));
    lnt_context *c = context_of(m, &(lnt_context_options){.n_threads = 2, .image_height = height, .image_width = width});
    ck_assert_uint_le(states + lnt_output_width(c), room);
    ck_assert_int_eq(lnt_tap(c, "hidden", 0, out, tokens, NULL), 0);
    ck_assert_msg(!lnt_eval(c, &(lnt_span){.pixels = pixels}, 1, &err), "%s", err.text);
    memcpy(out + states, lnt_output(c, 0), lnt_output_width(c) * sizeof *out);
    size_t n = states + lnt_output_width(c);
    free(pixels);
    lnt_context_free(c);
    return n;
}

START_TEST(test_other_sizes) {
    enum { ROOM = 1 << 14 };
    const char *name = CASES[_i];
    if (!has_file(name, "sizes.i32")) return;
    size_t bytes, n = 0;
    int32_t *sizes = read_file(golden_path(SET, name, "sizes.i32"), &bytes);
    float *values = malloc(ROOM * sizeof *values);
    lnt_model *m = golden_model(SET, name, "f32");
    for (size_t i = 0; i < bytes / sizeof *sizes / 2; i++)
        n += evaluate_sized(m, (uint32_t)i, (uint32_t)sizes[2 * i], (uint32_t)sizes[2 * i + 1], values + n, ROOM - n);
    ck_assert(golden_distance(SET, name, "sized.f32", values, n) <= 1e-4);
    lnt_close(m);
    free(values);
    free(sizes);
}
END_TEST

/* ---- what the metadata say ---- */

static const struct facts {
    const char *name, *architecture, *task, *scores;
    uint32_t n_labels;
    const char *last_label;
    uint32_t n_ctx, width, n_heads, channels, height, image_width, patch_height, patch_width;
} FACTS[] = {
    {"vit-model", "vit", "", "", 0, NULL, 17, 36, 3, 3, 16, 16, 4, 4},
    {"vit-bare", "vit", "", "", 0, NULL, 13, 20, 2, 2, 6, 8, 2, 2},
    {"vit-image", "vit", "image-classification", "softmax", 3, "gut \xc3\xbc", 17, 34, 2, 3, 13, 13, 3, 3},
    {"vit-odd", "vit", "image-classification", "sigmoid", 2, "LABEL_1", 13, 27, 3, 3, 17, 23, 5, 5},
    {"vit-grey", "vit", "image-classification", "identity", 1, "score", 17, 20, 5, 1, 8, 16, 2, 4},
    {"vit-many", "vit", "image-classification", "softmax", 40, "label 39", 5, 34, 2, 4, 14, 14, 7, 7},
    {"deit-image", "deit", "image-classification", "softmax", 2, "b", 8, 20, 2, 3, 8, 12, 4, 4},
    {"deit-teacher", "deit", "image-classification", "softmax", 3, "c", 18, 20, 2, 3, 12, 12, 3, 3},
};

START_TEST(test_metadata) {
    const struct facts *f = &FACTS[_i];
    lnt_model *m = golden_model(SET, f->name, "f32");
    lnt_info i;
    lnt_model_info(m, &i);
    ck_assert_str_eq(i.architecture, f->architecture);
    ck_assert_str_eq(i.task, f->task);
    ck_assert_str_eq(i.scores, f->scores);
    ck_assert_uint_eq(i.n_labels, f->n_labels);
    if (f->n_labels) ck_assert_str_eq(lnt_label(m, f->n_labels - 1), f->last_label);
    const uint32_t found[] = {i.n_ctx, i.max_tokens, i.width, i.embedding_width, i.n_heads, i.head_dim, i.n_channels, i.image_height, i.image_width,
                              i.patch_height, i.patch_width, i.vocab_size, i.n_segments};
    const uint32_t expected[] = {f->n_ctx, f->n_ctx, f->width, f->width, f->n_heads, f->width / f->n_heads, f->channels, f->height, f->image_width,
                                 f->patch_height, f->patch_width, 0, 0};
    for (size_t k = 0; k < sizeof found / sizeof *found; k++) ck_assert_msg(found[k] == expected[k], "%zu: %u, expected %u", k, found[k], expected[k]);
    ck_assert_int_eq(i.bos_id, -1);
    ck_assert(!i.has_tokenizer && !i.has_preprocessing);
    lnt_close(m);
}
END_TEST

/* ---- smaller types ---- */

static double cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) ab += (double)a[i] * (double)b[i], aa += (double)a[i] * (double)a[i], bb += (double)b[i] * (double)b[i];
    return ab / sqrt(aa * bb);
}

START_TEST(test_smaller_types) {
    static const struct { const char *type; double least; } TYPES[] = {{"f16", 0.99999}, {"q8", 0.999}, {"q4", 0.94}};
    const char *name = CASES[_i];
    size_t bytes, width;
    float *expected = read_file(golden_path(SET, name, "embedding.f32"), &bytes);
    for (int k = 0; k < 3; k++) {
        lnt_model *m = golden_model(SET, name, TYPES[k].type);
        float *rows = evaluate(m, "embedding", &width);
        for (int i = 0; i < IMAGES; i++) {
            double d = cosine(rows + (size_t)i * width, expected + (size_t)i * width, width);
            printf("%s %s: cosine %.6f\n", name, TYPES[k].type, d);
            ck_assert(d >= TYPES[k].least);
        }
        free(rows);
        lnt_close(m);
    }
    free(expected);
}
END_TEST

/* ---- one answer ---- */

typedef struct way {
    const char *path;
    uint32_t n_threads, n_batch;
    uint32_t n_together; /* images an evaluation: alone, or some and in another order */
    bool sized;          /* with interpolated positions */
    float *out;          /* [IMAGES][width] */
    size_t width;
} way;

static bool evaluate_way(void *arg) {
    const way *w = arg;
    lnt_error err;
    lnt_model *m = lnt_open(w->path, &err);
    if (!m) return fprintf(stderr, "%s\n", err.text), false;
    lnt_info info;
    lnt_model_info(m, &info);
    uint32_t height = w->sized ? info.image_height + 9 : 0, width = w->sized ? info.image_width + 14 : 0;
    lnt_context_options o = {.n_threads = w->n_threads, .n_batch = w->n_batch, .n_sequences = IMAGES, .image_height = height, .image_width = width};
    lnt_context *c = lnt_context_new(m, &o, &err);
    if (!c) return fprintf(stderr, "%s\n", err.text), false;
    for (uint32_t at = 0; at < IMAGES; at += w->n_together) {
        lnt_span spans[IMAGES];
        uint32_t n = IMAGES - at < w->n_together ? IMAGES - at : w->n_together;
        for (uint32_t i = 0; i < n; i++) spans[i] = (lnt_span){.sequence = i, .pixels = golden_pixels(at + n - 1 - i, values_of(m, height, width))};
        if (lnt_eval(c, spans, n, &err)) return fprintf(stderr, "%s\n", err.text), false;
        for (uint32_t i = 0; i < n; i++) memcpy(w->out + (at + n - 1 - i) * w->width, lnt_output(c, i), w->width * sizeof(float));
        for (uint32_t i = 0; i < n; i++) free((float *)(uintptr_t)spans[i].pixels);
    }
    lnt_context_free(c);
    lnt_close(m);
    return true;
}

static const struct {
    const char *name, *type;
} ONES[] = {{"vit-odd", "f32"}, {"vit-image", "q8"}, {"vit-model", "f16"}, {"deit-teacher", "q8"}, {"vit-many", "q4"}, {"vit-grey", "q8"}};
enum { N_ONES = sizeof ONES / sizeof *ONES };

/* Every model in a process of its own, since a process reads LINNET_CPU once. */
static bool convert_all(void *unused) {
    (void)unused;
    lnt_error err;
    for (int i = 0; i < N_ONES; i++)
        if (lnt_convert(golden_path(SET, ONES[i].name, "."), path_of("%s/one-%d.lnt", test_folder, i), &(lnt_convert_options){.type = ONES[i].type}, &err))
            return fprintf(stderr, "%s\n", err.text), false;
    return true;
}

START_TEST(test_one_answer) {
    enum { ROOM = 64 };
    static const struct { uint32_t n_threads, n_batch, n_together; } WAYS[] = {{1, 512, 1}, {2, 512, 1}, {3, 512, 2}, {5, 512, 3}, {1, 512, 3}, {2, 7, 3}, {2, 1, 1}};
    char path[256];
    snprintf(path, sizeof path, "%s/one-%d.lnt", test_folder, _i / 2);
    size_t bytes, width;
    bool logits = has_file(ONES[_i / 2].name, "logits.f32");
    free(read_file(golden_path(SET, ONES[_i / 2].name, logits ? "logits.f32" : "embedding.f32"), &bytes));
    width = bytes / sizeof(float) / IMAGES;
    ck_assert_uint_le(width, ROOM);
    float *reference = shared_memory(2 * IMAGES * ROOM * sizeof(float)), *out = reference + IMAGES * ROOM;
    way first = {.path = path, .n_threads = 1, .n_batch = 512, .n_together = 1, .sized = _i % 2, .out = reference, .width = width};
    ck_assert(run_at_level("scalar", evaluate_way, &first));
    for (size_t i = 0; i < IMAGES * width; i++) ck_assert_msg(reference[i] - reference[i] == 0, "%zu is not finite", i);
    for (const char *const *level = lnt_cpu_levels(); *level; level++)
        for (size_t k = 0; k < sizeof WAYS / sizeof *WAYS; k++) {
            way w = {path, WAYS[k].n_threads, WAYS[k].n_batch, WAYS[k].n_together, _i % 2, out, width};
            memset(out, 0xff, IMAGES * width * sizeof(float));
            ck_assert(run_at_level(*level, evaluate_way, &w));
            ck_assert_msg(!memcmp(out, reference, IMAGES * width * sizeof(float)), "%s: other bits at %s, %u threads, batches of %u, %u together", path, *level,
                          w.n_threads, w.n_batch, w.n_together);
        }
}
END_TEST

/* ---- the model that ships ---- */

START_TEST(test_shipped) {
    enum { LABELS = 10, RANDOM = 3 };
    static const struct { const char *file, *label; } SAMPLES[] = {{"bag.jpg", "Bag"}, {"boot.png", "Ankle boot"}};
    float logits[RANDOM + 1][LABELS];
    lnt_error err;
    lnt_info info;
    lnt_model *m = lnt_open(path_of("%s/models/fashion/fashion.lnt", LINNET_SOURCE_DIR), &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    lnt_model_info(m, &info);
    ck_assert_uint_eq(info.n_labels, LABELS);
    lnt_context *c = context_of(m, NULL);
    size_t n = (size_t)info.n_channels * info.image_height * info.image_width;
    for (uint32_t i = 0; i < RANDOM + 2; i++) {
        float *pixels = i < RANDOM ? golden_pixels(i, n) : malloc(n * sizeof *pixels), *row = logits[i < RANDOM ? i : RANDOM];
        const char *file = i < RANDOM ? "" : SAMPLES[i - RANDOM].file;
        if (i >= RANDOM) ck_assert_msg(!lnt_pixels_read(m, path_of("%s/models/fashion/%s", LINNET_SOURCE_DIR, file), 0, 0, pixels, &err), "%s", err.text);
        ck_assert_msg(!lnt_eval(c, &(lnt_span){.pixels = pixels}, 1, &err), "%s", err.text);
        memcpy(row, lnt_output(c, 0), LABELS * sizeof *row);
        uint32_t best = 0;
        for (uint32_t k = 1; k < LABELS; k++)
            if (row[k] > row[best]) best = k;
        if (i >= RANDOM) ck_assert_str_eq(lnt_label(m, best), SAMPLES[i - RANDOM].label);
        free(pixels);
    }
    /* Random pixels and the PNG: a JPEG may be decoded a little differently elsewhere. */
    expect_hash("fashion", logits[0], sizeof logits / sizeof(float));
    lnt_context_free(c);
    lnt_close(m);
}
END_TEST

/* ---- a trained model over CIFAR-10's test batch ---- */

#define SHARED LINNET_SOURCE_DIR "/../shared"
enum {
    SIDE = 32, VALUES = 3 * SIDE * SIDE, CLASSES = 10, ALL = 10000, WINDOW = 1000, LOOKED_AT = 64,
    N_PICTURES = SANITIZED ? 500 : ALL, RIGHT = SANITIZED ? 259 : 5697, RIGHT_Q8 = SANITIZED ? 255 : 5670,
};

typedef struct cifar {
    const uint8_t *labels; /* of the window's pictures, one every VALUES + 1 bytes */
    float *logits;         /* [WINDOW][CLASSES] */
} cifar;

static void keep_logits(void *user, const lnt_picture_result *r) {
    const cifar *c = user;
    ck_assert_msg(r->row != NULL, "%s", r->row ? "" : r->err->text);
    memcpy(c->logits + r->index * CLASSES, r->row, CLASSES * sizeof *c->logits);
}

static uint32_t count_right(const cifar *c, size_t n) {
    uint32_t right = 0;
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        for (size_t k = 1; k < CLASSES; k++)
            if (c->logits[i * CLASSES + k] > c->logits[i * CLASSES + best]) best = k;
        right += best == c->labels[i * (VALUES + 1)];
    }
    return right;
}

/* How many of the first N_PICTURES are named right. */
static uint32_t run_cifar(lnt_batcher *b, const uint8_t *records, float *first_logits) {
    static float pixels[WINDOW * VALUES], logits[WINDOW * CLASSES];
    static lnt_picture pictures[WINDOW];
    lnt_error err;
    uint32_t right = 0;
    for (size_t at = 0; at < N_PICTURES; at += WINDOW) {
        size_t n = N_PICTURES - at < WINDOW ? N_PICTURES - at : WINDOW;
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < VALUES; k++) pixels[i * VALUES + k] = (float)records[(at + i) * (VALUES + 1) + 1 + k] / 255;
            pictures[i] = (lnt_picture){.path = "cifar", .pixels = pixels + i * VALUES};
        }
        cifar c = {.labels = records + at * (VALUES + 1), .logits = logits};
        ck_assert_msg(!lnt_batcher_run_images(b, pictures, n, keep_logits, &c, &err), "%s", err.text);
        right += count_right(&c, n);
        if (!at) memcpy(first_logits, logits, LOOKED_AT * CLASSES * sizeof *logits);
    }
    return right;
}

START_TEST(test_cifar) {
    const char *type = _i ? "q8" : "f32";
    float first[LOOKED_AT * CLASSES];
    size_t bytes;
    lnt_error err;
    if (access(SHARED "/models/vit-cifar10-ashu", F_OK) || access(SHARED "/data/cifar10/test_batch.bin", F_OK)) {
        printf("cifar10 %s: skipped, there is no " SHARED "\n", type);
        return;
    }
    uint8_t *records = read_file(SHARED "/data/cifar10/test_batch.bin", &bytes);
    ck_assert_uint_eq(bytes, ALL * (VALUES + 1));
    lnt_model *m = converted_folder(SHARED "/models/vit-cifar10-ashu", path_of("%s/cifar-%s.lnt", test_folder, type), type);
    lnt_batcher *b = lnt_batcher_new(m, NULL, &err);
    ck_assert_msg(b != NULL, "%s", err.text);
    uint32_t right = run_cifar(b, records, first);
    printf("cifar10 %s: %u of %d right\n", type, right, N_PICTURES);
    if (!_i) ck_assert(golden_distance(SET, "cifar10", "logits.f32", first, LOOKED_AT * CLASSES) <= 1e-4);
    if (_i) ck_assert_uint_ge(right, RIGHT_Q8);
    else ck_assert_uint_eq(right, RIGHT);
    lnt_batcher_free(b);
    lnt_close(m);
    free(records);
}
END_TEST

#define LOOP(test, n) tcase_add_loop_test(t, test, 0, (int)(n))

int main(void) {
    make_test_folder();
    bool ok = run_at_level(NULL, convert_all, NULL);
    TCase *t = tcase_create("vit");
    tcase_set_timeout(t, 300);
    LOOP(test_outputs, N_CASES);
    LOOP(test_hidden_and_attention, N_CASES);
    LOOP(test_other_sizes, N_CASES);
    LOOP(test_metadata, sizeof FACTS / sizeof *FACTS);
    LOOP(test_smaller_types, N_CASES);
    LOOP(test_one_answer, 2 * N_ONES);
    LOOP(test_shipped, 1);
    LOOP(test_cifar, 2);
    int rc = ok ? run_suite("vit", (TCase *const[]){t, NULL}) : 1;
    remove_test_folder();
    return rc;
}
