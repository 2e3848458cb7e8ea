/* NumPy's array files: written in format 1.0 (C order) for numpy.load, and read. */
#ifndef LNT_FORMATS_NPY_H
#define LNT_FORMATS_NPY_H
#include "formats/error.h"

enum { NPY_HEADER_ROOM = 1024 };

/* What stands before the values; returns its length. descr is the element as NumPy calls it ("<f4"). n_dims at most 32
   (NumPy's own limit). Of a two-dimensional array of elements with names of three letters and rows of at most 10^9 the
   header has 128 bytes, whatever the number of rows: room for it can be left before they are counted. */
size_t npy_header(unsigned char *out, const char *descr, const size_t *shape, size_t n_dims);

/* Writes float32 values [shape[0]] ... [shape[n_dims - 1]], at most 32 dimensions. The file appears whole under path, or not
   at all. */
int npy_write_f32(const char *path, const float *values, const size_t *shape, size_t n_dims, lnt_error *err);

/* ---- reading ---- */

enum { NPY_MAX_DIMS = 32 };

typedef enum npy_type { NPY_F32, NPY_U8 } npy_type;

/* An array inside a file's bytes. */
typedef struct npy_array {
    npy_type type;
    size_t n_dims, shape[NPY_MAX_DIMS];
    const unsigned char *values; /* in C order, not aligned */
} npy_array;

/* Whether bytes begin as a .npy file does. */
bool npy_is(const void *bytes, size_t n_bytes);
/* Checks all of a file's bytes: format 1 to 3, elements '<f4' or '|u1', C order, and as many bytes as the shape says. name is
   what errors call it. */
int npy_parse(npy_array *array, const void *bytes, size_t n_bytes, const char *name, lnt_error *err);
#endif
