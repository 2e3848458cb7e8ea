/* NumPy's array files, format 1.0 ('<f4', C order), for numpy.load. */
#ifndef LNT_FORMATS_NPY_H
#define LNT_FORMATS_NPY_H
#include "formats/error.h"

/* Writes values [shape[0]] ... [shape[n_dims - 1]], at most 32 dimensions (NumPy's own limit). The file appears whole
   under path, or not at all. */
int npy_write_f32(const char *path, const float *values, const size_t *shape, size_t n_dims, lnt_error *err);
#endif
