#include "engine/preprocess.h"
#include "engine/model.h"
#include "engine/profile.h"
#include "formats/image.h"
#include "formats/npy.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings ---- */

static const struct {
    const char *name;
    kv_type type;
} KEYS[] = {
    {"image.height", KV_U64},    {"image.width", KV_U64}, {"image.preprocess", KV_BOOL}, {"image.resize", KV_STRING},
    {"image.size", KV_U32S},     {"image.crop", KV_U32S}, {"image.filter", KV_STRING},   {"image.scale", KV_F64},
    {"image.mean", KV_F32S},     {"image.std", KV_F32S},
};
static const char *const RESIZES[] = {[PREPROCESS_EXACT] = "exact", [PREPROCESS_SHORTEST] = "shortest", [PREPROCESS_LONGEST] = "longest"};

const char *preprocess_resize_name(preprocess_resize resize) { return RESIZES[resize]; }

static int check_keys(const kv_block *metadata, const char *path, lnt_error *err) {
    kv_entry e;
    for (size_t at = 0; kv_next(metadata, &at, &e);) {
        size_t i = 0, n = sizeof KEYS / sizeof *KEYS;
        if (strncmp(e.key, "image.", 6) != 0) continue;
        while (i < n && strcmp(e.key, KEYS[i].name) != 0) i++;
        if (i == n) return err_set(err, "%s: metadata: '%s' is not known", path, e.key);
        if (e.type != KEYS[i].type) return err_set(err, "%s: metadata: '%s' is of another type than expected", path, e.key);
    }
    return 0;
}

/* Numbers that are sizes; at least and at most so many. */
static int read_sizes(const kv_block *metadata, const char *key, uint64_t least, uint64_t most, uint32_t *out, const char *path,
                      lnt_error *err) {
    kv_entry e;
    if (!kv_find(metadata, key, KV_U32S, &e)) return err_set(err, "%s: metadata: '%s' is missing", path, key);
    if (e.count < least || e.count > most)
        return err_set(err, "%s: metadata: '%s' has %llu numbers, expected %llu", path, key, (unsigned long long)e.count,
                       (unsigned long long)most);
    for (uint64_t i = 0; i < e.count; i++) {
        out[i] = kv_u32s(&e)[i];
        if (out[i] < 1 || out[i] > LNT_IMAGE_MAX_SIDE)
            return err_set(err, "%s: metadata: '%s' holds %u, expected 1 to %u", path, key, out[i], LNT_IMAGE_MAX_SIDE);
    }
    return 0;
}

static int read_resize(preprocess *p, const kv_block *metadata, const char *path, lnt_error *err) {
    const char *resize, *filter;
    size_t n;
    if (!kv_get_string(metadata, "image.resize", &resize, &n)) return 0;
    for (p->resize = PREPROCESS_EXACT; p->resize <= PREPROCESS_LONGEST; p->resize++)
        if (!strcmp(resize, RESIZES[p->resize])) break;
    if (p->resize > PREPROCESS_LONGEST)
        return err_set(err, "%s: metadata: 'image.resize' is '%s', expected exact, shortest or longest", path, resize);
    uint64_t least = p->resize == PREPROCESS_EXACT ? 2 : 1, most = p->resize == PREPROCESS_LONGEST ? 1 : 2;
    if (read_sizes(metadata, "image.size", least, most, p->size, path, err)) return -1;
    if (!kv_get_string(metadata, "image.filter", &filter, &n))
        return err_set(err, "%s: metadata: 'image.filter' is missing", path);
    if (resize_filter_from_name(filter, &p->filter)) return 0;
    return err_set(err, "%s: metadata: 'image.filter' is '%s', expected a filter of Pillow", path, filter);
}

/* One number a channel; missing: all `otherwise`. */
static int read_channels(const kv_block *metadata, const char *key, uint32_t channels, float otherwise, float *out,
                         const char *path, lnt_error *err) {
    kv_entry e;
    bool there = kv_find(metadata, key, KV_F32S, &e);
    if (there && e.count != channels)
        return err_set(err, "%s: metadata: '%s' has %llu numbers, expected one for each of %u channels", path, key,
                       (unsigned long long)e.count, channels);
    for (uint32_t c = 0; c < channels; c++) {
        out[c] = there ? kv_f32s(&e)[c] : otherwise;
        if (!isfinite(out[c])) return err_set(err, "%s: metadata: '%s' holds a number that is not finite", path, key);
    }
    return 0;
}

