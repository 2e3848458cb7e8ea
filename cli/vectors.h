/* Embeddings as they are stored: numbers of four types. */
#ifndef LNT_CLI_VECTORS_H
#define LNT_CLI_VECTORS_H
#include "cli/io.h"

typedef enum vector_type {
    VECTOR_F32,
    VECTOR_F16,   /* IEEE halves, to the nearest, ties to even; what is larger becomes infinite */
    VECTOR_INT8,  /* x * 127 / (the vector's largest |x|), to the nearest: the cosines stay, the length does not */
    VECTOR_BINARY /* a bit for each number, 1 if it is above 0, eight a byte, the first the highest; zero bits fill up
                     the last: numpy.packbits(x > 0), the "ubinary" of sentence-transformers */
} vector_type;

/* "f32", "f16", "int8", "binary": one of them. */
vector_type vector_type_from_name(const char *name);
/* As NumPy calls the element: "<f4", "<f2", "|i1", "|u1". */
const char *vector_descr(vector_type type);
/* Elements and bytes that n numbers become. */
size_t vector_elements(vector_type type, size_t n);
size_t vector_bytes(vector_type type, size_t n);
/* Append n numbers, as bytes or as a JSON array of the same values. 0, or -1 if memory is out. */
int vector_append(vector_type type, const float *x, size_t n, io_bytes *to);
int vector_append_json(vector_type type, const float *x, size_t n, io_bytes *to);
#endif
