/* dots_q4: a single row reads weights as they lie; for more, a block of groups is unpacked once and met by all rows, tile by tile. A level
   defines, besides what linear.h wants:
     Q4_ROWS, Q4_TILES(X): most rows of a tile, and all numbers up to it
     Q4_PARTS: in how many parts a tile takes the 16 outputs
     q4_unpacked, q4_unpack_block(w, w_scale, groups, unpacked): up to Q4_BLOCK_GROUPS groups as its tiles want them
     q4_row(block): one row
     q4_tile_of(rows, tile, unpacked, part): the sums of a tile; rows is a constant */

/* Not inlined, so that a tile has the registers to itself. */
__attribute__((noinline)) static void q4_tile(const q4_block *tile, const q4_unpacked *unpacked) {
    for (size_t part = 0; part < Q4_PARTS; part++) switch (tile->rows) {
#define CASE(n) case n: q4_tile_of(n, tile, unpacked, part); break;
        Q4_TILES(CASE)
#undef CASE
        }
}

static void dots_q4(const q4_block *b) {
    if (b->rows == 1) {
        q4_row(b);
        return;
    }
    enum { GROUP_BYTES = QUANT_GROUP / 2 * LANES };
    _Alignas(64) q4_unpacked unpacked;
    const size_t tile_rows = even_part(b->rows, Q4_ROWS);
    for (size_t g = 0, groups; g < b->groups; g += groups) {
        groups = min_size(Q4_BLOCK_GROUPS, b->groups - g);
        const uint8_t *w = b->w + g * GROUP_BYTES;
        const uint16_t *w_scale = b->w_scale + g * LANES;
        q4_unpack_block(w, w_scale, groups, &unpacked);
        for (size_t r = 0; r < b->rows; r += tile_rows) {
            const size_t before = r * b->x_stride;
            const q4_block tile = {.x = b->x + before + g * QUANT_GROUP, .sums = (const int32_t *)(const void *)((const char *)b->sums + before) + g,
                                   .x_stride = b->x_stride, .rows = min_size(tile_rows, b->rows - r), .w = w, .w_scale = w_scale, .groups = groups,
                                   .acc = b->acc + r * LANES, .stream = b->stream};
            prefetch_share(w + groups * GROUP_BYTES, groups * GROUP_BYTES, r, tile.rows, b->rows);
            q4_tile(&tile, &unpacked);
        }
    }
}
