#include "formats/image.h"
#include "formats/file.h"
#include <stdlib.h>
#include <string.h>

int image_check_size(const image_source *source, uint64_t width, uint64_t height, lnt_error *err) {
    if (!width || !height)
        return err_set(err, "%s: is %llux%llu pixels, expected at least one", source->name, (unsigned long long)width,
                       (unsigned long long)height);
    if (width > LNT_IMAGE_MAX_SIDE || height > LNT_IMAGE_MAX_SIDE || width * height > LNT_IMAGE_MAX_PIXELS)
        return err_set(err, "%s: is %llux%llu pixels, expected at most %u on a side and %u in all", source->name,
                       (unsigned long long)width, (unsigned long long)height, LNT_IMAGE_MAX_SIDE, LNT_IMAGE_MAX_PIXELS);
    return 0;
}

int image_allocate(lnt_image *image, uint32_t width, uint32_t height, lnt_error *err) {
    size_t bytes = (size_t)width * height * 3;
    uint8_t *pixels = malloc(bytes);
    if (!pixels) return err_memory(err, bytes, "a picture");
    *image = (lnt_image){width, height, pixels};
    return 0;
}

void lnt_image_free(lnt_image *image) {
    if (!image) return;
    free(image->pixels);
    *image = (lnt_image){0};
}

/* ---- upright ---- */

/* Pixel (x, y) is at from + x * step_x + y * step_y. In squares, so that rows and columns both stay in the cache. */
static void copy_turned(lnt_image *out, const uint8_t *from, ptrdiff_t step_x, ptrdiff_t step_y) {
    enum { SQUARE = 32 };
    size_t w = out->width, h = out->height;
    for (size_t top = 0; top < h; top += SQUARE)
        for (size_t left = 0; left < w; left += SQUARE)
            for (size_t y = top; y < h && y < top + SQUARE; y++) {
                const uint8_t *p = from + (ptrdiff_t)left * step_x + (ptrdiff_t)y * step_y;
                uint8_t *to = out->pixels + 3 * (y * w + left);
                for (size_t x = 0; x < SQUARE && x < w - left; x++) memcpy(to + 3 * x, p + (ptrdiff_t)x * step_x, 3);
            }
}

int image_orient(lnt_image *image, int orientation, lnt_error *err) {
    /* What the result's first column and row are in the picture as it was stored: mirrored, upside down, sides swapped. */
    static const struct turn {
        bool mirror, flip, swap;
    } TURNS[9] = {[2] = {1, 0, 0}, [3] = {1, 1, 0}, [4] = {0, 1, 0}, [5] = {0, 0, 1},
                  [6] = {0, 1, 1}, [7] = {1, 1, 1}, [8] = {1, 0, 1}};
    if (orientation < 2 || orientation > 8) return 0;
    struct turn t = TURNS[orientation];
    ptrdiff_t w = (ptrdiff_t)image->width, h = (ptrdiff_t)image->height;
    ptrdiff_t right = t.mirror ? -3 : 3, down = t.flip ? -3 * w : 3 * w;
    lnt_image turned;
    if (image_allocate(&turned, t.swap ? image->height : image->width, t.swap ? image->width : image->height, err)) return -1;
    const uint8_t *from = image->pixels + (t.mirror ? 3 * (w - 1) : 0) + (t.flip ? 3 * w * (h - 1) : 0);
    copy_turned(&turned, from, t.swap ? down : right, t.swap ? right : down);
    lnt_image_free(image);
    *image = turned;
    return 0;
}

/* ---- telling apart ---- */

typedef int decoder(const image_source *source, lnt_image *image, lnt_error *err);

/* What a file begins with, at an offset; and its decoder, or what it is called. */
static const struct kind {
    const char *magic;
    size_t n_bytes, offset;
    decoder *decode;
    const char *name;
} KINDS[] = {
    {"\xff\xd8\xff", 3, 0, image_jpeg, NULL},
    {"\x89PNG\r\n\x1a\n", 8, 0, image_png, NULL},
    {"P1", 2, 0, image_pnm, NULL},
    {"P2", 2, 0, image_pnm, NULL},
    {"P3", 2, 0, image_pnm, NULL},
    {"P4", 2, 0, image_pnm, NULL},
    {"P5", 2, 0, image_pnm, NULL},
    {"P6", 2, 0, image_pnm, NULL},
    {"GIF8", 4, 0, NULL, "a GIF"},
    {"WEBP", 4, 8, NULL, "a WebP picture"},
    {"BM", 2, 0, NULL, "a BMP"},
    {"II*\0", 4, 0, NULL, "a TIFF"},
    {"MM\0*", 4, 0, NULL, "a TIFF"},
    {"ftyphei", 7, 4, NULL, "a HEIC picture"},
    {"ftypmif1", 8, 4, NULL, "a HEIC picture"},
    {"ftypavi", 7, 4, NULL, "an AVIF picture"},
    {"\0\0\0\x0cjP  ", 8, 0, NULL, "a JPEG 2000 picture"},
    {"\0\0\0\x0cJXL ", 8, 0, NULL, "a JPEG XL picture"},
    {"\xff\x0a", 2, 0, NULL, "a JPEG XL picture"},
    {"\x93NUMPY", 6, 0, NULL, "a NumPy array"},
    {"P7\n", 3, 0, NULL, "a PAM picture"},
    {"PF\n", 3, 0, NULL, "a PFM picture"},
    {"Pf\n", 3, 0, NULL, "a PFM picture"},
    {"%PDF", 4, 0, NULL, "a PDF"},
};

static const struct kind *kind_of(const unsigned char *bytes, size_t n_bytes) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        const struct kind *k = &KINDS[i];
        if (n_bytes >= k->offset + k->n_bytes && !memcmp(bytes + k->offset, k->magic, k->n_bytes)) return k;
    }
    return NULL;
}

int lnt_image_decode(const void *bytes, size_t n_bytes, const char *name, lnt_image *image, lnt_error *err) {
    image_source source = {bytes, n_bytes, name ? name : "image"};
    *image = (lnt_image){0};
    if (!n_bytes) return err_set(err, "%s: is empty, expected a JPEG, PNG or PPM picture", source.name);
    const struct kind *kind = kind_of(bytes, n_bytes);
    if (!kind) return err_set(err, "%s: is no JPEG, PNG or PPM picture, expected one of them", source.name);
    if (!kind->decode) return err_set(err, "%s: is %s, expected a JPEG, PNG or PPM picture", source.name, kind->name);
    return kind->decode(&source, image, err);
}

/* ---- files ---- */

int image_read_file(const char *path, unsigned char **bytes, size_t *n_bytes, lnt_error *err) {
    char *all;
    if (file_read_all(path, "a picture", IMAGE_MAX_FILE, &all, n_bytes, err)) return -1;
    *bytes = (unsigned char *)all;
    return 0;
}

int lnt_image_read(const char *path, lnt_image *image, lnt_error *err) {
    unsigned char *bytes;
    size_t n_bytes;
    *image = (lnt_image){0};
    if (image_read_file(path, &bytes, &n_bytes, err)) return -1;
    int rc = lnt_image_decode(bytes, n_bytes, path, image, err);
    free(bytes);
    return rc;
}
