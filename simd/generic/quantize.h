/* Rows to 8 bits, as they are or normed first, and rows of weight matrices back to floats. */

/* To the nearest integer, ties to even, for |x| < 2^22 */
INLINE v16 v_round(v16 x) {
    const v16 magic = v_set1(ROUNDING);
    return v_sub(v_add(x, magic), magic);
}

INLINE v16 v_clamp(v16 x, float low, float high) { return v_min(v_max(x, v_set1(low)), v_set1(high)); }

/* x[i ..], times scale unless that is NULL, and zeros beyond k */
INLINE v16 scaled_at(const float *x, const float *scale, size_t i, size_t k) {
    const v16 v = load_padded(x, i, k);
    return scale && i < k ? v_mul(v, v_load(scale + i)) : v;
}

typedef struct span { v16 low, high; } span;
INLINE span widened(span s, v16 v) { return (span){v_min(v, s.low), v_max(v, s.high)}; }

/* q[i ..], for i < k, before it is clamped to 0 .. 255; 0 beyond k */
INLINE v16i quantized_at(const float *x, const float *scale, size_t i, size_t k, v16 inverse, v16i zero) {
    const v16i q = vi_add(v_to_nearest(v_mul(scaled_at(x, scale, i, k), inverse)), zero);
    if (i + LANES <= k) return q;
    return vi_and(q, v_bits(v_select(v_first(k - i), v_float(vi_set1(-1)), v_set1(0))));
}

/* A row whose values lie within s */
INLINE void quantize_within(span s, const float *x, const float *scales, size_t k, uint8_t *row) {
    const size_t kp = round_up(k, QUANT_PAD);
    int32_t *sums = quantized_sums(row, k);
    float *scale = quantized_scale(row, k), zeros[LANES];
    const float lo = v_minimum(s.low), range = v_maximum(s.high) - lo, by = range < QUANT_SMALLEST ? 0 : 255 / range;
    v_store(zeros, v_clamp(v_round(v_set1(-lo * by)), 0, 255));
    const int32_t zero_point = (int32_t)zeros[0];
    const v16 inverse = v_set1(by);
    const v16i zero = vi_set1(zero_point), none = vi_set1(0);

    size_t i = 0;
    for (; i + QUANT_GROUP <= k; i += QUANT_GROUP)
        sums[i / QUANT_GROUP] = vi_store_u8(row + i, quantized_at(x, scales, i, k, inverse, zero), quantized_at(x, scales, i + LANES, k, inverse, zero));
    for (; i < kp; i += QUANT_GROUP) {
        const v16i first = i < k ? quantized_at(x, scales, i, k, inverse, zero) : none;
        sums[i / QUANT_GROUP] = vi_store_u8(row + i, first, i + LANES < k ? quantized_at(x, scales, i + LANES, k, inverse, zero) : none);
    }
    *scale = range / 255;
    memcpy(scale + 1, &zero_point, sizeof zero_point);
    memset(scale + 2, 0, (size_t)((char *)row + quantized_row_bytes(k) - (char *)(scale + 2)));
}

INLINE void quantize_row(const float *x, const float *scale, size_t k, void *row) {
    span s = {v_set1(0), v_set1(0)};
    for (size_t i = 0; i < k; i += LANES) s = widened(s, scaled_at(x, scale, i, k));
    quantize_within(s, x, scale, k, row);
}

static void quantize(const float *x, const float *scale, size_t k, void *row) {
    if (scale)
        quantize_row(x, scale, k, row);
    else
        quantize_row(x, NULL, k, row);
}

/* A row normed into y, and from there into q */
INLINE void norm_row(const norm_args *a, const float *scale, const moments *m, const float *x, float *y, void *q) {
    span s = {v_set1(0), v_set1(0)};
    for (size_t i = 0; i < a->width; i += LANES) {
        const v16 v = normed_at(m, a->gamma, a->beta, x, i, a->width);
        v_store(y + i, v);
        s = widened(s, scale ? v_mul(v, v_load(scale + i)) : v);
    }
    if (q) quantize_within(s, y, scale, a->width, q);
}

static void norm_rows(const norm_args *a, size_t rows) {
    const bool subtract_mean = a->kind == NORM_LAYER;
    moments m[MOMENT_ROWS];
    for (size_t row = 0, n; row < rows; row += n) {
        const float *x = a->x + row * a->x_stride;
        n = rows - row < MOMENT_ROWS ? 1 : MOMENT_ROWS;
        if (n == 1)
            moments_of(1, subtract_mean, x, 0, a->eps, a->width, m);
        else
            moments_of(MOMENT_ROWS, subtract_mean, x, a->x_stride, a->eps, a->width, m);
        for (size_t r = 0; r < n; r++, x += a->x_stride) {
            float *y = a->y + (row + r) * a->y_stride;
            void *q = a->q ? (char *)a->q + (row + r) * a->q_stride : NULL;
            if (a->q_scale)
                norm_row(a, a->q_scale, m + r, x, y, q);
            else
                norm_row(a, NULL, m + r, x, y, q);
        }
    }
}

static void weight_row_f32(const void *w, const void *w_scale, size_t k, size_t n, float *y) {
    (void)w_scale;
    const float *p = (const float *)w + n / LANES * k * LANES + n % LANES;
    for (size_t i = 0; i < round_up(k, LANES); i++) y[i] = i < k ? p[i * LANES] : 0;
}

static void weight_row_f16(const void *w, const void *w_scale, size_t k, size_t n, float *y) {
    (void)w_scale;
    const uint16_t *p = (const uint16_t *)w + n / LANES * k * LANES + n % LANES;
    for (size_t i = 0; i < k; i += LANES) {
        uint16_t part[LANES] = {0};
        for (size_t j = 0; j < LANES && i + j < k; j++) part[j] = p[(i + j) * LANES];
        v_store(y + i, v_load_f16(part));
    }
}

static void weight_row_q8(const void *w, const void *w_scale, size_t k, size_t n, float *y) {
    const size_t kp = round_up(k, QUANT_PAD);
    const int8_t *p = (const int8_t *)w + n / LANES * kp * LANES + n % LANES * 4;
    const float scale = ((const float *)w_scale)[n];
    for (size_t i = 0; i < round_up(k, LANES); i++) y[i] = i < k ? (float)p[i / 4 * 64 + i % 4] * scale : 0;
}

static void weight_row_q4(const void *w, const void *w_scale, size_t k, size_t n, float *y) {
    const size_t kp = round_up(k, QUANT_PAD);
    const uint8_t *p = (const uint8_t *)w + n / LANES * (kp / 2) * LANES + n % LANES * 4;
    const uint16_t *scales = (const uint16_t *)w_scale + n / LANES * (kp / QUANT_GROUP) * LANES;
    for (size_t i = 0; i < round_up(k, LANES); i += LANES) {
        float group[LANES];
        v_store(group, v_load_f16(scales + i / QUANT_GROUP * LANES));
        for (size_t j = i; j < i + LANES; j++) {
            int nibble = p[j / 8 * 64 + j % 4] >> (j & 4) & 15;
            y[j] = j < k ? (float)(nibble - 8) * group[n % LANES] : 0;
        }
    }
}
