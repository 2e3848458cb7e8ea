/* The linear kernels: blocks of rows, panels and k around the level's dot products, then the epilogue while the sums are
   hot. Between blocks of k the sums rest in a small array on the stack; they run in order, so this changes nothing.

   A level defines, besides v16:
     FLOAT_ROWS, FLOAT_PANELS, FLOAT_SUMS: most rows, panels and sums of a float tile; FLOAT_TILES(X): their shapes
     FLOAT_BLOCK_K: how deep a block of weights is, so that it stays in the first-level cache beside a tile's rows
     Q8_PANELS: the panels it takes at once; Q8_WIDE: whether it wants rows as int16 less the zero point instead of u8
     macro Q8_FORM, and then form_rows, Q8_FORM_BYTES and Q8_LESS, if it wants rows of q8 in a form of its own
     macro Q8_PAIRS if it has dots_q8_pairs, for weights whose pairs are small
     dots_q8, dots_q8_pairs, dots_q4: declared below; the last by blocks_q4.h, of the level's parts */
#include "simd/generic/math.h"
#include "simd/generic/tile_float.h"
#include <string.h>

enum {
    FLOAT_BLOCK_ROWS = 192,
    FLOAT_BLOCK_BYTES = 768 << 10, /* of rows, to stay in the second-level cache */
    Q8_BLOCK_ROWS = 48,
    Q8_BLOCK_PANELS = 8,
    Q8_BLOCK = 24576, /* most elements of a block of rows, Q8_BLOCK_ROWS x 512 */
    PAIRS_BLOCK_ROWS = 192,
    PAIRS_BLOCK_BYTES = 192 << 10, /* of rows, to stay in the second-level cache */
    PAIRS_BLOCK_K = 1024,          /* of a panel, to stay in the first-level cache */
    Q4_BLOCK_ROWS = 96,
    Q4_BLOCK_GROUPS = 32,
    Q4_AHEAD = 8192, /* bytes of weights asked for before their turn, if they stream */
};

/* acc[r][n] += x[r] . w[n] over k values, for rows x panels; x_stride and panel_bytes in bytes, acc_stride in elements */
typedef struct q8_block {
    const void *x;
    size_t x_stride, rows;
    const int8_t *w;
    size_t panel_bytes, panels, k;
    int32_t *acc;
    size_t acc_stride;
    bool stream;
} q8_block;
static void dots_q8(const q8_block *b);
#ifdef Q8_PAIRS
/* The same of a single panel with linear_args.pairs, of u8 rows whatever Q8_WIDE says. */
static void dots_q8_pairs(const q8_block *b);
#endif
#ifdef Q8_FORM
/* Values k0 .. k0 + k - 1 of rows, Q8_FORM_BYTES each, less Q8_LESS; there is room for an odd row's neighbour. */
static void form_rows(const linear_args *a, size_t row0, size_t rows, size_t k0, size_t k, void *form);
enum { Q8_FORMED = 1 };
#else
enum { Q8_FORMED = Q8_WIDE, Q8_FORM_BYTES = 2, Q8_LESS = 0 };
#endif

/* acc[r][16] += groups of one panel in order, each by fma; sums are the rows' group sums */
typedef struct q4_block {
    const uint8_t *x;
    const int32_t *sums;
    size_t x_stride, rows; /* bytes, of x and of sums */
    const uint8_t *w;
    const uint16_t *w_scale;
    size_t groups;
    float *acc;
    bool stream;
} q4_block;
static void dots_q4(const q4_block *b);

static inline size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

/* n in the fewest parts of at most `most`, all about equally large: the size of the largest */
static inline size_t even_part(size_t n, size_t most) {
    size_t parts = (n + most - 1) / most;
    return (n + parts - 1) / parts;
}

/* While rows `row` .. `row + n` of `rows` are worked on, asks for that share of the bytes whose turn comes next. */
static inline void prefetch_share(const void *next, size_t bytes, size_t row, size_t n, size_t rows) {
    const size_t end = row + n < rows ? bytes * (row + n) / rows : bytes;
    for (size_t at = round_up(bytes * row / rows, 64); at < end; at += 64) __builtin_prefetch((const char *)next + at, 0, 2);
}

