/* The part of the kernel tests that is about rows: norms, pooling, quantising, elementwise functions, halves. */
#ifndef LNT_TESTS_KERNEL_ROWS_H
#define LNT_TESTS_KERNEL_ROWS_H
#include "tests/kernel_inputs.h"
#include <math.h>

static size_t draw_width(size_t i) {
    const size_t widths[] = {1, 2, 15, 16, 17, 3 * 16 + 5, 64, 768, 3072};
    return i < sizeof widths / sizeof *widths ? widths[i] : draw_between(1, 400);
}

START_TEST(norm_levels) {
    for (size_t i = 0; i < 2 * cases; i++) {
        const size_t width = draw_width(i / 2), padded = round_up(width, 16);
        const norm_kind kind = i % 2 ? NORM_RMS : NORM_LAYER;
        float *x = rows_of(1, width, padded), *gamma = floats(width), *beta = draw() % 4 ? floats(width) : NULL;
        float *expected = buffer(padded * sizeof(float));
        const float eps = draw() % 2 ? 1e-5f : 1e-12f;
        kernels_level("scalar")->norm(kind, x, gamma, beta, eps, width, expected);

        double mean = 0, squares = 0;
        for (size_t j = 0; j < width; j++) mean += (double)x[j] / (double)width;
        if (kind == NORM_RMS) mean = 0;
        for (size_t j = 0; j < width; j++) squares += (x[j] - mean) * (x[j] - mean) / (double)width;
        double largest = 0;
        for (size_t j = 0; j < width; j++) largest = fmax(largest, fabs((double)x[j]));
        const double r = 1 / sqrt(squares + (double)eps), tolerance = (largest * r + 1) * 1e-5;
        for (size_t j = 0; j < width && r < 1e5; j++)
            holds(near(expected[j], (x[j] - mean) * r * (double)gamma[j] + (beta ? (double)beta[j] : 0),
                       tolerance * (fabs((double)gamma[j]) + 1) + (beta ? fabs((double)beta[j]) * 1e-6 : 0)));
        for (size_t j = width; j < padded; j++) holds(expected[j] == 0);

        FOR_LEVELS(level) {
            float *y = buffer(padded * sizeof(float));
            level->norm(kind, x, gamma, beta, eps, width, y);
            same(y, expected, padded * sizeof(float), level->level, "norm");
            memcpy(y, x, padded * sizeof(float));
            level->norm(kind, y, gamma, beta, eps, width, y);
            same(y, expected, padded * sizeof(float), level->level, "norm in place");
        }
        release();
    }
}
END_TEST

/* Rows together give what norm and quantize give one by one, each row kept or only its quantised form. */
START_TEST(norm_rows_levels) {
    for (size_t i = 0; i < cases; i++) {
        const size_t rows = draw_between(1, 10), width = draw_width(i), padded = round_up(width, 16), bytes = quantized_row_bytes(width);
        const bool kept = i % 3, quantized = i % 4 || !kept, in_place = kept && i % 5 == 0;
        norm_args a = {.kind = i % 2 ? NORM_RMS : NORM_LAYER, .gamma = floats(width), .beta = draw() % 4 ? floats(width) : NULL, .eps = 1e-5f, .width = width};
        a.x_stride = padded + (in_place ? 0 : 16 * (draw() % 2));
        a.y_stride = kept ? padded : 0;
        a.q_stride = bytes + 64 * (draw() % 2);
        a.q_scale = draw() % 2 ? rows_of(1, width, padded) : NULL;
        const float *x = rows_of(rows, width, a.x_stride);
        float *expected = buffer(rows * padded * sizeof *expected);
        uint8_t *row = buffer(bytes);
        for (size_t r = 0; r < rows; r++)
            kernels_level("scalar")->norm(a.kind, x + r * a.x_stride, a.gamma, a.beta, a.eps, width, expected + r * padded);
        FOR_LEVELS(level) {
            a.y = buffer((kept ? rows : 1) * padded * sizeof *a.y);
            a.q = quantized ? buffer(rows * a.q_stride) : NULL;
            a.x = in_place ? memcpy(a.y, x, rows * padded * sizeof *x) : x;
            level->norm_rows(&a, rows);
            if (kept) same(a.y, expected, rows * padded * sizeof *expected, level->level, "normed rows");
            for (size_t r = 0; quantized && r < rows; r++) {
                kernels_level("scalar")->quantize(expected + r * padded, a.q_scale, width, row);
                same((uint8_t *)a.q + r * a.q_stride, row, bytes, level->level, "normed rows, quantized");
            }
        }
        release();
    }
}
END_TEST

