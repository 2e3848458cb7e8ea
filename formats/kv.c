#include "formats/kv.h"
#include <stdlib.h>
#include <string.h>

bool kv_plain_name(const char *name, size_t n_bytes) {
    for (size_t i = 0; i < n_bytes; i++)
        if (name[i] <= ' ' || name[i] > '~') return false;
    return n_bytes > 0;
}

bool kv_field_is(const char *field, size_t size, const char *name) {
    size_t n = strlen(name);
    if (n > size || memcmp(field, name, n)) return false;
    while (n < size)
        if (field[n++]) return false;
    return true;
}

/* An entry: u32 entry_bytes, u16 type, u16 key_bytes, u64 count, key + NUL padded to 8, payload padded to 8. */
enum { HEAD = 16, KEY_MAX = 255 };

static uint32_t load32(const unsigned char *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint16_t load16(const unsigned char *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static uint64_t load64(const unsigned char *p) { uint64_t v; memcpy(&v, p, 8); return v; }
static size_t round8(size_t n) { return (n + 7) & ~(size_t)7; }

static kv_entry entry_at(const unsigned char *p) {
    size_t key_bytes = load16(p + 6);
    return (kv_entry){.key = (const char *)p + HEAD, .type = (kv_type)load16(p + 4), .count = load64(p + 8),
                      .payload = p + HEAD + round8(key_bytes + 1)};
}

/* Bytes of the payload that `count` calls for, without padding; false if they cannot fit in `room`. */
static bool payload_bytes(kv_type type, uint64_t count, const unsigned char *payload, size_t room, size_t *out) {
    switch (type) {
    case KV_U64: case KV_I64: case KV_F64: case KV_BOOL: *out = 8; return count == 1 && room >= 8;
    case KV_STRING: *out = (size_t)count + 1; return count < room;
    case KV_U32S: case KV_F32S: *out = (size_t)count * 4; return count <= room / 4;
    case KV_STRINGS: {
        if (count >= room / 4) return false;
        const size_t ends = 4 * ((size_t)count + 1);
        uint32_t end = load32(payload), next;
        if (end != 0) return false;
        for (uint64_t i = 1; i <= count; i++, end = next) {
            next = load32(payload + 4 * i);
            if (next <= end || next > room - ends || payload[ends + next - 1] != 0) return false;
        }
        *out = ends + end;
        return true;
    }
    }
    return false;
}

static int check_entry(const unsigned char *p, size_t left, const char *what, size_t at, size_t *bytes, lnt_error *err) {
    if (left < HEAD) return err_set(err, "%s: entry at byte %zu is cut off, expected %d bytes or more, %zu left", what, at, HEAD, left);
    size_t total = load32(p), key_bytes = load16(p + 6), key_room = round8(key_bytes + 1), payload = 0;
    if (total > left || total < HEAD + key_room || total % 8)
        return err_set(err, "%s: entry at byte %zu claims %zu bytes, expected a multiple of 8 that fits the %zu left", what, at, total, left);
    if (key_bytes == 0 || key_bytes > KEY_MAX || p[HEAD + key_bytes] != 0 || !kv_plain_name((const char *)p + HEAD, key_bytes))
        return err_set(err, "%s: entry at byte %zu has a malformed key, expected 1 to %d printable characters and a NUL", what, at, KEY_MAX);
    kv_entry e = entry_at(p);
    if (!payload_bytes(e.type, e.count, e.payload, total - HEAD - key_room, &payload) || HEAD + key_room + round8(payload) != total)
        return err_set(err, "%s: '%s' has type %u with %llu elements, which do not fill its %zu bytes", what, e.key,
                       (unsigned)e.type, (unsigned long long)e.count, total);
    if (e.type == KV_STRING && ((const char *)e.payload)[e.count] != 0)
        return err_set(err, "%s: the string '%s' has no terminator", what, e.key);
    *bytes = total;
    return 0;
}

static int compare_keys(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int check_unique(const kv_block *block, const char *what, lnt_error *err) {
    if (block->n_entries < 2) return 0;
    const char **keys = malloc(block->n_entries * sizeof *keys);
    if (!keys) return err_memory(err, block->n_entries * sizeof *keys, "keys");
    size_t at = 0, n = 0;
    for (kv_entry e; kv_next(block, &at, &e);) keys[n++] = e.key;
    qsort(keys, n, sizeof *keys, compare_keys);
    int rc = 0;
    for (size_t i = 1; i < n && !rc; i++)
        if (!strcmp(keys[i - 1], keys[i])) rc = err_set(err, "%s: '%s' stands twice, expected once", what, keys[i]);
    free(keys);
    return rc;
}

int kv_open(kv_block *block, const void *bytes, size_t size, const char *what, lnt_error *err) {
    *block = (kv_block){bytes, size, 0};
    for (size_t at = 0, n = 0; at < size; at += n, block->n_entries++)
        if (check_entry(block->bytes + at, size - at, what, at, &n, err)) return -1;
    return check_unique(block, what, err);
}

bool kv_next(const kv_block *block, size_t *at, kv_entry *entry) {
    if (*at >= block->size) return false;
    *entry = entry_at(block->bytes + *at);
    *at += load32(block->bytes + *at);
    return true;
}

bool kv_find(const kv_block *block, const char *key, kv_type type, kv_entry *entry) {
    for (size_t at = 0; kv_next(block, &at, entry);)
        if (entry->type == type && !strcmp(entry->key, key)) return true;
    return false;
}

static bool get_scalar(const kv_block *block, const char *key, kv_type type, void *out) {
    kv_entry e;
    if (!kv_find(block, key, type, &e)) return false;
    memcpy(out, e.payload, 8);
    return true;
}
bool kv_get_u64(const kv_block *block, const char *key, uint64_t *out) { return get_scalar(block, key, KV_U64, out); }
bool kv_get_i64(const kv_block *block, const char *key, int64_t *out) { return get_scalar(block, key, KV_I64, out); }
bool kv_get_f64(const kv_block *block, const char *key, double *out) { return get_scalar(block, key, KV_F64, out); }
bool kv_get_bool(const kv_block *block, const char *key, bool *out) {
    uint64_t v;
    if (!get_scalar(block, key, KV_BOOL, &v)) return false;
    *out = v != 0;
    return true;
}
bool kv_get_string(const kv_block *block, const char *key, const char **out, size_t *n_bytes) {
    kv_entry e;
    if (!kv_find(block, key, KV_STRING, &e)) return false;
    *out = e.payload;
    if (n_bytes) *n_bytes = (size_t)e.count;
    return true;
}

const char *kv_string_at(const kv_entry *entry, uint64_t i, size_t *n_bytes) {
    const unsigned char *p = entry->payload;
    uint32_t begin = load32(p + 4 * i), end = load32(p + 4 * (i + 1));
    *n_bytes = end - begin - 1;
    return (const char *)p + 4 * (entry->count + 1) + begin;
}

void buffer_free(buffer *b) {
    free(b->bytes);
    *b = (buffer){0};
}

static bool reserve(buffer *b, size_t n) {
    if (b->failed) return false;
    if (n <= b->capacity - b->size) return true;
    size_t want;
    if (__builtin_add_overflow(b->size, n, &want)) { b->failed = true; return false; }
    if (want < 2 * b->capacity) want = 2 * b->capacity;
    if (want < 256) want = 256;
    unsigned char *p = realloc(b->bytes, want);
    if (!p) { b->failed = true; return false; }
    b->bytes = p;
    b->capacity = want;
    return true;
}

void buffer_append(buffer *b, const void *bytes, size_t n) {
    if (n == 0 || !reserve(b, n)) return;
    memcpy(b->bytes + b->size, bytes, n);
    b->size += n;
}
void buffer_align(buffer *b, size_t alignment) {
    static const char zeros[64];
    while (b->size % alignment && !b->failed) {
        size_t n = alignment - b->size % alignment;
        buffer_append(b, zeros, n < sizeof zeros ? n : sizeof zeros);
    }
}
void buffer_u32(buffer *b, uint32_t v) { buffer_append(b, &v, 4); }
void buffer_u64(buffer *b, uint64_t v) { buffer_append(b, &v, 8); }

static size_t begin_entry(buffer *b, const char *key, kv_type type, uint64_t count) {
    size_t start = b->size, key_bytes = strlen(key);
    buffer_u32(b, 0);
    buffer_append(b, &(uint16_t){(uint16_t)type}, 2);
    buffer_append(b, &(uint16_t){(uint16_t)key_bytes}, 2);
    buffer_u64(b, count);
    buffer_append(b, key, key_bytes + 1);
    buffer_align(b, 8);
    return start;
}
static void end_entry(buffer *b, size_t start) {
    buffer_align(b, 8);
    if (b->size - start > UINT32_MAX) b->failed = true;
    if (!b->failed) memcpy(b->bytes + start, &(uint32_t){(uint32_t)(b->size - start)}, 4);
}
static void put(buffer *b, const char *key, kv_type type, uint64_t count, const void *payload, size_t bytes) {
    size_t start = begin_entry(b, key, type, count);
    buffer_append(b, payload, bytes);
    if (type == KV_STRING) buffer_append(b, "", 1);
    end_entry(b, start);
}
void kv_put_u64(buffer *b, const char *key, uint64_t v) { put(b, key, KV_U64, 1, &v, 8); }
void kv_put_i64(buffer *b, const char *key, int64_t v) { put(b, key, KV_I64, 1, &v, 8); }
void kv_put_f64(buffer *b, const char *key, double v) { put(b, key, KV_F64, 1, &v, 8); }
void kv_put_bool(buffer *b, const char *key, bool v) { put(b, key, KV_BOOL, 1, &(uint64_t){v}, 8); }
void kv_put_string(buffer *b, const char *key, const char *v, size_t n_bytes) { put(b, key, KV_STRING, n_bytes, v, n_bytes); }
void kv_put_u32s(buffer *b, const char *key, const uint32_t *v, size_t count) { put(b, key, KV_U32S, count, v, 4 * count); }
void kv_put_f32s(buffer *b, const char *key, const float *v, size_t count) { put(b, key, KV_F32S, count, v, 4 * count); }
void kv_put_strings(buffer *b, const char *key, const char *const *v, const size_t *n_bytes, size_t count) {
    size_t start = begin_entry(b, key, KV_STRINGS, count), end = 0;
    for (size_t i = 0; i <= count; i++) {
        if (end > UINT32_MAX) b->failed = true;
        buffer_u32(b, (uint32_t)end);
        if (i < count) end += n_bytes[i] + 1;
    }
    for (size_t i = 0; i < count; i++) {
        buffer_append(b, v[i], n_bytes[i]);
        buffer_append(b, "", 1);
    }
    end_entry(b, start);
}
