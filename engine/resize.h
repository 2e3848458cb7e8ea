/* Pillow's Image.resize for 8-bit pictures, to the bit: antialiased filters in two passes of fixed-point arithmetic
   (22 bits of precision), horizontal first; nearest takes one pixel. */
#ifndef LNT_ENGINE_RESIZE_H
#define LNT_ENGINE_RESIZE_H
#include "formats/error.h"

/* In the order of Pillow's numbers. */
typedef enum resize_filter { RESIZE_NEAREST, RESIZE_LANCZOS, RESIZE_BILINEAR, RESIZE_BICUBIC, RESIZE_BOX, RESIZE_HAMMING, RESIZE_FILTERS } resize_filter;

/* "nearest", "lanczos", "bilinear", "bicubic", "box", "hamming". */
const char *resize_filter_name(resize_filter filter);
bool resize_filter_from_name(const char *name, resize_filter *filter);

/* in [height][width][channels] to out [out_height][out_width][channels]; 1 to 4 channels, sides from 1 to LNT_IMAGE_MAX_SIDE.
   0, or -1: memory is out. */
int resize_image(const uint8_t *in, uint32_t width, uint32_t height, uint32_t channels, resize_filter filter, uint32_t out_width,
                 uint32_t out_height, uint8_t *out, lnt_error *err);
#endif
