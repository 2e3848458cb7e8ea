/* NEON of armv8.0-a: v16 is four registers. */
#include "simd/levels.h"
#include <arm_neon.h>
#include <string.h>

typedef struct { float32x4_t a, b, c, d; } v16;
typedef struct { int32x4_t a, b, c, d; } v16i;
typedef struct { uint32x4_t a, b, c, d; } v16m;

#define QUARTERS(type, f) ((type){f(x.a), f(x.b), f(x.c), f(x.d)})
#define QUARTERS2(type, f) ((type){f(x.a, y.a), f(x.b, y.b), f(x.c, y.c), f(x.d, y.d)})

INLINE v16 v_load(const float *p) { return (v16){vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}; }
INLINE v16 v_set1(float x) {
    const float32x4_t v = vdupq_n_f32(x);
    return (v16){v, v, v, v};
}
INLINE void v_store(float *p, v16 x) { vst1q_f32(p, x.a), vst1q_f32(p + 4, x.b), vst1q_f32(p + 8, x.c), vst1q_f32(p + 12, x.d); }
INLINE v16 v_load_n(const float *p, size_t n) {
    float padded[LANES] = {0};
    memcpy(padded, p, n * sizeof *p);
    return v_load(padded);
}
INLINE void v_store_n(float *p, size_t n, v16 x) {
    float all[LANES];
    v_store(all, x);
    memcpy(p, all, n * sizeof *p);
}

/* The definition's minimum and maximum take y if either is NaN or both are zeros; fmin and fmax do not. */
INLINE float32x4_t min4(float32x4_t x, float32x4_t y) { return vbslq_f32(vcltq_f32(x, y), x, y); }
INLINE float32x4_t max4(float32x4_t x, float32x4_t y) { return vbslq_f32(vcgtq_f32(x, y), x, y); }

INLINE v16 v_add(v16 x, v16 y) { return QUARTERS2(v16, vaddq_f32); }
INLINE v16 v_sub(v16 x, v16 y) { return QUARTERS2(v16, vsubq_f32); }
INLINE v16 v_mul(v16 x, v16 y) { return QUARTERS2(v16, vmulq_f32); }
INLINE v16 v_div(v16 x, v16 y) { return QUARTERS2(v16, vdivq_f32); }
INLINE v16 v_min(v16 x, v16 y) { return QUARTERS2(v16, min4); }
INLINE v16 v_max(v16 x, v16 y) { return QUARTERS2(v16, max4); }
INLINE v16 v_fma(v16 x, v16 y, v16 z) {
    return (v16){vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c), vfmaq_f32(z.d, x.d, y.d)};
}
INLINE v16 v_fnma(v16 x, v16 y, v16 z) {
    return (v16){vfmsq_f32(z.a, x.a, y.a), vfmsq_f32(z.b, x.b, y.b), vfmsq_f32(z.c, x.c, y.c), vfmsq_f32(z.d, x.d, y.d)};
}

