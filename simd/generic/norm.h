/* Layer norm (Ba et al. 2016), RMS norm (Zhang & Sennrich 2019) and L2 norm of one row. */

/* x[i ..] less the mean, with zeros beyond the width */
INLINE v16 centred(const float *x, size_t i, size_t width, v16 mean) {
    if (i + LANES <= width) return v_sub(v_load(x + i), mean);
    return v_select(v_first(width - i), v_sub(v_load_n(x + i, width - i), mean), v_set1(0));
}

INLINE void norm_row(bool subtract_mean, const float *x, const float *gamma, const float *beta, float eps, size_t width, float *y) {
    const v16 zero = v_set1(0);
    const float n = (float)width;
    v16 mean = zero, squares = zero;
    if (subtract_mean) {
        v16 sum = zero;
        for (size_t i = 0; i < width; i += LANES) sum = v_add(sum, centred(x, i, width, zero));
        mean = v_set1(v_sum(sum) / n);
    }
    for (size_t i = 0; i < width; i += LANES) {
        v16 d = centred(x, i, width, mean);
        squares = v_fma(d, d, squares);
    }
    const v16 r = v_set1(1 / __builtin_sqrtf(v_sum(squares) / n + eps));
    for (size_t i = 0; i < width; i += LANES) {
        v16 d = v_mul(centred(x, i, width, mean), r);
        if (i + LANES <= width)
            v_store(y + i, v_fma(d, v_load(gamma + i), beta ? v_load(beta + i) : zero));
        else
            v_store(y + i, v_fma(d, v_load_n(gamma + i, width - i), beta ? v_load_n(beta + i, width - i) : zero));
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
    if (kind == NORM_L2)
        norm_l2(x, eps, width, y);
    else if (kind == NORM_LAYER)
        norm_row(true, x, gamma, beta, eps, width, y);
    else
        norm_row(false, x, gamma, beta, eps, width, y);
}
