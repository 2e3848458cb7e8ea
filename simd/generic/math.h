/* Elementwise functions over v16, branch-free and without libm. Their errors against the exact value at the float argument
   stand in docs/kernels.md; tests/test_math.c measures them. NaN gives NaN. */

#ifndef MATHS
#define MATHS INLINE /* a level may prefer calls */
#endif

/* Adding this to |x| < 2^22 rounds to an integer, ties to even, and leaves it in the low bits. */
#define ROUNDING 12582912.0f /* 1.5 * 2^23 */

#define LOG2_E 0x1.715476p+0f

/* e^x = 2^n e^r, |r| <= ln(2)/2. Below -87.7 the power is 0, above 88.4 infinite. */
typedef struct exp_parts { v16 r, power; } exp_parts;

MATHS exp_parts exp_reduce(v16 x) {
    const v16 magic = v_set1(ROUNDING + 127); /* which biases it for the exponent */
    x = v_min(v_set1(88.8f), v_max(v_set1(-88.0f), x));
    v16 t = v_fma(x, v_set1(LOG2_E), magic);
    v16 n = v_sub(t, magic);
    v16 r = v_fnma(n, v_set1(0x1.62e4p-1f), x);
    r = v_fnma(n, v_set1(0x1.7f7d1cp-20f), r);
    return (exp_parts){r, v_float(vi_shl(v_bits(t), 23))};
}

/* (e^r - 1) / r, minimax on |r| <= ln(2)/2 */
MATHS v16 exp_series(v16 r) {
    v16 p = v_fma(v_set1(0x1.6d9a84p-10f), r, v_set1(0x1.12290ep-7f));
    p = v_fma(p, r, v_set1(0x1.555486p-5f));
    p = v_fma(p, r, v_set1(0x1.5554aep-3f));
    p = v_fma(p, r, v_set1(0.5f));
    return v_fma(p, r, v_set1(1));
}

MATHS v16 v_exp(v16 x) {
    exp_parts e = exp_reduce(x);
    return v_mul(v_fma(exp_series(e.r), e.r, v_set1(1)), e.power);
}

/* 2^f, |f| <= 1/2, minimax with 2^0 = 1 */
MATHS v16 exp2_series(v16 f) {
    v16 p = v_fma(v_set1(0x1.5bda5cp-10f), f, v_set1(0x1.3ce8aep-7f));
    p = v_fma(p, f, v_set1(0x1.c6b6d8p-5f));
    p = v_fma(p, f, v_set1(0x1.ebf9c2p-3f));
    p = v_fma(p, f, v_set1(0x1.62e42ap-1f));
    return v_fma(p, f, v_set1(1));
}

/* The same one degree higher, with fewer steps one after another, for a function whose chain is long already */
MATHS v16 exp2_series_flat(v16 f) {
    v16 f2 = v_mul(f, f);
    v16 p = v_fma(v_set1(0x1.416b52p-13f), f2, v_fma(v_set1(0x1.5f082ep-10f), f, v_set1(0x1.3b2de0p-7f)));
    p = v_fma(p, f2, v_fma(v_set1(0x1.c6af7cp-5f), f, v_set1(0x1.ebfbdcp-3f)));
    return v_add(v_fma(p, f2, v_mul(v_set1(0x1.62e430p-1f), f)), v_set1(1));
}

/* p times 2^n for the integer n in the low bits of t, from -127 to 128: with a p of 1 the first gives 0, the last infinity.
   A NaN may become any number. */
INLINE v16 times_power(v16 p, v16 t) { return v_float(vi_add(v_bits(p), vi_shl(v_bits(t), 23))); }

/* x / (1 + e), 0 where e is infinite */
INLINE v16 over_one_more(v16 x, v16 e) { return v_div(v_max(v_set1(-0x1p127f), x), v_add(e, v_set1(1))); }

/* x / (1 + e^-x) */
MATHS v16 v_silu(v16 x) { return over_one_more(x, v_exp(v_sub(v_set1(0), x))); }

/* x/2 (1 + tanh(u)) = x / (1 + e^-2u), e^-2u = 2^y, y = x (c + d x^2) */
MATHS v16 v_gelu_tanh(v16 x) {
    const v16 magic = v_set1(ROUNDING);
    v16 w = v_fma(v_mul(x, x), v_set1(-0x1.a5a7dp-4f), v_set1(-0x1.26aec2p+1f));
    v16 y = v_min(v_set1(128), v_max(v_set1(-127), v_mul(x, w)));
    v16 t = v_add(y, magic);
    return over_one_more(x, times_power(exp2_series_flat(v_sub(y, v_sub(t, magic))), t));
}

INLINE v16 v_abs(v16 x) { return v_float(vi_and(v_bits(x), vi_set1(0x7fffffff))); }

/* x Phi(x) is -a Phi(-a) for a = |x|, plus x if x is positive. The normal distribution function Phi(-a) is 2^(c a^2) P(a) / Q(a), minimax
   for this very c, which is about -log2(e) / 2 and makes the power 0 at the largest a. */
MATHS v16 v_gelu_erf(v16 x) {
    const v16 magic = v_set1(ROUNDING), c = v_set1(-0x1.71544ep-1f);
    v16 a = v_min(v_set1(0x1.a89996p+3f), v_abs(x));
    v16 aa = v_mul(a, a);
    v16 t = v_fma(aa, c, magic);
    v16 e = times_power(exp2_series(v_fma(aa, c, v_sub(magic, t))), t);
    v16 p = v_fma(v_set1(0x1.948a02p-7f), a, v_set1(0x1.9445f4p-4f));
    p = v_fma(p, a, v_set1(0x1.4b6b2cp-2f));
    p = v_fma(p, a, v_set1(0.5f));
    v16 q = v_fma(v_set1(0x1.fb9996p-6f), a, v_set1(0x1.f91f92p-3f));
    q = v_fma(q, a, v_set1(0x1.b372aep-1f));
    q = v_fma(q, a, v_set1(0x1.71f7e8p+0f));
    q = v_fma(q, a, v_set1(1));
    return v_fnma(v_div(v_mul(a, p), q), e, v_max(v_set1(0), x));
}

/* (e^2a - 1) / (e^2a + 1) with a = |x|, and the sign of x; e^2a - 1 = 2^n (e^r - 1) + (2^n - 1) */
MATHS v16 v_tanh(v16 x) {
    const v16i sign = vi_set1(INT32_MIN);
    v16 a = v_min(v_set1(20.0f), v_abs(x));
    exp_parts e = exp_reduce(v_add(a, a));
    v16 q = v_mul(exp_series(e.r), e.r);
    v16 m = v_fma(q, e.power, v_sub(e.power, v_set1(1)));
    v16 t = v_div(m, v_add(m, v_set1(2)));
    return v_float(vi_or(v_bits(t), vi_and(v_bits(x), sign)));
}

INLINE v16 v_relu(v16 x) { return v_max(v_set1(0), x); }

INLINE v16 v_activate(activation act, v16 x) {
    switch (act) {
    case ACT_GELU_TANH: return v_gelu_tanh(x);
    case ACT_GELU_ERF: return v_gelu_erf(x);
    case ACT_RELU: return v_relu(x);
    case ACT_SILU: return v_silu(x);
    case ACT_TANH: return v_tanh(x);
    default: return x;
    }
}
