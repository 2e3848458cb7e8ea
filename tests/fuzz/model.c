/* fuzz: max_len=16384 weight=6 dict=lnt */
/* A model file, opened and run with a small budget. Its weights are made up: the first byte of the data says how. What ASan
   cannot see by itself is made visible: the gaps between tensors are poisoned, so that a kernel which leaves its tensor is caught.
   And evaluated in pieces or at once, alone or beside another sequence, it must say the same, if its weights are as they should be. */
#include "engine/model.h"
#include "engine/tokenizer.h"
#include "tests/fuzz/mutate_lnt.h"

#if defined(__has_include) && __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h> /* does nothing without ASan */
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { MOST = 1 << 17, FILLS = 8, TOKENS = 11, MOST_FLOATS = 1 << 16 };
#define MOST_WORK 4e6 /* multiplications of an evaluation */

static uint8_t fills[FILLS][MOST];

/* Zeros; floats as weights have them; random bits; halves as weights have them; all ones; the largest finite; infinity; random
   bytes of small numbers. */
static void make_fills(void) {
    mutate_random r = {88172645463325252u};
    const uint32_t words[FILLS] = {0, 0, 0, 0, 0xffffffff, 0x7f7fffff, 0x7f800000, 0};
    for (size_t f = 0; f < FILLS; f++)
        for (size_t j = 0; j < MOST; j += 4) {
            uint32_t bits = (uint32_t)mutate_draw(&r, UINT32_MAX), w = f == 2 ? bits : f == 3 ? (bits & 0x83ff83ff) | 0x30003000 : f == 7 ? bits & 0x07070707 : words[f];
            float weight = (float)(bits % 97) * 0.01f - 0.4f;
            if (f == 1) memcpy(&w, &weight, 4);
            memcpy(fills[f] + j, &w, 4);
        }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    make_fills();
    return 0;
}

static lnt_model *open_input(const uint8_t *data, size_t size, lnt_error *err) {
    size_t at = 0, whole = size;
    bool is_cut = mutate_lnt_is_cut(data, size, MOST, &at, &whole);
    const uint8_t *fill = fills[is_cut && at < size ? data[at] % FILLS : 1];
    return lnt_open(fuzz_map_with(data, size, fill + (is_cut ? size - at : 0), whole - size), err);
}

/* Most changes are refused when the file is opened, which is the target lnt's matter: a few are tried. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    uint8_t *old = malloc(size + 1);
    if (!old) abort();
    memcpy(old, data, size);
    size_t n = size;
    for (unsigned tries = 0; tries < 6; tries++) {
        memcpy(data, old, size);
        n = mutate_lnt(data, size, max_size, seed + tries * 0x9e3779b9u);
        lnt_model *m = open_input(data, n, NULL);
        lnt_close(m);
        if (m) break;
    }
    free(old);
    return n;
}

/* ---- weights that keep what their types promise (docs/format.md, "Padding", "Sums"), on which it rests that the company makes no
   difference: nothing where there is padding, and sums that are right ---- */

static void repair_q8(const lnt_model *m, const lnt_tensor *t) {
    size_t kp = round_up(t->k, QUANT_PAD);
    for (size_t r = 0; r < round_up(t->n, LANES); r++) {
        int32_t sum = 0;
        for (size_t c = 0; c < kp; c++) {
            int8_t *w = (int8_t *)(uintptr_t)t->data + ((r / LANES * (kp / 4) + c / 4) * LANES + r % LANES) * 4 + c % 4;
            if (r >= t->n || c >= t->k || (m->pairs && c % 2)) *w = 0;
            sum += *w;
        }
        ((int32_t *)(uintptr_t)t->sum)[r] = sum;
        if (r >= t->n) ((float *)(uintptr_t)t->scale)[r] = 0;
    }
}

