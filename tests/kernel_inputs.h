/* What the kernel tests feed the kernels: rows and matrices drawn at random, in buffers whose surroundings are watched. */
#ifndef LNT_TESTS_KERNEL_INPUTS_H
#define LNT_TESTS_KERNEL_INPUTS_H
#include "simd/kernels.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ck_assert for loops over elements: it writes nothing when it holds. */
#define holds(condition) \
    do { \
        if (!(condition)) ck_abort_msg("%s", #condition); \
    } while (0)

static size_t cases; /* random ones per kernel */

static bool near(float a, double b, double tolerance) { return fabs((double)a - b) <= tolerance; }

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}
static size_t draw_between(size_t low, size_t high) { return low + draw() % (high - low + 1); }
static float draw_uniform(void) { return (float)(draw() >> 40) * 0x1p-23f - 1; }
static float draw_normal(void) {
    float sum = 0;
    for (int i = 0; i < 6; i++) sum += draw_uniform();
    return sum * 0.7f;
}

enum { GUARD = 256, POISON = 0xa5, BUFFERS = 64 };
static struct buffer { unsigned char *start; size_t bytes; } buffers[BUFFERS];
static size_t n_buffers;

static void *buffer(size_t bytes) {
    unsigned char *start = aligned_alloc(64, round_up(bytes, 64) + 2 * GUARD);
    ck_assert_ptr_nonnull(start);
    ck_assert_uint_lt(n_buffers, BUFFERS);
    memset(start, POISON, round_up(bytes, 64) + 2 * GUARD);
    buffers[n_buffers++] = (struct buffer){start, bytes};
    return start + GUARD;
}

/* Nothing was written outside of any buffer; frees them all. */
static void release(void) {
    for (size_t i = 0; i < n_buffers; i++) {
        const struct buffer *b = &buffers[i];
        for (size_t j = 0; j < GUARD; j++) {
            holds(b->start[j] == POISON);
            holds(b->start[GUARD + b->bytes + j] == POISON);
        }
        free(b->start);
    }
    n_buffers = 0;
}

/* Values like those of a transformer's rows: about normal, with some outliers; every third case something extreme. */
static void fill(float *x, size_t n) {
    const size_t kind = draw() % 12;
    const float constant = draw_normal();
    for (size_t i = 0; i < n; i++) {
        x[i] = draw_normal() * (draw() % 64 ? 1 : 30);
        if (kind == 0) x[i] = constant;
        if (kind == 1) x[i] = draw() % 2 ? 0.0f : -0.0f;
        if (kind == 2) x[i] *= 0x1p-130f;
        if (kind == 3) x[i] *= 1e15f;
    }
}

static float *floats(size_t n) {
    float *x = buffer(n * sizeof *x);
    fill(x, n);
    return x;
}

static float *rows_of(size_t rows, size_t width, size_t stride) {
    float *x = buffer(rows * stride * sizeof *x);
    memset(x, 0, rows * stride * sizeof *x);
    for (size_t r = 0; r < rows; r++) fill(x + r * stride, width);
    return x;
}

static void same(const void *a, const void *b, size_t bytes, const char *level, const char *what) {
    if (memcmp(a, b, bytes)) {
        size_t i = 0;
        while (((const char *)a)[i] == ((const char *)b)[i]) i++;
        ck_abort_msg("%s: %s differs from scalar at byte %zu", level, what, i);
    }
}

#define FOR_LEVELS(k) \
    for (const char *const *name_ = kernels_levels(); *name_; name_++) \
        for (const kernels *k = kernels_level(*name_); k; k = NULL)

/* ---- weight matrices ---- */

static const char *const type_names[] = {"f32", "f16", "q8", "q4"};

typedef struct matrix {
    weight_type type;
    size_t n, k, panels;
    void *w, *scale, *sum;
    double *exact; /* [n][k] what the stored weights stand for */
} matrix;

static float half_value(uint16_t h) {
    float f;
    kernels_level("scalar")->f16_to_f32(&h, &f, 1);
    return f;
}

static uint16_t half_of(float f) {
    uint16_t h;
    kernels_level("scalar")->f32_to_f16(&f, &h, 1);
    return h;
}

static matrix draw_matrix(weight_type type, size_t n, size_t k) {
    const size_t panels = (n + 15) / 16, kp = round_up(k, QUANT_PAD), groups = kp / QUANT_GROUP;
    const bool extreme = draw() % 4 == 0;
    matrix m = {.type = type, .n = n, .k = k, .panels = panels, .exact = buffer(n * k * sizeof(double))};
    const size_t bytes[] = {panels * 64 * k, panels * 32 * k, panels * 16 * kp, panels * 8 * kp};
    m.w = buffer(bytes[type]);
    memset(m.w, type == WEIGHT_Q4 ? 0x88 : 0, bytes[type]);
    float *scales = m.scale = buffer(panels * 16 * (type == WEIGHT_Q4 ? groups * 2 : 4));
    memset(m.scale, 0, panels * 16 * (type == WEIGHT_Q4 ? groups * 2 : 4));
    m.sum = buffer(panels * 64);
    memset(m.sum, 0, panels * 64);
    for (size_t o = 0; o < n; o++) {
        const size_t panel = o / 16, lane = o % 16;
        const float scale = (float)draw_between(1, 1000) * 1e-5f;
        if (type == WEIGHT_Q8) scales[o] = scale;
        for (size_t i = 0; i < k; i++) {
            double *exact = &m.exact[o * k + i];
            const float value = draw_normal() * 0.1f;
            const int integer = extreme ? (draw() % 2 ? 127 : -128) : (int)draw_between(0, 255) - 128;
            if (type == WEIGHT_F32) {
                ((float *)m.w)[(panel * k + i) * 16 + lane] = value;
                *exact = value;
            } else if (type == WEIGHT_F16) {
                ((uint16_t *)m.w)[(panel * k + i) * 16 + lane] = half_of(value);
                *exact = half_value(half_of(value));
            } else if (type == WEIGHT_Q8) {
                ((int8_t *)m.w)[((panel * (kp / 4) + i / 4) * 16 + lane) * 4 + i % 4] = (int8_t)integer;
                ((int32_t *)m.sum)[o] += integer;
                *exact = (double)scale * integer;
            } else {
                const int nibble = extreme ? (draw() % 2 ? 15 : 0) : (int)draw_between(0, 15);
                uint8_t *byte = (uint8_t *)m.w + ((panel * (kp / 8) + i / 8) * 16 + lane) * 4 + i % 4;
                *byte = (uint8_t)(i & 4 ? (*byte & 15) | nibble << 4 : (*byte & 240) | nibble);
                const uint16_t group_scale = half_of(scale * (float)(1 + i / QUANT_GROUP % 3));
                ((uint16_t *)m.scale)[(panel * groups + i / QUANT_GROUP) * 16 + lane] = group_scale;
                ((float *)m.sum)[o] += half_value(group_scale) * (float)(nibble - 8);
                *exact = (double)half_value(group_scale) * (nibble - 8);
            }
        }
    }
    return m;
}
#endif
