#include "engine/resize.h"
#include <stdlib.h>
#include <string.h>

/* A weight has 22 bits behind the point, and is split for 16-bit multiplication into high * 4096 + low, |low| <= 2048. Both are
   at most |weight|, and the absolute weights of an output sum to less than 1.6, so sums over 8-bit values stay below 2^31. */
enum { FRACTION = 22, LOW = 12, STEP = 8, BLOCK = 512 };

static const char *const NAMES[RESIZE_FILTERS] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};

const char *resize_filter_name(resize_filter filter) { return NAMES[filter]; }

bool resize_filter_from_name(const char *name, resize_filter *filter) {
    for (int i = 0; i < RESIZE_FILTERS; i++)
        if (!strcmp(name, NAMES[i])) {
            *filter = (resize_filter)i;
            return true;
        }
    return false;
}

/* ---- filters ---- */

#define PI 0x1.921fb54442d18p+1

/* x = n * pi/2 + the angle returned, 0 <= x <= 10; pi/2 in two parts, of which n times the first is exact. */
static double reduced(double x, int *n) {
    *n = (int)(x * (2 / PI) + 0.5);
    return (x - *n * 0x1.921fb544p+0) - *n * 0x1.0b4611a626331p-34;
}

/* Taylor's series, |x| <= pi/4: to half a unit in the last place before rounding. */
static double sine_part(double x) {
    double s = x * x;
    double p = 1.0 / 6227020800 + s * (-1.0 / 1307674368000 + s * (1.0 / 355687428096000));
    p = -1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880 + s * (-1.0 / 39916800 + s * p))));
    return x + x * s * p;
}
static double cosine_part(double x) {
    double s = x * x;
    double p = 1.0 / 479001600 + s * (-1.0 / 87178291200 + s * (1.0 / 20922789888000));
    p = 1.0 / 24 + s * (-1.0 / 720 + s * (1.0 / 40320 + s * (-1.0 / 3628800 + s * p)));
    return 1 - (s / 2 - s * s * p);
}

static double sine_or_cosine(double x, int quarter) {
    int n;
    double r = reduced(x, &n);
    n += quarter;
    double v = n & 1 ? cosine_part(r) : sine_part(r);
    return n & 2 ? -v : v;
}
static double sine(double x) { return sine_or_cosine(x, 0); }
static double cosine(double x) { return sine_or_cosine(x, 1); }

static double sinc(double x) { return x == 0 ? 1 : sine(x * PI) / (x * PI); }

static double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }
static double bilinear(double x) {
    x = x < 0 ? -x : x;
    return x < 1 ? 1 - x : 0;
}
static double bicubic(double x) {
    const double a = -0.5;
    x = x < 0 ? -x : x;
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}
/* Pillow's window has its constants in single precision. */
static double hamming(double x) {
    x = x < 0 ? -x : x;
    if (x >= 1) return 0;
    return x == 0 ? 1 : sinc(x) * ((double)0.54f + (double)0.46f * cosine(x * PI));
}
static double lanczos(double x) {
    if (x < -3 || x >= 3) return 0;
    x = x < 0 ? -x : x;
    return sinc(x) * sinc(x / 3);
}

static const struct kernel {
    double (*at)(double x);
    double support;
} KERNELS[RESIZE_FILTERS] = {
    [RESIZE_LANCZOS] = {lanczos, 3}, [RESIZE_BILINEAR] = {bilinear, 1}, [RESIZE_BICUBIC] = {bicubic, 2},
    [RESIZE_BOX] = {box, 0.5},       [RESIZE_HAMMING] = {hamming, 1},
};

/* ---- weights ---- */

/* Along one side: output i is the sum over count[i] inputs from first[i] on, times weights [i][room]. */
typedef struct weights {
    uint32_t *first, *count;
    int16_t *high, *low; /* [outputs][room], 0 behind an output's count */
    size_t room;         /* a multiple of STEP */
    uint32_t most;       /* the largest count */
} weights;

static void weights_free(weights *w) {
    free(w->first);
    free(w->count);
    free(w->high);
    free(w->low);
}