static inline const char *row_of(const linear_args *a, size_t row) { return (const char *)a->x + row * a->x_stride; }

/* n rows in tiles of at most `most`, as many as need be and about equally large; the first `larger` have one row more */
typedef struct tiling {
    size_t tiles, rows, larger;
} tiling;
static inline tiling tile_rows_of(size_t n, size_t most) {
    const size_t tiles = (n + most - 1) / most;
    return (tiling){tiles, n / tiles, n % tiles};
}

/* Asks for the lines of one panel that finish will write and read */
static inline void prefetch_outputs(const linear_args *a, size_t row0, size_t rows, size_t n0) {
    for (size_t r = row0; r < row0 + rows; r++) {
        __builtin_prefetch(a->y + r * a->y_stride + n0, 1, 2);
        if (a->residual) __builtin_prefetch(a->residual + r * a->residual_stride + n0, 0, 2);
    }
}

INLINE void finish_as(activation act, const linear_args *a, size_t row0, size_t rows, size_t n0, size_t n, const float *sums) {
    for (size_t r = 0; r < rows; r++, sums += n) {
        float *y = a->y + (row0 + r) * a->y_stride + n0;
        const float *residual = a->residual ? a->residual + (row0 + r) * a->residual_stride + n0 : NULL;
        for (size_t i = 0; i < n; i += LANES) {
            v16 v = v_activate(act, v_load(sums + i));
            v_store(y + i, residual ? v_add(v, v_load(residual + i)) : v);
        }
    }
}

/* Activation and residual of sums[rows][n], outputs n0 .. n0 + n - 1 of rows row0 .. */
static void finish(const linear_args *a, size_t row0, size_t rows, size_t n0, size_t n, const float *sums) {
    switch (a->act) {
    case ACT_GELU_TANH: finish_as(ACT_GELU_TANH, a, row0, rows, n0, n, sums); break;
    case ACT_GELU_ERF: finish_as(ACT_GELU_ERF, a, row0, rows, n0, n, sums); break;
    case ACT_RELU: finish_as(ACT_RELU, a, row0, rows, n0, n, sums); break;
    case ACT_SILU: finish_as(ACT_SILU, a, row0, rows, n0, n, sums); break;
    case ACT_TANH: finish_as(ACT_TANH, a, row0, rows, n0, n, sums); break;
    default: finish_as(ACT_NONE, a, row0, rows, n0, n, sums);
    }
}

INLINE v16 bias_at(const linear_args *a, size_t n) { return a->bias ? v_load(a->bias + n) : v_set1(0); }

static void add_bias(const linear_args *a, size_t rows, size_t n0, size_t n, float *sums) {
    for (size_t i = 0; i < n; i += LANES) {
        const v16 bias = bias_at(a, n0 + i);
        for (size_t r = 0; r < rows; r++) v_store(sums + r * n + i, v_add(v_load(sums + r * n + i), bias));
    }
}

/* ---- f32 and f16 ---- */

/* k steps of a panel */
static void widen_f16(const uint16_t *w, size_t step, size_t k, float *y) {
    for (size_t i = 0; i < k; i++) v_store(y + i * LANES, v_load_f16(w + i * step));
}

