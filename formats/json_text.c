/* A JSON text into jansson's values. jansson's own parser drops characters, or aborts, when memory is out, and tells a wrong text that
   way from want of memory in no way that can be relied on. */
#include "formats/json.h"
#include "formats/kv.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 2048,
    MAX_CONTAINERS = 1 << 20 /* an empty object takes 224 bytes of memory for two of text; large tokenizers have 300,000 */
};

typedef struct reader {
    const unsigned char *at, *end, *line;
    unsigned flags;
    json_fault *fault;
    buffer key, text;          /* of strings with escapes; of numbers */
    json_t *root;
    json_t *open[MAX_DEPTH];   /* containers inside each other, held by the one before */
    size_t depth, n_containers;
    bool empty;                /* nothing has been put in the last one yet */
} reader;

__attribute__((format(printf, 2, 3))) static int wrong(reader *r, const char *format, ...) {
    va_list list;
    va_start(list, format);
    r->fault->column = (int)(r->at - r->line) + 1;
    vsnprintf(r->fault->text, sizeof r->fault->text, format, list);
    va_end(list);
    return -1;
}
static int no_memory(reader *r) {
    r->fault->memory = true;
    return wrong(r, "out of memory");
}

static int peek(const reader *r) { return r->at < r->end ? *r->at : -1; }

static int next(reader *r) {
    for (; r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'); r->at++)
        if (*r->at == '\n') r->fault->line++, r->line = r->at + 1;
    return peek(r);
}

/* ---- strings ---- */

/* Bytes of the character of UTF-8 that p begins with; 0: none does. */
static size_t character(const unsigned char *p, const unsigned char *end) {
    size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
    if (n > (size_t)(end - p)) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    bool overlong = (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xf0 && p[1] < 0x90), surrogate = *p == 0xed && p[1] > 0x9f, beyond = *p == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : n;
}

/* Four digits behind \u; -1: they are none. */
static int32_t hexadecimal(reader *r) {
    int32_t value = 0;
    if (r->end - r->at < 4) return -1;
    for (int i = 0; i < 4; i++, r->at++) {
        int c = *r->at, digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

static void put_character(buffer *out, uint32_t c) {
    unsigned char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6) bytes[i] = (unsigned char)(0x80 | (c & 0x3f));
    bytes[0] = (unsigned char)(n == 1 ? c : (0xf00u >> n & 0xffu) | c);
    buffer_append(out, bytes, n);
}

static int read_unicode(reader *r, buffer *out) {
    int32_t c = hexadecimal(r), low = 0;
    if (c < 0) return wrong(r, "invalid escape");
    bool high = c >= 0xd800 && c < 0xdc00;
    if (high && r->end - r->at >= 2 && r->at[0] == '\\' && r->at[1] == 'u') {
        r->at += 2;
        low = hexadecimal(r);
    }
    if ((high && (low < 0xdc00 || low > 0xdfff)) || (c >= 0xdc00 && c <= 0xdfff)) return wrong(r, "invalid Unicode escape");
    if (!c && (out == &r->key || !(r->flags & JSON_ALLOW_NUL))) return wrong(r, "\\u0000 is not allowed");
    put_character(out, high ? 0x10000u + (((uint32_t)c & 0x3ff) << 10 | ((uint32_t)low & 0x3ff)) : (uint32_t)c);
    return 0;
}

static int read_escape(reader *r, buffer *out) {
    static const char LETTERS[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    const char *letter = r->at < r->end && *r->at ? strchr(LETTERS, *r->at) : NULL;
    if (r->at < r->end && *r->at == 'u') return r->at++, read_unicode(r, out);
    if (!letter) return wrong(r, "invalid escape");
    r->at++;
    buffer_append(out, MEANT + (letter - LETTERS), 1);
    return 0;
}

/* Behind the first quote: *s and *n in the text itself if it has no escapes, else in out. */
static int read_string(reader *r, buffer *out, const char **s, size_t *n) {
    const unsigned char *begin = r->at;
    bool copied = false;
    for (out->size = 0;;) {
        int c = peek(r);
        if (c < 0x20) return c < 0 ? wrong(r, "premature end of input") : wrong(r, "control character 0x%x in a string", (unsigned)c);
        if (c == '"') break;
        size_t length = c == '\\' ? 1 : character(r->at, r->end);
        if (!length) return wrong(r, "unable to decode byte 0x%02x", (unsigned)c);
        r->at += length;
        if (c != '\\') continue;
        copied = true;
        buffer_append(out, begin, (size_t)(r->at - 1 - begin));
        if (read_escape(r, out)) return -1;
        begin = r->at;
    }
    if (copied) buffer_append(out, begin, (size_t)(r->at - begin));
    *s = copied ? (const char *)out->bytes : (const char *)begin;
    *n = copied ? out->size : (size_t)(r->at - begin);
    r->at++;
    return out->failed ? no_memory(r) : 0;
}

/* ---- numbers ---- */

static bool skip_digits(reader *r) {
    const unsigned char *begin = r->at;
    while (peek(r) >= '0' && peek(r) <= '9') r->at++;
    return r->at > begin;
}

static int overflow(reader *r, const char *text) {
    r->fault->overflow = true;
    return wrong(r, "%s", text);
}

/* strtod reads the point of the program's locale. */
static int read_real(reader *r, const unsigned char *begin, json_t **value) {
    const char *point = localeconv()->decimal_point;
    const unsigned char *dot = memchr(begin, '.', (size_t)(r->at - begin)), *rest = dot ? dot + 1 : begin;
    r->text.size = 0;
    if (dot) {
        buffer_append(&r->text, begin, (size_t)(dot - begin));
        buffer_append(&r->text, point, strlen(point));
    }
    buffer_append(&r->text, rest, (size_t)(r->at - rest));
    buffer_append(&r->text, "", 1);
    if (r->text.failed) return no_memory(r);
    double d = strtod((const char *)r->text.bytes, NULL);
    if (!isfinite(d)) return overflow(r, "real number overflow");
    return (*value = json_real(d)) ? 0 : no_memory(r);
}

static int read_number(reader *r, json_t **value) {
    const unsigned char *begin = r->at;
    bool negative = peek(r) == '-', real = r->flags & JSON_DECODE_INT_AS_REAL;
    r->at += negative;
    const unsigned char *digits = r->at;
    if (!skip_digits(r) || (*digits == '0' && r->at > digits + 1)) return wrong(r, "invalid token");
    const unsigned char *end = r->at;
    if (peek(r) == '.' && (real = true, r->at++, !skip_digits(r))) return wrong(r, "invalid token");
    if (peek(r) == 'e' || peek(r) == 'E') {
        real = true;
        r->at++;
        if (peek(r) == '+' || peek(r) == '-') r->at++;
        if (!skip_digits(r)) return wrong(r, "invalid token");
    }
    if (real) return read_real(r, begin, value);
    long long whole = 0;
    for (; digits < end; digits++)
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_sub_overflow(whole, *digits - '0', &whole)) return overflow(r, "too big integer");
    if (!negative && __builtin_sub_overflow(0LL, whole, &whole)) return overflow(r, "too big integer");
    return (*value = json_integer(whole)) ? 0 : no_memory(r);
}

/* ---- values ---- */

static int read_word(reader *r, const char *word, json_t *value, json_t **out) {
    size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n)) return wrong(r, "invalid token");
    r->at += n;
    *out = value;
    return 0;
}

