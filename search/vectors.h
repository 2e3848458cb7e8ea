/* A file of vectors that grows: whole groups of 64 rows, each with its hash, mapped for reading. It holds no list of its
   own of what is valid: whoever owns it (search/store.h) says how many groups have been committed, and what lies behind
   them is overwritten by the next. docs/index.md, "The vectors", gives every byte.

   In a group the rows lie in four panels of 16, as the weights of a linear layer do (simd/kernels.h; of f16 side by side),
   so that a scan is a matrix product: one query is a matrix-vector product that streams from memory, many are a matrix
   product. */
#ifndef LNT_SEARCH_VECTORS_H
#define LNT_SEARCH_VECTORS_H
#include "formats/guard.h"

enum { VECTORS_GROUP = 64, VECTORS_HEADER = 4096, VECTORS_ID = 16, VECTORS_HASH = 16, VECTORS_MAX_DIMS = 1 << 16 };

typedef enum vectors_type {
    VECTORS_F32,
    VECTORS_F16,
    VECTORS_INT8, /* a scale a row: largest magnitude / 127, to the nearest, ties to even */
    VECTORS_BITS, /* a bit a dimension, 1 if above 0; in 64-bit words, the same word of the 64 rows side by side */
    VECTORS_TYPES
} vectors_type;

const char *vectors_type_name(vectors_type type);
bool vectors_type_from_name(const char *name, vectors_type *type);

/* How a group ends. */
typedef struct vectors_trailer {
    uint64_t group; /* its number */
    float longest;  /* int8: no row is longer than this; other types: 0 */
    uint32_t zero[9];
    unsigned char hash[VECTORS_HASH]; /* XXH3-128, canonical, of all bytes of the group before it */
} vectors_trailer;

/* Bytes of a group: planes, then its trailer. A multiple of 64. */
size_t vectors_group_bytes(vectors_type type, size_t dims);

typedef struct vectors_file {
    char *path;
    int fd;
    vectors_type type;
    uint32_t dims;
    unsigned char id[VECTORS_ID]; /* the index it belongs to */
    uint64_t groups;              /* committed, and mapped */
    const unsigned char *map;     /* the whole file up to them; NULL: there is none yet */
    size_t map_bytes;
    file_guard *guard; /* of the mapping; NULL: there is none */
} vectors_file;

/* Makes an empty file, synced, and its folder too; path must not exist. */
int vectors_create(const char *path, vectors_type type, uint32_t dims, const unsigned char id[VECTORS_ID], lnt_error *err);
/* Opens a file and checks header, id and that it holds `groups`; maps these. write: for vectors_write_group. On failure *f
   needs nothing more. */
int vectors_open(vectors_file *f, const char *path, const unsigned char id[VECTORS_ID], uint64_t groups, bool write, lnt_error *err);
void vectors_close(vectors_file *f);
/* Writes group number `group` (at or behind the committed ones) made of 64 rows [64][dims]. Not synced. */
int vectors_write_group(vectors_file *f, uint64_t group, const float *rows, lnt_error *err);
/* The same, of a group that is packed and sealed. */
int vectors_write_packed(vectors_file *f, uint64_t group, const unsigned char *bytes, lnt_error *err);
int vectors_sync(vectors_file *f, lnt_error *err);
/* Counts groups written and synced as committed, and maps them: what vectors_group gave before is no longer valid. */
int vectors_commit(vectors_file *f, uint64_t groups, lnt_error *err);
/* That the committed groups could all be read: to be asked before what was made of them is given out. */
int vectors_intact(const vectors_file *f, lnt_error *err);
/* The hash of every committed group: 0, or -1 naming the first that differs. */
int vectors_check(const vectors_file *f, lnt_error *err);

/* What a group is made of; also for rows that are in no file yet. out has vectors_group_bytes, 64-byte aligned. A row with
   a number that is not finite is stored as it is (int8: with a scale that is NaN); its scores are, and it is never found. */
void vectors_pack_group(vectors_type type, size_t dims, uint64_t group, const float *rows, unsigned char *out);
/* Row r of one group to row to_r of another, as it is stored: a row that moves keeps its bits. Then vectors_seal_group. */
void vectors_copy_row(vectors_type type, size_t dims, const unsigned char *from, size_t r, unsigned char *to, size_t to_r);
void vectors_seal_group(vectors_type type, size_t dims, uint64_t group, unsigned char *out);
/* That a group has this number and the hash of its bytes. */
bool vectors_group_holds(vectors_type type, size_t dims, uint64_t group, const unsigned char *bytes);

static inline const unsigned char *vectors_group(const vectors_file *f, uint64_t group) {
    return f->map + VECTORS_HEADER + group * vectors_group_bytes(f->type, f->dims);
}
/* Planes of an int8 group behind its data: f32 scale [64], i32 sum [64]. */
const float *vectors_scales(size_t dims, const unsigned char *group);
const int32_t *vectors_sums(size_t dims, const unsigned char *group);
const vectors_trailer *vectors_trailer_of(vectors_type type, size_t dims, const unsigned char *group);
/* Row r of a group as floats [dims] (of bits: -1 and 1). */
void vectors_row(vectors_type type, size_t dims, const unsigned char *group, size_t r, float *out);
#endif
