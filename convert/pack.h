/* Tensors between float32 rows and the layouts of the file. */
#ifndef LNT_CONVERT_PACK_H
#define LNT_CONVERT_PACK_H
#include "formats/lnt.h"

/* rows [n][k] into the bytes of tensor_layout_planes(type, layout, n, k), padding included. false: a value is not finite
   or does not fit the type, *bad is its index; or there is no memory, and *bad is n * k. q8: a scale per output, searched for the
   least squared error such that codes 2j and 2j + 1 of a row sum to -128 .. 128. q4: groups of 32 inputs,
   the scale searched for the least squared error (quantize_group). */
bool pack_tensor(tensor_type type, tensor_layout layout, uint64_t n, uint64_t k, const float *rows, unsigned char *out, uint64_t *bad);
/* An f32 or f16 tensor of a file as rows [n][k]. false: no memory. */
bool unpack_tensor(const lnt_tensor *t, float *rows);
#endif
