/* The elementwise functions against libm's doubles, over floats of every size. The bounds are those of docs/kernels.md:
   errors in units in the last place of the exact value, and absolute ones. All levels give the same bits
   (test_kernels), so the best one is measured. */
#include "engine/exponential.h"
#include "simd/kernels.h"
#include "tests/testing.h"
#include <math.h>

static double exact_gelu_tanh(double x) { return x / (1 + exp(-2 * sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }
static double exact_gelu_erf(double x) { return x / 2 * erfc(-x / M_SQRT2); }
static double exact_silu(double x) { return x / (1 + exp(-x)); }

enum { EXP = -1, AT_ONCE = 4096, STRIDE = 127 };
#define SMALLEST 0x1p-126 /* the smallest normal float */

typedef struct bound {
    int function; /* an activation, or EXP */
    double (*exact)(double);
    double from, to; /* x */
    double ulps, absolute;
} bound;

static const bound bounds[] = {
    {EXP, exp, -87.3, 88.37, 0.91, INFINITY},
    {EXP, exp, -INFINITY, -87.3, INFINITY, SMALLEST},
    {ACT_TANH, tanh, -INFINITY, INFINITY, 3.5, 1e-7},
    {ACT_SILU, exact_silu, -87.3, INFINITY, 2.5, INFINITY},
    {ACT_SILU, exact_silu, -INFINITY, -87.3, INFINITY, 88 * SMALLEST},
    {ACT_GELU_TANH, exact_gelu_tanh, -1, INFINITY, 3, INFINITY},
    {ACT_GELU_TANH, exact_gelu_tanh, -8, -1, 150, 6e-8},
    {ACT_GELU_TANH, exact_gelu_tanh, -INFINITY, -8, INFINITY, 2e-15},
    {ACT_GELU_ERF, exact_gelu_erf, -4, INFINITY, 11, INFINITY},
    {ACT_GELU_ERF, exact_gelu_erf, -13, -4, 90, 1e-10},
    {ACT_GELU_ERF, exact_gelu_erf, -INFINITY, -13, INFINITY, 13 * SMALLEST},
};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

static void apply(int function, const float *x, float *y, size_t n) {
    if (function == EXP)
        kernels_best()->exp_sum(x, n, 1, 0, y);
    else
        kernels_best()->activate((activation)function, x, y, n);
}

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void check_all(const bound *b, const float *x, size_t n) {
    float y[AT_ONCE];
    apply(b->function, x, y, round_up(n, LANES));
    for (size_t i = 0; i < n; i++) {
        const double exact = b->exact((double)x[i]), size = fabs(exact), error = fabs((double)y[i] - exact);
        const double ulp = size < SMALLEST ? SMALLEST * 0x1p-23 : ldexp(1, ilogb(size) - 23);
        if (error <= b->ulps * ulp && error <= b->absolute) continue;
        ck_abort_msg("f(%a) is %a instead of %a: %.2f ulp, %g", (double)x[i], (double)y[i], exact, error / ulp, error);
    }
}

/* Floats with bits first, first + stride, .. up to last that lie within the bound's interval */
static void check_range(const bound *b, uint32_t first, uint32_t last, uint32_t stride) {
    float x[AT_ONCE] = {0};
    size_t n = 0;
    for (uint64_t bits = first; bits <= last; bits += stride) {
        x[n] = float_of((uint32_t)bits);
        if (isfinite(x[n]) && (double)x[n] >= b->from && (double)x[n] <= b->to) n++;
        if (n == AT_ONCE) check_all(b, x, n), n = 0;
    }
    check_all(b, x, n);
}

START_TEST(within_bounds) { check_range(&bounds[_i], 0, UINT32_MAX, STRIDE); }
END_TEST

/* Every float where a function's error is largest or its branches meet */
START_TEST(dense) {
    const struct { size_t row; float from, to; } ranges[] = {
        {0, -87.3f, -80}, {0, -2, -1},   {2, 0.03f, 0.0625f}, {2, 8, 10},  {3, -2, -1.5f},  {5, -1, -0.5f},
        {6, -1.5f, -1},   {6, -8, -7.5f}, {8, -0.1f, -0.05f}, {8, -4, -3}, {9, -13, -11}, {10, -13.5f, -13}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        uint32_t a, b;
        memcpy(&a, &ranges[i].from, sizeof a);
        memcpy(&b, &ranges[i].to, sizeof b);
        check_range(&bounds[ranges[i].row], a < b ? a : b, a < b ? b : a, 1);
    }
}
END_TEST

static float value(int function, float x) {
    float in[LANES] = {x}, out[LANES];
    apply(function, in, out, LANES);
    return out[0];
}

START_TEST(limits) {
    ck_assert(value(EXP, 0) == 1 && value(EXP, -INFINITY) == 0 && value(EXP, -1000) == 0);
    ck_assert(value(EXP, 88.5f) == INFINITY && value(EXP, INFINITY) == INFINITY && value(EXP, 88.37f) < INFINITY);
    ck_assert(value(ACT_TANH, INFINITY) == 1 && value(ACT_TANH, -INFINITY) == -1 && value(ACT_TANH, 10) == 1);
    ck_assert(value(ACT_TANH, 0) == 0 && signbit(value(ACT_TANH, -0.0f)));
    const int gates[] = {ACT_SILU, ACT_GELU_TANH, ACT_GELU_ERF, ACT_RELU};
    for (size_t i = 0; i < sizeof gates / sizeof *gates; i++) {
        ck_assert(value(gates[i], INFINITY) == INFINITY && value(gates[i], 3e38f) == 3e38f && value(gates[i], 100) == 100);
        ck_assert(value(gates[i], -INFINITY) == 0 && value(gates[i], -3e38f) == 0 && value(gates[i], -100) == 0);
        ck_assert(value(gates[i], 0) == 0 && value(gates[i], -0.0f) == 0);
    }
    for (int function = EXP; function < ACTIVATIONS; function++)
        if (function != ACT_RELU) ck_assert(isnan(value(function, NAN)));
}
END_TEST

/* tanh is odd, stays within -1 .. 1, and where x rises it falls by no more than a rounding; exp never falls. */
START_TEST(shape) {
    float last_tanh = -1, last_exp = 0;
    for (float x = -89; x < 89; x += 0x1p-10f) {
        const float t = value(ACT_TANH, x), e = value(EXP, x);
        if (!(t >= last_tanh - 0x1p-23f && t <= 1 && e >= last_exp && value(ACT_TANH, -x) == -t)) ck_abort_msg("at %a", (double)x);
        last_tanh = t, last_exp = e;
    }
}
END_TEST

START_TEST(of_doubles) {
    for (double x = -700; x <= 709; x += 0x1.3p-10) {
        const double exact = exp(x);
        ck_assert_msg(fabs(exponential(x) - exact) <= 1e-15 * exact, "exponential(%a) is %a, expected %a", x, exponential(x), exact);
    }
    ck_assert(exponential(0) == 1 && exponential(-701) == 0 && exponential(-INFINITY) == 0);
    ck_assert(isinf(exponential(1e300)) && isinf(exponential(INFINITY)) && isnan(exponential(NAN)));
}
END_TEST

int main(void) {
    TCase *errors = tcase_create("errors");
    tcase_set_timeout(errors, 600);
    tcase_add_loop_test(errors, within_bounds, 0, BOUNDS);
    tcase_add_test(errors, dense);
    tcase_add_test(errors, limits);
    tcase_add_test(errors, shape);
    tcase_add_test(errors, of_doubles);
    return run_suite("math", (TCase *const[]){errors, NULL});
}