static void repair_q4(const lnt_tensor *t, const kernels *k) {
    size_t kp = round_up(t->k, QUANT_PAD);
    for (size_t r = 0; r < round_up(t->n, LANES); r++) {
        double sum = 0;
        for (size_t g = 0; g < kp / QUANT_GROUP; g++) {
            uint16_t *half = (uint16_t *)(uintptr_t)t->scale + (r / LANES * (kp / QUANT_GROUP) + g) * LANES + r % LANES, halves[LANES] = {0};
            float scales[LANES];
            int codes = 0;
            if (r >= t->n || g * QUANT_GROUP >= t->k) *half = 0;
            for (size_t c = g * QUANT_GROUP; c < (g + 1) * QUANT_GROUP; c++) {
                uint8_t *w = (uint8_t *)(uintptr_t)t->data + ((r / LANES * (kp / 8) + c / 8) * LANES + r % LANES) * 4 + c % 4;
                int shift = c / 4 % 2 * 4;
                if (r >= t->n || c >= t->k) *w = (uint8_t)((*w & 0xf0 >> shift) | 8 << shift);
                codes += (*w >> shift & 15) - 8;
            }
            halves[0] = *half;
            k->f16_to_f32(halves, scales, LANES);
            sum += (double)scales[0] * codes;
        }
        ((float *)(uintptr_t)t->sum)[r] = (float)sum;
    }
}

static void repair(const lnt_model *m) {
    for (size_t i = 0; i < m->file.n_tensors; i++) {
        const lnt_tensor *t = &m->file.tensors[i];
        if (t->type == TENSOR_Q8) repair_q8(m, t);
        if (t->type == TENSOR_Q4) repair_q4(t, kernels_best());
    }
}

static void poison_gaps(const lnt_model *m) {
    const lnt_bytes *data = &m->file.sections[SECTION_DATA];
    size_t at = 0;
    for (size_t i = 0; i <= m->file.n_tensors; i++) {
        size_t begin = i < m->file.n_tensors ? (size_t)m->file.tensors[i].offset : data->size;
        ASAN_POISON_MEMORY_REGION(data->bytes + at, begin - at);
        if (i < m->file.n_tensors) at = begin + (size_t)m->file.tensors[i].size;
    }
}

/* Multiplications of a token's evaluation and floats that one row of all values takes, roughly. */
static double work_of(const lnt_model *m, uint32_t tokens) {
    double work = 0;
    for (size_t i = 0; i < m->graph.n_ops; i++) {
        const graph_op *op = &m->graph.ops[i];
        const graph_value *in = op->inputs[0] < 0 ? NULL : &m->graph.values[op->inputs[0]], *out = &m->graph.values[op->output];
        work += op->kind == OP_LINEAR ? (double)in->width * out->width : op->kind == OP_ATTENTION ? 2.0 * tokens * out->width : out->width;
    }
    return work * tokens;
}

static uint32_t checked; /* so that what is read is read */

static void look(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, 4);
        checked ^= bits;
    }
}

/* Equal bits, where any NaN is like any other. */
static bool same(const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, 4) && !(a[i] != a[i] && b[i] != b[i])) return false;
    return true;
}

static size_t look_at_outputs(const lnt_context *c, float *copy) {
    size_t rows = lnt_output_rows(c), width = lnt_output_width(c);
    FUZZ_CHECK(!lnt_output(c, rows));
    for (size_t r = 0; r < rows; r++) {
        look(lnt_output(c, r), width);
        if (copy && (r + 1) * width <= MOST_FLOATS) memcpy(copy + r * width, lnt_output(c, r), width * sizeof *copy);
    }
    return rows * width;
}

/* ---- ids ---- */

static lnt_context *context_of(const lnt_model *m, uint32_t n_batch, uint32_t n_sequences, const char *output) {
    lnt_error err = {""};
    uint32_t n_ctx = m->info.n_ctx < TOKENS + 1 ? m->info.n_ctx : TOKENS + 1;
    lnt_context_options o = {.n_threads = 1, .n_ctx = n_ctx, .n_batch = n_batch, .n_sequences = n_sequences, .n_outputs = 2 * TOKENS, .output = output};
    lnt_context *c = lnt_context_new(m, &o, &err);
    if (!c) FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
    return c;
}