START_TEST(norm_l2_levels) {
    for (size_t i = 0; i < cases; i++) {
        const size_t width = draw_width(i), padded = round_up(width, 16);
        float *x = rows_of(1, width, padded), *expected = buffer(padded * sizeof(float));
        if (i % 8 == 7) memset(x, 0, width * sizeof *x);
        kernels_level("scalar")->norm(NORM_L2, x, NULL, NULL, 1e-12f, width, expected);
        double squares = 0;
        for (size_t j = 0; j < width; j++) squares += (double)x[j] * (double)x[j];
        for (size_t j = 0; j < width; j++) holds(squares == 0 ? expected[j] == 0 : squares < 1e-30 || near(expected[j], (double)x[j] / sqrt(squares), 1e-6));
        for (size_t j = width; j < padded; j++) holds(expected[j] == 0);
        FOR_LEVELS(level) {
            float *y = buffer(padded * sizeof(float));
            memcpy(y, x, padded * sizeof *x);
            level->norm(NORM_L2, y, NULL, NULL, 1e-12f, width, y);
            same(y, expected, padded * sizeof(float), level->level, "l2 norm in place");
        }
        release();
    }
}
END_TEST

/* A pooled number by its definition, in double precision. */
static double pooled(pooling_kind kind, const float *x, size_t stride, size_t n) {
    const double count = (double)n;
    double sum = 0, most = (double)x[0];
    for (size_t r = 0; r < n; r++) {
        const double v = (double)x[r * stride];
        sum += kind == POOL_WEIGHTED_MEAN ? (double)(r + 1) * v : v;
        most = v > most ? v : most;
    }
    switch (kind) {
    case POOL_FIRST: return (double)x[0];
    case POOL_SECOND: return (double)x[(n > 1) * stride];
    case POOL_LAST: return (double)x[(n - 1) * stride];
    case POOL_MAX: return most;
    case POOL_MEAN: return sum / count;
    case POOL_MEAN_SQRT: return sum / sqrt(count);
    default: return sum / (count * (count + 1) / 2);
    }
}

START_TEST(pool_levels) {
    for (size_t i = 0; i < POOLINGS * cases; i++) {
        const pooling_kind kind = (pooling_kind)(i % POOLINGS);
        const size_t width = draw_between(1, 70), padded = round_up(width, 16), stride = padded + 16 * (draw() % 2), n = draw_between(1, i % 4 ? 12 : 300);
        float *x = rows_of(n, width, stride), *expected = buffer(padded * sizeof(float));
        kernels_level("scalar")->pool(kind, x, stride, n, width, expected);
        double largest = 0;
        for (size_t j = 0; j < n * stride; j++) largest = fmax(largest, fabs((double)x[j]));
        for (size_t j = 0; j < width; j++) holds(near(expected[j], pooled(kind, x + j, stride, n), largest * 2e-5));
        for (size_t j = width; j < padded; j++) holds(expected[j] == 0);
        FOR_LEVELS(level) {
            float *y = buffer(padded * sizeof(float));
            level->pool(kind, x, stride, n, width, y);
            same(y, expected, padded * sizeof(float), level->level, "pool");
        }
        release();
    }
}
END_TEST

/* Scales take the place of a row scaled before. */
START_TEST(quantize_scaled) {
    for (size_t i = 0; i < cases; i++) {
        const size_t k = draw_width(i), padded = round_up(k, 16), bytes = quantized_row_bytes(k);
        float *x = rows_of(1, k, padded), *scale = rows_of(1, k, padded), *scaled = rows_of(1, k, padded);
        for (size_t j = 0; j < k; j++) scaled[j] = x[j] * scale[j];
        uint8_t *expected = buffer(bytes);
        kernels_level("scalar")->quantize(scaled, NULL, k, expected);
        FOR_LEVELS(level) {
            uint8_t *row = buffer(bytes);
            level->quantize(x, scale, k, row);
            same(row, expected, bytes, level->level, "quantize with scales");
        }
        release();
    }
}
END_TEST