/* In the steps and the precision of transformers: value * scale is rounded to float, and so is each step after it. */
static int read_values(preprocess *p, const kv_block *metadata, uint32_t channels, const char *path, lnt_error *err) {
    double scale = 1;
    float mean[4], std[4];
    kv_get_f64(metadata, "image.scale", &scale);
    if (read_channels(metadata, "image.mean", channels, 0, mean, path, err)) return -1;
    if (read_channels(metadata, "image.std", channels, 1, std, path, err)) return -1;
    for (uint32_t c = 0; c < channels; c++) {
        if (std[c] == 0) return err_set(err, "%s: metadata: 'image.std' holds 0", path);
        for (int v = 0; v < 256; v++) {
            p->values[c][v] = ((float)(v * scale) - mean[c]) / std[c];
            if (!isfinite(p->values[c][v]))
                return err_set(err, "%s: metadata: 'image.scale', 'image.mean' and 'image.std' make values that are not finite",
                               path);
        }
    }
    return 0;
}

int preprocess_load(preprocess *p, const kv_block *metadata, uint32_t channels, const char *path, lnt_error *err) {
    *p = (preprocess){0};
    kv_entry e;
    if (check_keys(metadata, path, err)) return -1;
    if (!kv_get_bool(metadata, "image.preprocess", &p->present) || !p->present) return 0;
    if (channels != 1 && channels != 3)
        return err_set(err, "%s: metadata: 'image.preprocess' for %u channels, pictures are made into 1 or 3", path, channels);
    p->crop = kv_find(metadata, "image.crop", KV_U32S, &e);
    if (p->crop && read_sizes(metadata, "image.crop", 2, 2, p->crop_size, path, err)) return -1;
    return read_resize(p, metadata, path, err) || read_values(p, metadata, channels, path, err) ? -1 : 0;
}

/* ---- sizes ---- */

typedef struct extent {
    uint32_t height, width;
} extent;

static bool fits(extent e) {
    return e.height >= 1 && e.width >= 1 && e.height <= LNT_IMAGE_MAX_SIDE && e.width <= LNT_IMAGE_MAX_SIDE &&
           (uint64_t)e.height * e.width <= LNT_IMAGE_MAX_PIXELS;
}

/* size * asked / own, rounded, and a size that the metadata could hold. */
static uint32_t in_proportion(uint32_t size, uint32_t asked, uint32_t own) {
    uint64_t n = ((uint64_t)size * asked + own / 2) / own;
    return n < 1 ? 1 : n > LNT_IMAGE_MAX_SIDE ? LNT_IMAGE_MAX_SIDE : (uint32_t)n;
}

/* The settings with another size in the place of the model's own: what is cropped to it is resized in proportion first. */
static preprocess settings_for(const lnt_model *m, extent want) {
    preprocess p = m->preprocess;
    if (want.height == m->info.image_height && want.width == m->info.image_width) return p;
    if (!p.crop) {
        if (p.resize == PREPROCESS_EXACT) p.size[0] = want.height, p.size[1] = want.width;
        return p;
    }
    uint32_t height = want.height, width = want.width, crop_height = p.crop_size[0], crop_width = p.crop_size[1];
    bool wide = (uint64_t)width * crop_height > (uint64_t)height * crop_width;
    for (int i = 0; i < 2; i++) {
        bool across = p.resize == PREPROCESS_EXACT ? i == 1 : wide;
        if (!p.size[i]) continue;
        p.size[i] = across ? in_proportion(p.size[i], width, crop_width) : in_proportion(p.size[i], height, crop_height);
    }
    p.crop_size[0] = height, p.crop_size[1] = width;
    return p;
}

/* transformers' get_size_with_aspect_ratio, in doubles as Python has them. */
static extent shortest_at_most(double height, double width, double edge, double most) {
    double less = height < width ? height : width, more = height < width ? width : height, raw = edge;
    if (more / less * edge > most) {
        raw = most * less / more;
        edge = rint(raw);
    }
    if (less == edge) return (extent){(uint32_t)height, (uint32_t)width};
    if (width < height) return (extent){(uint32_t)(raw * height / width), (uint32_t)edge};
    return (extent){(uint32_t)edge, (uint32_t)(raw * width / height)};
}