/* The sums of a block of rows and up to FLOAT_PANELS panels */
INLINE void float_block(bool half, const linear_args *a, size_t row0, size_t rows, size_t tile_rows, size_t panel,
                        size_t panels, float *sums) {
    const size_t n = panels * LANES, element = half ? sizeof(uint16_t) : sizeof(float);
    const size_t beside = half && a->beside ? a->beside : 1, step = beside * LANES;
    const bool blocked = rows > tile_rows, widen = half && (blocked || (rows > 1 && beside > 1));
    const size_t block_k = blocked || widen ? FLOAT_BLOCK_K : a->k;
    _Alignas(64) float wide[FLOAT_PANELS * FLOAT_BLOCK_K * LANES];
    for (size_t k0 = 0; k0 < a->k; k0 += block_k) {
        const size_t k = min_size(block_k, a->k - k0), panel_elements = beside > 1 ? LANES : a->k * LANES;
        const char *w = (const char *)a->w + (panel / beside * a->k * step + panel % beside * LANES + k0 * step) * element;
        const size_t next = k0 + k < a->k ? k * step : panels * a->k * LANES - k0 * LANES;
        if (widen)
            for (size_t p = 0; p < panels; p++)
                widen_f16((const uint16_t *)w + p * panel_elements, step, k, wide + p * k * LANES);
        for (size_t r = 0; r < rows; r += tile_rows) {
            const float *x = (const float *)row_of(a, row0 + r) + k0;
            for (size_t p = 0; blocked && p < panels; p++) {
                prefetch_share(w + (p * panel_elements + next) * element, k * LANES * element, r, tile_rows, rows);
                prefetch_outputs(a, row0 + r, min_size(tile_rows, rows - r), (panel + p) * LANES);
            }
            const float_tile t = {.x = x, .x_stride = a->x_stride, .w = widen ? (const void *)wide : w,
                                  .panel_elements = widen ? k * LANES : panel_elements, .k = k, .acc = sums + r * n,
                                  .acc_stride = n, .first = k0 == 0, .ahead = a->stream ? 128 : 0, .step = step};
            (half && !widen ? tile_f16 : tile_f32)[min_size(tile_rows, rows - r)][panels](&t);
        }
    }
}

INLINE void linear_float(bool half, const linear_args *a, size_t row0, size_t row1, size_t panel0, size_t panel1) {
    _Alignas(64) float sums[FLOAT_BLOCK_ROWS * FLOAT_PANELS * LANES];
    size_t most = FLOAT_BLOCK_BYTES / sizeof(float) / (a->k + 1);
    most = most < FLOAT_ROWS ? FLOAT_ROWS : most > FLOAT_BLOCK_ROWS ? FLOAT_BLOCK_ROWS : most / FLOAT_ROWS * FLOAT_ROWS;
    if (row0 >= row1) return;
    const size_t block = even_part(row1 - row0, most);
    for (size_t row = row0; row < row1; row += block) {
        const size_t rows = min_size(block, row1 - row), tile_rows = even_part(rows, FLOAT_ROWS);
        const size_t together = float_tile_panels(tile_rows);
        for (size_t panel = panel0, panels; panel < panel1; panel += panels) {
            panels = panel1 - panel < together ? 1 : together;
            float_block(half, a, row, rows, tile_rows, panel, panels, sums);
            add_bias(a, rows, panel * LANES, panels * LANES, sums);
            finish(a, row, rows, panel * LANES, panels * LANES, sums);
        }
    }
}

static void linear_f32(const linear_args *a, size_t row0, size_t row1, size_t panel0, size_t panel1) {
    linear_float(false, a, row0, row1, panel0, panel1);
}

static void linear_f16(const linear_args *a, size_t row0, size_t row1, size_t panel0, size_t panel1) {
    linear_float(true, a, row0, row1, panel0, panel1);
}

/* ---- q8 ---- */

static inline float row_scale(const linear_args *a, size_t row) {
    return *(const float *)(row_of(a, row) + round_up(a->k, QUANT_PAD) / QUANT_GROUP * (QUANT_GROUP + sizeof(int32_t)));
}

static inline int32_t row_zero(const linear_args *a, size_t row) {
    return *(const int32_t *)(row_of(a, row) + round_up(a->k, QUANT_PAD) / QUANT_GROUP * (QUANT_GROUP + sizeof(int32_t)) + sizeof(float));
}

#ifndef Q8_FORM
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int16_t i16x16 __attribute__((vector_size(32)));

