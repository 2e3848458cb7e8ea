/* Tensor types and how their bytes lie in a .lnt file (docs/format.md, "Tensor layouts"). */
#ifndef LNT_FORMATS_TENSOR_H
#define LNT_FORMATS_TENSOR_H
#include "formats/error.h"

typedef enum tensor_type { TENSOR_F32, TENSOR_F16, TENSOR_Q8, TENSOR_Q4, TENSOR_TYPES } tensor_type;
typedef enum tensor_layout {
    LAYOUT_ROWS,  /* [n][k rounded up to 16], zeros beyond k: vectors (n = 1) and tables; f32 and f16 only */
    LAYOUT_PANELS /* panels of 16 outputs: what a linear layer reads */
} tensor_layout;

const char *tensor_type_name(tensor_type type);
bool tensor_type_from_name(const char *name, tensor_type *type);
const char *tensor_layout_name(tensor_layout layout);
bool tensor_layout_from_name(const char *name, tensor_layout *layout);

/* Byte offsets of a tensor's planes from its start, each a multiple of 64; a plane that the type has not got is
   empty. Panels, with np = n rounded up to 16 and kp = k rounded up to 64:
     f32, f16: data [np/16][k][16]
     q8: data i8 [np/16][kp/4][16][4]; scale f32 [np]; sum i32 [np] (of the row's weights)
     q4: data u8 [np/16][kp/8][16][4] (two steps a byte); scale f16 [np/16][kp/32][16];
         sum f32 [np] (over the groups: scale * sum of (weight - 8)) */
typedef struct tensor_planes {
    uint64_t scale_at, sum_at, bytes;
} tensor_planes;

/* false if the type has no such layout, a size is 0 or nothing of that size fits an address space. */
bool tensor_layout_planes(tensor_type type, tensor_layout layout, uint64_t n, uint64_t k, tensor_planes *planes);
#endif
