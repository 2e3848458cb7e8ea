#include "engine/exponential.h"
#include <math.h>

/* x = k ln 2 + r with |r| <= ln 2 / 2, and the series of e^r as far as doubles see it. */
double exponential(double x) {
    const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33, per_ln2 = 0x1.71547652b82fep+0;
    if (!(x >= -700)) return isnan(x) ? x : 0;
    if (x > 709) return INFINITY;
    double k = rint(x * per_ln2), r = (x - k * ln2_high) - k * ln2_low, e = 1;
    for (int i = 14; i > 0; i--) e = 1 + e * r / i;
    return ldexp(e, (int)k);
}

/* x = m 2^e with m in [sqrt 1/2, sqrt 2): 2 atanh((m - 1) / (m + 1)) + e ln 2; the series' rest is below 1e-16. */
double logarithm(double x) {
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752440) m *= 2, e--;
    double t = (m - 1) / (m + 1), t2 = t * t, sum = 0;
    for (int k = 23; k >= 1; k -= 2) sum = sum * t2 + 1.0 / k;
    return 2 * t * sum + e * 0.69314718055994530942;
}
