#include "engine/interpolate.h"
#include <math.h>
#include <string.h>

enum { TAPS = 4 };

typedef struct taps {
    uint32_t at[TAPS];
    double weight[TAPS];
} taps;

static double near(double x) { return (1.25 * x - 2.25) * x * x + 1; }               /* 0 <= x <= 1 */
static double far(double x) { return ((-0.75 * x + 3.75) * x - 6) * x + 3; }         /* 1 < x < 2 */

/* The four cells of n_from that cell i of n_to is made of. */
static taps taps_of(uint32_t i, uint32_t n_from, uint32_t n_to) {
    double at = (double)n_from / (double)n_to * (i + 0.5) - 0.5, floor_at = floor(at), t = at - floor_at;
    taps s = {.weight = {far(1 + t), near(t), near(1 - t), far(2 - t)}};
    for (int k = 0; k < TAPS; k++) {
        double cell = floor_at - 1 + k;
        s.at[k] = cell < 0 ? 0 : cell > n_from - 1 ? n_from - 1 : (uint32_t)cell;
    }
    return s;
}

static void interpolate_cell(const float *table, uint32_t columns, const taps *y, const taps *x, size_t width, float *out) {
    for (size_t i = 0; i < width; i++) {
        double sum = 0;
        for (int r = 0; r < TAPS; r++) {
            double row = 0;
            for (int c = 0; c < TAPS; c++) row += x->weight[c] * (double)table[((size_t)y->at[r] * columns + x->at[c]) * width + i];
            sum += y->weight[r] * row;
        }
        out[i] = (float)sum;
    }
}

void interpolate_positions(const float *table, uint32_t prefix, const uint32_t from[2], const uint32_t to[2], size_t width, float *out) {
    memcpy(out, table, prefix * width * sizeof *out);
    table += prefix * width;
    out += prefix * width;
    for (uint32_t r = 0; r < to[0]; r++) {
        taps y = taps_of(r, from[0], to[0]);
        for (uint32_t c = 0; c < to[1]; c++, out += width) {
            taps x = taps_of(c, from[1], to[1]);
            interpolate_cell(table, from[1], &y, &x, width, out);
        }
    }
}
