#include "formats/torch_zip.h"
#include "formats/torch_pickle.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { END_BYTES = 22, LOCATOR_BYTES = 20, END64_BYTES = 56, ENTRY_BYTES = 46, LOCAL_BYTES = 30, MAX_COMMENT = 65535 };
enum { END_MAGIC = 0x06054b50, LOCATOR_MAGIC = 0x07064b50, END64_MAGIC = 0x06064b50 };
enum { ENTRY_MAGIC = 0x02014b50, LOCAL_MAGIC = 0x04034b50 };

typedef struct entry {
    const char *name; /* name_bytes long */
    size_t name_bytes;
    const unsigned char *data;
    uint64_t size;
} entry;

typedef struct archive {
    const unsigned char *bytes;
    size_t size;
    const char *path;
    uint64_t directory, directory_bytes, n_announced;
    unsigned char *copied; /* the directory, which is read again and again and must stay what it was */
    entry *entries; /* sorted by name */
    size_t n_entries;
    const char *folder; /* "archive/", in front of every name torch wrote */
    size_t folder_bytes;
    checkpoint *into;
} archive;

static uint64_t number(const unsigned char *p, size_t n) {
    uint64_t v = 0;
    while (n) v = v << 8 | p[--n];
    return v;
}
static uint16_t u16(const unsigned char *p) { return (uint16_t)number(p, 2); }
static uint32_t u32(const unsigned char *p) { return (uint32_t)number(p, 4); }

static int shown(uint64_t bytes) { return bytes < 128 ? (int)bytes : 128; }