/* Sides and settings are below 2^16, so products are below 2^32; what comes out may be too large. */
static extent resized(const preprocess *p, extent from) {
    uint32_t edge = p->size[0], height = from.height, width = from.width;
    bool tall = height > width;
    switch (p->resize) {
    case PREPROCESS_EXACT: return (extent){p->size[0], p->size[1]};
    case PREPROCESS_SHORTEST:
        if (p->size[1]) return shortest_at_most(height, width, edge, p->size[1]);
        return tall ? (extent){edge * height / width, edge} : (extent){edge, edge * width / height};
    case PREPROCESS_LONGEST: return tall ? (extent){edge, edge * width / height} : (extent){edge * height / width, edge};
    default: return from;
    }
}

/* ---- pictures ---- */

/* Pillow's convert("L"). */
static uint8_t *grey_of(const lnt_image *image, lnt_error *err) {
    size_t n = (size_t)image->width * image->height;
    uint8_t *grey = malloc(n);
    if (!grey) return err_memory(err, n, "a grey picture"), NULL;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = image->pixels + 3 * i;
        grey[i] = (uint8_t)((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000) >> 16);
    }
    return grey;
}

/* Where cropping begins: place `from` of the picture becomes place `to` of the crop, n of them. What is too small stands in the
   middle, the odd pixel before it. */
typedef struct overlap {
    uint32_t from, to, n;
} overlap;
static overlap centred(uint32_t size, uint32_t crop) {
    return size >= crop ? (overlap){(size - crop) / 2, 0, crop} : (overlap){0, (crop - size + 1) / 2, size};
}

/* One plane: channel c of in [size.height][size.width][channels], cropped to [want.height][want.width]. */
static void write_plane(const float *values, const uint8_t *in, size_t channels, extent size, extent want, float *out) {
    overlap rows = centred(size.height, want.height), columns = centred(size.width, want.width);
    for (size_t i = 0; i < (size_t)want.height * want.width; i++) out[i] = values[0];
    for (size_t y = 0; y < rows.n; y++) {
        const uint8_t *from = in + ((rows.from + y) * size.width + columns.from) * channels;
        float *to = out + (rows.to + y) * want.width + columns.to;
        for (size_t x = 0; x < columns.n; x++) to[x] = values[from[x * channels]];
    }
}

/* in [from.height][from.width][channels], already of the model's channels, to planes of a wanted size. */
static int to_planes(const preprocess *p, const uint8_t *in, size_t channels, extent from, extent to, extent want, float *pixels,
                     lnt_error *err) {
    uint8_t *out = NULL;
    int rc = 0;
    if (from.height != to.height || from.width != to.width) {
        size_t bytes = (size_t)to.height * to.width * channels;
        if (!(out = malloc(bytes))) return err_memory(err, bytes, "a resized picture");
        rc = resize_image(in, from.width, from.height, (uint32_t)channels, p->filter, to.width, to.height, out, err);
    }
    for (size_t c = 0; c < channels && !rc; c++)
        write_plane(p->values[c], (out ? out : in) + c, channels, to, want, pixels + c * want.height * want.width);
    free(out);
    return rc;
}

static int check_sizes(const preprocess *p, const char *name, extent from, extent to, extent want, lnt_error *err) {
    extent end = p->crop ? (extent){p->crop_size[0], p->crop_size[1]} : to;
    if (!fits(to))
        return err_set(err, "%s: is %ux%u pixels and would be resized to %ux%u, expected a picture less narrow", name, from.width,
                       from.height, to.width, to.height);
    if (end.height == want.height && end.width == want.width) return 0;
    if (p->resize == PREPROCESS_KEEP && !p->crop)
        return err_set(err, "%s: is %ux%u pixels, the model takes %ux%u and its preprocessing does not resize", name, from.width,
                       from.height, want.width, want.height);
    return err_set(err, "%s: becomes %ux%u pixels by the model's preprocessing, expected %ux%u", name, end.width, end.height,
                   want.width, want.height);
}

/* 0 becomes the model's own size. */
static int wanted_size(const lnt_model *m, uint32_t height, uint32_t width, extent *want, lnt_error *err) {
    if (!m->info.n_channels) return err_set(err, "%s: takes ids, expected a model of images", m->file.path);
    *want = (extent){height ? height : m->info.image_height, width ? width : m->info.image_width};
    if (fits(*want)) return 0;
    return err_set(err, "%s: images of %ux%u, expected at most %u on a side and %u in all", m->file.path, want->width, want->height,
                   LNT_IMAGE_MAX_SIDE, LNT_IMAGE_MAX_PIXELS);
}

