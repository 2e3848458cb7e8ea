/* Layer norm (Ba et al. 2016), RMS norm (Zhang & Sennrich 2019) and L2 norm of rows. */

enum { MOMENT_ROWS = 4 }; /* rows whose sums run side by side, as each waits for its own */

INLINE v16 load_padded(const float *x, size_t i, size_t n) {
    if (i + LANES <= n) return v_load(x + i);
    return i < n ? v_load_n(x + i, n - i) : v_set1(0);
}

/* x[i ..] less the mean, with zeros beyond the width */
INLINE v16 centred(const float *x, size_t i, size_t width, v16 mean) {
    if (i + LANES <= width) return v_sub(v_load(x + i), mean);
    return v_select(v_first(width - i), v_sub(v_load_n(x + i, width - i), mean), v_set1(0));
}

typedef struct moments { v16 mean, r; } moments;

/* (x[i ..] - mean) * r, times gamma plus beta */
INLINE v16 normed_at(const moments *m, const float *gamma, const float *beta, const float *x, size_t i, size_t width) {
    const v16 d = v_mul(centred(x, i, width, m->mean), m->r);
    return v_fma(d, load_padded(gamma, i, width), beta ? load_padded(beta, i, width) : v_set1(0));
}

/* The means of rows, 0 unless they are to be subtracted, and 1 / sqrt(mean square + eps) of what is left */
INLINE void moments_of(const size_t rows, bool subtract_mean, const float *x, size_t stride, float eps, size_t width, moments *m) {
    const size_t whole = width / LANES * LANES;
    const float n = (float)width;
    const v16 zero = v_set1(0);
    v16 sum[MOMENT_ROWS], mean[MOMENT_ROWS];
    UNROLL for (size_t r = 0; r < rows; r++) sum[r] = mean[r] = zero;
    if (subtract_mean) {
        for (size_t i = 0; i < whole; i += LANES) UNROLL for (size_t r = 0; r < rows; r++) sum[r] = v_add(sum[r], v_load(x + r * stride + i));
        UNROLL for (size_t r = 0; r < rows; r++) {
            if (whole < width) sum[r] = v_add(sum[r], centred(x + r * stride, whole, width, zero));
            mean[r] = v_set1(v_sum(sum[r]) / n);
            sum[r] = zero;
        }
    }
    for (size_t i = 0; i < whole; i += LANES)
        UNROLL for (size_t r = 0; r < rows; r++) {
            const v16 d = v_sub(v_load(x + r * stride + i), mean[r]);
            sum[r] = v_fma(d, d, sum[r]);
        }
    UNROLL for (size_t r = 0; r < rows; r++) {
        if (whole < width) {
            const v16 d = centred(x + r * stride, whole, width, mean[r]);
            sum[r] = v_fma(d, d, sum[r]);
        }
        m[r] = (moments){mean[r], v_set1(1 / __builtin_sqrtf(v_sum(sum[r]) / n + eps))};
    }
}

static void norm_l2(const float *x, float eps, size_t width, float *y) {
    v16 squares = v_set1(0);
    for (size_t i = 0; i < width; i += LANES) {
        v16 v = centred(x, i, width, v_set1(0));
        squares = v_fma(v, v, squares);
    }
    const float length = __builtin_sqrtf(v_sum(squares));
    const v16 r = v_set1(1 / (length > eps ? length : eps));
    for (size_t i = 0; i < width; i += LANES) v_store(y + i, v_mul(centred(x, i, width, v_set1(0)), r));
}

static void norm(norm_kind kind, const float *x, const float *gamma, const float *beta, float eps, size_t width, float *y) {
    if (kind == NORM_L2) {
        norm_l2(x, eps, width, y);
        return;
    }
    moments m;
    moments_of(1, kind == NORM_LAYER, x, 0, eps, width, &m);
    for (size_t i = 0; i < width; i += LANES) v_store(y + i, normed_at(&m, gamma, beta, x, i, width));
}
