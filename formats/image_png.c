/* PNG by libpng, whose errors leave by longjmp to the one setjmp of this file. Chunks that say nothing of the pixels are not
   given to it; the orientation is looked for here. */
#include "formats/image.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE = 8, CHUNK_HEAD = 8, CHUNK_CRC = 4, MOST_INFLATION = 1032, MEMORY = 1 << 20 };

typedef struct png_decoder {
    png_structp png;
    png_infop info;
    size_t at; /* bytes read */
    const image_source *source;
    lnt_error *err;
    lnt_image *image;
    unsigned char *indexes; /* of an image with a palette: one row, or all rows if they are interlaced */
} png_decoder;

static _Noreturn void fail(png_structp png, const char *text) {
    png_decoder *d = png_get_error_ptr(png);
    err_set(d->err, "%s: is a corrupt PNG: %s", d->source->name, text);
    png_longjmp(png, 1);
}

static void say_nothing(png_structp png, const char *text) {
    (void)png;
    (void)text;
}

static void take(png_structp png, png_bytep out, size_t n) {
    png_decoder *d = png_get_io_ptr(png);
    if (n > d->source->n_bytes - d->at) {
        err_set(d->err, "%s: is a PNG that is cut off, expected more than %zu bytes", d->source->name, d->source->n_bytes);
        png_longjmp(png, 1);
    }
    memcpy(out, d->source->bytes + d->at, n);
    d->at += n;
}

static uint32_t big_endian(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What an uncompressed iTXt chunk of XMP says. */
static int text_orientation(const unsigned char *data, size_t n) {
    static const char KEY[] = "XML:com.adobe.xmp"; /* behind it its NUL, and a NUL that says: not compressed */
    if (n < sizeof KEY + 1 || memcmp(data, KEY, sizeof KEY) != 0 || data[sizeof KEY] != 0) return 0;
    return xmp_orientation(data + sizeof KEY, n - sizeof KEY);
}

/* As Pillow: of eXIf, wherever it stands, else of XMP. libpng has read the file to its end, so the chunks are whole. */
static int orientation_of(const image_source *s) {
    int exif = 0, xmp = 0;
    for (size_t at = SIGNATURE; s->n_bytes - at >= CHUNK_HEAD + CHUNK_CRC;) {
        const unsigned char *chunk = s->bytes + at;
        size_t n = big_endian(chunk), left = s->n_bytes - at - CHUNK_HEAD - CHUNK_CRC;
        if (n > left || !memcmp(chunk + 4, "IEND", 4)) break;
        if (!memcmp(chunk + 4, "eXIf", 4)) exif = exif_orientation(chunk + CHUNK_HEAD, n);
        else if (!memcmp(chunk + 4, "iTXt", 4)) xmp = text_orientation(chunk + CHUNK_HEAD, n);
        at += CHUNK_HEAD + n + CHUNK_CRC;
    }
    return exif ? exif : xmp;
}

static int check_header(png_decoder *d) {
    png_uint_32 width = png_get_image_width(d->png, d->info), height = png_get_image_height(d->png, d->info);
    uint64_t bits = (uint64_t)png_get_bit_depth(d->png, d->info) * png_get_channels(d->png, d->info);
    if (image_check_size(d->source, width, height, d->err)) return -1;
    if ((uint64_t)width * height * bits / 8 / MOST_INFLATION > d->source->n_bytes)
        return err_set(d->err, "%s: is a PNG that is cut off: %zu bytes cannot hold %ux%u pixels", d->source->name,
                       d->source->n_bytes, width, height);
    return 0;
}

/* Rows of RGB straight into the picture. */
static void read_rgb(png_decoder *d, int passes) {
    size_t stride = (size_t)d->image->width * 3;
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < d->image->height; y++) png_read_row(d->png, d->image->pixels + y * stride, NULL);
}

/* Rows of indexes, looked up here. One behind the palette's end is black, as in Pillow. */
static int read_palette(png_decoder *d, int passes) {
    uint8_t table[256][3] = {{0}};
    png_colorp palette;
    int n = 0;
    size_t width = d->image->width, height = d->image->height, bytes = passes > 1 ? width * height : width;
    png_get_PLTE(d->png, d->info, &palette, &n);
    for (int i = 0; i < n; i++) memcpy(table[i], (uint8_t[]){palette[i].red, palette[i].green, palette[i].blue}, 3);
    if (!(d->indexes = malloc(bytes))) return err_memory(d->err, bytes, "a picture");
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < height; y++) {
            unsigned char *row = d->indexes + (passes > 1 ? y * width : 0);
            png_read_row(d->png, row, NULL);
            if (pass < passes - 1) continue;
            for (size_t x = 0; x < width; x++) memcpy(d->image->pixels + 3 * (y * width + x), table[row[x]], 3);
        }
    return 0;
}

static int decode(png_decoder *d) {
    png_read_info(d->png, d->info);
    if (check_header(d)) return -1;
    int colour = png_get_color_type(d->png, d->info);
    png_set_strip_16(d->png);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_packing(d->png);
    else {
        if (png_get_bit_depth(d->png, d->info) < 8) png_set_expand_gray_1_2_4_to_8(d->png);
        png_set_strip_alpha(d->png);
        if (!(colour & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(d->png);
    }
    int passes = png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    png_uint_32 width = png_get_image_width(d->png, d->info), height = png_get_image_height(d->png, d->info);
    if (image_allocate(d->image, width, height, d->err)) return -1;
    if (colour != PNG_COLOR_TYPE_PALETTE) read_rgb(d, passes);
    else if (read_palette(d, passes)) return -1;
    png_read_end(d->png, NULL);
    return image_orient(d->image, orientation_of(d->source), d->err);
}

/* The only frame that a longjmp comes back to: what it needs afterwards is in *d. */
static int decode_or_fail(png_decoder *d) {
    static const unsigned char TRANSPARENCY[] = "tRNS";
    if (setjmp(png_jmpbuf(d->png))) return -1;
    if (!(d->info = png_create_info_struct(d->png))) return err_memory(d->err, MEMORY, "a PNG's header");
    png_set_read_fn(d->png, d, take);
    png_set_user_limits(d->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* image_check_size has ours */
    png_set_chunk_malloc_max(d->png, MEMORY);
    png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_NEVER, TRANSPARENCY, 1);
    return decode(d);
}

int image_png(const image_source *source, lnt_image *image, lnt_error *err) {
    png_decoder d = {.source = source, .err = err, .image = image};
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, fail, say_nothing);
    if (!d.png) return err_memory(err, MEMORY, "a PNG's decoder");
    int rc = decode_or_fail(&d);
    png_destroy_read_struct(&d.png, &d.info, NULL);
    free(d.indexes);
    if (rc) lnt_image_free(image);
    return rc;
}