static int picture_pixels(const lnt_model *m, const lnt_image *image, const char *name, extent want, float *pixels, lnt_error *err) {
    uint32_t channels = m->info.n_channels;
    if (!m->preprocess.present)
        return err_set(err, "%s: says nothing of how %s becomes pixel values, expected a .npy file of them", m->file.path, name);
    preprocess p = settings_for(m, want);
    extent from = {image->height, image->width}, to = resized(&p, from);
    if (check_sizes(&p, name, from, to, want, err)) return -1;
    uint8_t *grey = channels == 1 ? grey_of(image, err) : NULL;
    if (channels == 1 && !grey) return -1;
    int rc = to_planes(&p, grey ? grey : image->pixels, channels, from, to, want, pixels, err);
    free(grey);
    return rc;
}

int lnt_image_pixels(const lnt_model *m, const lnt_image *image, uint32_t height, uint32_t width, float *pixels, lnt_error *err) {
    image_source source = {NULL, 0, "image"};
    extent want;
    if (wanted_size(m, height, width, &want, err) || image_check_size(&source, image->width, image->height, err)) return -1;
    return picture_pixels(m, image, source.name, want, pixels, err);
}

/* ---- files ---- */

/* uint8 [height][width][3], or [height][width] of grey. */
static int array_image(const npy_array *a, const image_source *source, lnt_image *image, lnt_error *err) {
    bool grey = a->n_dims == 2;
    if (!grey && (a->n_dims != 3 || a->shape[2] != 3))
        return err_set(err, "%s: is uint8 of another shape than [height][width][3] or [height][width]", source->name);
    if (image_check_size(source, a->shape[1], a->shape[0], err)) return -1;
    if (image_allocate(image, (uint32_t)a->shape[1], (uint32_t)a->shape[0], err)) return -1;
    size_t n = a->shape[0] * a->shape[1];
    for (size_t i = 0; i < n && grey; i++) memset(image->pixels + 3 * i, a->values[i], 3);
    if (!grey) memcpy(image->pixels, a->values, 3 * n);
    return 0;
}

/* float32 [channels][height][width], or one such in a batch of one. */
static int array_pixels(const npy_array *a, const char *name, uint32_t channels, extent want, float *pixels, lnt_error *err) {
    size_t skip = a->n_dims == 4 && a->shape[0] == 1 ? 1 : 0, n = (size_t)channels * want.height * want.width;
    const size_t *shape = a->shape + skip;
    if (a->n_dims - skip != 3 || shape[0] != channels || shape[1] != want.height || shape[2] != want.width)
        return err_set(err, "%s: is float32 of another shape than [%u][%u][%u]", name, channels, want.height, want.width);
    memcpy(pixels, a->values, n * sizeof *pixels);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(pixels[i])) return err_set(err, "%s: holds a pixel value that is not finite", name);
    return 0;
}

static int source_pixels(const lnt_model *m, const image_source *s, extent want, float *pixels, uint64_t *decoded, lnt_error *err) {
    lnt_image image = {0};
    npy_array array;
    bool is_array = npy_is(s->bytes, s->n_bytes);
    if (is_array && npy_parse(&array, s->bytes, s->n_bytes, s->name, err)) return -1;
    if (is_array && array.type == NPY_F32) return array_pixels(&array, s->name, m->info.n_channels, want, pixels, err);
    if (is_array ? array_image(&array, s, &image, err) : lnt_image_decode(s->bytes, s->n_bytes, s->name, &image, err)) return -1;
    *decoded = profiler_now();
    int rc = picture_pixels(m, &image, s->name, want, pixels, err);
    lnt_image_free(&image);
    return rc;
}

int preprocess_read(const lnt_model *m, const char *path, uint32_t height, uint32_t width, float *pixels, uint64_t *decoded, lnt_error *err) {
    image_source source = {.name = path};
    unsigned char *bytes;
    extent want;
    *decoded = 0;
    if (wanted_size(m, height, width, &want, err) || image_read_file(path, &bytes, &source.n_bytes, err)) return -1;
    source.bytes = bytes;
    int rc = source_pixels(m, &source, want, pixels, decoded, err);
    free(bytes);
    return rc;
}

int lnt_pixels_read(const lnt_model *m, const char *path, uint32_t height, uint32_t width, float *pixels, lnt_error *err) {
    return preprocess_read(m, path, height, width, pixels, &(uint64_t){0}, err);
}