/* The weights of one output, not yet in whole numbers, in real; their number. */
static uint32_t weigh(const struct kernel *kernel, uint32_t in, double scale, uint32_t output, double *real, uint32_t *first) {
    double stretch = scale < 1 ? 1 : scale, support = kernel->support * stretch, inverse = 1 / stretch;
    double centre = (output + 0.5) * scale, sum = 0;
    int64_t from = (int64_t)(centre - support + 0.5), to = (int64_t)(centre + support + 0.5);
    if (from < 0) from = 0;
    if (to > (int64_t)in) to = in;
    uint32_t n = (uint32_t)(to - from);
    for (uint32_t i = 0; i < n; i++) {
        real[i] = kernel->at(((double)(i + from) - centre + 0.5) * inverse);
        sum += real[i];
    }
    for (uint32_t i = 0; i < n && sum != 0; i++) real[i] /= sum;
    *first = (uint32_t)from;
    return n;
}

static void set_weights(weights *w, uint32_t output, const double *real, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        double v = real[i] * (1 << FRACTION);
        int32_t k = (int32_t)(v < 0 ? v - 0.5 : v + 0.5);
        int32_t high = (k + (1 << (LOW - 1))) >> LOW;
        w->high[output * w->room + i] = (int16_t)high;
        w->low[output * w->room + i] = (int16_t)(k - high * (1 << LOW));
    }
}

static int weights_make(weights *w, resize_filter filter, uint32_t in, uint32_t out, lnt_error *err) {
    const struct kernel *kernel = &KERNELS[filter];
    double scale = (double)in / out, support = kernel->support * (scale < 1 ? 1 : scale);
    size_t most = (size_t)support * 2 + 3; /* rounded up, on both sides, and the middle */
    if (most > in) most = in;
    *w = (weights){.room = (most + STEP - 1) / STEP * STEP};
    double *real = malloc(w->room * sizeof *real);
    w->first = malloc(out * sizeof *w->first);
    w->count = malloc(out * sizeof *w->count);
    w->high = calloc(out * w->room, sizeof *w->high);
    w->low = calloc(out * w->room, sizeof *w->low);
    bool ok = real && w->first && w->count && w->high && w->low;
    for (uint32_t i = 0; ok && i < out; i++) {
        w->count[i] = weigh(kernel, in, scale, i, real, &w->first[i]);
        set_weights(w, i, real, w->count[i]);
        if (w->count[i] > w->most) w->most = w->count[i];
    }
    free(real);
    if (ok) return 0;
    weights_free(w);
    *w = (weights){0};
    return err_memory(err, out * most * 4, "resizing a picture");
}

/* ---- passes ---- */