static int read_value(reader *r, json_t **value) {
    const char *s = NULL;
    size_t n = 0;
    int c = next(r);
    switch (c) {
    case '{':
    case '[':
        if (r->n_containers++ == MAX_CONTAINERS) return wrong(r, "more than 1048576 objects and lists");
        r->at++;
        return (*value = c == '{' ? json_object() : json_array()) ? 0 : no_memory(r);
    case '"':
        r->at++;
        if (read_string(r, &r->text, &s, &n)) return -1;
        return (*value = json_stringn_nocheck(s, n)) ? 0 : no_memory(r);
    case 't': return read_word(r, "true", json_true(), value);
    case 'f': return read_word(r, "false", json_false(), value);
    case 'n': return read_word(r, "null", json_null(), value);
    case '}': case ']': case ',': case ':': return wrong(r, "unexpected token");
    case -1: return wrong(r, "premature end of input");
    default: return c == '-' || (c >= '0' && c <= '9') ? read_number(r, value) : wrong(r, "invalid token");
    }
}

/* A value, and the key before it if it goes into an object; a container is open from now on. */
static int read_member(reader *r) {
    json_t *in = r->depth ? r->open[r->depth - 1] : NULL, *value = NULL;
    const char *key = NULL;
    size_t n = 0;
    if (json_is_object(in)) {
        if (next(r) != '"') return wrong(r, "string or '}' expected");
        r->at++;
        if (read_string(r, &r->key, &key, &n)) return -1;
        if (r->flags & JSON_REJECT_DUPLICATES && json_object_getn(in, key, n)) return wrong(r, "duplicate object key \"%.*s\"", n < 40 ? (int)n : 40, key);
        if (next(r) != ':') return wrong(r, "':' expected");
        r->at++;
    }
    if (read_value(r, &value)) return -1;
    bool container = json_is_object(value) || json_is_array(value);
    if (!in) r->root = value;
    else if (json_is_object(in) ? json_object_setn_new_nocheck(in, key, n, value) : json_array_append_new(in, value)) return no_memory(r);
    if (container && r->depth == MAX_DEPTH) return wrong(r, "maximum parsing depth reached");
    if (container) r->open[r->depth++] = value;
    r->empty = container;
    return 0;
}

/* Closes what ends here. */
static int read_ends(reader *r) {
    while (r->depth) {
        bool object = json_is_object(r->open[r->depth - 1]);
        int c = next(r);
        if (c == (object ? '}' : ']')) r->depth--;
        else if (r->empty) return 0;
        else if (c != ',') return wrong(r, "'%c' expected", object ? '}' : ']');
        r->empty = false;
        r->at++;
        if (c == ',') return 0;
    }
    return 0;
}

json_t *json_read(const void *bytes, size_t n, unsigned flags, json_fault *fault) {
    json_fault unwanted;
    reader r = {.at = bytes, .end = (const unsigned char *)bytes + n, .line = bytes, .flags = flags, .fault = fault ? fault : &unwanted};
    *r.fault = (json_fault){.line = 1};
    int first = next(&r), rc = first == '{' || first == '[' ? 0 : wrong(&r, "'[' or '{' expected");
    do
        if (!rc) rc = read_member(&r) || read_ends(&r) ? -1 : 0;
    while (!rc && r.depth);
    if (!rc && next(&r) >= 0) rc = wrong(&r, "end of file expected");
    buffer_free(&r.key);
    buffer_free(&r.text);
    if (!rc) return r.root;
    json_decref(r.root);
    return NULL;
}
