#include "formats/checkpoint.h"
#include "formats/json.h"
#include "formats/mapped.h"
#include "formats/safetensors.h"
#include "formats/torch_zip.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_TENSORS = 1 << 20, PATH_ROOM = 4096 };

typedef struct shard {
    mapped_file file;
    char *path;
} shard;

struct checkpoint {
    shard *shards;
    size_t n_shards;
    checkpoint_tensor *tensors;
    size_t n_tensors, capacity;
};

static const struct dtype {
    char name[8];
    size_t bytes;
} DTYPES[CHECKPOINT_DTYPES] = {
    {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"BOOL", 1}, {"U8", 1}, {"I8", 1}, {"U16", 2}, {"I16", 2},
    {"U32", 4}, {"I32", 4}, {"U64", 8}, {"I64", 8}, {"C64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1},
};

const char *checkpoint_dtype_name(checkpoint_dtype dtype) { return DTYPES[dtype].name; }
size_t checkpoint_dtype_bytes(checkpoint_dtype dtype) { return DTYPES[dtype].bytes; }

bool checkpoint_dtype_from_name(const char *name, checkpoint_dtype *dtype) {
    for (int i = 0; i < CHECKPOINT_DTYPES; i++)
        if (!strcmp(name, DTYPES[i].name)) return *dtype = (checkpoint_dtype)i, true;
    return false;
}

/* ---- the directory ---- */

/* Checks a shape against the bytes behind it; strides only matter if there are elements. */
static int check_shape(checkpoint_tensor *t, const uint64_t *strides, uint64_t room, lnt_error *err) {
    uint64_t last = 0, step, needed, size = checkpoint_dtype_bytes(t->dtype);
    t->n_elements = 1;
    for (uint32_t i = 0; i < t->n_dims; i++)
        if (__builtin_mul_overflow(t->n_elements, t->dims[i], &t->n_elements) || t->n_elements > INT64_MAX)
            return TENSOR_ERROR(err, t->path, t->name, "has a shape of more than 2^63 elements");
    if (t->n_elements == 0) return 0;
    if (strides) {
        for (uint32_t i = 0; i < t->n_dims; i++)
            if (__builtin_mul_overflow(t->dims[i] - 1, strides[i], &step) || __builtin_add_overflow(last, step, &last))
                return TENSOR_ERROR(err, t->path, t->name, "has strides of more than 2^64 elements");
    } else {
        last = t->n_elements - 1;
    }
    if (__builtin_add_overflow(last, 1, &needed) || __builtin_mul_overflow(needed, size, &needed) || needed > room)
        return TENSOR_ERROR(err, t->path, t->name, "reaches element %llu of its %s data, which has room for %llu",
                            (unsigned long long)last, checkpoint_dtype_name(t->dtype),
                            (unsigned long long)(room / size));
    if (t->n_elements > room / size)
        return TENSOR_ERROR(err, t->path, t->name, "repeats its data: %llu elements, expected at most the %llu stored",
                            (unsigned long long)t->n_elements, (unsigned long long)(room / size));
    return 0;
}

/* Drops dimensions of 1 and joins those that lie one inside the other: a contiguous tensor has one axis. */
static void make_axes(checkpoint_tensor *t, const uint64_t *strides) {
    uint64_t contiguous[CHECKPOINT_MAX_DIMS], inner = 1;
    for (uint32_t i = t->n_dims; i-- > 0; inner *= t->dims[i]) contiguous[i] = inner;
    if (!strides) strides = contiguous;
    t->n_axes = 0;
    for (uint32_t i = 0; i < t->n_dims; i++) {
        uint32_t a = t->n_axes;
        if (t->dims[i] == 1) continue;
        if (a && t->stride[a - 1] == t->dims[i] * strides[i]) {
            t->axis[a - 1] *= t->dims[i];
            t->stride[a - 1] = strides[i];
        } else {
            t->axis[a] = t->dims[i];
            t->stride[a] = strides[i];
            t->n_axes++;
        }
    }
    if (!t->n_axes) t->axis[t->n_axes++] = t->stride[0] = 1;
}

int checkpoint_add(checkpoint *c, const checkpoint_tensor *given, const uint64_t *strides, uint64_t room,
                   lnt_error *err) {
    checkpoint_tensor t = *given;
    if (check_shape(&t, strides, room, err)) return -1;
    if (t.n_elements) make_axes(&t, strides);
    if (c->n_tensors == MAX_TENSORS) return err_set(err, "%s: more than %d tensors", t.path, MAX_TENSORS);
    if (c->n_tensors == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 64;
        checkpoint_tensor *grown = realloc(c->tensors, capacity * sizeof *grown);
        if (!grown) return err_memory(err, capacity * sizeof *grown, "the directory of tensors");
        c->tensors = grown;
        c->capacity = capacity;
    }
    t.name = strdup(given->name);
    if (!t.name) return err_memory(err, strlen(given->name) + 1, "a tensor's name");
    c->tensors[c->n_tensors++] = t;
    return 0;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const checkpoint_tensor *)a)->name, ((const checkpoint_tensor *)b)->name);
}

