/* The tensors of a Hugging Face checkpoint folder: model.safetensors, or model.safetensors.index.json and its shards,
   or pytorch_model.bin, or pytorch_model.bin.index.json and its shards; the first that is there.
   Files are mapped and only looked at: opening takes memory for the directory of tensors, reading takes none.
   Nothing in a folder is trusted: a bad file is an error, never a crash. A checkpoint belongs to one thread at a time,
   and its files must stay as they are while it is open. */
#ifndef LNT_FORMATS_CHECKPOINT_H
#define LNT_FORMATS_CHECKPOINT_H
#include "formats/error.h"

typedef enum checkpoint_dtype {
    CHECKPOINT_F32,
    CHECKPOINT_F16,
    CHECKPOINT_BF16,
    CHECKPOINT_F64,
    /* listed only */
    CHECKPOINT_BOOL,
    CHECKPOINT_U8,
    CHECKPOINT_I8,
    CHECKPOINT_U16,
    CHECKPOINT_I16,
    CHECKPOINT_U32,
    CHECKPOINT_I32,
    CHECKPOINT_U64,
    CHECKPOINT_I64,
    CHECKPOINT_C64,
    CHECKPOINT_F8_E4M3,
    CHECKPOINT_F8_E5M2,
    CHECKPOINT_F8_E8M0,
    CHECKPOINT_DTYPES,
} checkpoint_dtype;

enum { CHECKPOINT_MAX_DIMS = 8 };

typedef struct checkpoint checkpoint;

typedef struct checkpoint_tensor {
    const char *name; /* unique */
    checkpoint_dtype dtype;
    uint32_t n_dims;                    /* 0: a scalar */
    uint64_t dims[CHECKPOINT_MAX_DIMS]; /* outermost first */
    uint64_t n_elements;                /* no more than the file holds */
    /* The rest is checkpoint.c's: the same elements, in the same order, with as few dimensions as possible. */
    const char *path;
    const unsigned char *data;
    uint32_t n_axes;
    uint64_t axis[CHECKPOINT_MAX_DIMS], stride[CHECKPOINT_MAX_DIMS]; /* in elements */
} checkpoint_tensor;

checkpoint *checkpoint_open(const char *folder, lnt_error *err);
void checkpoint_close(checkpoint *c);
/* mapped_intact of all its files: to be asked before what was made of its tensors is given out. */
int checkpoint_intact(const checkpoint *c, lnt_error *err);

/* Tensors in the order of their names; they live as long as the checkpoint. */
size_t checkpoint_count(const checkpoint *c);
const checkpoint_tensor *checkpoint_at(const checkpoint *c, size_t i);
/* NULL if there is none of this name. */
const checkpoint_tensor *checkpoint_find(const checkpoint *c, const char *name);

/* Elements first .. first + n - 1 in C order as float32. F32, F16 and BF16 are exact, F64 is rounded to nearest; the
   other dtypes are refused. */
int checkpoint_read_f32(checkpoint *c, const checkpoint_tensor *t, uint64_t first, uint64_t n, float *out,
                        lnt_error *err);

const char *checkpoint_dtype_name(checkpoint_dtype dtype); /* as in safetensors: "F32" */
size_t checkpoint_dtype_bytes(checkpoint_dtype dtype);
/* False if no dtype has this name. */
bool checkpoint_dtype_from_name(const char *name, checkpoint_dtype *dtype);

/* ---- for the readers of one file: safetensors.c and torch_zip.c ---- */

/* An error about one tensor: "FILE: tensor 'NAME' " and what is wrong. */
#define TENSOR_ERROR(err, path, name, format, ...) \
    err_set(err, "%s: tensor '%.128s' " format, path, name, ##__VA_ARGS__)

/* Adds a tensor: t's name (copied), dtype, n_dims, dims, path and data are set. strides (in elements) NULL: contiguous.
   room is how many bytes follow data; a shape that needs more of them, or has more elements than fit in them, is
   refused. */
int checkpoint_add(checkpoint *c, const checkpoint_tensor *t, const uint64_t *strides, uint64_t room, lnt_error *err);
#endif
