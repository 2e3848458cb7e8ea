/* preprocessor_config.json: how transformers' image processors make pixel values of a picture, into the metadata that
   engine/preprocess.h reads. */
#ifndef LNT_CONVERT_IMAGE_SETTINGS_H
#define LNT_CONVERT_IMAGE_SETTINGS_H
#include "convert/family.h"

typedef struct image_size {
    int64_t height, width;
} image_size;

/* A whole number for both, or a list [height, width], each 1 to LNT_IMAGE_MAX_SIDE. path and key name it in errors. */
int image_size_of(const char *path, const char *key, const json_t *v, image_size *size, lnt_error *err);

/* Puts image.height and image.width, and if the folder has the file, the keys of preprocessing. */
void image_settings(family *f, int64_t channels, image_size own);
#endif
