/* Blocks of q8 for levels without products of mixed signs: rows come as x - 128, and linear_q8 adds 128 times the sum of the weights. */

static void form_rows(const linear_args *a, size_t row0, size_t rows, size_t k0, size_t k, void *form) {
    uint8_t *to = form;
    for (size_t r = 0; r < rows; r++, to += k) {
        const uint8_t *q = (const uint8_t *)row_of(a, row0 + r) + k0;
        for (size_t i = 0; i < k; i += 16) vst1q_u8(to + i, veorq_u8(vld1q_u8(q + i), vdupq_n_u8(0x80)));
    }
}

/* 8 outputs of `rows` rows */
static void q8_tile(size_t rows, const int8_t *x, size_t x_stride, const int8_t *w, size_t k, int32_t *acc, size_t acc_stride) {
    switch (rows) {
#define CASE(n) case n: q8_tile_of(false, n, 2, x, x_stride, w, k, acc, acc_stride); break;
    Q8_TILES(CASE)
#undef CASE
    }
}

static void dots_q8(const q8_block *b) {
    if (b->rows == 1) {
        q8_row(b);
        return;
    }
    const size_t tile_rows = even_part(b->rows, Q8_ROWS);
    for (size_t k0 = 0, k; k0 < b->k; k0 += k) {
        k = min_size(Q8_TILE_K, b->k - k0);
        const int8_t *w = b->w + k0 * LANES;
        for (size_t r = 0; r < b->rows; r += tile_rows) {
            const size_t rows = min_size(tile_rows, b->rows - r);
            const int8_t *x = (const int8_t *)b->x + r * b->x_stride + k0;
            int32_t *acc = b->acc + r * b->acc_stride;
            prefetch_share(w + b->panel_bytes, k * LANES, r, rows, b->rows);
            q8_tile(rows, x, b->x_stride, w, k, acc, b->acc_stride);
            q8_tile(rows, x, b->x_stride, w + 32, k, acc + 8, b->acc_stride);
        }
    }
}