/* An error about one entry: "FILE: zip entry 'NAME' " and what is wrong. */
#define ENTRY_ERROR(err, a, e, format, ...) \
    err_set(err, "%s: zip entry '%.*s' " format, (a)->path, shown((e)->name_bytes), (e)->name, ##__VA_ARGS__)

/* ---- the directory ---- */

/* The record at the file's end: a comment of up to 64 KiB may follow it. */
static const unsigned char *find_end(const archive *a) {
    for (size_t comment = 0; comment <= MAX_COMMENT && comment <= a->size - END_BYTES; comment++) {
        const unsigned char *p = a->bytes + a->size - END_BYTES - comment;
        if (u32(p) == END_MAGIC && u16(p + 20) == comment) return p;
    }
    return NULL;
}

static int damaged(const archive *a, const char *expected, lnt_error *err) {
    return err_set(err, "%s: zip archive: damaged, expected %s", a->path, expected);
}

/* Archives of more than 4 GiB or 65,534 entries have a second record, found through a third. */
static int read_end64(archive *a, const unsigned char *end, lnt_error *err) {
    uint64_t before = (uint64_t)(end - a->bytes);
    if (before < LOCATOR_BYTES || u32(end - LOCATOR_BYTES) != LOCATOR_MAGIC) return damaged(a, "a zip64 locator", err);
    uint64_t at = number(end - LOCATOR_BYTES + 8, 8);
    if (at > before - LOCATOR_BYTES || before - LOCATOR_BYTES - at < END64_BYTES || u32(a->bytes + at) != END64_MAGIC)
        return damaged(a, "a zip64 record where its locator says", err);
    a->n_announced = number(a->bytes + at + 32, 8);
    a->directory_bytes = number(a->bytes + at + 40, 8);
    a->directory = number(a->bytes + at + 48, 8);
    return 0;
}

static int find_directory(archive *a, lnt_error *err) {
    static const unsigned char LEGACY[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    if (!memcmp(a->bytes + 2, LEGACY, sizeof LEGACY))
        return err_set(err, "%s: was saved by PyTorch before 1.6, expected a file that a newer torch.save wrote",
                       a->path);
    const unsigned char *end = find_end(a);
    if (!end)
        return err_set(err, "%s: is not a zip archive, or cut off; expected a file that torch.save wrote", a->path);
    a->n_announced = u16(end + 10);
    a->directory_bytes = u32(end + 12);
    a->directory = u32(end + 16);
    if ((a->n_announced == UINT16_MAX || a->directory_bytes == UINT32_MAX || a->directory == UINT32_MAX) &&
        read_end64(a, end, err))
        return -1;
    uint64_t room = (uint64_t)(end - a->bytes);
    if (a->directory > room || a->directory_bytes > room - a->directory ||
        a->n_announced > a->directory_bytes / ENTRY_BYTES)
        return damaged(a, "a directory inside the file", err);
    return 0;
}

/* Sizes and offset that do not fit 32 bits stand in the extra field 1, in this order, only those. */
static bool read_zip64_extra(const unsigned char *p, size_t n, uint64_t *const values[3]) {
    while (n >= 4) {
        size_t field = u16(p + 2);
        if (field > n - 4) return false;
        if (u16(p) == 1) {
            const unsigned char *v = p + 4;
            for (int i = 0; i < 3; i++)
                if (*values[i] == UINT32_MAX) {
                    if (field < 8) return false;
                    *values[i] = number(v, 8);
                    v += 8, field -= 8;
                }
            return true;
        }
        p += 4 + field, n -= 4 + field;
    }
    return true;
}

/* The data behind an entry's local header, which must lie before the directory. */
static int find_data(const archive *a, entry *e, uint64_t local, lnt_error *err) {
    if (a->directory < LOCAL_BYTES || local > a->directory - LOCAL_BYTES || u32(a->bytes + local) != LOCAL_MAGIC)
        return ENTRY_ERROR(err, a, e, "has no header where the directory says");
    const unsigned char *p = a->bytes + local;
    uint64_t skip = (uint64_t)LOCAL_BYTES + u16(p + 26) + u16(p + 28), room = a->directory - local;
    if (skip > room || u16(p + 26) != e->name_bytes || memcmp(p + LOCAL_BYTES, e->name, e->name_bytes))
        return ENTRY_ERROR(err, a, e, "has a header with another name");
    if (e->size > room - skip)
        return ENTRY_ERROR(err, a, e, "has %llu bytes, which reach past the %llu there are",
                           (unsigned long long)e->size, (unsigned long long)(room - skip));
    e->data = p + skip;
    return 0;
}

/* One record of the directory, with left bytes up to its end; *taken is its length. */
static int read_entry(const archive *a, const unsigned char *p, uint64_t left, entry *e, uint64_t *taken,
                      lnt_error *err) {
    if (left < ENTRY_BYTES || u32(p) != ENTRY_MAGIC) return damaged(a, "another entry in the directory", err);
    size_t name = u16(p + 28), extra = u16(p + 30);
    *taken = (uint64_t)ENTRY_BYTES + name + extra + u16(p + 32);
    if (*taken > left) return damaged(a, "whole entries in the directory", err);
    uint64_t packed = u32(p + 20), local = u32(p + 42);
    *e = (entry){.name = (const char *)p + ENTRY_BYTES, .name_bytes = name, .size = u32(p + 24)};
    if (!read_zip64_extra(p + ENTRY_BYTES + name, extra, (uint64_t *const[]){&e->size, &packed, &local}))
        return ENTRY_ERROR(err, a, e, "has a damaged extra field");
    if (u16(p + 8) & 1) return ENTRY_ERROR(err, a, e, "is encrypted, expected plain data");
    if (u16(p + 10) || packed != e->size)
        return ENTRY_ERROR(err, a, e, "is compressed (method %u), expected it stored as torch.save does", u16(p + 10));
    return find_data(a, e, local, err);
}

static int compare_entries(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = memcmp(x->name, y->name, x->name_bytes < y->name_bytes ? x->name_bytes : y->name_bytes);
    return order ? order : (x->name_bytes > y->name_bytes) - (x->name_bytes < y->name_bytes);
}

static int read_directory(archive *a, lnt_error *err) {
    if (find_directory(a, err)) return -1;
    a->entries = malloc((a->n_announced + 1) * sizeof *a->entries);
    if (!a->entries) return err_memory(err, a->n_announced * sizeof *a->entries, a->path);
    unsigned char *start = a->copied = malloc((size_t)a->directory_bytes + 1);
    if (!start) return err_memory(err, (size_t)a->directory_bytes, a->path);
    memcpy(start, a->bytes + a->directory, (size_t)a->directory_bytes);
    uint64_t at = 0, taken = 0;
    for (; a->n_entries < a->n_announced; a->n_entries++, at += taken)
        if (read_entry(a, start + at, a->directory_bytes - at, &a->entries[a->n_entries], &taken, err)) return -1;
    if (at != a->directory_bytes) return damaged(a, "no bytes behind the directory's entries", err);
    qsort(a->entries, a->n_entries, sizeof *a->entries, compare_entries);
    for (size_t i = 1; i < a->n_entries; i++)
        if (!compare_entries(&a->entries[i - 1], &a->entries[i]))
            return ENTRY_ERROR(err, a, &a->entries[i], "stands twice");
    return 0;
}

/* ---- what torch.save put into it ---- */

/* folder + name + key; NULL if there is none. */
static const entry *find_entry(const archive *a, const char *name, const char *key, size_t key_bytes) {
    char full[1024];
    size_t n = strlen(name), total = a->folder_bytes + n;
    if (total > sizeof full || key_bytes > sizeof full - total) return NULL;
    memcpy(full, a->folder, a->folder_bytes);
    memcpy(full + a->folder_bytes, name, n);
    memcpy(full + total, key, key_bytes);
    entry wanted = {.name = full, .name_bytes = total + key_bytes};
    return bsearch(&wanted, a->entries, a->n_entries, sizeof wanted, compare_entries);
}

static const entry *find_pickle(archive *a, lnt_error *err) {
    static const char NAME[] = "/data.pkl";
    const entry *found = NULL;
    for (size_t i = 0; i < a->n_entries; i++) {
        const entry *e = &a->entries[i];
        size_t n = sizeof NAME - 1;
        if (e->name_bytes <= n || memcmp(e->name + e->name_bytes - n, NAME, n)) continue;
        if (found) return err_null(err, "%s: zip archive: has data.pkl twice, expected one", a->path);
        found = e;
        a->folder = e->name;
        a->folder_bytes = e->name_bytes - n + 1;
    }
    if (!found) err_set(err, "%s: zip archive: has no data.pkl, expected a file that torch.save wrote", a->path);
    return found;
}

static int add_tensor(void *user, const torch_tensor *t, lnt_error *err) {
    archive *a = user;
    uint64_t size = checkpoint_dtype_bytes(t->dtype), bytes;
    int key = shown(t->key_bytes);
    const entry *e = find_entry(a, "data/", t->key, t->key_bytes);
    if (!e) return TENSOR_ERROR(err, a->path, t->name, "lies in data/%.*s, which is not in the archive", key, t->key);
    if (__builtin_mul_overflow(t->storage_elements, size, &bytes) || bytes > e->size)
        return TENSOR_ERROR(err, a->path, t->name, "lies in data/%.*s, which has %llu bytes, expected %llu %s", key,
                            t->key, (unsigned long long)e->size, (unsigned long long)t->storage_elements,
                            checkpoint_dtype_name(t->dtype));
    if (t->offset > t->storage_elements)
        return TENSOR_ERROR(err, a->path, t->name, "begins at element %llu, expected at most the %llu of its storage",
                            (unsigned long long)t->offset, (unsigned long long)t->storage_elements);
    checkpoint_tensor view = {.name = t->name, .dtype = t->dtype, .n_dims = t->n_dims, .path = a->path,
                              .data = e->data + t->offset * size};
    memcpy(view.dims, t->dims, sizeof view.dims);
    return checkpoint_add(a->into, &view, t->strides, (t->storage_elements - t->offset) * size, err);
}

static int read_archive(archive *a, lnt_error *err) {
    if (read_directory(a, err)) return -1;
    const entry *pickle = find_pickle(a, err);
    if (!pickle) return -1;
    const entry *order = find_entry(a, "byteorder", "", 0);
    if (order && (order->size != 6 || memcmp(order->data, "little", 6)))
        return err_set(err, "%s: its byteorder is '%.*s', expected little", a->path, shown(order->size),
                       (const char *)order->data);
    return torch_pickle_read(pickle->data, (size_t)pickle->size, a->path, add_tensor, a, err);
}

int torch_zip_read(const mapped_file *file, const char *path, checkpoint *into, lnt_error *err) {
    archive a = {.bytes = file->bytes, .size = file->size, .path = path, .into = into};
    int rc = read_archive(&a, err);
    free(a.entries);
    free(a.copied);
    return rc;
}
