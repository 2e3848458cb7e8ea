/* How a picture becomes pixel values: the settings of transformers' image processors, as the file's metadata holds them
   (docs/format.md, "Images"):

     image.preprocess  bool: true; without it the model takes pixel values only
     image.resize      string: "exact" (to [height, width]), "shortest" (the shorter side to [edge], the longer at most to a
                       second number if there is one), "longest" (the longer side to [edge]); missing: the size stays
     image.size        u32s: those numbers
     image.filter      string: of the resize, as engine/resize.h names them
     image.crop        u32s: [height, width] of the middle, filled up with 0; missing: all of it
     image.scale       f64: what 8-bit values are multiplied by; missing: 1
     image.mean, image.std   f32s, one a channel: value = (value * scale - mean) / std; missing: 0 and 1

   and image.height, image.width (u64): the size of the model's own images. */
#ifndef LNT_ENGINE_PREPROCESS_H
#define LNT_ENGINE_PREPROCESS_H
#include "engine/resize.h"
#include "formats/kv.h"

typedef enum preprocess_resize { PREPROCESS_KEEP, PREPROCESS_EXACT, PREPROCESS_SHORTEST, PREPROCESS_LONGEST } preprocess_resize;

typedef struct preprocess {
    bool present;
    preprocess_resize resize;
    uint32_t size[2]; /* height, width; or the edge, and the most of the other or 0 */
    resize_filter filter;
    bool crop;
    uint32_t crop_size[2];   /* height, width */
    float values[4][256];    /* what each 8-bit value of each channel becomes */
} preprocess;

/* "exact", "shortest", "longest"; NULL: the size stays. */
const char *preprocess_resize_name(preprocess_resize resize);
/* Reads and checks the keys above but image.height and image.width. channels: of the model, 1 to 4; pictures can be made into
   1 (as Pillow's convert("L")) or 3, preprocessing is refused for others. path names the file in errors. */
int preprocess_load(preprocess *p, const kv_block *metadata, uint32_t channels, const char *path, lnt_error *err);
/* As lnt_pixels_read; *decoded: profiler_now() between decoding and resizing, 0 if that was not reached. */
int preprocess_read(const lnt_model *m, const char *path, uint32_t height, uint32_t width, float *pixels, uint64_t *decoded, lnt_error *err);
#endif