/* The sum of both parts, rounded; it fits, though high * 4096 alone may not. */
static uint8_t combined(int32_t high, int32_t low) {
    int32_t v = (int32_t)((uint32_t)high * (1u << LOW) + (uint32_t)low + (1u << (FRACTION - 1))) >> FRACTION;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

typedef uint8_t bytes16 __attribute__((vector_size(16)));

static bytes16 upper(bytes16 x) {
    return __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
}
static bytes16 interleaved(bytes16 x, bytes16 y) {
    return __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/* Sixteen pixels of three channels. Shuffling the 48 bytes like cards, one half between the other, takes byte i to 2i modulo
   47, and four times to 16i, where byte i / 3 of channel i % 3 belongs. Not inline: in a loop gcc 12 makes it many times slower. */
static __attribute__((noinline)) void separate_16(const uint8_t *in, int16_t *planes, size_t stride) {
    bytes16 v[3];
    uint8_t bytes[3][16];
    memcpy(v, in, sizeof v);
    for (int i = 0; i < 4; i++) {
        bytes16 a = v[0], b = v[1], c = v[2];
        v[0] = interleaved(a, upper(b));
        v[1] = interleaved(upper(a), c);
        v[2] = interleaved(b, upper(c));
    }
    memcpy(bytes, v, sizeof v);
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < 16; i++) planes[c * stride + i] = bytes[c][i];
}

/* A row of one channel after the other, as 16-bit numbers. */
static void separate(const uint8_t *in, size_t width, size_t channels, int16_t *planes, size_t stride) {
    size_t x = 0;
    if (channels == 1) {
        for (; x < width; x++) planes[x] = in[x];
        return;
    }
    if (channels == 3)
        for (; x + 16 <= width; x += 16) separate_16(in + 3 * x, planes + x, stride);
    for (; x < width; x++)
        for (size_t c = 0; c < channels; c++) planes[c * stride + x] = in[channels * x + c];
}

/* One pixel from n of each channel, n a multiple of STEP. */
static void mix_1(const int16_t *x, const int16_t *restrict high, const int16_t *restrict low, size_t n, uint8_t *out) {
    int32_t h = 0, l = 0;
    for (size_t i = 0; i < n; i++) {
        h += x[i] * high[i];
        l += x[i] * low[i];
    }
    out[0] = combined(h, l);
}
static void mix_3(const int16_t *x, size_t stride, const int16_t *restrict high, const int16_t *restrict low, size_t n,
                  uint8_t *out) {
    const int16_t *y = x + stride, *z = y + stride;
    int32_t h0 = 0, l0 = 0, h1 = 0, l1 = 0, h2 = 0, l2 = 0;
    for (size_t i = 0; i < n; i++) {
        h0 += x[i] * high[i];
        l0 += x[i] * low[i];
        h1 += y[i] * high[i];
        l1 += y[i] * low[i];
        h2 += z[i] * high[i];
        l2 += z[i] * low[i];
    }
    out[0] = combined(h0, l0);
    out[1] = combined(h1, l1);
    out[2] = combined(h2, l2);
}

static void resize_row(const weights *w, const int16_t *planes, size_t stride, uint32_t channels, uint32_t out_width,
                       uint8_t *out) {
    for (size_t x = 0; x < out_width; x++, out += channels) {
        size_t n = ((size_t)w->count[x] + STEP - 1) / STEP * STEP;
        const int16_t *in = planes + w->first[x], *high = w->high + x * w->room, *low = w->low + x * w->room;
        if (channels == 3) mix_3(in, stride, high, low, n, out);
        for (size_t c = 0; c < channels && channels != 3; c++) mix_1(in + c * stride, high, low, n, out + c);
    }
}

/* One row of a size from several, each of n bytes. */
static void mix_rows(const uint8_t *const *rows, const int16_t *high, const int16_t *low, uint32_t n_rows, size_t n,
                     uint8_t *out) {
    int32_t h[BLOCK], l[BLOCK];
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;
        memset(h, 0, m * sizeof *h);
        memset(l, 0, m * sizeof *l);
        for (uint32_t r = 0; r < n_rows; r += 2) {
            bool pair = r + 1 < n_rows;
            const uint8_t *x = rows[r] + at, *y = rows[r + pair] + at;
            int16_t x_high = high[r], x_low = low[r], y_high = pair ? high[r + 1] : 0, y_low = pair ? low[r + 1] : 0;
            for (size_t i = 0; i < m; i++) {
                h[i] += (int16_t)x[i] * x_high + (int16_t)y[i] * y_high;
                l[i] += (int16_t)x[i] * x_low + (int16_t)y[i] * y_low;
            }
        }
        for (size_t i = 0; i < m; i++) out[at + i] = combined(h[i], l[i]);
    }
}

/* What a picture is resized by, and room for rows on their way. */
typedef struct resizer {
    const uint8_t *in;
    uint32_t width, height, channels, out_width, out_height;
    const weights *across, *down; /* NULL: that side stays */
    int16_t *planes; /* [channels][stride] of one row */
    size_t stride;
    const uint8_t **rows; /* [kept] */
    uint8_t *bytes;       /* of the kept rows */
    uint32_t kept;
} resizer;

/* The height is reduced by much more than the width: Pillow begins with the height then. */
static bool down_first(const resizer *r) {
    return (int64_t)r->height - r->out_height > 2 * ((int64_t)r->width - r->out_width) && r->height > r->out_height;
}

static void row_across(const resizer *r, const uint8_t *row, uint8_t *out) {
    separate(row, r->width, r->channels, r->planes, r->stride);
    resize_row(r->across, r->planes, r->stride, r->channels, r->out_width, out);
}

static void row_down(const resizer *r, uint32_t y, size_t n, uint8_t *out) {
    const weights *d = r->down;
    mix_rows(r->rows, d->high + y * d->room, d->low + y * d->room, d->count[y], n, out);
}

/* Rows of the output's width are made when one of the output first needs them, and stand in place y % kept. */
static void across_then_down(resizer *r, uint8_t *out) {
    const weights *d = r->down;
    size_t n = (size_t)r->out_width * r->channels, in_row = (size_t)r->width * r->channels;
    uint32_t next = d->first[0];
    for (uint32_t y = 0; y < r->out_height; y++, out += n) {
        for (; next < d->first[y] + d->count[y]; next++)
            row_across(r, r->in + next * in_row, r->bytes + next % r->kept * n);
        for (uint32_t i = 0; i < d->count[y]; i++) r->rows[i] = r->bytes + (d->first[y] + i) % r->kept * n;
        row_down(r, y, n, out);
    }
}

