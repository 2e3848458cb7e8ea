#include "formats/safetensors.h"
#include "formats/json.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER = 100000000 }; /* the format's own limit */

typedef struct span {
    uint64_t begin, end;
    const char *name;
} span;

typedef struct reader {
    const char *path;
    const unsigned char *data;
    uint64_t data_bytes;
    span *spans; /* of the tensors read so far */
    size_t n_spans;
} reader;

static int check_metadata(const reader *r, json_t *metadata, lnt_error *err) {
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return err_set(err, "%s: header: '__metadata__' is not an object, expected one of strings", r->path);
    json_object_foreach(metadata, key, value)
        if (!json_is_string(value))
            return err_set(err, "%s: header: '%.64s' in '__metadata__' is not a string", r->path, key);
    return 0;
}

static bool is_size(const json_t *v) { return json_is_integer(v) && json_integer_value(v) >= 0; }

static int read_dtype(const reader *r, const char *name, const json_t *entry, checkpoint_tensor *t, lnt_error *err) {
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (dtype && checkpoint_dtype_from_name(dtype, &t->dtype)) return 0;
    return TENSOR_ERROR(err, r->path, name, "has dtype '%.32s', expected one such as F32, F16 or BF16",
                        dtype ? dtype : "(none)");
}

static int read_shape(const reader *r, const char *name, const json_t *entry, checkpoint_tensor *t, lnt_error *err) {
    json_t *shape = json_object_get(entry, "shape"), *size;
    size_t i;
    if (!json_is_array(shape) || json_array_size(shape) > CHECKPOINT_MAX_DIMS)
        return TENSOR_ERROR(err, r->path, name, "has no 'shape' that can be read, expected at most %d sizes",
                            CHECKPOINT_MAX_DIMS);
    json_array_foreach(shape, i, size) {
        if (!is_size(size))
            return TENSOR_ERROR(err, r->path, name, "has a 'shape' whose size %zu is not a whole number from 0 on", i);
        t->dims[t->n_dims++] = (uint64_t)json_integer_value(size);
    }
    return 0;
}

static int read_span(const reader *r, const char *name, const json_t *entry, span *s, lnt_error *err) {
    json_t *offsets = json_object_get(entry, "data_offsets");
    json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !is_size(begin) || !is_size(end))
        return TENSOR_ERROR(err, r->path, name, "has no 'data_offsets' that can be read, expected [begin, end]");
    *s = (span){(uint64_t)json_integer_value(begin), (uint64_t)json_integer_value(end), name};
    if (s->begin > s->end)
        return TENSOR_ERROR(err, r->path, name, "begins at %llu, after its end at %llu", (unsigned long long)s->begin,
                            (unsigned long long)s->end);
    if (s->end > r->data_bytes)
        return TENSOR_ERROR(err, r->path, name,
                            "ends at %llu, expected at most the data's %llu bytes: cut off or damaged",
                            (unsigned long long)s->end, (unsigned long long)r->data_bytes);
    return 0;
}

static int read_tensor(reader *r, const char *name, const json_t *entry, checkpoint *into, lnt_error *err) {
    checkpoint_tensor t = {.name = name, .path = r->path};
    span *s = &r->spans[r->n_spans++];
    if (!json_is_object(entry) || json_object_size(entry) != 3)
        return TENSOR_ERROR(err, r->path, name, "is not described as expected, by 'dtype', 'shape' and 'data_offsets'");
    if (read_dtype(r, name, entry, &t, err) || read_shape(r, name, entry, &t, err) || read_span(r, name, entry, s, err))
        return -1;
    uint64_t bytes = checkpoint_dtype_bytes(t.dtype);
    bool overflow = false;
    for (uint32_t i = 0; i < t.n_dims; i++) overflow |= __builtin_mul_overflow(bytes, t.dims[i], &bytes);
    if (overflow || bytes > INT64_MAX) return TENSOR_ERROR(err, r->path, name, "has a shape of more than 2^63 bytes");
    if (bytes != s->end - s->begin)
        return TENSOR_ERROR(err, r->path, name, "has %llu bytes, expected the %llu that its dtype and shape take",
                            (unsigned long long)(s->end - s->begin), (unsigned long long)bytes);
    t.data = r->data + s->begin;
    return checkpoint_add(into, &t, NULL, bytes, err);
}

static int compare_spans(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Tensors may stand in any order, but every byte of the data belongs to exactly one. */
static int check_spans(reader *r, lnt_error *err) {
    uint64_t at = 0;
    qsort(r->spans, r->n_spans, sizeof *r->spans, compare_spans);
    for (size_t i = 0; i < r->n_spans; at = r->spans[i++].end) {
        const span *s = &r->spans[i];
        if (s->begin < at)
            return err_set(err, "%s: tensors '%.96s' and '%.96s' overlap at byte %llu of the data", r->path,
                           r->spans[i - 1].name, s->name, (unsigned long long)s->begin);
        if (s->begin > at)
            return TENSOR_ERROR(err, r->path, s->name, "begins at %llu, expected %llu: a hole before it",
                                (unsigned long long)s->begin, (unsigned long long)at);
    }
    if (at != r->data_bytes)
        return err_set(err, "%s: has %llu bytes of data, expected the %llu of its tensors", r->path,
                       (unsigned long long)r->data_bytes, (unsigned long long)at);
    return 0;
}

static int read_tensors(reader *r, json_t *header, checkpoint *into, lnt_error *err) {
    const char *name;
    json_t *entry;
    r->spans = malloc((json_object_size(header) + 1) * sizeof *r->spans);
    if (!r->spans) return err_memory(err, json_object_size(header) * sizeof *r->spans, r->path);
    json_object_foreach(header, name, entry)
        if (strcmp(name, "__metadata__") ? read_tensor(r, name, entry, into, err) : check_metadata(r, entry, err))
            return -1;
    return check_spans(r, err);
}

int safetensors_read(const mapped_file *file, const char *path, checkpoint *into, lnt_error *err) {
    uint64_t length;
    memcpy(&length, file->bytes, sizeof length);
    if (length > file->size - sizeof length)
        return err_set(err, "%s: header of %llu bytes, the file has %zu: cut off, or not a safetensors file", path,
                       (unsigned long long)length, file->size);
    if (length > MAX_HEADER)
        return err_set(err, "%s: header of %llu bytes, expected at most %d", path, (unsigned long long)length,
                       MAX_HEADER);
    reader r = {.path = path, .data = file->bytes + sizeof length + length,
                .data_bytes = file->size - sizeof length - length};
    json_t *header = json_parse(file->bytes + sizeof length, (size_t)length, path, "header", err);
    if (!header) return -1;
    int rc = read_tensors(&r, header, into, err);
    free(r.spans);
    json_decref(header);
    return rc;
}
