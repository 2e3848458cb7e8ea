/* What a group of 64 rows is made of. */
#include "search/vectors.h"
#include "simd/kernels.h"
#include <math.h>
#include <string.h>
#include <xxhash.h>

enum { BITS = 64, LARGEST_CODE = 127 };

static const char *const names[VECTORS_TYPES] = {"f32", "f16", "int8", "bits"};

const char *vectors_type_name(vectors_type type) { return names[type]; }

bool vectors_type_from_name(const char *name, vectors_type *type) {
    for (size_t i = 0; i < VECTORS_TYPES; i++)
        if (!strcmp(name, names[i])) return *type = (vectors_type)i, true;
    return false;
}

/* Cell (r, c) of a group, in elements; of bits: the word that holds it. */
static inline size_t float_cell(size_t dims, size_t r, size_t c) { return (r / LANES * dims + c) * LANES + r % LANES; }
static inline size_t half_cell(size_t r, size_t c) { return c * VECTORS_GROUP + r; }
static inline size_t int8_cell(size_t dims, size_t r, size_t c) {
    return ((r / LANES * (round_up(dims, QUANT_PAD) / 4) + c / 4) * LANES + r % LANES) * 4 + c % 4;
}
static inline size_t bit_cell(size_t r, size_t c) { return c / BITS * VECTORS_GROUP + r; }

static size_t data_bytes(vectors_type type, size_t dims) {
    switch (type) {
    case VECTORS_F32: return VECTORS_GROUP * dims * sizeof(float);
    case VECTORS_F16: return VECTORS_GROUP * dims * sizeof(uint16_t);
    case VECTORS_INT8: return VECTORS_GROUP * round_up(dims, QUANT_PAD);
    default: return VECTORS_GROUP * (round_up(dims, BITS) / 8);
    }
}

static size_t planes_bytes(vectors_type type, size_t dims) {
    return data_bytes(type, dims) + (type == VECTORS_INT8 ? VECTORS_GROUP * (sizeof(float) + sizeof(int32_t)) : 0);
}

size_t vectors_group_bytes(vectors_type type, size_t dims) { return planes_bytes(type, dims) + sizeof(vectors_trailer); }

const float *vectors_scales(size_t dims, const unsigned char *group) {
    return (const float *)(const void *)(group + data_bytes(VECTORS_INT8, dims));
}
const int32_t *vectors_sums(size_t dims, const unsigned char *group) {
    return (const int32_t *)(const void *)(vectors_scales(dims, group) + VECTORS_GROUP);
}
const vectors_trailer *vectors_trailer_of(vectors_type type, size_t dims, const unsigned char *group) {
    return (const vectors_trailer *)(const void *)(group + planes_bytes(type, dims));
}

static void pack_f16(size_t dims, size_t r, const float *row, uint16_t *out) {
    const kernels *k = kernels_best();
    for (size_t c = 0; c < dims; c += LANES) {
        uint16_t part[LANES];
        const size_t n = dims - c < LANES ? dims - c : LANES;
        k->f32_to_f16(row + c, part, n);
        for (size_t i = 0; i < n; i++) out[half_cell(r, c + i)] = part[i];
    }
}

static void pack_int8(size_t dims, size_t r, const float *row, unsigned char *group) {
    float *scale = (float *)(void *)(group + data_bytes(VECTORS_INT8, dims)) + r;
    int32_t *sum = (int32_t *)(void *)(scale - r + VECTORS_GROUP) + r;
    float largest = 0;
    bool finite = true;
    for (size_t c = 0; c < dims; c++) {
        largest = fabsf(row[c]) > largest ? fabsf(row[c]) : largest;
        finite = finite && isfinite(row[c]);
    }
    *scale = finite ? largest / LARGEST_CODE : NAN;
    for (size_t c = 0; c < dims && *scale > 0; c++) {
        const float exact = row[c] / *scale, round = 12582912; /* 1.5 * 2^23: adding it rounds to an integer */
        const float code = (exact + round) - round;
        const int v = (int)(code > LARGEST_CODE ? LARGEST_CODE : code < -LARGEST_CODE ? -LARGEST_CODE : code);
        ((int8_t *)group)[int8_cell(dims, r, c)] = (int8_t)v;
        *sum += v;
    }
}

