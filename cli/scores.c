#include "cli/scores.h"
#include <math.h>
#include <string.h>

/* x = k ln 2 + r with |r| <= ln 2 / 2, and the series of e^r as far as doubles see it. libm's exp is not used: its last
   bit differs from machine to machine. */
double scores_exp(double x) {
    const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33, per_ln2 = 0x1.71547652b82fep+0;
    if (!(x >= -700)) return isnan(x) ? x : 0;
    double k = rint(x * per_ln2), r = (x - k * ln2_high) - k * ln2_low, e = 1;
    for (int i = 14; i > 0; i--) e = 1 + e * r / i;
    return ldexp(e, (int)k);
}

float scores_of(const char *kind, const float *logits, size_t n, size_t i) {
    float against_zero[2] = {logits[i], 0};
    if (strcmp(kind, "identity") == 0) return logits[i];
    if (strcmp(kind, "sigmoid") == 0) return (float)scores_exp(lnt_log_probability(against_zero, 2, 0));
    return (float)scores_exp(lnt_log_probability(logits, n, (int32_t)i));
}

size_t scores_top(const float *values, size_t n, uint32_t *top, size_t n_top) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = found;
        if (found == n_top && (n_top == 0 || !(values[i] > values[top[at - 1]]))) continue;
        if (found < n_top) found++;
        else at--;
        for (; at > 0 && values[i] > values[top[at - 1]]; at--) top[at] = top[at - 1];
        top[at] = (uint32_t)i;
    }
    return found;
}
