/* NEON of armv8.0-a: products of bytes are 16 bits wide. */
#include "simd/arm/neon_v16.h"

enum { Q8_PANELS = 1, Q8_WIDE = 0, Q8_FORM_BYTES = 1, Q8_LESS = 128 };
#define Q8_FORM
#include "simd/generic/linear.h"

enum { Q8_ROWS = 5, Q4_ROWS = 4 };
#define Q8_TILES(X) X(1) X(2) X(3) X(4) X(5)
#define Q4_TILES(X) X(1) X(2) X(3) X(4)

/* The 4 values of a step, four times over */
enum { ROW_STEPS = 1 };
typedef uint8x16_t row_steps;
INLINE row_steps load_steps(const void *p) { return vreinterpretq_u8_s32(vld1q_dup_s32(p)); }

/* Each output has two neighbouring lanes. A product is at most 2^14, two of them are added in 32 bits. */
typedef struct q8_sum { int32x4_t a, b; } q8_sum;
INLINE q8_sum q8_none(void) { return (q8_sum){vdupq_n_s32(0), vdupq_n_s32(0)}; }
INLINE q8_sum q8_step(q8_sum sum, int8x16_t w, row_steps x, size_t step) {
    const int8x16_t v = vreinterpretq_s8_u8(x);
    (void)step;
    return (q8_sum){vpadalq_s16(sum.a, vmull_s8(vget_low_s8(w), vget_low_s8(v))), vpadalq_s16(sum.b, vmull_high_s8(w, v))};
}
INLINE int32x4_t q8_finish(q8_sum sum) { return vpaddq_s32(sum.a, sum.b); }

/* Each output has four neighbouring lanes, which take 8 products of at most 255 * 15: 30600 */
typedef struct q4_sum { uint16x8_t a, b; } q4_sum;
INLINE q4_sum q4_none(void) { return (q4_sum){vdupq_n_u16(0), vdupq_n_u16(0)}; }
INLINE q4_sum q4_step(q4_sum sum, uint8x16_t w, row_steps x, size_t step) {
    (void)step;
    return (q4_sum){vmlal_u8(sum.a, vget_low_u8(w), vget_low_u8(x)), vmlal_high_u8(sum.b, w, x)};
}
INLINE int32x4_t q4_finish(q4_sum sum) { return vreinterpretq_s32_u32(vpaddq_u32(vpaddlq_u16(sum.a), vpaddlq_u16(sum.b))); }

#include "simd/arm/dots_q8.h"
#include "simd/arm/dots_q8_signed.h"
#include "simd/arm/dots_q4.h"

#include "simd/generic/attention.h"
#include "simd/generic/elementwise.h"
#include "simd/generic/norm.h"
#include "simd/generic/pool.h"
#include "simd/generic/quantize.h"
#include "simd/generic/table.h"

/* Sixteen rows at a time, eight registers of two: 31 words add up in bytes, then in their 64-bit lanes. */
static void hamming(const uint64_t *x, const uint64_t *rows, size_t words, uint32_t *distances) {
    enum { REGISTERS = 8, ROWS = 2 * REGISTERS, BYTE_WORDS = 31 };
    for (size_t r = 0; r < HAMMING_ROWS; r += ROWS) {
        uint64x2_t total[REGISTERS];
        UNROLL for (size_t i = 0; i < REGISTERS; i++) total[i] = vdupq_n_u64(0);
        for (size_t w = 0, n; w < words; w += n) {
            uint8x16_t bytes[REGISTERS];
            UNROLL for (size_t i = 0; i < REGISTERS; i++) bytes[i] = vdupq_n_u8(0);
            n = min_size(BYTE_WORDS, words - w);
            for (size_t j = w; j < w + n; j++) {
                const uint64x2_t v = vdupq_n_u64(x[j]);
                const uint64_t *from = rows + j * HAMMING_ROWS + r;
                UNROLL for (size_t i = 0; i < REGISTERS; i++)
                    bytes[i] = vaddq_u8(bytes[i], vcntq_u8(vreinterpretq_u8_u64(veorq_u64(v, vld1q_u64(from + 2 * i)))));
            }
            UNROLL for (size_t i = 0; i < REGISTERS; i++) total[i] = vpadalq_u32(total[i], vpaddlq_u16(vpaddlq_u8(bytes[i])));
        }
        UNROLL for (size_t i = 0; i < REGISTERS; i += 2)
            vst1q_u32(distances + r + 2 * i, vmovn_high_u64(vmovn_u64(total[i]), total[i + 1]));
    }
}

void simd_fill_neon(kernels *k) {
    fill_table(k);
    k->hamming = hamming;
}
