#include "convert/vocabulary.h"
#include "engine/added.h"
#include "engine/unicode.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_TOKENS = 1 << 24, MOST_HOLES = 1 << 16, MAX_ROUND_PAIRS = 1 << 14 };

/* The byte that a character of GPT-2's alphabet stands for, -1: none. Printable Latin-1 characters stand for themselves,
   the 68 other bytes are numbered from U+0100 on. */
static int byte_of(uint32_t c) {
    if (c < 0x100) return (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || c >= 174 ? (int)c : -1;
    if (c <= 0x120) return (int)(c - 0x100);
    if (c <= 0x142) return (int)(c - 0x121 + 127);
    return c == 0x143 ? 173 : -1;
}

/* Text in the alphabet into bytes; false: another character is in it. jansson lets only valid UTF-8 through. */
static bool decode(const char *text, size_t n, char *out, size_t *n_out) {
    const unsigned char *p = (const unsigned char *)text, *end = p + n;
    for (*n_out = 0; p < end;) {
        uint32_t c = *p++;
        if (c >= 0xc0 && c < 0xe0 && p < end) c = (c & 0x1f) << 6 | (*p++ & 0x3f);
        else if (c >= 0x80) return false;
        int b = byte_of(c);
        if (b < 0) return false;
        out[(*n_out)++] = (char)b;
    }
    return true;
}

/* Ids have few holes between them, so that a handful of tokens cannot take the memory of millions. */
static int make_room(vocabulary *v, int64_t id, const char *path, lnt_error *err) {
    int64_t most = 4 * (int64_t)(json_object_size(v->ids) + json_object_size(v->added)) + MOST_HOLES;
    if (most > MAX_TOKENS) most = MAX_TOKENS;
    if (id < 0 || id >= most) return err_set(err, "%s: token id %lld, expected 0 to %lld", path, (long long)id, (long long)most - 1);
    if ((size_t)id < v->capacity) return 0;
    size_t capacity = (size_t)id + 1 > 2 * v->capacity ? (size_t)id + 1 : 2 * v->capacity;
    vocabulary_token *tokens = realloc(v->tokens, capacity * sizeof *tokens);
    if (!tokens) return err_memory(err, capacity * sizeof *tokens, "a vocabulary");
    memset(tokens + v->capacity, 0, (capacity - v->capacity) * sizeof *tokens);
    v->tokens = tokens;
    v->capacity = capacity;
    return 0;
}

/* In the place of what is there. */
static int put(vocabulary *v, const char *bytes, size_t n, int64_t id, int added, bool plain, const char *path, lnt_error *err) {
    if (!n) return err_set(err, "%s: token %lld is empty", path, (long long)id);
    char *copy = malloc(n);
    if (!copy) return err_memory(err, n, "a vocabulary");
    free(v->tokens[id].bytes);
    v->tokens[id] = (vocabulary_token){memcpy(copy, bytes, n), n, added, plain};
    if (v->n_tokens <= (size_t)id) v->n_tokens = (size_t)id + 1;
    return 0;
}

int vocabulary_read(vocabulary *v, json_t *vocab, bool alphabet, const char *path, lnt_error *err) {
    const char *key;
    json_t *value;
    if (!json_object_size(vocab)) return err_set(err, "%s: has no vocabulary, expected an object of tokens and ids", path);
    v->ids = json_incref(vocab);
    json_object_foreach(vocab, key, value) {
        int64_t id = json_integer_value(value);
        size_t n = strlen(key), m;
        if (!json_is_integer(value)) return err_set(err, "%s: token '%s' has no id", path, key);
        if (make_room(v, id, path, err)) return -1;
        if (v->tokens[id].bytes) return err_set(err, "%s: two tokens have the id %lld", path, (long long)id);
        char *bytes = malloc(n + 1);
        if (!bytes) return err_memory(err, n, "a vocabulary");
        bool decoded = alphabet && decode(key, n, bytes, &m);
        int rc = put(v, decoded ? bytes : key, decoded ? m : n, id, -1, decoded || !alphabet, path, err);
        free(bytes);
        if (rc) return -1;
    }
    return 0;
}

int vocabulary_add(vocabulary *v, const char *content, size_t n, int64_t id, int flags, const char *path, lnt_error *err) {
    int64_t known = vocabulary_find(v, content, n);
    if (known >= 0 && known != id)
        return err_set(err, "%s: added token '%s' has the id %lld, expected %lld as in the vocabulary", path, content, (long long)id, (long long)known);
    if (n > TOKEN_MAX_ADDED) return err_set(err, "%s: added token %lld has %zu bytes, expected at most %d", path, (long long)id, n, TOKEN_MAX_ADDED);
    if (make_room(v, id, path, err)) return -1;
    if (!v->added) v->added = json_object();
    if (json_object_set_new(v->added, content, json_integer(id))) return err_memory(err, n, "a vocabulary");
    vocabulary_token *t = &v->tokens[id];
    bool same = t->bytes && t->n == n && !memcmp(t->bytes, content, n);
    if (t->bytes && !same && (known < 0 || t->added >= 0)) return err_set(err, "%s: two tokens have the id %lld", path, (long long)id);
    if (known < 0) flags |= TOKEN_OUTSIDE;
    if (!same) return put(v, content, n, id, flags, false, path, err);
    t->added = t->added < 0 ? flags : t->added | (flags & TOKEN_SPECIAL);
    return 0;
}

int64_t vocabulary_find_added(const vocabulary *v, const char *content) {
    const json_t *id = json_object_get(v->added, content);
    return id ? json_integer_value(id) : -1;
}

/* Some text holds both so that they share bytes. */
static bool can_overlap(const vocabulary_token *a, const vocabulary_token *b) {
    for (size_t shift = 0; shift < a->n; shift++)
        if (!memcmp(a->bytes + shift, b->bytes, a->n - shift < b->n ? a->n - shift : b->n)) return true;
    for (size_t shift = 1; shift < b->n; shift++)
        if (!memcmp(b->bytes + shift, a->bytes, b->n - shift < a->n ? b->n - shift : a->n)) return true;
    return false;
}

/* Its first or last character is of a kind (engine/unicode.h). */
static bool has_end(const vocabulary_token *t, unsigned kind) {
    unsigned first = 0, last = 0;
    for (size_t at = 0, length; at < t->n; at += length) {
        last = unicode_kind(unicode_next((const unsigned char *)t->bytes + at, t->n - at, &length), NULL);
        if (!at) first = last;
    }
    return (first | last) & kind;
}

/* Two rounds can find other tokens than one: where both could be, or where what the first found bounds a word for the second. */
static bool rounds_matter(const vocabulary_token *first, const vocabulary_token *second) {
    return can_overlap(first, second) || (second->added & TOKEN_SINGLE_WORD && has_end(first, UNICODE_WORD));
}

/* Ids of the added tokens that are looked for in the second round, or of those in the first, to out [n_tokens]; how many. */
static size_t list_round(const vocabulary *v, bool second, size_t *out) {
    size_t n = 0;
    for (size_t i = 0; i < v->n_tokens; i++) {
        const vocabulary_token *t = &v->tokens[i];
        if (t->bytes && t->added >= 0 && !(t->added & TOKEN_NORMALIZED) == !second) out[n++] = i;
    }
    return n;
}

static int check_rounds(const vocabulary *v, const char *path, lnt_error *err) {
    size_t *first = malloc((2 * v->n_tokens + 1) * sizeof *first), *second = first ? first + v->n_tokens : NULL;
    if (!first) return err_memory(err, 2 * v->n_tokens * sizeof *first, "added tokens");
    size_t n_first = list_round(v, false, first), n_second = list_round(v, true, second), i = 0, k = 0;
    bool many = n_second && n_first > MAX_ROUND_PAIRS / n_second, bad = false;
    for (; !many && !bad && i < n_first; i += !bad)
        for (k = 0; !bad && k < n_second; k += !bad) bad = rounds_matter(&v->tokens[first[i]], &v->tokens[second[k]]);
    int rc = bad    ? err_set(err, "%s: added tokens %zu and %zu get in each other's way and differ in 'normalized', which is not supported", path, first[i], second[k])
             : many ? err_set(err, "%s: too many added tokens differ in 'normalized'", path)
                    : 0;
    free(first);
    return rc;
}

int vocabulary_check_added(const vocabulary *v, bool one_round, const char *path, lnt_error *err) {
    size_t strips = SIZE_MAX, white = SIZE_MAX;
    for (size_t i = 0; i < v->n_tokens; i++) {
        if (!v->tokens[i].bytes || v->tokens[i].added < 0) continue;
        if (v->tokens[i].added & (TOKEN_LSTRIP | TOKEN_RSTRIP)) strips = i;
        if (has_end(&v->tokens[i], UNICODE_WHITE)) white = i;
    }
    if (strips != SIZE_MAX && white != SIZE_MAX)
        return err_set(err, "%s: added token %zu has 'lstrip' or 'rstrip' and added token %zu begins or ends with white space, "
                            "which is not supported", path, strips, white);
    return one_round ? check_rounds(v, path, err) : 0;
}

int64_t vocabulary_find(const vocabulary *v, const char *text, size_t n) {
    char small[256], *key = n < sizeof small ? small : malloc(n + 1);
    if (!key) return -1;
    memcpy(key, text, n);
    key[n] = 0;
    const json_t *id = json_object_get(v->ids, key);
    if (key != small) free(key);
    return id && json_is_integer(id) ? json_integer_value(id) : -1;
}

int vocabulary_merge(vocabulary *v, const char *left, size_t n_left, const char *right, size_t n_right, const char *path, lnt_error *err) {
    char *both = malloc(n_left + n_right + 1);
    if (!both) return err_memory(err, n_left + n_right, "a merge");
    memcpy(both, left, n_left);
    memcpy(both + n_left, right, n_right);
    int64_t ids[3] = {vocabulary_find(v, left, n_left), vocabulary_find(v, right, n_right), vocabulary_find(v, both, n_left + n_right)};
    free(both);
    if (ids[0] < 0 || ids[1] < 0 || ids[2] < 0)
        return err_set(err, "%s: merge of '%.*s' and '%.*s': one of them or what they make is not in the vocabulary", path, (int)n_left, left, (int)n_right, right);
    for (int i = 0; i < 3; i++) buffer_u32(&v->merges, (uint32_t)ids[i]);
    return 0;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The last of two would count for Hugging Face, the first in a .lnt. */
static int refuse_same_merges(const vocabulary *v, const char *path, lnt_error *err) {
    size_t n = v->merges.size / 12, same = 0;
    uint64_t *pairs = malloc((n + 1) * sizeof *pairs);
    if (!pairs) return err_memory(err, n * sizeof *pairs, "merges");
    for (size_t i = 0; i < n; i++) memcpy(&pairs[i], v->merges.bytes + 12 * i, sizeof *pairs);
    qsort(pairs, n, sizeof *pairs, by_value);
    for (size_t i = 1; i < n && !same; i++)
        if (pairs[i] == pairs[i - 1]) same = i;
    int rc = same ? err_set(err, "%s: tokens %u and %u are merged twice", path, (uint32_t)pairs[same], (uint32_t)(pairs[same] >> 32)) : 0;
    free(pairs);
    return rc;
}

static void put_added(const vocabulary *v, buffer *out, uint32_t *ids, uint32_t *flags) {
    size_t n = 0;
    for (size_t i = 0; i < v->n_tokens; i++)
        if (v->tokens[i].bytes && v->tokens[i].added >= 0) ids[n] = (uint32_t)i, flags[n++] = (uint32_t)v->tokens[i].added;
    kv_put_u32s(out, "added_ids", ids, n);
    kv_put_u32s(out, "added_flags", flags, n);
}

int vocabulary_write(const vocabulary *v, buffer *out, const char *path, lnt_error *err) {
    uint32_t *ends = malloc((2 * v->n_tokens + 1) * sizeof *ends);
    buffer bytes = {0};
    if (!ends) return err_memory(err, 2 * v->n_tokens * sizeof *ends, "a vocabulary");
    for (size_t i = 0; i < v->n_tokens; i++) {
        buffer_append(&bytes, v->tokens[i].bytes, v->tokens[i].n);
        ends[i] = (uint32_t)bytes.size;
    }
    int rc = bytes.failed             ? err_memory(err, bytes.size, "a vocabulary")
             : bytes.size > UINT32_MAX ? err_set(err, "%s: the tokens have %zu bytes, expected less than 4 GiB", path, bytes.size)
                                       : 0;
    if (!rc) {
        kv_put_string(out, "token_bytes", (const char *)bytes.bytes, bytes.size);
        kv_put_u32s(out, "token_ends", ends, v->n_tokens);
        put_added(v, out, ends, ends + v->n_tokens);
    }
    buffer_free(&bytes);
    free(ends);
    return rc;
}

int vocabulary_write_merges(const vocabulary *v, buffer *out, const char *path, lnt_error *err) {
    uint32_t byte_ids[256];
    memset(byte_ids, 0xff, sizeof byte_ids);
    for (size_t i = 0; i < v->n_tokens; i++) {
        const vocabulary_token *t = &v->tokens[i];
        if (t->n == 1 && t->plain && byte_ids[(unsigned char)*t->bytes] == UINT32_MAX) byte_ids[(unsigned char)*t->bytes] = (uint32_t)i;
    }
    for (int i = 0; i < 256; i++)
        if (byte_ids[i] == UINT32_MAX) return err_set(err, "%s: no token stands for the byte %d, expected one for each of 256", path, i);
    if (v->merges.failed) return err_memory(err, v->merges.size, "merges");
    if (refuse_same_merges(v, path, err)) return -1;
    kv_put_u32s(out, "byte_ids", byte_ids, 256);
    kv_put_u32s(out, "merges", (const uint32_t *)(const void *)v->merges.bytes, v->merges.size / sizeof(uint32_t));
    return 0;
}

void vocabulary_free(vocabulary *v) {
    for (size_t i = 0; i < v->capacity; i++) free(v->tokens[i].bytes);
    free(v->tokens);
    json_decref(v->ids);
    json_decref(v->added);
    buffer_free(&v->merges);
    *v = (vocabulary){0};
}
