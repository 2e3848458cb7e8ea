/* Attention of one head. Both products are float tiles: queries times panels of keys, probabilities times panels of
   values. Rows of a tile run to the longest row's length with e = 0 beyond their own: fma(0, v, acc) is acc, but for the
   sign of a zero, which the + 0 at the end takes away. */

/* acc[rows][panels * 16] = x . w, from 0 */
static void panel_products(const float *x, size_t x_stride, const float *w, size_t panel_elements, size_t k, size_t rows,
                           size_t panels, float *acc, size_t acc_stride) {
    const size_t tile_rows = even_part(rows, FLOAT_ROWS), together = float_tile_panels(tile_rows);
    for (size_t p = 0, n; p < panels; p += n) {
        n = panels - p < together ? 1 : together;
        for (size_t r = 0; r < rows; r += tile_rows) {
            const float_tile t = {.x = x + r * x_stride, .x_stride = x_stride * sizeof *x, .w = w + p * panel_elements,
                                  .panel_elements = panel_elements, .k = k, .acc = acc + r * acc_stride + p * LANES,
                                  .acc_stride = acc_stride, .first = true};
            tile_f32[min_size(tile_rows, rows - r)][n](&t);
        }
    }
}

/* The largest of `seen` dot products; those behind them, up to `padded`, become -infinity. */
static float row_maximum(float *s, size_t seen, size_t padded) {
    const v16 none = v_set1(-__builtin_inff());
    v16 m = none;
    size_t j = 0;
    for (; j + LANES <= seen; j += LANES) m = v_max(v_load(s + j), m);
    if (j < seen) {
        const v16 last = v_select(v_first(seen - j), v_load(s + j), none);
        v_store(s + j, last);
        m = v_max(last, m);
        j += LANES;
    }
    for (; j < padded; j += LANES) v_store(s + j, none);
    return v_maximum(m);
}

/* Dot products to e = 2^((s - max) * factor); returns their sum. */
static float exponentials(float *s, size_t padded, float max, float factor) {
    const v16 m = v_set1(max), f = v_set1(factor), magic = v_set1(ROUNDING);
    v16 sum = v_set1(0);
    for (size_t j = 0; j < padded; j += LANES) {
        v16 y = v_max(v_mul(v_sub(v_load(s + j), m), f), v_set1(-127));
        v16 t = v_add(y, magic), e = times_power(exp2_series(v_sub(y, v_sub(t, magic))), t);
        v_store(s + j, e);
        sum = v_add(sum, e);
    }
    return v_sum(sum);
}

static void store_scaled(float *y, const float *x, size_t n, float factor) {
    const v16 f = v_set1(factor), zero = v_set1(0);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) v_store(y + i, v_add(v_mul(v_load(x + i), f), zero));
    if (i < n) v_store_n(y + i, n - i, v_add(v_mul(v_load(x + i), f), zero));
}

static void attention(const attention_args *a) {
    const size_t e_stride = round_up(a->n_keys, LANES), o_stride = round_up(a->head_dim, LANES);
    const float factor = a->scale * LOG2_E;
    float *e = a->scratch, *o = e + ATTENTION_ROWS * e_stride, inverse[ATTENTION_ROWS], max[ATTENTION_ROWS];
    for (size_t row = 0; row < a->n_rows; row += ATTENTION_ROWS) {
        const size_t rows = min_size(ATTENTION_ROWS, a->n_rows - row);
        const size_t first = a->causal ? a->n_keys - a->n_rows + row + 1 : a->n_keys, step = a->causal ? 1 : 0;
        const size_t longest = first + (rows - 1) * step, padded = round_up(longest, LANES);
        panel_products(a->q + row * a->q_stride, a->q_stride, a->k_panels, a->head_dim * LANES, a->head_dim, rows,
                       padded / LANES, e, e_stride);
        for (size_t r = 0; r < rows; r++) max[r] = row_maximum(e + r * e_stride, first + r * step, padded);
        for (size_t r = 0; r < rows; r++) inverse[r] = 1 / exponentials(e + r * e_stride, padded, max[r], factor);
        for (size_t r = 0; a->probabilities && r < rows; r++)
            store_scaled(a->probabilities + (row + r) * a->p_stride, e + r * e_stride, first + r * step, inverse[r]);
        panel_products(e, e_stride, a->v_panels, a->capacity * LANES, longest, rows, o_stride / LANES, o, o_stride);
        for (size_t r = 0; r < rows; r++)
            store_scaled(a->out + (row + r) * a->out_stride, o + r * o_stride, a->head_dim, inverse[r]);
    }
}

/* n keys into their panel, from slot `slot` on; if that is the first and n > 1, copies of the last fill the panel. */
static void store_keys(const float *k, size_t k_stride, size_t n, size_t head_dim, size_t slot, float *to) {
    const float *rows[LANES];
    size_t d = 0;
    if (slot == 0 && n > 1) {
        for (size_t r = 0; r < LANES; r++) rows[r] = k + (r < n ? r : n - 1) * k_stride;
        for (; d + LANES <= head_dim; d += LANES, to += LANES * LANES) transpose(rows, d, to);
    }
    for (; d < head_dim; d++, to += LANES)
        for (size_t r = 0; r < n; r++) to[slot + r] = k[r * k_stride + d];
}

static void kv_store(const float *k, size_t k_stride, const float *v, size_t v_stride, size_t n, size_t head_dim, size_t position, size_t capacity,
                     float *k_panels, float *v_panels) {
    for (size_t r = 0, part; r < n; r += part) {
        const size_t at = position + r;
        part = min_size(LANES - at % LANES, n - r);
        store_keys(k + r * k_stride, k_stride, part, head_dim, at % LANES, k_panels + at / LANES * head_dim * LANES);
    }
    for (size_t d = 0; d < head_dim; d += LANES) {
        float *to = v_panels + (d / LANES * capacity + position) * LANES;
        for (size_t r = 0; r < n; r++, to += LANES)
            v_store(to, d + LANES <= head_dim ? v_load(v + r * v_stride + d) : v_load_n(v + r * v_stride + d, head_dim - d));
    }
}
