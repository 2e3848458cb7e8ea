/* Position embeddings of a grid of patches for another grid. */
#ifndef LNT_ENGINE_INTERPOLATE_H
#define LNT_ENGINE_INTERPOLATE_H
#include <stddef.h>
#include <stdint.h>

/* table [prefix + from[0] * from[1]][width] to out [prefix + to[0] * to[1]][width]; grids are {rows, columns}. The first
   `prefix` rows stay. The others are interpolated by cubic convolution (Keys 1981, a = -0.75) without antialiasing, pixels
   being areas and edges repeated: PyTorch's interpolate(mode="bicubic", align_corners=False), as transformers'
   interpolate_pos_encoding calls it. Sums are in double precision, in a fixed order. */
void interpolate_positions(const float *table, uint32_t prefix, const uint32_t from[2], const uint32_t to[2], size_t width, float *out);
#endif
