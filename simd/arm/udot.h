/* udot adds four products of bytes to each of 4 sums, and takes one step of a row's sixteen values as a lane. */

enum { ROW_STEPS = 4 };
typedef uint8x16_t row_steps;
INLINE row_steps load_steps(const void *p) { return vld1q_u8(p); }

typedef uint32x4_t q4_sum;
INLINE q4_sum q4_none(void) { return vdupq_n_u32(0); }
INLINE q4_sum q4_step(q4_sum sum, uint8x16_t w, row_steps x, size_t step) {
    switch (step) {
    case 0: return vdotq_laneq_u32(sum, w, x, 0);
    case 1: return vdotq_laneq_u32(sum, w, x, 1);
    case 2: return vdotq_laneq_u32(sum, w, x, 2);
    default: return vdotq_laneq_u32(sum, w, x, 3);
    }
}
INLINE int32x4_t q4_finish(q4_sum sum) { return vreinterpretq_s32_u32(sum); }

enum { Q4_ROWS = 5 };
#define Q4_TILES(X) X(1) X(2) X(3) X(4) X(5)
