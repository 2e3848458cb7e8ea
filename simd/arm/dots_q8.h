/* 8-bit dot products over quarters of a panel: one register of weights is 4 consecutive k of 4 outputs. A level defines
     row_steps, load_steps(p): ROW_STEPS times 4 consecutive values of a row, in the form that its products take
     q8_sum, q8_none(), q8_step(sum, w, x, step): sums of 4 outputs, plus products with one of the steps of x;
     q8_finish(sum): as int32
     Q8_ROWS: most rows of a tile */

enum { Q8_TILE_K = 512, Q8_AHEAD = 8192 };

/* The first `quarters` of a panel, for `rows` rows */
INLINE void q8_tile_of(const bool prefetch, const size_t rows, const size_t quarters, const int8_t *x, size_t x_stride, const int8_t *w,
                       size_t k, int32_t *acc, size_t acc_stride) {
    q8_sum sum[2 * Q8_ROWS];
    UNROLL for (size_t i = 0; i < rows * quarters; i++) sum[i] = q8_none();
    for (size_t i = 0; i < k; i += 4 * ROW_STEPS, w += 64 * ROW_STEPS) {
        row_steps v[Q8_ROWS];
        UNROLL for (size_t r = 0; r < rows; r++) v[r] = load_steps(x + r * x_stride + i);
        UNROLL for (size_t step = 0; step < ROW_STEPS; step++) {
            if (prefetch) __builtin_prefetch(w + step * 64 + Q8_AHEAD);
            UNROLL for (size_t q = 0; q < quarters; q++) {
                const int8x16_t u = vld1q_s8(w + step * 64 + q * 16);
                UNROLL for (size_t r = 0; r < rows; r++) sum[r * quarters + q] = q8_step(sum[r * quarters + q], u, v[r], step);
            }
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++)
        UNROLL for (size_t q = 0; q < quarters; q++) {
            int32_t *to = acc + r * acc_stride + 4 * q;
            vst1q_s32(to, vaddq_s32(vld1q_s32(to), q8_finish(sum[r * quarters + q])));
        }
}

static void q8_row(const q8_block *b) {
    if (b->stream)
        q8_tile_of(true, 1, 4, b->x, 0, b->w, b->k, b->acc, 0);
    else
        q8_tile_of(false, 1, 4, b->x, 0, b->w, b->k, b->acc, 0);
}