/* Values k0 .. k0 + k - 1 of rows, less their zero points, as int16[rows][k] */
static void form_rows(const linear_args *a, size_t row0, size_t rows, size_t k0, size_t k, int16_t *wide) {
    for (size_t r = 0; r < rows; r++) {
        const uint8_t *q = (const uint8_t *)row_of(a, row0 + r) + k0;
        const int16_t zero = (int16_t)row_zero(a, row0 + r);
        for (size_t i = 0; i < k; i += sizeof(u8x16)) {
            u8x16 bytes;
            memcpy(&bytes, q + i, sizeof bytes);
            const i16x16 values = __builtin_convertvector(bytes, i16x16) - zero;
            memcpy(wide + r * k + i, &values, sizeof values);
        }
    }
}
#endif

/* int32 sums to floats, in place; raw: the zero point, less Q8_LESS, is in them yet */
INLINE void scale_q8(const bool raw, const linear_args *a, size_t row0, size_t rows, size_t n0, size_t n, int32_t *acc, float *sums) {
    const float *w_scale = (const float *)a->w_scale + n0;
    const int32_t *w_sum = (const int32_t *)a->w_sum + n0;
    for (size_t r = 0; r < rows; r++) {
        const v16 scale = v_set1(row_scale(a, row0 + r));
        const v16i zero = vi_set1(row_zero(a, row0 + r) - Q8_LESS);
        for (size_t i = 0; i < n; i += LANES) {
            v16i d = vi_load(acc + r * n + i);
            if (raw) d = vi_sub(d, vi_mul(zero, vi_load(w_sum + i)));
            v_store(sums + r * n + i, v_fma(v_from_int(d), v_mul(scale, v_load(w_scale + i)), bias_at(a, n0 + i)));
        }
    }
}

#ifdef Q8_PAIRS
typedef union pairs_sums {
    int32_t acc[PAIRS_BLOCK_ROWS * LANES];
    float sums[PAIRS_BLOCK_ROWS * LANES];
} pairs_sums;

/* Panel by panel, each for as many rows as the second-level cache holds: nothing is unpacked, so that a panel has nothing to gain from
   being met by few rows. */
static void linear_q8_pairs(const linear_args *a, size_t row0, size_t row1, size_t panel0, size_t panel1) {
    _Alignas(64) pairs_sums block;
    const size_t kp = round_up(a->k, QUANT_PAD), most = min_size(PAIRS_BLOCK_ROWS, PAIRS_BLOCK_BYTES / (kp + 1) + 8);
    const size_t block_rows = even_part(row1 - row0, most);
    for (size_t row = row0; row < row1; row += block_rows) {
        const size_t rows = min_size(block_rows, row1 - row);
        for (size_t panel = panel0; panel < panel1; panel++) {
            memset(block.acc, 0, rows * LANES * sizeof *block.acc);
            prefetch_outputs(a, row, rows, panel * LANES);
            for (size_t k0 = 0, k; k0 < kp; k0 += k) {
                k = min_size(PAIRS_BLOCK_K, kp - k0);
                const q8_block b = {.x = row_of(a, row) + k0, .x_stride = a->x_stride, .rows = rows, .w = (const int8_t *)a->w + (panel * kp + k0) * LANES,
                                    .panel_bytes = kp * LANES, .panels = 1, .k = k, .acc = block.acc, .acc_stride = LANES, .stream = a->stream};
                dots_q8_pairs(&b);
            }
            scale_q8(true, a, row, rows, panel * LANES, LANES, block.acc, block.sums);
            finish(a, row, rows, panel * LANES, LANES, block.sums);
        }
    }
}

#endif