INLINE v16m v_first(size_t n) {
    static const uint32_t ramp[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const uint32x4_t v = vdupq_n_u32((uint32_t)n);
    return (v16m){vcltq_u32(vld1q_u32(ramp), v), vcltq_u32(vld1q_u32(ramp + 4), v), vcltq_u32(vld1q_u32(ramp + 8), v),
                  vcltq_u32(vld1q_u32(ramp + 12), v)};
}
INLINE v16 v_select(v16m m, v16 x, v16 y) {
    return (v16){vbslq_f32(m.a, x.a, y.a), vbslq_f32(m.b, x.b, y.b), vbslq_f32(m.c, x.c, y.c), vbslq_f32(m.d, x.d, y.d)};
}

INLINE v16i v_bits(v16 x) { return QUARTERS(v16i, vreinterpretq_s32_f32); }
INLINE v16 v_float(v16i x) { return QUARTERS(v16, vreinterpretq_f32_s32); }
INLINE v16i vi_load(const int32_t *p) { return (v16i){vld1q_s32(p), vld1q_s32(p + 4), vld1q_s32(p + 8), vld1q_s32(p + 12)}; }
INLINE v16i vi_set1(int32_t x) {
    const int32x4_t v = vdupq_n_s32(x);
    return (v16i){v, v, v, v};
}
INLINE v16i vi_add(v16i x, v16i y) { return QUARTERS2(v16i, vaddq_s32); }
INLINE v16i vi_sub(v16i x, v16i y) { return QUARTERS2(v16i, vsubq_s32); }
INLINE v16i vi_mul(v16i x, v16i y) { return QUARTERS2(v16i, vmulq_s32); }
INLINE v16i vi_and(v16i x, v16i y) { return QUARTERS2(v16i, vandq_s32); }
INLINE v16i vi_or(v16i x, v16i y) { return QUARTERS2(v16i, vorrq_s32); }
INLINE v16i vi_shl(v16i x, unsigned n) {
    const v16i y = vi_set1((int32_t)n);
    return QUARTERS2(v16i, vshlq_s32);
}
INLINE v16 v_from_int(v16i x) { return QUARTERS(v16, vcvtq_f32_s32); }
/* fmaxnm takes the number beside a NaN, which the conversion would make 0. */
INLINE int32x4_t to_nearest4(float32x4_t x) { return vcvtnq_s32_f32(vmaxnmq_f32(x, vdupq_n_f32(-0x1p23f))); }
INLINE v16i v_to_nearest(v16 x) { return QUARTERS(v16i, to_nearest4); }

INLINE int32_t vi_store_u8(uint8_t *p, v16i x, v16i y) {
    const uint16x8_t a = vqmovun_high_s32(vqmovun_s32(x.a), x.b), b = vqmovun_high_s32(vqmovun_s32(x.c), x.d);
    const uint16x8_t c = vqmovun_high_s32(vqmovun_s32(y.a), y.b), d = vqmovun_high_s32(vqmovun_s32(y.c), y.d);
    const uint8x16_t low = vqmovn_high_u16(vqmovn_u16(a), b), high = vqmovn_high_u16(vqmovn_u16(c), d);
    vst1q_u8(p, low);
    vst1q_u8(p + 16, high);
    return (int32_t)vaddlvq_u16(vpadalq_u8(vpaddlq_u8(low), high));
}

INLINE v16 v_load_f16(const uint16_t *p) {
    const float16x8_t low = vreinterpretq_f16_u16(vld1q_u16(p)), high = vreinterpretq_f16_u16(vld1q_u16(p + 8));
    return (v16){vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)), vcvt_high_f32_f16(high)};
}
INLINE void v_store_f16(uint16_t *p, v16 x) {
    vst1q_u16(p, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(x.a), x.b)));
    vst1q_u16(p + 8, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(x.c), x.d)));
}

#define TREE(x, f) \
    float32x4_t v = f(f(x.a, x.c), f(x.b, x.d)); \
    v = f(v, vextq_f32(v, v, 2)); \
    return vgetq_lane_f32(f(v, vextq_f32(v, v, 1)), 0)
INLINE float v_sum(v16 x) { TREE(x, vaddq_f32); }
INLINE float v_maximum(v16 x) { TREE(x, max4); }
INLINE float v_minimum(v16 x) { TREE(x, min4); }

/* 16 rows of 16 floats, those at x[r] + at, into 16 columns, in blocks of 4 by 4 */
static void transpose(const float *const *x, size_t at, float *to) {
    for (size_t r = 0; r < LANES; r += 4)
        for (size_t i = 0; i < LANES; i += 4) {
            const float32x4_t r0 = vld1q_f32(x[r] + at + i), r1 = vld1q_f32(x[r + 1] + at + i);
            const float32x4_t r2 = vld1q_f32(x[r + 2] + at + i), r3 = vld1q_f32(x[r + 3] + at + i);
            const float32x4_t a = vzip1q_f32(r0, r2), b = vzip2q_f32(r0, r2), c = vzip1q_f32(r1, r3), d = vzip2q_f32(r1, r3);
            float *column = to + i * LANES + r;
            vst1q_f32(column, vzip1q_f32(a, c));
            vst1q_f32(column + LANES, vzip2q_f32(a, c));
            vst1q_f32(column + 2 * LANES, vzip1q_f32(b, d));
            vst1q_f32(column + 3 * LANES, vzip2q_f32(b, d));
        }
}

enum { FLOAT_ROWS = 6, FLOAT_PANELS = 4, FLOAT_SUMS = 6, FLOAT_BLOCK_K = 256 };
#define FLOAT_TILES(X) X(1, 4) X(1, 1) X(2, 2) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
