/* Typed key/value blocks: how the metadata, the tokenizer and the attributes of a graph's ops are written.
   docs/format.md, "Key/value blocks", gives the bytes. */
#ifndef LNT_FORMATS_KV_H
#define LNT_FORMATS_KV_H
#include "formats/error.h"

typedef enum kv_type {
    KV_U64 = 1,
    KV_I64 = 2,
    KV_F64 = 3,
    KV_BOOL = 4,
    KV_STRING = 5,  /* bytes, usually UTF-8, no terminator counted */
    KV_STRINGS = 6, /* any number of byte strings, each with a terminator behind it */
    KV_U32S = 7,    /* array of u32 */
    KV_F32S = 8,    /* array of f32 */
} kv_type;

/* Names inside files (keys, tensors, taps) are printable ASCII without spaces, so that they can be shown as they are. */
bool kv_plain_name(const char *name, size_t n_bytes);
/* A name in a field of fixed size: equal, and zeros behind it. */
bool kv_field_is(const char *field, size_t size, const char *name);

/* ---- reading: a checked view of a block inside a mapped file; nothing is copied ---- */

typedef struct kv_entry {
    const char *key; /* terminated by NUL in the file */
    kv_type type;
    uint64_t count;      /* bytes of a string, elements of an array, 1 for a scalar */
    const void *payload; /* 8-aligned */
} kv_entry;

typedef struct kv_block {
    const unsigned char *bytes;
    size_t size, n_entries;
} kv_block;

/* Checks all of a block: types, lengths, alignment, keys unique. what names it in errors ("FILE: metadata").
   bytes must be 8-aligned. */
int kv_open(kv_block *block, const void *bytes, size_t size, const char *what, lnt_error *err);
/* Walks the entries: *at starts at 0; false after the last. */
bool kv_next(const kv_block *block, size_t *at, kv_entry *entry);

/* Look-ups: a key that is missing leaves *out as it was and gives false; one of another type gives false too. */
bool kv_find(const kv_block *block, const char *key, kv_type type, kv_entry *entry);
bool kv_get_u64(const kv_block *block, const char *key, uint64_t *out);
bool kv_get_i64(const kv_block *block, const char *key, int64_t *out);
bool kv_get_f64(const kv_block *block, const char *key, double *out);
bool kv_get_bool(const kv_block *block, const char *key, bool *out);
/* The string's terminator is in the file, so that the pointer can be used as a C string if it holds no NUL. */
bool kv_get_string(const kv_block *block, const char *key, const char **out, size_t *n_bytes);

/* String i of a KV_STRINGS entry, i < count; n_bytes leaves out its terminator. */
const char *kv_string_at(const kv_entry *entry, uint64_t i, size_t *n_bytes);
static inline const uint32_t *kv_u32s(const kv_entry *entry) { return entry->payload; }
static inline const float *kv_f32s(const kv_entry *entry) { return entry->payload; }

/* ---- writing ---- */

/* A growing buffer; after a failed allocation `failed` is set and every call does nothing, so that it is checked once. */
typedef struct buffer {
    unsigned char *bytes;
    size_t size, capacity;
    bool failed;
} buffer;
void buffer_free(buffer *b);
void buffer_append(buffer *b, const void *bytes, size_t n);
void buffer_align(buffer *b, size_t alignment); /* with zeros */
void buffer_u32(buffer *b, uint32_t v);
void buffer_u64(buffer *b, uint64_t v);

/* Keys must be unique and under 256 bytes; the reader checks. */
void kv_put_u64(buffer *b, const char *key, uint64_t v);
void kv_put_i64(buffer *b, const char *key, int64_t v);
void kv_put_f64(buffer *b, const char *key, double v);
void kv_put_bool(buffer *b, const char *key, bool v);
void kv_put_string(buffer *b, const char *key, const char *v, size_t n_bytes);
void kv_put_strings(buffer *b, const char *key, const char *const *v, const size_t *n_bytes, size_t count);
void kv_put_u32s(buffer *b, const char *key, const uint32_t *v, size_t count);
void kv_put_f32s(buffer *b, const char *key, const float *v, size_t count);
#endif
