/* Logarithms that are the same on every machine, to the last bit or the one before it. */
#ifndef LNT_SEARCH_LOGARITHM_H
#define LNT_SEARCH_LOGARITHM_H

/* x > 0 is 2^e m, m from sqrt 1/2 to sqrt 2: e log 2 + 2 (t + t^3/3 + ..) of t = (m - 1) / (m + 1). To base e, or 2. */
static inline double logarithm(double x, int base_2) {
    const double ln_2 = 0.6931471805599453;
    double e = 0, sum = 0;
    for (; x > 1.4142135623730951; x /= 2) e++;
    for (; x < 0.7071067811865476; x *= 2) e--;
    double t = (x - 1) / (x + 1), term = t;
    for (int k = 1; k < 24; k += 2, term *= t * t) sum += term / k;
    return base_2 ? e + 2 * sum / ln_2 : e * ln_2 + 2 * sum;
}
#endif
