/* Decoding pictures: what lnt_image_decode (linnet.h) is made of, one decoder a format. Bytes are hostile: sizes are checked
   from the header before anything of their order is allocated, and a size that the file's bytes cannot hold is refused. */
#ifndef LNT_FORMATS_IMAGE_H
#define LNT_FORMATS_IMAGE_H
#include "formats/error.h"

/* Most bytes of a picture's file. */
#define IMAGE_MAX_FILE (UINT64_C(1) << 30)

/* A file's bytes, and what errors call it. */
typedef struct image_source {
    const unsigned char *bytes;
    size_t n_bytes;
    const char *name;
} image_source;

/* Each makes a picture of bytes that begin as its format does; image holds nothing before, and nothing after a failure. */
int image_jpeg(const image_source *source, lnt_image *image, lnt_error *err);
int image_png(const image_source *source, lnt_image *image, lnt_error *err);
int image_pnm(const image_source *source, lnt_image *image, lnt_error *err);

/* Sides of 1 to LNT_IMAGE_MAX_SIDE and at most LNT_IMAGE_MAX_PIXELS pixels. */
int image_check_size(const image_source *source, uint64_t width, uint64_t height, lnt_error *err);
/* Sets the size, which image_check_size has seen, and allocates the pixels. */
int image_allocate(lnt_image *image, uint32_t width, uint32_t height, lnt_error *err);

/* ---- which way is up ---- */

/* The orientation that EXIF data says, 1 to 8, as its first directory has it; 0: it says none. data: a TIFF header and what
   follows, as it stands in a JPEG's APP1 behind "Exif\0\0" and in a PNG's eXIf. */
int exif_orientation(const unsigned char *data, size_t n_bytes);
/* The same of an XMP packet: what follows its first tiff:Orientation=" or tiff:Orientation>. */
int xmp_orientation(const unsigned char *data, size_t n_bytes);
/* Turns and mirrors the picture so that it is upright; orientation 1 and anything that is none leaves it as it is. */
int image_orient(lnt_image *image, int orientation, lnt_error *err);

/* ---- files ---- */

/* Reads a regular file whole, of at most IMAGE_MAX_FILE bytes; *bytes is to be freed. */
int image_read_file(const char *path, unsigned char **bytes, size_t *n_bytes, lnt_error *err);
#endif
