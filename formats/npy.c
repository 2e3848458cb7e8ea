#include "formats/npy.h"
#include "formats/atomic_file.h"
#include <stdio.h>
#include <string.h>

enum { ALIGN = 64, PREFIX = 10 };

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
    if (n_dims > NPY_MAX_DIMS)
        return err_set(err, "%s: an array of %zu dimensions, expected at most %d", path, n_dims, NPY_MAX_DIMS);
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

/* ---- reading ---- */

bool npy_is(const void *bytes, size_t n_bytes) { return n_bytes >= 6 && !memcmp(bytes, "\x93NUMPY", 6); }

/* What is left of the header's text. */
typedef struct text {
    const unsigned char *at, *end;
} text;

static void skip_spaces(text *t) {
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n')) t->at++;
}
static bool take(text *t, const char *token) {
    size_t n = strlen(token);
    skip_spaces(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, token, n) != 0) return false;
    t->at += n;
    return true;
}

static bool take_number(text *t, size_t *value) {
    skip_spaces(t);
    const unsigned char *first = t->at;
    for (*value = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
        if (__builtin_mul_overflow(*value, (size_t)10, value) || __builtin_add_overflow(*value, (size_t)(*t->at - '0'), value))
            return false;
    return t->at > first;
}

/* (), (3,) or (3, 4) with or without a comma at the end. */
static bool take_shape(text *t, npy_array *a) {
    if (!take(t, "(")) return false;
    for (a->n_dims = 0; !take(t, ")");) {
        if (a->n_dims == NPY_MAX_DIMS || !take_number(t, &a->shape[a->n_dims])) return false;
        if (a->n_dims++, take(t, ",")) continue;
        return a->n_dims > 1 && take(t, ")");
    }
    return true;
}

static bool take_type(text *t, npy_type *type) {
    bool f32 = take(t, "'<f4'");
    *type = f32 ? NPY_F32 : NPY_U8;
    return f32 || take(t, "'|u1'");
}

/* Three entries in any order, each once. */
static int read_dictionary(npy_array *a, text *t, const char *name, lnt_error *err) {
    bool descr = false, order = false, shape = false, more = take(t, "{");
    while (more && !take(t, "}")) {
        if (!descr && take(t, "'descr'") && take(t, ":")) {
            if (!take_type(t, &a->type)) return err_set(err, "%s: holds elements of another type than '<f4' or '|u1'", name);
            descr = true;
        } else if (!order && take(t, "'fortran_order'") && take(t, ":")) {
            if (!take(t, "False")) return err_set(err, "%s: is not in C order, expected 'fortran_order': False", name);
            order = true;
        } else if (!shape && take(t, "'shape'") && take(t, ":")) {
            if (!take_shape(t, a))
                return err_set(err, "%s: has a shape that is none, expected at most %d numbers", name, NPY_MAX_DIMS);
            shape = true;
        } else break;
        if (!take(t, ",")) {
            more = take(t, "}");
            break;
        }
    }
    skip_spaces(t);
    if (!more || !descr || !order || !shape || t->at != t->end)
        return err_set(err, "%s: is a corrupt .npy file: its header is not descr, fortran_order and shape", name);
    return 0;
}

int npy_parse(npy_array *a, const void *bytes, size_t n_bytes, const char *name, lnt_error *err) {
    const unsigned char *p = bytes;
    if (!npy_is(bytes, n_bytes)) return err_set(err, "%s: is no .npy file", name);
    size_t prefix = n_bytes > 6 && p[6] > 1 ? PREFIX + 2 : PREFIX;
    if (n_bytes < prefix) return err_set(err, "%s: is a .npy file that is cut off", name);
    if (p[6] < 1 || p[6] > 3 || p[7])
        return err_set(err, "%s: is a .npy file of format %u.%u, expected 1.0 to 3.0", name, p[6], p[7]);
    size_t length = p[8] + 256u * p[9], values = sizeof(float);
    if (prefix > PREFIX) length += ((size_t)p[10] << 16) + ((size_t)p[11] << 24);
    if (length > n_bytes - prefix)
        return err_set(err, "%s: is a .npy file that is cut off: its header has %zu bytes", name, length);
    if (read_dictionary(a, &(text){p + prefix, p + prefix + length}, name, err)) return -1;
    if (a->type == NPY_U8) values = 1;
    for (size_t i = 0; i < a->n_dims; i++)
        if (__builtin_mul_overflow(values, a->shape[i], &values)) return err_set(err, "%s: has a shape that is too large", name);
    if (values != n_bytes - prefix - length)
        return err_set(err, "%s: has %zu bytes of values, expected the %zu of its shape", name, n_bytes - prefix - length, values);
    a->values = p + prefix + length;
    return 0;
}
