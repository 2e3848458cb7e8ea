/* Attention of one head. Both products are float tiles: queries times panels of keys, probabilities times panels of
   values. Rows of a tile run to the longest row's length with e = 0 beyond their own: fma(0, v, acc) is acc, but for the
   sign of a zero, which the + 0 at the end takes away. */

/* acc[rows][panels * 16] = x . w, from 0 */
static void panel_products(const float *x, size_t x_stride, const float *w, size_t panel_elements, size_t k, size_t rows,
                           size_t panels, float *acc, size_t acc_stride) {
    const size_t tile_rows = even_part(rows, FLOAT_ROWS), together = float_tile_panels(tile_rows);
    for (size_t r = 0; r < rows; r++) memset(acc + r * acc_stride, 0, panels * LANES * sizeof *acc);
    for (size_t p = 0, n; p < panels; p += n) {
        n = panels - p < together ? 1 : together;
        for (size_t r = 0; r < rows; r += tile_rows) {
            const float_tile t = {.x = x + r * x_stride, .x_stride = x_stride * sizeof *x, .w = w + p * panel_elements,
                                  .panel_elements = panel_elements, .k = k, .acc = acc + r * acc_stride + p * LANES,
                                  .acc_stride = acc_stride};
            tile_f32[min_size(tile_rows, rows - r)][n](&t);
        }
    }
}

/* Dot products to e = exp(s - max s), zeros from `seen` to `padded`; returns 1 / sum e. */
static float softmax(float *s, size_t seen, size_t padded, float scale) {
    const v16 factor = v_set1(scale), zero = v_set1(0);
    const size_t whole = seen / LANES * LANES;
    v16 m = v_mul(v_set1(s[0]), factor), sum = zero;
    for (size_t j = 0; j < whole; j += LANES) m = v_max(v_mul(v_load(s + j), factor), m);
    if (whole < seen) m = v_max(v_select(v_first(seen - whole), v_mul(v_load(s + whole), factor), m), m);
    m = v_set1(v_maximum(m));
    for (size_t j = 0; j < seen; j += LANES) {
        v16 e = v_exp(v_sub(v_mul(v_load(s + j), factor), m));
        if (j == whole) e = v_select(v_first(seen - whole), e, zero);
        v_store(s + j, e);
        sum = v_add(sum, e);
    }
    for (size_t j = round_up(seen, LANES); j < padded; j += LANES) v_store(s + j, zero);
    return 1 / v_sum(sum);
}

static void store_scaled(float *y, const float *x, size_t n, float factor) {
    const v16 f = v_set1(factor), zero = v_set1(0);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) v_store(y + i, v_add(v_mul(v_load(x + i), f), zero));
    if (i < n) v_store_n(y + i, n - i, v_add(v_mul(v_load(x + i), f), zero));
}

static void attention(const attention_args *a) {
    const size_t e_stride = round_up(a->n_keys, LANES), o_stride = round_up(a->head_dim, LANES);
    float *e = a->scratch, *o = e + ATTENTION_ROWS * e_stride, inverse[ATTENTION_ROWS];
    for (size_t row = 0; row < a->n_rows; row += ATTENTION_ROWS) {
        const size_t rows = min_size(ATTENTION_ROWS, a->n_rows - row);
        const size_t first = a->causal ? a->n_keys - a->n_rows + row + 1 : a->n_keys, step = a->causal ? 1 : 0;
        const size_t longest = first + (rows - 1) * step, padded = round_up(longest, LANES);
        panel_products(a->q + row * a->q_stride, a->q_stride, a->k_panels, a->head_dim * LANES, a->head_dim, rows,
                       padded / LANES, e, e_stride);
        for (size_t r = 0; r < rows; r++) {
            const size_t seen = first + r * step;
            inverse[r] = softmax(e + r * e_stride, seen, padded, a->scale);
            if (a->probabilities) store_scaled(a->probabilities + (row + r) * a->p_stride, e + r * e_stride, seen, inverse[r]);
        }
        panel_products(e, e_stride, a->v_panels, a->capacity * LANES, longest, rows, o_stride / LANES, o, o_stride);
        for (size_t r = 0; r < rows; r++)
            store_scaled(a->out + (row + r) * a->out_stride, o + r * o_stride, a->head_dim, inverse[r]);
    }
}

/* n keys that stand in one panel */
static void store_keys(const float *k, size_t k_stride, size_t n, size_t head_dim, float *to) {
    for (size_t d = 0; d < head_dim; d++, to += LANES) {
        if (n == LANES)
            for (size_t r = 0; r < LANES; r++) to[r] = k[r * k_stride + d];
        else
            for (size_t r = 0; r < n; r++) to[r] = k[r * k_stride + d];
    }
}

static void kv_store(const float *k, size_t k_stride, const float *v, size_t v_stride, size_t n, size_t head_dim, size_t position, size_t capacity,
                     float *k_panels, float *v_panels) {
    for (size_t r = 0, part; r < n; r += part) {
        const size_t at = position + r;
        part = min_size(LANES - at % LANES, n - r);
        store_keys(k + r * k_stride, k_stride, part, head_dim, k_panels + at / LANES * head_dim * LANES + at % LANES);
    }
    for (size_t d = 0; d < head_dim; d += LANES) {
        float *to = v_panels + (d / LANES * capacity + position) * LANES;
        for (size_t r = 0; r < n; r++, to += LANES)
            v_store(to, d + LANES <= head_dim ? v_load(v + r * v_stride + d) : v_load_n(v + r * v_stride + d, head_dim - d));
    }
}
