/* PBM, PGM and PPM, plain (P1 to P3) and raw (P4 to P6). */
#include "formats/image.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIGITS = 10, MOST_VALUE = 65535 };

typedef struct pnm {
    const image_source *source;
    size_t at;
    int kind; /* 1 to 6 */
    uint32_t width, height, maxval, channels;
    uint8_t *scaled; /* [maxval + 1] what each value becomes of 255 */
} pnm;

static bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The next byte that is no part of a comment; -1 at the end. A comment goes to the end of its line and stands for nothing. */
static int next_byte(pnm *p) {
    while (p->at < p->source->n_bytes) {
        int c = p->source->bytes[p->at++];
        if (c != '#') return c;
        while (p->at < p->source->n_bytes && (c = p->source->bytes[p->at++]) != '\n' && c != '\r') continue;
    }
    return -1;
}

/* A number and the one white space behind it. */
static int next_number(pnm *p, const char *what, uint64_t *value, lnt_error *err) {
    int c, digits = 0;
    do c = next_byte(p);
    while (c >= 0 && is_space(c));
    for (*value = 0; c >= '0' && c <= '9' && digits < MOST_DIGITS; c = next_byte(p), digits++)
        *value = *value * 10 + (uint64_t)(c - '0');
    if (digits && (c < 0 || is_space(c))) return 0;
    if (c < 0) return err_set(err, "%s: is a PPM that is cut off, expected %s", p->source->name, what);
    return err_set(err, "%s: is a corrupt PPM: %s is no number of at most %d digits", p->source->name, what, MOST_DIGITS);
}

static int read_header(pnm *p, lnt_error *err) {
    uint64_t width, height, maxval = 1;
    const image_source *s = p->source;
    p->kind = s->bytes[1] - '0';
    p->channels = p->kind % 3 == 0 ? 3 : 1;
    p->at = 2;
    if (s->n_bytes > 2 && !is_space(s->bytes[2]) && s->bytes[2] != '#')
        return err_set(err, "%s: is no JPEG, PNG or PPM picture, expected one of them", s->name);
    if (next_number(p, "its width", &width, err) || next_number(p, "its height", &height, err)) return -1;
    if (p->kind % 3 != 1 && next_number(p, "its largest value", &maxval, err)) return -1;
    if (image_check_size(s, width, height, err)) return -1;
    if (maxval < 1 || maxval > MOST_VALUE)
        return err_set(err, "%s: is a PPM with largest value %llu, expected 1 to %d", s->name, (unsigned long long)maxval,
                       MOST_VALUE);
    p->width = (uint32_t)width, p->height = (uint32_t)height, p->maxval = (uint32_t)maxval;
    return 0;
}

/* The fewest bytes that the pixels can take: a plain number takes a digit and, but the last, a space. */
static uint64_t least_bytes(const pnm *p) {
    uint64_t samples = (uint64_t)p->width * p->height * p->channels;
    switch (p->kind) {
    case 1: return samples;
    case 4: return (uint64_t)(p->width + 7) / 8 * p->height;
    case 5:
    case 6: return samples * (p->maxval > 255 ? 2 : 1);
    default: return 2 * samples - 1;
    }
}

/* As Pillow: value / maxval * 255 rounded, halves to even. */
static int make_scale(pnm *p, lnt_error *err) {
    if (!(p->scaled = malloc(p->maxval + 1))) return err_memory(err, p->maxval + 1, "a picture's values");
    for (uint32_t v = 0; v <= p->maxval; v++) p->scaled[v] = (uint8_t)rint((double)v / p->maxval * 255);
    return 0;
}

static int read_plain(pnm *p, uint8_t *out, size_t n, lnt_error *err) {
    for (size_t i = 0; i < n; i++) {
        uint64_t value;
        if (next_number(p, "a pixel", &value, err)) return -1;
        if (value > p->maxval)
            return err_set(err, "%s: is a corrupt PPM: a pixel has %llu, expected at most %u", p->source->name,
                           (unsigned long long)value, p->maxval);
        out[i] = p->scaled[value];
    }
    return 0;
}

/* Digits 0 and 1, with or without space between them; 1 is black. */
static int read_plain_bits(pnm *p, uint8_t *out, size_t n, lnt_error *err) {
    for (size_t i = 0; i < n; i++) {
        int c;
        do c = next_byte(p);
        while (c >= 0 && is_space(c));
        if (c < 0) return err_set(err, "%s: is a PBM that is cut off, expected a pixel", p->source->name);
        if (c != '0' && c != '1') return err_set(err, "%s: is a corrupt PBM: a pixel is not 0 or 1", p->source->name);
        out[i] = c == '0' ? 255 : 0;
    }
    return 0;
}

/* The bytes are there: least_bytes is what they take. */
static void read_raw(const pnm *p, uint8_t *out, size_t n) {
    const unsigned char *in = p->source->bytes + p->at;
    size_t row = (p->width + 7) / 8;
    if (p->kind == 4)
        for (size_t i = 0; i < n; i++) {
            size_t x = i % p->width;
            out[i] = in[i / p->width * row + x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
        }
    else
        for (size_t i = 0; i < n; i++) {
            uint32_t v = p->maxval > 255 ? (uint32_t)in[2 * i] << 8 | in[2 * i + 1] : in[i];
            out[i] = p->scaled[v > p->maxval ? p->maxval : v];
        }
}

static int read_pixels(pnm *p, lnt_image *image, lnt_error *err) {
    size_t n = (size_t)p->width * p->height;
    if (p->source->n_bytes - p->at < least_bytes(p))
        return err_set(err, "%s: is a PPM that is cut off: %zu bytes cannot hold %ux%u pixels", p->source->name,
                       p->source->n_bytes, p->width, p->height);
    if (make_scale(p, err) || image_allocate(image, p->width, p->height, err)) return -1;
    if (p->kind >= 4) read_raw(p, image->pixels, n * p->channels);
    else if (p->kind == 1 && read_plain_bits(p, image->pixels, n, err)) return -1;
    else if (p->kind != 1 && read_plain(p, image->pixels, n * p->channels, err)) return -1;
    if (p->channels == 1)
        for (size_t i = n; i-- > 0;) memset(image->pixels + 3 * i, image->pixels[i], 3);
    return 0;
}

int image_pnm(const image_source *source, lnt_image *image, lnt_error *err) {
    pnm p = {.source = source};
    int rc = read_header(&p, err) || read_pixels(&p, image, err) ? -1 : 0;
    free(p.scaled);
    if (rc) lnt_image_free(image);
    return rc;
}
