#include "search/index.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rows on their way from the files as they are to new ones. */
typedef struct compaction {
    lnt_index *index;
    size_t dims;
    const uint64_t *alive;
    unsigned char *tails[INDEX_FILES]; /* the rows that are in no group yet, packed */
    unsigned char *packed[INDEX_FILES]; /* the group being made of rows */
    float *rows;                        /* [64][dims] of that group, as good as is known: what packs to the same bytes */
    vectors_file files[INDEX_FILES];
    uint64_t n_rows; /* written so far */
} compaction;

static const unsigned char *group_of(const compaction *c, size_t file, uint64_t row) {
    uint64_t g = row / VECTORS_GROUP;
    return g < c->index->now.groups ? vectors_group(&c->index->files[file], g) : c->tails[file];
}

/* Of a row that is packed, floats that pack to the same bytes. Products of code and scale nearly do: the largest must give
   the scale again, and of what is 0 in int8 the bits beside it may know the sign. */
static void unpack(const compaction *c, uint64_t row, float *out) {
    size_t last = c->index->n_files - 1, r = row % VECTORS_GROUP;
    vectors_type type = c->files[last].type;
    vectors_row(type, c->dims, group_of(c, last, row), r, out);
    if (type != VECTORS_INT8) return;
    float scale = vectors_scales(c->dims, group_of(c, last, row))[r], largest = 127 * scale;
    if (largest / 127 < scale) largest = largest * (1 + 0x1p-23f);
    if (largest / 127 > scale) largest = largest * (1 - 0x1p-24f);
    for (size_t i = 0; i < c->dims; i++)
        if (out[i] >= 126.5f * scale || out[i] <= -126.5f * scale) out[i] = out[i] < 0 ? -largest : out[i] > 0 ? largest : 0;
    if (!last) return;
    float *signs = c->index->unit;
    vectors_row(VECTORS_BITS, c->dims, group_of(c, 0, row), r, signs);
    for (size_t i = 0; i < c->dims; i++)
        if (out[i] == 0 && signs[i] > 0) out[i] = scale / 4;
}

static int finish_group(compaction *c, lnt_error *err) {
    for (size_t i = 0; i < c->index->n_files; i++) {
        vectors_seal_group(c->files[i].type, c->dims, c->n_rows / VECTORS_GROUP - 1, c->packed[i]);
        if (vectors_write_packed(&c->files[i], c->n_rows / VECTORS_GROUP - 1, c->packed[i], err)) return -1;
        memset(c->packed[i], 0, vectors_group_bytes(c->files[i].type, c->dims));
    }
    memset(c->rows, 0, VECTORS_GROUP * c->dims * sizeof(float));
    return 0;
}

static int copy_row(compaction *c, uint64_t row, lnt_error *err) {
    const store_state *now = &c->index->now;
    size_t r = row % VECTORS_GROUP, to = c->n_rows % VECTORS_GROUP;
    for (size_t i = 0; i < c->index->n_files; i++) vectors_copy_row(c->files[i].type, c->dims, group_of(c, i, row), r, c->packed[i], to);
    if (row >= now->groups * VECTORS_GROUP) memcpy(c->rows + to * c->dims, now->tail + r * c->dims, c->dims * sizeof(float));
    else unpack(c, row, c->rows + to * c->dims);
    if (row != c->n_rows && store_move_row(c->index->store, row, c->n_rows, err)) return -1;
    return ++c->n_rows % VECTORS_GROUP == 0 ? finish_group(c, err) : 0;
}

/* The tail is kept as floats: once it is a group, its bytes must be those that the rows have now. */
static int check_tail(const compaction *c, lnt_error *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < c->index->n_files && c->n_rows % VECTORS_GROUP; i++) {
        vectors_type type = c->files[i].type;
        size_t n = vectors_group_bytes(type, c->dims);
        unsigned char *again = aligned_alloc(64, n);
        if (!again) return err_memory(err, n, "a group of vectors");
        vectors_pack_group(type, c->dims, 0, c->rows, again);
        vectors_seal_group(type, c->dims, 0, c->packed[i]);
        if (memcmp(again, c->packed[i], n))
            rc = err_set(err, "%s: is damaged (vectors that nothing packs to); make the index again, or restore it", c->index->files[i].path);
        free(again);
    }
    return rc;
}

