/* Rows of a sequence into one. */

INLINE void pool_max(const float *x, size_t x_stride, size_t n, size_t i, float *y) {
    v16 m = v_load(x + i);
    for (size_t r = 1; r < n; r++) m = v_max(v_load(x + r * x_stride + i), m);
    v_store(y + i, m);
}

INLINE void pool_sum(bool weighted, const float *x, size_t x_stride, size_t n, float over, size_t i, float *y) {
    v16 sum = v_set1(0);
    for (size_t r = 0; r < n; r++) {
        v16 v = v_load(x + r * x_stride + i);
        sum = weighted ? v_fma(v, v_set1((float)(r + 1)), sum) : v_add(v, sum);
    }
    v_store(y + i, v_div(sum, v_set1(over)));
}

static void pool(pooling_kind kind, const float *x, size_t x_stride, size_t n, size_t width, float *y) {
    const float count = (float)n, over = kind == POOL_MEAN_SQRT ? __builtin_sqrtf(count) : kind == POOL_MEAN ? count : count * (count + 1) / 2;
    if (kind == POOL_LAST || (kind == POOL_SECOND && n > 1)) x += (kind == POOL_LAST ? n - 1 : 1) * x_stride;
    for (size_t i = 0; i < width; i += LANES) {
        if (kind == POOL_FIRST || kind == POOL_LAST || kind == POOL_SECOND)
            v_store(y + i, v_load(x + i));
        else if (kind == POOL_MAX)
            pool_max(x, x_stride, n, i, y);
        else if (kind == POOL_WEIGHTED_MEAN)
            pool_sum(true, x, x_stride, n, over, i, y);
        else
            pool_sum(false, x, x_stride, n, over, i, y);
    }
}