static void run_alone(const lnt_model *m, const lnt_span *span, float *expected, size_t *n_expected) {
    static float tapped[2][MOST_FLOATS];
    lnt_context *c = context_of(m, TOKENS, 1, NULL);
    if (!c) return;
    const lnt_info *info = &m->info;
    if ((uint64_t)info->width * TOKENS <= MOST_FLOATS) lnt_tap(c, "hidden", 0, tapped[0], TOKENS, NULL);
    if ((uint64_t)info->n_heads * TOKENS * TOKENS <= MOST_FLOATS) lnt_tap(c, "attention", 0, tapped[1], TOKENS, NULL);
    if (!lnt_eval(c, span, 1, NULL)) *n_expected = look_at_outputs(c, expected);
    look(tapped[0], 1);
    lnt_context_free(c);
}

/* Another sequence before it, and not all tokens at once where the model can. */
static void run_in_company(const lnt_model *m, const lnt_span *span, const float *expected, size_t n_expected) {
    static float again[MOST_FLOATS];
    lnt_context *c = context_of(m, 4, 2, NULL);
    if (!c) return;
    size_t width = lnt_output_width(c), first = span->n_ids / 2, n;
    lnt_span parts[] = {{.ids = span->ids + 1, .n_ids = span->n_ids - 1 ? span->n_ids - 1 : 1}, *span};
    if (span->n_ids == 1) parts[0].ids = span->ids;
    parts[1].sequence = 1;
    if (m->cached && first) {
        lnt_span begin = {.sequence = 1, .ids = span->ids, .segments = span->segments, .n_ids = first, .no_outputs = true};
        FUZZ_CHECK(!lnt_eval(c, &begin, 1, NULL) && lnt_sequence_length(c, 1) == first);
        parts[1].ids += first, parts[1].segments += first, parts[1].n_ids -= first;
    }
    FUZZ_CHECK(!lnt_eval(c, parts, 2, NULL));
    n = look_at_outputs(c, again);
    /* Of rows of tokens only the last of each sequence was asked for in pieces. */
    bool rows_are_sequences = m->graph.values[m->output].rows == ROWS_SEQUENCES;
    size_t mine = rows_are_sequences || m->cached ? width : width * span->n_ids;
    if (expected && n >= mine && n <= MOST_FLOATS && n_expected >= width && n_expected <= MOST_FLOATS)
        FUZZ_CHECK(same(again + n - width, expected + n_expected - width, width));
    if (m->cached && span->n_ids > 2) lnt_sequence_shift(c, 1, 1, 1, NULL);
    lnt_sequence_truncate(c, 1, 0);
    lnt_context_free(c);
}

static void run_ids(const lnt_model *m, const uint8_t *data, bool repaired) {
    static float expected[MOST_FLOATS];
    static const char *const OUTPUTS[] = {"logits", "embedding", "pooled", "next_sentence"};
    uint32_t vocab = m->info.vocab_size;
    int32_t ids[TOKENS] = {0, (int32_t)vocab - 1, (int32_t)vocab / 2, 1 % (int32_t)vocab};
    uint8_t segments[TOKENS] = {0, 0, m->info.n_segments ? (uint8_t)(m->info.n_segments - 1) : 0};
    lnt_span span = {.ids = ids, .n_ids = 1 + data[62] % TOKENS, .segments = segments};
    size_t n = 0;
    if (span.n_ids > m->info.n_ctx) span.n_ids = m->info.n_ctx;
    run_alone(m, &span, expected, &n);
    if (n) run_in_company(m, &span, repaired ? expected : NULL, n);
    lnt_context *c = context_of(m, TOKENS, 1, OUTPUTS[data[61] & 3]);
    span.all_outputs = true;
    if (c && !lnt_eval(c, &span, 1, NULL)) look_at_outputs(c, NULL);
    lnt_context_free(c);
}

/* ---- images ---- */