static int sort_tensors(checkpoint *c, lnt_error *err) {
    if (c->n_tensors) qsort(c->tensors, c->n_tensors, sizeof *c->tensors, compare_names);
    for (size_t i = 1; i < c->n_tensors; i++)
        if (!compare_names(&c->tensors[i - 1], &c->tensors[i]))
            return TENSOR_ERROR(err, c->tensors[i].path, c->tensors[i].name, "stands twice, expected different names");
    return 0;
}

size_t checkpoint_count(const checkpoint *c) { return c->n_tensors; }
const checkpoint_tensor *checkpoint_at(const checkpoint *c, size_t i) { return &c->tensors[i]; }

const checkpoint_tensor *checkpoint_find(const checkpoint *c, const char *name) {
    checkpoint_tensor key = {.name = name};
    return c->n_tensors ? bsearch(&key, c->tensors, c->n_tensors, sizeof key, compare_names) : NULL;
}

/* ---- the folder ---- */

static const struct container {
    const char *single, *index, *what;
    size_t least;
    int (*read)(const mapped_file *file, const char *path, checkpoint *into, lnt_error *err);
} CONTAINERS[] = {
    {"model.safetensors", "model.safetensors.index.json", "a safetensors file", 8, safetensors_read},
    {"pytorch_model.bin", "pytorch_model.bin.index.json", "a file that torch.save wrote", 22, torch_zip_read},
};

static int join(char *out, const char *folder, const char *name, lnt_error *err) {
    if (snprintf(out, PATH_ROOM, "%s/%s", folder, name) >= PATH_ROOM)
        return err_set(err, "%s: the path is too long", folder);
    return 0;
}

/* What stands instead of a large file in a clone made without Git LFS. */
static const char LFS[] = "version https://git-lfs";

static int read_shard(checkpoint *c, const struct container *kind, const char *folder, const char *name,
                      lnt_error *err) {
    char path[PATH_ROOM];
    shard *grown = realloc(c->shards, (c->n_shards + 1) * sizeof *grown);
    if (!grown) return err_memory(err, sizeof *grown, "a shard");
    c->shards = grown;
    if (join(path, folder, name, err)) return -1;
    shard *s = &c->shards[c->n_shards];
    *s = (shard){.path = strdup(path)};
    if (!s->path) return err_memory(err, strlen(path) + 1, "a path");
    c->n_shards++;
    if (mapped_open(&s->file, s->path, kind->what, kind->least, err)) return -1;
    if (s->file.size >= sizeof LFS - 1 && !memcmp(s->file.bytes, LFS, sizeof LFS - 1))
        return err_set(err, "%s: is a Git LFS pointer to the weights, expected the weights: git lfs pull", path);
    return kind->read(&s->file, s->path, c, err);
}

/* A file beside the index: not a way out of the folder. */
static bool is_file_name(const char *s) { return *s && !strchr(s, '/') && strcmp(s, ".") && strcmp(s, ".."); }

static int check_placed(const checkpoint *c, size_t from, const json_t *map, const char *file, lnt_error *err) {
    for (size_t i = from; i < c->n_tensors; i++) {
        const checkpoint_tensor *t = &c->tensors[i];
        const char *expected = json_string_value(json_object_get(map, t->name));
        if (!expected) return TENSOR_ERROR(err, t->path, t->name, "is not in the index, expected it there");
        if (strcmp(expected, file))
            return TENSOR_ERROR(err, t->path, t->name, "is in this file, expected it in '%.128s', as the index says",
                                expected);
    }
    return 0;
}

static int read_shards(checkpoint *c, const struct container *kind, const char *folder, const json_file *index,
                       json_t *map, json_t *done, lnt_error *err) {
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value) {
        const char *file = json_string_value(value);
        if (!file || !is_file_name(file))
            return TENSOR_ERROR(err, index->path, name,
                                "is said to be in '%.128s', expected the name of a file in the same folder",
                                file ? file : "(not a string)");
        if (json_object_get(done, file)) continue;
        size_t before = c->n_tensors;
        if (json_object_set_new(done, file, json_null())) return err_memory(err, strlen(file), "a file's name");
        if (read_shard(c, kind, folder, file, err) || check_placed(c, before, map, file, err)) return -1;
    }
    if (sort_tensors(c, err)) return -1;
    json_object_foreach(map, name, value)
        if (!checkpoint_find(c, name))
            return TENSOR_ERROR(err, index->path, name, "is not in '%.128s', expected it there",
                                json_string_value(value));
    return 0;
}

static int read_index(checkpoint *c, const struct container *kind, const char *folder, lnt_error *err) {
    char path[PATH_ROOM];
    json_file index;
    if (join(path, folder, kind->index, err) || json_file_open(&index, path, err)) return -1;
    json_t *map = json_file_get(&index, "weight_map"), *done = json_object();
    int rc;
    if (!json_is_object(map))
        rc = err_set(err, "%s: 'weight_map' is missing, expected an object of tensors and their files", path);
    else if (!done) rc = err_memory(err, 0, path);
    else rc = read_shards(c, kind, folder, &index, map, done, err);
    json_decref(done);
    json_file_close(&index);
    return rc;
}

