#include "cli/vectors.h"
#include "cli/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *descr;
    size_t size;
} types[] = {
    [VECTOR_F32] = {"f32", "<f4", 4},
    [VECTOR_F16] = {"f16", "<f2", 2},
    [VECTOR_INT8] = {"int8", "|i1", 1},
    [VECTOR_BINARY] = {"binary", "|u1", 1},
};

vector_type vector_type_from_name(const char *name) {
    int t = VECTOR_F32;
    while (t < VECTOR_BINARY && strcmp(types[t].name, name) != 0) t++;
    return (vector_type)t;
}

const char *vector_descr(vector_type type) {
    return types[type].descr;
}

size_t vector_elements(vector_type type, size_t n) {
    return type == VECTOR_BINARY ? (n + 7) / 8 : n;
}

size_t vector_bytes(vector_type type, size_t n) {
    return vector_elements(type, n) * types[type].size;
}

static uint16_t to_half(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7FFFFFFF;
    if (size > 0x7F800000) return (uint16_t)(sign | 0x7E00);
    if (size >= 0x477FF000) return (uint16_t)(sign | 0x7C00); /* 65520 and more */
    if (size < 0x38800000) {                                  /* below 2^-14: steps of 2^-24 */
        float magnitude;
        memcpy(&magnitude, &size, sizeof magnitude);
        return (uint16_t)(sign | (uint32_t)rintf(magnitude * 0x1p24f));
    }
    uint32_t rounded = size + 0xFFF + (size >> 13 & 1);
    return (uint16_t)(sign | (rounded - 0x38000000) >> 13);
}

static float from_half(uint16_t h) {
    uint32_t exponent = h >> 10 & 31, fraction = h & 1023;
    float value = exponent == 0    ? ldexpf((float)fraction, -24)
                  : exponent == 31 ? (fraction ? NAN : INFINITY)
                                   : ldexpf((float)(1024 + fraction), (int)exponent - 25);
    return h & 0x8000 ? -value : value;
}

/* 127 over the largest magnitude; 0 for a vector of zeros. */
static float int8_scale(const float *x, size_t n) {
    float largest = 0;
    for (size_t i = 0; i < n; i++) largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    return largest > 0 && isfinite(127 / largest) ? 127 / largest : 0;
}

static int8_t to_int8(float x, float scale) {
    float v = rintf(x * scale);
    return (int8_t)(v > 127 ? 127 : v < -127 ? -127 : v);
}

static uint8_t eight_signs(const float *x, size_t n) {
    unsigned bits = 0;
    for (size_t i = 0; i < 8; i++) bits = bits << 1 | (i < n && x[i] > 0);
    return (uint8_t)bits;
}

int vector_append(vector_type type, const float *x, size_t n, io_bytes *to) {
    size_t before = to->n, elements = vector_elements(type, n);
    if (type == VECTOR_F32) return io_append(to, (const char *)x, n * sizeof *x);
    if (io_extend(to, vector_bytes(type, n)) != 0) return -1;
    char *out = to->data + before;
    float scale = int8_scale(x, n);
    for (size_t i = 0; i < elements; i++) {
        uint16_t half = type == VECTOR_F16 ? to_half(x[i]) : 0;
        if (type == VECTOR_F16)
            memcpy(out + 2 * i, &half, sizeof half);
        else
            out[i] = type == VECTOR_INT8 ? (char)to_int8(x[i], scale) : (char)eight_signs(x + 8 * i, n - 8 * i);
    }
    return 0;
}

int vector_append_json(vector_type type, const float *x, size_t n, io_bytes *to) {
    float scale = int8_scale(x, n);
    int failed = io_append_text(to, "[");
    for (size_t i = 0; !failed && i < vector_elements(type, n); i++) {
        if (i) failed = io_append_text(to, ", ");
        if (failed) break;
        if (type == VECTOR_INT8) failed = io_appendf(to, "%d", to_int8(x[i], scale));
        else if (type == VECTOR_BINARY) failed = io_appendf(to, "%d", eight_signs(x + 8 * i, n - 8 * i));
        else failed = text_append_number(to, type == VECTOR_F16 ? from_half(to_half(x[i])) : x[i]);
    }
    return failed ? -1 : io_append_text(to, "]");
}