void vectors_pack_group(vectors_type type, size_t dims, uint64_t group, const float *rows, unsigned char *out) {
    memset(out, 0, planes_bytes(type, dims));
    for (size_t r = 0; r < VECTORS_GROUP; r++, rows += dims) {
        if (type == VECTORS_F32)
            for (size_t c = 0; c < dims; c++) ((float *)(void *)out)[float_cell(dims, r, c)] = rows[c];
        else if (type == VECTORS_F16)
            pack_f16(dims, r, rows, (uint16_t *)(void *)out);
        else if (type == VECTORS_INT8)
            pack_int8(dims, r, rows, out);
        else
            for (size_t c = 0; c < dims; c++) ((uint64_t *)(void *)out)[bit_cell(r, c)] |= (uint64_t)(rows[c] > 0) << c % BITS;
    }
    vectors_seal_group(type, dims, group, out);
}

void vectors_copy_row(vectors_type type, size_t dims, const unsigned char *from, size_t r, unsigned char *to, size_t to_r) {
    if (type == VECTORS_F32) {
        for (size_t c = 0; c < dims; c++)
            memcpy(to + 4 * float_cell(dims, to_r, c), from + 4 * float_cell(dims, r, c), 4);
    } else if (type == VECTORS_F16) {
        for (size_t c = 0; c < dims; c++)
            memcpy(to + 2 * half_cell(to_r, c), from + 2 * half_cell(r, c), 2);
    } else if (type == VECTORS_INT8) {
        for (size_t c = 0; c < round_up(dims, QUANT_PAD); c += 4)
            memcpy(to + int8_cell(dims, to_r, c), from + int8_cell(dims, r, c), 4);
        const size_t scales = data_bytes(type, dims), sums = scales + VECTORS_GROUP * sizeof(float);
        memcpy(to + scales + 4 * to_r, from + scales + 4 * r, 4);
        memcpy(to + sums + 4 * to_r, from + sums + 4 * r, 4);
    } else {
        for (size_t c = 0; c < dims; c += BITS) memcpy(to + 8 * bit_cell(to_r, c), from + 8 * bit_cell(r, c), 8);
    }
}

/* At least the length of every row of finite numbers: the last two steps round up. */
static float longest_row(size_t dims, const unsigned char *group) {
    const int8_t *codes = (const int8_t *)group;
    const float *scale = vectors_scales(dims, group);
    double most = 0;
    for (size_t r = 0; r < VECTORS_GROUP; r++) {
        int64_t squares = 0;
        for (size_t c = 0; c < dims; c++) squares += codes[int8_cell(dims, r, c)] * codes[int8_cell(dims, r, c)];
        const double length = __builtin_sqrt((double)squares) * (double)scale[r];
        most = length > most ? length : most;
    }
    return most > 0 ? (float)(most * (1 + 0x1p-20)) + 0x1p-126f : 0;
}

static void hash_group(size_t bytes, const unsigned char *group, unsigned char *hash) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(group, bytes - VECTORS_HASH));
    memcpy(hash, canonical.digest, VECTORS_HASH);
}

void vectors_seal_group(vectors_type type, size_t dims, uint64_t group, unsigned char *out) {
    vectors_trailer *t = (vectors_trailer *)(void *)(out + planes_bytes(type, dims));
    *t = (vectors_trailer){.group = group, .longest = type == VECTORS_INT8 ? longest_row(dims, out) : 0};
    hash_group(vectors_group_bytes(type, dims), out, t->hash);
}

bool vectors_group_holds(vectors_type type, size_t dims, uint64_t group, const unsigned char *bytes) {
    const vectors_trailer *t = vectors_trailer_of(type, dims, bytes);
    unsigned char hash[VECTORS_HASH];
    hash_group(vectors_group_bytes(type, dims), bytes, hash);
    return t->group == group && !memcmp(t->hash, hash, VECTORS_HASH);
}

void vectors_row(vectors_type type, size_t dims, const unsigned char *group, size_t r, float *out) {
    if (type == VECTORS_F32) {
        for (size_t c = 0; c < dims; c++) out[c] = ((const float *)(const void *)group)[float_cell(dims, r, c)];
    } else if (type == VECTORS_F16) {
        const uint16_t *halves = (const uint16_t *)(const void *)group;
        for (size_t c = 0; c < dims; c += LANES) {
            uint16_t part[LANES];
            const size_t n = dims - c < LANES ? dims - c : LANES;
            for (size_t i = 0; i < n; i++) part[i] = halves[half_cell(r, c + i)];
            kernels_best()->f16_to_f32(part, out + c, n);
        }
    } else if (type == VECTORS_INT8) {
        const float scale = vectors_scales(dims, group)[r];
        for (size_t c = 0; c < dims; c++) out[c] = (float)((const int8_t *)group)[int8_cell(dims, r, c)] * scale;
    } else {
        const uint64_t *words = (const uint64_t *)(const void *)group;
        for (size_t c = 0; c < dims; c++) out[c] = words[bit_cell(r, c)] >> c % BITS & 1 ? 1 : -1;
    }
}
