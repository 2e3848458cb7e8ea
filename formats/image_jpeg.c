/* JPEG by libjpeg-turbo, whose errors leave by longjmp to the one setjmp of this file. */
#include "formats/image.h"
#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SCANS = 500, LEAST_SCANS = 64, SCANNED_PIXELS = 1 << 30, MOST_PIXELS_PER_BYTE = 1024, EXIF_PREFIX = 6 };
/* What libjpeg may allocate: of a progressive picture two bytes a coefficient of at most four components. */
enum { MEMORY = 64 << 20, MEMORY_PER_PIXEL = 9 };

typedef struct jpeg_decoder {
    struct jpeg_error_mgr errors; /* libjpeg's pointer to it is a pointer to the decoder */
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct jpeg;
    jmp_buf failed;
    const image_source *source;
    lnt_error *err;
    lnt_image *image;
    unsigned char *row; /* of CMYK */
} jpeg_decoder;

static jpeg_decoder *decoder_of(j_common_ptr jpeg) { return (jpeg_decoder *)(void *)jpeg->err; }

static _Noreturn void fail(j_common_ptr jpeg) {
    jpeg_decoder *d = decoder_of(jpeg);
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    err_set(d->err, "%s: is a corrupt JPEG: %s", d->source->name, text);
    longjmp(d->failed, 1);
}

/* What libjpeg would go on after: bytes that are missing or make no sense are errors here, as half a picture is none. */
static void warn(j_common_ptr jpeg, int level) {
    jpeg_decoder *d = decoder_of(jpeg);
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL: /* some cameras leave these numbers of a baseline scan 0 */
        return;
    case JWRN_JPEG_EOF:
        err_set(d->err, "%s: is a JPEG that is cut off, expected more than %zu bytes", d->source->name, d->source->n_bytes);
        longjmp(d->failed, 1);
    default:
        fail(jpeg);
    }
}

static void say_nothing(j_common_ptr jpeg) { (void)jpeg; }

/* Each scan goes over all of a picture, whatever few bytes it has: a large one may have fewer. */
static void count_scans(j_common_ptr jpeg) {
    jpeg_decoder *d = decoder_of(jpeg);
    uint64_t pixels = (uint64_t)d->jpeg.image_width * d->jpeg.image_height, most = LEAST_SCANS + SCANNED_PIXELS / (pixels + 1);
    if (most > MAX_SCANS) most = MAX_SCANS;
    if (d->jpeg.input_scan_number <= (int)most) return;
    err_set(d->err, "%s: is a JPEG of more than %d scans, expected fewer", d->source->name, (int)most);
    longjmp(d->failed, 1);
}

/* As Pillow: the first EXIF data that says it, else XMP. */
static int orientation_of(const jpeg_decoder *d) {
    static const char XMP[] = "http://ns.adobe.com/xap/1.0/";
    int exif = 0, xmp = 0;
    for (const struct jpeg_marker_struct *m = d->jpeg.marker_list; m; m = m->next) {
        if (m->data_length >= EXIF_PREFIX && !memcmp(m->data, "Exif\0\0", EXIF_PREFIX) && !exif)
            exif = exif_orientation(m->data + EXIF_PREFIX, m->data_length - EXIF_PREFIX);
        else if (m->data_length >= sizeof XMP && !memcmp(m->data, XMP, sizeof XMP))
            xmp = xmp_orientation(m->data + sizeof XMP, m->data_length - sizeof XMP);
    }
    return exif ? exif : xmp;
}

static int check_header(jpeg_decoder *d) {
    struct jpeg_decompress_struct *j = &d->jpeg;
    const image_source *s = d->source;
    if (image_check_size(s, j->image_width, j->image_height, d->err)) return -1;
    if (j->num_components != 1 && j->num_components != 3 && j->num_components != 4)
        return err_set(d->err, "%s: is a JPEG of %d components, expected 1, 3 or 4", s->name, j->num_components);
    /* Huffman codes have at least a bit a block; arithmetic ones can have less, but no picture of anything does. */
    if ((uint64_t)j->image_width * j->image_height / MOST_PIXELS_PER_BYTE > s->n_bytes)
        return err_set(d->err, "%s: is a JPEG that is cut off: %zu bytes cannot hold %ux%u pixels", s->name, s->n_bytes,
                       j->image_width, j->image_height);
    j->mem->max_memory_to_use = MEMORY + (long)MEMORY_PER_PIXEL * (long)j->image_width * (long)j->image_height;
    return 0;
}

static unsigned times_255th(unsigned a, unsigned b) {
    unsigned t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

/* Inverted values, as Adobe writes them and Pillow expects of all, to RGB as Pillow has it. */
static void cmyk_to_rgb(const unsigned char *in, uint8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned light = in[4 * i + 3];
        for (size_t c = 0; c < 3; c++) out[3 * i + c] = (uint8_t)(light - times_255th(255u - in[4 * i + c], light));
    }
}

/* Grey rows stand in the first third of their place. */
static void spread_grey(uint8_t *row, size_t n) {
    for (size_t i = n; i-- > 0;) row[3 * i] = row[3 * i + 1] = row[3 * i + 2] = row[i];
}

static int decode(jpeg_decoder *d) {
    struct jpeg_decompress_struct *j = &d->jpeg;
    jpeg_mem_src(j, d->source->bytes, (unsigned long)d->source->n_bytes);
    jpeg_save_markers(j, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(j, TRUE);
    if (check_header(d)) return -1;
    int orientation = orientation_of(d);
    size_t width = j->image_width;
    bool cmyk = j->num_components == 4;
    j->out_color_space = cmyk ? JCS_CMYK : j->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(j);
    if (image_allocate(d->image, j->image_width, j->image_height, d->err)) return -1;
    if (cmyk && !(d->row = malloc(4 * width))) return err_memory(d->err, 4 * width, "a row of a picture");
    while (j->output_scanline < j->output_height) {
        uint8_t *out = d->image->pixels + 3 * width * j->output_scanline;
        JSAMPROW row = cmyk ? d->row : out;
        jpeg_read_scanlines(j, &row, 1);
        if (cmyk) cmyk_to_rgb(d->row, out, width);
        else if (j->num_components == 1) spread_grey(out, width);
    }
    jpeg_finish_decompress(j);
    return image_orient(d->image, orientation, d->err);
}

/* The only frame that a longjmp comes back to: what it needs afterwards is in *d. */
static int decode_or_fail(jpeg_decoder *d) {
    if (setjmp(d->failed)) return -1;
    jpeg_create_decompress(&d->jpeg);
    d->jpeg.progress = &d->progress;
    return decode(d);
}

int image_jpeg(const image_source *source, lnt_image *image, lnt_error *err) {
    jpeg_decoder d = {.source = source, .err = err, .image = image};
    d.jpeg.err = jpeg_std_error(&d.errors);
    d.errors.error_exit = fail;
    d.errors.emit_message = warn;
    d.errors.output_message = say_nothing;
    d.progress.progress_monitor = count_scans;
    int rc = decode_or_fail(&d);
    jpeg_destroy_decompress(&d.jpeg);
    free(d.row);
    if (rc) lnt_image_free(image);
    return rc;
}