static void linear_q8(const linear_args *a, size_t row0, size_t row1, size_t panel0, size_t panel1) {
    _Alignas(64) union { int32_t acc[Q8_BLOCK_ROWS * Q8_BLOCK_PANELS * LANES]; float sums[1]; } block;
    _Alignas(64) int16_t wide[Q8_FORMED ? Q8_BLOCK : 1];
    const size_t kp = round_up(a->k, QUANT_PAD), panel_bytes = kp * LANES;
    if (row0 >= row1) return;
#ifdef Q8_PAIRS
    if (a->pairs) {
        linear_q8_pairs(a, row0, row1, panel0, panel1);
        return;
    }
#endif
    const size_t block_rows = even_part(row1 - row0, Q8_BLOCK_ROWS), block_k = Q8_BLOCK / block_rows / QUANT_PAD * QUANT_PAD;
    for (size_t row = row0; row < row1; row += block_rows) {
        const size_t rows = min_size(block_rows, row1 - row);
        size_t formed = SIZE_MAX; /* where in k what stands in wide begins */
        for (size_t panel = panel0; panel < panel1; panel += Q8_BLOCK_PANELS) {
            const size_t panels = min_size(Q8_BLOCK_PANELS, panel1 - panel), n = panels * LANES;
            memset(block.acc, 0, rows * n * sizeof *block.acc);
            for (size_t k0 = 0; k0 < kp; k0 += block_k) {
                const size_t k = min_size(block_k, kp - k0), x_stride = Q8_FORMED ? k * Q8_FORM_BYTES : a->x_stride;
                const char *x = Q8_FORMED ? (const char *)wide : row_of(a, row) + k0;
                if (Q8_FORMED && formed != k0) form_rows(a, row, rows, formed = k0, k, wide);
                for (size_t p = 0; p < panels; p += Q8_PANELS) {
                    const int8_t *w = (const int8_t *)a->w + (panel + p) * panel_bytes + k0 * LANES;
                    const q8_block b = {.x = x, .x_stride = x_stride, .rows = rows, .w = w, .panel_bytes = panel_bytes,
                                        .panels = min_size(Q8_PANELS, panels - p), .k = k, .acc = block.acc + p * LANES,
                                        .acc_stride = n, .stream = a->stream};
                    prefetch_outputs(a, row, rows, (panel + p) * LANES);
                    dots_q8(&b);
                }
            }
            scale_q8(!Q8_WIDE, a, row, rows, panel * LANES, n, block.acc, block.sums);
            finish(a, row, rows, panel * LANES, n, block.sums);
        }
    }
}

/* ---- q4 ---- */

static void scale_q4(const linear_args *a, size_t row0, size_t rows, size_t n0, float *sums) {
    const v16 w_sum = v_load((const float *)a->w_sum + n0), bias = bias_at(a, n0);
    for (size_t r = 0; r < rows; r++) {
        v16 t = v_fma(v_set1(-(float)row_zero(a, row0 + r)), w_sum, v_load(sums + r * LANES));
        v_store(sums + r * LANES, v_fma(t, v_set1(row_scale(a, row0 + r)), bias));
    }
}

static void linear_q4(const linear_args *a, size_t row0, size_t row1, size_t panel0, size_t panel1) {
    _Alignas(64) float sums[Q4_BLOCK_ROWS * LANES];
    const size_t kp = round_up(a->k, QUANT_PAD), groups = kp / QUANT_GROUP;
    if (row0 >= row1) return;
    const size_t block_rows = even_part(row1 - row0, Q4_BLOCK_ROWS);
    for (size_t row = row0; row < row1; row += block_rows) {
        const size_t rows = min_size(block_rows, row1 - row);
        const uint8_t *x = (const uint8_t *)row_of(a, row);
        for (size_t panel = panel0; panel < panel1; panel++) {
            const q4_block b = {.x = x, .sums = (const int32_t *)(const void *)(x + kp), .x_stride = a->x_stride, .rows = rows,
                                .w = (const uint8_t *)a->w + panel * groups * (QUANT_GROUP / 2 * LANES),
                                .w_scale = (const uint16_t *)a->w_scale + panel * groups * LANES, .groups = groups,
                                .acc = sums, .stream = a->stream};
            memset(sums, 0, rows * LANES * sizeof *sums);
            prefetch_outputs(a, row, rows, panel * LANES);
            dots_q4(&b);
            scale_q4(a, row, rows, panel * LANES, sums);
            finish(a, row, rows, panel * LANES, LANES, sums);
        }
    }
}
