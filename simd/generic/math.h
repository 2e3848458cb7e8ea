/* Elementwise functions over v16, branch-free and without libm. Their errors against the exact value at the float argument
   stand in docs/kernels.md; tests/test_math.c measures them. NaN gives NaN. */

#ifndef MATHS
#define MATHS INLINE /* a level may prefer calls */
#endif

/* e^x = 2^n e^r, |r| <= ln(2)/2. Below -87.7 the power is 0, above 88.4 infinite. */
typedef struct exp_parts { v16 r, power; } exp_parts;

MATHS exp_parts exp_reduce(v16 x) {
    /* Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits; + 127 biases it for the exponent. */
    const v16 magic = v_set1(12582912.0f + 127.0f);
    x = v_min(v_set1(88.8f), v_max(v_set1(-88.0f), x));
    v16 t = v_fma(x, v_set1(0x1.715476p+0f), magic);
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

/* x / (1 + e^minus_z), for z of x's sign */
MATHS v16 logistic_times(v16 x, v16 minus_z) {
    return v_div(v_max(v_set1(-0x1p127f), x), v_add(v_exp(minus_z), v_set1(1)));
}

/* x / (1 + e^-x) */
MATHS v16 v_silu(v16 x) { return logistic_times(x, v_sub(v_set1(0), x)); }

/* x/2 (1 + tanh(u)) = x / (1 + e^-2u), 2u = x (c + d x^2) */
MATHS v16 v_gelu_tanh(v16 x) {
    v16 w = v_fma(v_mul(x, x), v_set1(-0x1.2444e4p-4f), v_set1(-0x1.988454p+0f));
    return logistic_times(x, v_mul(x, w));
}

INLINE v16 v_abs(v16 x) { return v_float(vi_and(v_bits(x), vi_set1(0x7fffffff))); }

/* x Phi(x) is -a Phi(-a) for a = |x|, plus x if x is positive. The normal distribution function Phi(-a) is
   e^(-a^2/2) R(a), R a polynomial in 1 / (1 + 0.3 a), minimax on 0 .. 15. */
MATHS v16 v_gelu_erf(v16 x) {
    v16 a = v_min(v_set1(15.0f), v_abs(x));
    v16 s = v_div(v_set1(1), v_fma(a, v_set1(0.3f), v_set1(1)));
    v16 p = v_fma(v_set1(0x1.3ac796p-5f), s, v_set1(-0x1.5aeb4ap-3f));
    p = v_fma(p, s, v_set1(0x1.d54244p-3f));
    p = v_fma(p, s, v_set1(-0x1.3b91aep-4f));
    p = v_fma(p, s, v_set1(0x1.24ab92p-3f));
    p = v_fma(p, s, v_set1(0x1.832e2cp-4f));
    p = v_fma(p, s, v_set1(0x1.f38cbap-4f));
    p = v_fma(p, s, v_set1(0x1.e96610p-4f));
    p = v_fma(p, s, v_set1(0x1.f6f932p-18f));
    v16 tail = v_mul(p, v_exp(v_mul(v_mul(a, v_set1(-0.5f)), a)));
    return v_fnma(a, tail, v_max(v_set1(0), x));
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