static int copy_rows(compaction *c, lnt_error *err) {
    for (uint64_t row = 0; row < c->index->now.n_rows; row++)
        if (c->alive[row / 64] >> row % 64 & 1 && copy_row(c, row, err)) return -1;
    for (size_t i = 0; i < c->index->n_files; i++)
        if (vectors_intact(&c->index->files[i], err)) return -1;
    return check_tail(c, err);
}

static int prepare(compaction *c, lnt_error *err) {
    lnt_index *index = c->index;
    uint64_t generation = index->now.generation + 1;
    c->rows = calloc(VECTORS_GROUP * c->dims, sizeof(float));
    if (!c->rows) return err_memory(err, VECTORS_GROUP * c->dims * sizeof(float), "vectors");
    for (size_t i = 0; i < index->n_files; i++) {
        vectors_type type = index_file_type(index, i);
        size_t n = vectors_group_bytes(type, c->dims);
        c->tails[i] = aligned_alloc(64, n);
        c->packed[i] = aligned_alloc(64, n);
        if (!c->tails[i] || !c->packed[i]) return err_memory(err, n, "a group of vectors"); // NOLINT(clang-analyzer-unix.Malloc): freed with c
        memset(c->packed[i], 0, n);
        vectors_pack_group(type, c->dims, 0, index->rows, c->tails[i]);
        if (vectors_check(&index->files[i], err)) return -1;
    }
    if (index_remove_others(index, index->now.generation, err) || index_create_files(index, generation, err)) return -1;
    return index_open_files(index, c->files, generation, 0, err);
}

static int commit(compaction *c, lnt_error *err) {
    lnt_index *index = c->index;
    store_state state = index->now;
    state.generation++;
    state.n_rows = c->n_rows;
    state.groups = c->n_rows / VECTORS_GROUP;
    state.tail = c->rows;
    for (size_t i = 0; i < index->n_files; i++)
        if (vectors_sync(&c->files[i], err)) return -1;
    if (store_optimize(index->store, err) || store_commit(index->store, &state, err)) return -1;
    for (size_t i = 0; i < index->n_files; i++) {
        vectors_close(&index->files[i]);
        index->files[i] = c->files[i];
        c->files[i] = (vectors_file){.fd = -1};
    }
    memcpy(index->rows, c->rows, VECTORS_GROUP * c->dims * sizeof(float));
    index->now = state;
    index->now.tail = index->rows;
    for (size_t i = 0; i < index->n_files; i++)
        if (vectors_commit(&index->files[i], state.groups, err)) return -1;
    return index_remove_others(index, state.generation, err);
}

static void release(compaction *c) {
    for (size_t i = 0; i < INDEX_FILES; i++) {
        free(c->tails[i]);
        free(c->packed[i]);
        if (c->files[i].path) vectors_close(&c->files[i]);
    }
    free(c->rows);
    free((void *)c->alive);
}

static int compact(lnt_index *index, lnt_error *err) {
    compaction c = {.index = index, .dims = store_get_identity(index->store)->dims, .alive = index_alive_rows(index, err)};
    int rc = !c.alive || store_begin(index->store, err) || prepare(&c, err) || copy_rows(&c, err) ? -1 : 0;
    if (rc) index_remove_others(index, index->now.generation, NULL); /* a full disk has room again */
    else rc = commit(&c, err); /* if this fails it may have been committed even so: the next open sees */
    release(&c);
    return rc;
}

int lnt_index_compact(lnt_index *index, lnt_error *err) {
    if (lnt_index_commit(index, err)) return -1;
    if (index->now.n_rows == index->now.n_documents) return 0;
    index_forget(index);
    if (!compact(index, err)) return 0;
    index->failed = true;
    return -1;
}
