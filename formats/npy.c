#include "formats/npy.h"
#include "formats/atomic_file.h"
#include <stdio.h>
#include <string.h>

enum { MAX_DIMS = 32, ALIGN = 64, PREFIX = 10 };

/* Magic bytes, version 1.0, length, a Python dictionary, spaces and a newline up to a multiple of 64. */
size_t npy_header(unsigned char *out, const char *descr, const size_t *shape, size_t n_dims) {
    char *text = (char *)out + PREFIX;
    size_t room = NPY_HEADER_ROOM - PREFIX;
    size_t at = (size_t)snprintf(text, room, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (size_t i = 0; i < n_dims; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%zu%s", i ? ", " : "", shape[i], n_dims == 1 ? "," : "");
    at += (size_t)snprintf(text + at, room - at, "), }");
    size_t total = (PREFIX + at + 1 + ALIGN - 1) / ALIGN * ALIGN, length = total - PREFIX;
    memset(text + at, ' ', length - at - 1);
    text[length - 1] = '\n';
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (unsigned char)length;
    out[9] = (unsigned char)(length >> 8);
    return total;
}

int npy_write_f32(const char *path, const float *values, const size_t *shape, size_t n_dims, lnt_error *err) {
    unsigned char header[NPY_HEADER_ROOM];
    size_t bytes = sizeof *values;
    atomic_file f;
    if (n_dims > MAX_DIMS)
        return err_set(err, "%s: an array of %zu dimensions, expected at most %d", path, n_dims, MAX_DIMS);
    for (size_t i = 0; i < n_dims; i++)
        if (__builtin_mul_overflow(bytes, shape[i], &bytes))
            return err_set(err, "%s: the array's shape is too large", path);
    size_t at = npy_header(header, "<f4", shape, n_dims);
    if (atomic_file_create(&f, path, err)) return -1;
    if (!atomic_file_write(&f, header, at, 0, err) && !atomic_file_write(&f, values, bytes, at, err))
        return atomic_file_commit(&f, err);
    atomic_file_abandon(&f);
    return -1;
}