START_TEST(quantize_levels) {
    for (size_t i = 0; i < 4 * cases; i++) {
        const size_t k = draw_width(i / 4), bytes = quantized_row_bytes(k), kp = round_up(k, QUANT_PAD);
        float *x = rows_of(1, k, round_up(k, 16));
        if (i % 16 == 1) x[draw() % k] = INFINITY;
        if (i % 16 == 2) x[draw() % k] = NAN;
        if (i % 16 == 3) x[draw() % k] = -3e38f, x[draw() % k] = 3e38f;
        uint8_t *row = buffer(bytes);
        kernels_level("scalar")->quantize(x, NULL, k, row);
        const float scale = *quantized_scale(row, k);
        int32_t zero;
        memcpy(&zero, quantized_scale(row, k) + 1, sizeof zero);
        ck_assert(zero >= 0 && zero <= 255);
        for (size_t j = 0; j < k && i % 16 > 3 && scale > 1e-30f; j++)
            holds(near(x[j], (double)scale * (row[j] - zero), (double)scale * 1.0001));
        for (size_t j = k; j < kp; j++) holds(row[j] == 0);
        for (size_t g = 0; g < kp / QUANT_GROUP; g++) {
            int32_t sum = 0;
            for (size_t j = 0; j < QUANT_GROUP; j++) sum += row[g * QUANT_GROUP + j];
            holds(sum == quantized_sums(row, k)[g]);
        }
        FOR_LEVELS(level) {
            uint8_t *other = buffer(bytes);
            level->quantize(x, NULL, k, other);
            same(other, row, bytes, level->level, "quantize");
        }
        release();
    }
}
END_TEST

START_TEST(quantize_known) {
    float x[64] = {-1, 0, 1.55f, 0.5f};
    uint8_t row[192] __attribute__((aligned(64)));
    ck_assert_uint_le(quantized_row_bytes(4), sizeof row);
    kernels_level("scalar")->quantize(x, NULL, 4, row);
    ck_assert_float_eq(*quantized_scale(row, 4), 2.55f / 255);
    ck_assert(row[0] == 0 && row[1] == 100 && row[2] == 255 && row[3] == 150);
    memset(x, 0, sizeof x);
    kernels_level("scalar")->quantize(x, NULL, 4, row);
    ck_assert(*quantized_scale(row, 4) == 0 && row[0] == 0 && row[3] == 0);
}
END_TEST

START_TEST(elementwise_levels) {
    for (size_t i = 0; i < 2 * cases; i++) {
        const size_t n = draw_width(i / 2), padded = round_up(n, 16), bytes = padded * sizeof(float);
        const activation act = (activation)(i % ACTIVATIONS);
        float *x = floats(padded), *y = floats(padded), *sum = buffer(bytes), *activated = buffer(bytes), *e = buffer(n * 4);
        const kernels *scalar = kernels_level("scalar");
        memcpy(sum, y, bytes);
        scalar->add(x, sum, n);
        for (size_t j = 0; j < padded; j++) holds(sum[j] == x[j] + y[j]);
        scalar->activate(act, x, activated, n);
        const float max = scalar->max(x, n), scale = 0.7f, total = scalar->exp_sum(x, n, scale, max, e);
        double exact = 0;
        float largest = x[0];
        for (size_t j = 0; j < n; j++) {
            exact += (double)e[j];
            largest = x[j] > largest ? x[j] : largest;
            holds(near(e[j], exp((double)(scale * (x[j] - max))), 1e-7));
        }
        ck_assert_double_eq_tol((double)total, exact, exact * 1e-6);
        ck_assert(max == largest);
        FOR_LEVELS(level) {
            float *to = buffer(bytes), *e1 = buffer(n * 4), m = level->max(x, n), t = level->exp_sum(x, n, scale, max, e1);
            same(&m, &max, sizeof m, level->level, "max");
            same(&t, &total, sizeof t, level->level, "exp_sum's sum");
            same(e1, e, n * sizeof *e, level->level, "exp_sum");
            t = level->exp_sum(x, n, scale, max, NULL);
            same(&t, &total, sizeof t, level->level, "exp_sum without e");
            level->activate(act, x, to, n);
            same(to, activated, bytes, level->level, "activate");
            memcpy(to, y, bytes);
            level->add(x, to, n);
            same(to, sum, bytes, level->level, "add");
        }
        release();
    }
}
END_TEST

