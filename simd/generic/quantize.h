/* Rows to 8 bits, and rows of weight matrices back to floats. */

/* To the nearest integer, ties to even, for |x| < 2^22 */
INLINE v16 v_round(v16 x) {
    const v16 magic = v_set1(12582912.0f);
    return v_sub(v_add(x, magic), magic);
}

INLINE v16 v_clamp(v16 x, float low, float high) { return v_min(v_max(x, v_set1(low)), v_set1(high)); }

INLINE v16 load_padded(const float *x, size_t i, size_t n) {
    if (i + LANES <= n) return v_load(x + i);
    return i < n ? v_load_n(x + i, n - i) : v_set1(0);
}

INLINE v16 load_scaled(const float *x, const float *scale, size_t i, size_t n) {
    v16 v = load_padded(x, i, n);
    return scale && i < n ? v_mul(v, v_load(scale + i)) : v;
}

INLINE void quantize_row(const float *x, const float *scales, size_t k, void *row) {
    const size_t kp = round_up(k, QUANT_PAD);
    uint8_t *q = row;
    int32_t *sums = quantized_sums(row, k);
    float *scale = quantized_scale(row, k);

    v16 low = v_set1(0), high = v_set1(0);
    for (size_t i = 0; i < k; i += LANES) {
        v16 v = load_scaled(x, scales, i, k);
        low = v_min(v, low);
        high = v_max(v, high);
    }
    const float lo = v_minimum(low), range = v_maximum(high) - lo, inverse = range == 0 ? 0 : 255 / range;
    const v16 s = v_set1(inverse), zero = v_clamp(v_round(v_set1(-lo * inverse)), 0, 255);

    for (size_t i = 0; i < kp; i += QUANT_GROUP) {
        v16i part[2];
        for (size_t h = 0; h < 2; h++) {
            size_t at = i + h * LANES;
            v16 v = v_clamp(v_add(v_round(v_clamp(v_mul(load_scaled(x, scales, at, k), s), -255, 255)), zero), 0, 255);
            if (at + LANES > k) v = at < k ? v_select(v_first(k - at), v, v_set1(0)) : v_set1(0);
            part[h] = v_to_int(v);
        }
        sums[i / QUANT_GROUP] = vi_store_u8(q + i, part[0], part[1]);
    }
    *scale = range / 255;
    float zeros[LANES];
    v_store(zeros, zero);
    int32_t zero_point = (int32_t)zeros[0];
    memcpy(scale + 1, &zero_point, sizeof zero_point);
    memset(scale + 2, 0, (size_t)((char *)row + quantized_row_bytes(k) - (char *)(scale + 2)));
}

static void quantize(const float *x, const float *scale, size_t k, void *row) {
    if (scale)
        quantize_row(x, scale, k, row);
    else
        quantize_row(x, NULL, k, row);
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