static void down_then_across(resizer *r, uint8_t *out) {
    const weights *d = r->down;
    size_t n = (size_t)r->width * r->channels, out_row = (size_t)r->out_width * r->channels;
    for (uint32_t y = 0; y < r->out_height; y++, out += out_row) {
        for (uint32_t i = 0; i < d->count[y]; i++) r->rows[i] = r->in + (d->first[y] + i) * n;
        row_down(r, y, n, r->across ? r->bytes : out);
        if (r->across) row_across(r, r->bytes, out);
    }
}

static void only_across(const resizer *r, uint8_t *out) {
    for (size_t y = 0; y < r->height; y++)
        row_across(r, r->in + y * r->width * r->channels, out + y * r->out_width * r->channels);
}

static int filter_image(resizer *r, uint8_t *out, lnt_error *err) {
    bool first = r->down && (!r->across || down_first(r));
    r->kept = r->down ? r->down->most : 1;
    size_t bytes = (size_t)r->channels * (first ? r->width : (size_t)r->out_width * r->kept);
    r->stride = (size_t)r->width + STEP;
    r->rows = malloc(r->kept * sizeof *r->rows);
    r->planes = calloc(r->channels * r->stride, sizeof *r->planes);
    r->bytes = malloc(bytes);
    bool ok = r->rows && r->planes && r->bytes;
    if (ok && first) down_then_across(r, out);
    else if (ok && r->down) across_then_down(r, out);
    else if (ok) only_across(r, out);
    free(r->rows);
    free(r->planes);
    free(r->bytes);
    return ok ? 0 : err_memory(err, bytes, "resizing a picture");
}

/* ---- nearest ---- */

/* The pixel under each output's middle, found by adding as Pillow does, whose last one may come to lie outside: in then. */
static uint32_t *nearest(uint32_t in, uint32_t out) {
    uint32_t *at = malloc(out * sizeof *at);
    double step = (double)in / out, x = step * 0.5;
    for (uint32_t i = 0; at && i < out; i++, x += step) at[i] = x < in ? (uint32_t)x : in; // NOLINT(cert-flp30-c)
    return at;
}

static inline void nearest_row(const uint8_t *row, const uint32_t *at, uint32_t width, size_t channels, uint32_t n, uint8_t *out) {
    for (uint32_t x = 0; x < n; x++, out += channels) {
        if (at[x] < width) memcpy(out, row + at[x] * channels, channels);
        else memset(out, 0, channels);
    }
}

static int nearest_image(const resizer *r, uint8_t *out, lnt_error *err) {
    uint32_t *across = nearest(r->width, r->out_width), *down = nearest(r->height, r->out_height);
    size_t n = (size_t)r->out_width * r->channels;
    bool ok = across && down;
    for (uint32_t y = 0; ok && y < r->out_height; y++, out += n) {
        const uint8_t *row = r->in + (size_t)down[y] * r->width * r->channels;
        if (down[y] >= r->height) memset(out, 0, n);
        else if (y && down[y] == down[y - 1]) memcpy(out, out - n, n);
        else if (r->channels == 3) nearest_row(row, across, r->width, 3, r->out_width, out);
        else nearest_row(row, across, r->width, r->channels, r->out_width, out);
    }
    free(across);
    free(down);
    return ok ? 0 : err_memory(err, ((size_t)r->out_width + r->out_height) * sizeof *across, "resizing a picture");
}

int resize_image(const uint8_t *in, uint32_t width, uint32_t height, uint32_t channels, resize_filter filter, uint32_t out_width,
                 uint32_t out_height, uint8_t *out, lnt_error *err) {
    weights across = {0}, down = {0};
    bool wider = width != out_width, higher = height != out_height; /* or narrower, lower */
    resizer r = {.in = in, .width = width, .height = height, .channels = channels, .out_width = out_width, .out_height = out_height};
    if (!wider && !higher) {
        memcpy(out, in, (size_t)width * height * channels);
        return 0;
    }
    if (filter == RESIZE_NEAREST) return nearest_image(&r, out, err);
    int rc = wider ? weights_make(&across, filter, width, out_width, err) : 0;
    if (!rc && higher) rc = weights_make(&down, filter, height, out_height, err);
    r.across = wider ? &across : NULL;
    r.down = higher ? &down : NULL;
    if (!rc) rc = filter_image(&r, out, err);
    weights_free(&across);
    weights_free(&down);
    return rc;
}