START_TEST(hamming_levels) {
    for (size_t i = 0; i < cases; i++) {
        const size_t words = i % 8 ? draw_between(1, 70) : draw_between(1, 1024); /* bytes overflow at 32 words of ones */
        uint64_t *x = buffer(words * 8), *rows = buffer(words * 8 * HAMMING_ROWS);
        uint32_t *expected = buffer(HAMMING_ROWS * 4);
        for (size_t w = 0; w < words; w++) x[w] = draw();
        for (size_t j = 0; j < words * HAMMING_ROWS; j++) {
            const uint64_t near = x[j / HAMMING_ROWS], r = j % HAMMING_ROWS;
            rows[j] = r == 9 ? near : r == 7 || j % 5 == 1 ? ~near : draw();
        }
        for (size_t r = 0; r < HAMMING_ROWS; r++) {
            uint32_t distance = 0;
            for (size_t bit = 0; bit < words * 64; bit++)
                distance += (uint32_t)((x[bit / 64] ^ rows[bit / 64 * HAMMING_ROWS + r]) >> bit % 64 & 1);
            expected[r] = distance;
        }
        ck_assert(expected[7] == 64 * words && expected[9] == 0);
        FOR_LEVELS(level) {
            uint32_t *distances = buffer(HAMMING_ROWS * 4);
            level->hamming(x, rows, words, distances);
            same(distances, expected, HAMMING_ROWS * 4, level->level, "hamming");
        }
        release();
    }
}
END_TEST

START_TEST(halves) {
    enum { ALL = 65536 };
    uint16_t *h = buffer(ALL * 2);
    for (size_t i = 0; i < ALL; i++) h[i] = (uint16_t)i;
    float *f = buffer(ALL * 4);
    kernels_level("scalar")->f16_to_f32(h, f, ALL);
    ck_assert(f[0x3c00] == 1 && f[0x0001] == 0x1p-24f && f[0xfbff] == -65504 && isinf(f[0x7c00]) && isnan(f[0x7c01]));
    float *x = buffer(ALL * 4);
    for (size_t i = 0; i < ALL; i++) {
        uint32_t bits = (uint32_t)draw();
        memcpy(&x[i], &bits, 4);
        if (i % 2) x[i] = ldexpf(draw_normal(), (int)draw_between(0, 42) - 26);
        if (i % 4 == 1 && i + 1 < ALL) x[i] = f[i] + (f[i + 1] - f[i]) / 2; /* a tie, upwards to an even half */
        else memcpy(&bits, &x[i], 4), bits |= 1, memcpy(&x[i], &bits, 4);   /* no tie */
    }
    uint16_t *back = buffer(ALL * 2), *narrow = buffer(ALL * 2);
    kernels_level("scalar")->f32_to_f16(f, back, ALL);
    for (size_t i = 0; i < ALL; i++) holds(back[i] == h[i] || isnan(f[i]));
    kernels_level("scalar")->f32_to_f16(x, narrow, ALL);
    FOR_LEVELS(level) {
        float *f1 = buffer(ALL * 4);
        uint16_t *narrow1 = buffer(ALL * 2);
        level->f16_to_f32(h, f1, ALL);
        level->f32_to_f16(x, narrow1, ALL);
        same(f1, f, ALL * 4, level->level, "f16_to_f32");
        same(narrow1, narrow, ALL * 2, level->level, "f32_to_f16");
        for (size_t n = 1; n < 40; n++) {
            float *part = buffer(n * 4);
            uint16_t *narrow_part = buffer(n * 2);
            level->f16_to_f32(h + 1000, part, n);
            level->f32_to_f16(x + 1000, narrow_part, n);
            same(part, f + 1000, n * 4, level->level, "f16_to_f32 of a part");
            same(narrow_part, narrow + 1000, n * 2, level->level, "f32_to_f16 of a part");
            free(buffers[--n_buffers].start);
            free(buffers[--n_buffers].start);
        }
    }
    release();
}
END_TEST

/* Ties downwards to an even half. Bochs 2.7 rounds them up in vcvtps2ph, so emulated CPUs leave this one out. */
START_TEST(ties_to_even) {
    enum { MOST = 0x7c00 };
    float *x = buffer(MOST / 2 * 4);
    for (size_t i = 0; i < MOST / 2; i++)
        x[i] = half_value((uint16_t)(2 * i)) / 2 + half_value((uint16_t)(2 * i + (2 * i + 1 < MOST))) / 2;
    FOR_LEVELS(level) {
        uint16_t *h = buffer(MOST / 2 * 2);
        level->f32_to_f16(x, h, MOST / 2);
        for (size_t i = 0; i < MOST / 2; i++) holds(h[i] == 2 * i);
    }
    release();
}
END_TEST
#endif