static void run_image(const lnt_model *m, uint32_t height, uint32_t width) {
    lnt_error err = {""};
    uint32_t tokens = lnt_image_tokens(m, height, width);
    size_t floats = (size_t)m->info.n_channels * height * width;
    if (!tokens || tokens > 64 || floats > MOST_FLOATS || work_of(m, tokens) > MOST_WORK) return;
    lnt_context_options o = {.n_threads = 1, .n_batch = TOKENS, .image_height = height, .image_width = width};
    lnt_context *c = lnt_context_new(m, &o, &err);
    float *pixels = calloc(floats, sizeof *pixels);
    if (!c || !pixels) FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
    for (size_t i = 0; pixels && i < floats; i++) pixels[i] = (float)(i % 13) * 0.1f;
    lnt_span span = {.pixels = pixels};
    if (c && pixels && !lnt_eval(c, &span, 1, NULL)) look_at_outputs(c, NULL);
    free(pixels);
    lnt_context_free(c);
}

static void run_images(const lnt_model *m) {
    static uint8_t rgb[6 * 5 * 3];
    const lnt_info *info = &m->info;
    lnt_image picture = {.width = 6, .height = 5, .pixels = rgb};
    run_image(m, info->image_height, info->image_width);
    run_image(m, 2 * info->patch_height, 3 * info->patch_width);
    size_t floats = (size_t)info->n_channels * info->image_height * info->image_width;
    float *pixels = floats <= MOST_FLOATS ? malloc(floats * sizeof *pixels) : NULL;
    if (pixels && !lnt_image_pixels(m, &picture, 0, 0, pixels, NULL)) look(pixels, floats);
    free(pixels);
}

/* ---- many at a time ---- */

static void take_text(void *user, const lnt_text_result *result) {
    const lnt_batcher *b = user;
    FUZZ_CHECK(result->index < 3);
    for (size_t i = 0; i < result->n_rows; i++) look(result->rows[i], lnt_batcher_width(b));
}

static void take_picture(void *user, const lnt_picture_result *result) {
    if (result->row) look(result->row, lnt_batcher_width(user));
    else FUZZ_CHECK(*result->err->text);
}

static void run_batch(const lnt_model *m) {
    static const char text[] = "the cats, unable <s> \xc3\xa9t\xc3\xa9 ing", picture[] = "P5 3 2 255\n\1\2\3\4\5\6";
    lnt_error err = {""};
    lnt_batcher_options o = {.n_threads = 1, .max_tokens = TOKENS, .n_batch = TOKENS};
    lnt_batcher *b = lnt_batcher_new(m, &o, &err);
    if (!b) FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
    bool pair = m->tokenizer && m->tokenizer->pair.n;
    lnt_text texts[3] = {{.text = text, .n_bytes = sizeof text - 1}, {.text = text, .n_bytes = 0}, {.text = text, .n_bytes = 9, .pair = pair ? text + 4 : NULL, .n_pair_bytes = 5}};
    lnt_picture pictures[2] = {{.path = "P5", .bytes = picture, .n_bytes = sizeof picture - 1}, {.path = "cut", .bytes = picture, .n_bytes = 9}};
    if (b && m->patches) lnt_batcher_run_images(b, pictures, 2, take_picture, b, &err);
    else if (b) lnt_batcher_run(b, texts, 3, take_text, b, &err);
    lnt_batcher_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lnt_error err = {""};
    lnt_model *m = open_input(data, size, &err);
    if (!m) return 0;
    bool repaired = data[60] & 1;
    if (repaired) repair(m);
    poison_gaps(m);
    if (m->patches) run_images(m);
    else if (work_of(m, TOKENS) <= MOST_WORK) run_ids(m, data, repaired);
    bool small = m->patches ? m->info.n_ctx <= 64 && (uint64_t)m->info.image_height * m->info.image_width <= MOST_FLOATS : m->tokenizer != NULL;
    if (!(data[59] & 3) && small && work_of(m, m->patches ? m->info.n_ctx : 3 * TOKENS) <= MOST_WORK) run_batch(m);
    lnt_close(m);
    return 0;
}