static int exists(const char *folder, const char *name, bool *out, lnt_error *err) {
    char path[PATH_ROOM];
    struct stat st;
    if (join(path, folder, name, err)) return -1;
    *out = !lstat(path, &st);
    return *out || errno == ENOENT ? 0 : err_set(err, "%s: %s", path, strerror(errno));
}

static int read_folder(checkpoint *c, const char *folder, lnt_error *err) {
    struct stat st;
    bool there;
    if (stat(folder, &st)) return err_set(err, "%s: %s", folder, strerror(errno));
    if (!S_ISDIR(st.st_mode)) return err_set(err, "%s: is not a folder, expected a checkpoint's", folder);
    for (size_t i = 0; i < sizeof CONTAINERS / sizeof *CONTAINERS; i++) {
        const struct container *kind = &CONTAINERS[i];
        if (exists(folder, kind->single, &there, err)) return -1;
        if (there) return read_shard(c, kind, folder, kind->single, err) || sort_tensors(c, err) ? -1 : 0;
        if (exists(folder, kind->index, &there, err)) return -1;
        if (there) return read_index(c, kind, folder, err);
    }
    return err_set(err, "%s: holds no weights, expected model.safetensors or pytorch_model.bin, or the index of either",
                   folder);
}

checkpoint *checkpoint_open(const char *folder, lnt_error *err) {
    checkpoint *c = calloc(1, sizeof *c);
    if (!c) return err_memory(err, sizeof *c, "a checkpoint"), NULL;
    if (!read_folder(c, folder, err)) return c;
    checkpoint_close(c);
    return NULL;
}

int checkpoint_intact(const checkpoint *c, lnt_error *err) {
    for (size_t i = 0; i < c->n_shards; i++)
        if (mapped_intact(&c->shards[i].file, c->shards[i].path, err)) return -1;
    return 0;
}

void checkpoint_close(checkpoint *c) {
    if (!c) return;
    for (size_t i = 0; i < c->n_shards; i++) {
        mapped_close(&c->shards[i].file);
        free(c->shards[i].path);
    }
    for (size_t i = 0; i < c->n_tensors; i++) free((char *)(uintptr_t)c->tensors[i].name);
    free(c->shards);
    free(c->tensors);
    free(c);
}

/* ---- elements ---- */

static float bits_to_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float f16_to_float(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
    if (exponent == 31) return bits_to_float(sign | 0x7f800000 | fraction << 13);
    if (exponent) return bits_to_float(sign | (exponent + 112) << 23 | fraction << 13);
    float small = (float)fraction * 0x1p-24f; /* zero or subnormal: exact */
    return sign ? -small : small;
}

/* n elements, step bytes apart. */
static void convert(checkpoint_dtype dtype, const unsigned char *p, uint64_t step, uint64_t n, float *out) {
    if (dtype == CHECKPOINT_F32 && step == sizeof *out) {
        memcpy(out, p, n * sizeof *out);
    } else if (dtype == CHECKPOINT_F32) {
        for (uint64_t i = 0; i < n; i++, p += step) memcpy(&out[i], p, sizeof *out);
    } else if (dtype == CHECKPOINT_F64) {
        double d;
        for (uint64_t i = 0; i < n; i++, p += step) memcpy(&d, p, sizeof d), out[i] = (float)d;
    } else {
        uint16_t h;
        bool brain = dtype == CHECKPOINT_BF16;
        for (uint64_t i = 0; i < n; i++, p += step)
            memcpy(&h, p, sizeof h), out[i] = brain ? bits_to_float((uint32_t)h << 16) : f16_to_float(h);
    }
}

int checkpoint_read_f32(checkpoint *c, const checkpoint_tensor *t, uint64_t first, uint64_t n, float *out,
                        lnt_error *err) {
    (void)c;
    uint64_t size = checkpoint_dtype_bytes(t->dtype);
    if (t->dtype > CHECKPOINT_F64)
        return TENSOR_ERROR(err, t->path, t->name, "is %s, expected F32, F16, BF16 or F64",
                            checkpoint_dtype_name(t->dtype));
    if (first > t->n_elements || n > t->n_elements - first)
        return TENSOR_ERROR(err, t->path, t->name, "has %llu elements, %llu from %llu on are wanted",
                            (unsigned long long)t->n_elements, (unsigned long long)n, (unsigned long long)first);
    while (n) {
        uint32_t last = t->n_axes - 1;
        uint64_t rest = first, offset = 0, run = t->axis[last] - first % t->axis[last];
        for (uint32_t a = t->n_axes; a-- > 0; rest /= t->axis[a]) offset += rest % t->axis[a] * t->stride[a];
        if (run > n) run = n;
        convert(t->dtype, t->data + offset * size, t->stride[last] * size, run, out);
        first += run, out += run, n -= run;
    }
    return 0;
}
