/* Tiles of float dot products over panels: every sum is one v16 that takes k in order. Used by the linear kernels and,
   with queries and probabilities as rows and keys and values as panels, by attention. */

typedef struct float_tile {
    const float *x;
    size_t x_stride; /* bytes */
    const void *w;   /* [panels][k][16], floats or halves */
    size_t panel_elements; /* from panel to panel */
    size_t k;
    float *acc; /* [rows][panels * 16], added to */
    bool first; /* acc holds nothing yet: sums begin at 0 */
    size_t acc_stride;
    size_t ahead; /* of a single row: how many k to prefetch ahead */
    size_t step;  /* of a single row and halves: elements from k to k + 1; floats: 16 */
} float_tile;

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

INLINE v16 tile_weight(bool half, const void *w, size_t at) {
    return half ? v_load_f16((const uint16_t *)w + at) : v_load((const float *)w + at);
}

/* A single row reads its panels once. From far away it asks for what comes `ahead`, first in them, then behind them;
   prefetching what is there already would only be in the way of the hardware's. */
INLINE void row_float_of(bool half, const bool prefetch, const size_t panels, const float_tile *t) {
    const size_t element = half ? sizeof(uint16_t) : sizeof(float);
    const size_t step = half ? t->step : LANES;
    const size_t ends[2] = {t->ahead < t->k ? t->k - t->ahead : 0, t->k};
    v16 sum[FLOAT_PANELS];
    if (t->first)
        UNROLL for (size_t p = 0; p < panels; p++) sum[p] = v_set1(0);
    else
        UNROLL for (size_t p = 0; p < panels; p++) sum[p] = v_load(t->acc + p * LANES);
    for (size_t part = prefetch ? 0 : 1, k = 0; part < 2; part++) {
        const char *ahead = (const char *)t->w + (t->ahead * step + part * (panels - 1) * t->panel_elements) * element;
        for (; k < ends[part]; k++) {
            const v16 x = v_set1(t->x[k]);
            UNROLL for (size_t p = 0; p < panels; p++) {
                const size_t at = p * t->panel_elements + k * step;
                if (prefetch) __builtin_prefetch(ahead + at * element);
                sum[p] = v_fma(x, tile_weight(half, t->w, at), sum[p]);
            }
        }
    }
    UNROLL for (size_t p = 0; p < panels; p++) v_store(t->acc + p * LANES, sum[p]);
}

INLINE void tile_float_of(bool half, const size_t rows, const size_t panels, const float_tile *t) {
    if (rows == 1) {
        if (t->ahead)
            row_float_of(half, true, panels, t);
        else
            row_float_of(half, false, panels, t);
        return;
    }
    v16 sum[FLOAT_SUMS];
    if (t->first)
        UNROLL for (size_t i = 0; i < rows * panels; i++) sum[i] = v_set1(0);
    else
        UNROLL for (size_t i = 0; i < rows * panels; i++) sum[i] = v_load(t->acc + i / panels * t->acc_stride + i % panels * LANES);
    for (size_t k = 0; k < t->k; k++) {
        v16 w[FLOAT_PANELS];
        UNROLL for (size_t p = 0; p < panels; p++) w[p] = tile_weight(half, t->w, p * t->panel_elements + k * LANES);
        UNROLL for (size_t r = 0; r < rows; r++) {
            const v16 x = v_set1(*(const float *)((const char *)(t->x + k) + r * t->x_stride));
            UNROLL for (size_t p = 0; p < panels; p++) sum[r * panels + p] = v_fma(x, w[p], sum[r * panels + p]);
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++)
        UNROLL for (size_t p = 0; p < panels; p++) v_store(t->acc + r * t->acc_stride + p * LANES, sum[r * panels + p]);
}

/* One function for each shape that the level lists in FLOAT_TILES(X) as X(rows, panels), by [rows][panels] */
#define DEFINE_TILES(rows, panels) \
    static __attribute__((noinline)) void tile_f32_##rows##x##panels(const float_tile *t) { tile_float_of(false, rows, panels, t); } \
    static __attribute__((noinline)) void tile_f16_##rows##x##panels(const float_tile *t) { tile_float_of(true, rows, panels, t); }
#define TILE_F32(rows, panels) [rows][panels] = tile_f32_##rows##x##panels,
#define TILE_F16(rows, panels) [rows][panels] = tile_f16_##rows##x##panels,

FLOAT_TILES(DEFINE_TILES)
typedef void (*float_tiles[FLOAT_ROWS + 1][FLOAT_PANELS + 1])(const float_tile *t);
static const float_tiles tile_f32 = {FLOAT_TILES(TILE_F32)};
static const float_tiles tile_f16 = {FLOAT_TILES(TILE_F16)};

/* How many panels a tile of some rows takes at once; every one takes a single panel too. */
static size_t float_tile_panels(size_t rows) {
    size_t panels = FLOAT_PANELS;
    while (!tile_f32[rows][panels]) panels--;
    return panels;
}
