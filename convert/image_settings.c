#include "convert/image_settings.h"
#include "engine/preprocess.h"
#include <string.h>

/* What transformers' processors of a family do where the file says nothing. */
typedef struct processor {
    const char *name; /* before "ImageProcessor", "FeatureExtractor", ... */
    const char *model_type; /* whose processor it is, if the file names none */
    bool square;      /* one number as size: both sides, not the shorter one */
    int64_t edge;     /* size */
    resize_filter filter;
    int64_t crop;     /* 0: none */
    float mean[3], std[3];
} processor;

static const processor PROCESSORS[] = {
    {"ViT", "vit", true, 224, RESIZE_BILINEAR, 0, {0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}},
    {"DeiT", "deit", true, 256, RESIZE_BICUBIC, 224, {0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}},
    {"Bit", NULL, false, 224, RESIZE_BICUBIC, 224, {0.48145466f, 0.4578275f, 0.40821073f}, {0.26862954f, 0.26130258f, 0.27577711f}},
    {"CLIP", NULL, false, 224, RESIZE_BICUBIC, 224, {0.48145466f, 0.4578275f, 0.40821073f}, {0.26862954f, 0.26130258f, 0.27577711f}},
};
enum { N_PROCESSORS = sizeof PROCESSORS / sizeof *PROCESSORS, CHANNELS = 4 };
static const double LEAST = 1e-9, MOST = 1e6; /* of scales, means and deviations */

typedef struct settings {
    json_file c;
    lnt_error *err;
    const processor *defaults;
    bool resize, crop, rescale, normalize, square;
    preprocess_resize how;
    image_size size;  /* of PREPROCESS_EXACT */
    int64_t edges[2]; /* of the others; the second 0: none */
    int64_t filter;
    image_size crop_size; /* height 0: not known */
    double scale;
    float mean[CHANNELS], std[CHANNELS];
} settings;

/* ---- which processor ---- */

static const processor *by_class(const char *class) {
    static const char *const KINDS[] = {"ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "FeatureExtractor"};
    for (const processor *p = PROCESSORS; p < PROCESSORS + N_PROCESSORS; p++) {
        if (strncmp(class, p->name, strlen(p->name))) continue;
        for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
            if (!strcmp(class + strlen(p->name), KINDS[i])) return p;
    }
    return NULL;
}

static int find_processor(settings *s, const char *model_type) {
    const char *class = NULL, *old = NULL;
    if (json_file_string(&s->c, "image_processor_type", &class, s->err) || json_file_string(&s->c, "feature_extractor_type", &old, s->err)) return -1;
    if (!class) class = old;
    if (class) s->defaults = by_class(class);
    for (const processor *p = PROCESSORS; !class && p < PROCESSORS + N_PROCESSORS; p++)
        if (p->model_type && !strcmp(p->model_type, model_type)) s->defaults = p;
    if (s->defaults) return 0;
    return err_set(s->err, "%s: 'image_processor_type' is '%s', which is not supported, expected ViTImageProcessor, DeiTImageProcessor, BitImageProcessor or "
                   "CLIPImageProcessor", s->c.path, class ? class : "(missing)");
}

/* ---- sizes ---- */

static bool is_side(const json_t *v, int64_t *out) {
    double d = json_number_value(v);
    if (!(d >= 1 && d <= LNT_IMAGE_MAX_SIDE)) return false;
    *out = (int64_t)d;
    return (double)*out == d;
}

int image_size_of(const char *path, const char *key, const json_t *v, image_size *size, lnt_error *err) {
    if (is_side(v, &size->height)) return size->width = size->height, 0;
    if (json_array_size(v) == 2 && is_side(json_array_get(v, 0), &size->height) && is_side(json_array_get(v, 1), &size->width)) return 0;
    return err_set(err, "%s: '%s' is not a whole number or a list [height, width] of such, from 1 to %u", path, key, LNT_IMAGE_MAX_SIDE);
}

/* {"height": h, "width": w} */
static bool is_sides(const json_t *v, image_size *size) {
    return json_object_size(v) == 2 && is_side(json_object_get(v, "height"), &size->height) && is_side(json_object_get(v, "width"), &size->width);
}

static int bad_size(const settings *s, const char *key, const char *more) {
    return err_set(s->err, "%s: '%s' is not known to this version of Linnet, expected numbers from 1 to %u for height and width%s", s->c.path, key,
                   LNT_IMAGE_MAX_SIDE, more);
}

static int read_size_object(settings *s, const json_t *v) {
    const json_t *shortest = json_object_get(v, "shortest_edge"), *longest = json_object_get(v, "longest_edge");
    if (is_sides(v, &s->size)) return 0;
    bool good = (shortest || longest) && (!shortest || is_side(shortest, &s->edges[0])) && (!longest || is_side(longest, &s->edges[shortest ? 1 : 0])) &&
                json_object_size(v) == (size_t)(shortest != NULL) + (longest != NULL);
    s->how = shortest ? PREPROCESS_SHORTEST : PREPROCESS_LONGEST;
    return good ? 0 : bad_size(s, "size", ", or for shortest_edge, longest_edge or both");
}

static int read_size(settings *s) {
    const json_t *v = json_file_get(&s->c, "size");
    s->how = PREPROCESS_EXACT;
    if (json_is_object(v)) return read_size_object(s, v);
    s->size.height = s->size.width = s->edges[0] = s->defaults->edge;
    if (v && image_size_of(s->c.path, "size", v, &s->size, s->err)) return -1;
    if (v ? json_is_array(v) || s->square : s->defaults->square) return 0;
    s->how = PREPROCESS_SHORTEST;
    s->edges[0] = s->size.height;
    return 0;
}

static int read_crop(settings *s) {
    const json_t *v = json_file_get(&s->c, "crop_size");
    s->crop_size.height = s->crop_size.width = s->defaults->crop;
    if (json_is_object(v)) return is_sides(v, &s->crop_size) ? 0 : bad_size(s, "crop_size", "");
    if (v && image_size_of(s->c.path, "crop_size", v, &s->crop_size, s->err)) return -1;
    if (!s->crop || s->crop_size.height) return 0;
    return err_set(s->err, "%s: 'do_center_crop' is true, expected a 'crop_size'", s->c.path);
}

/* ---- numbers a channel ---- */

static bool numbers_of(const json_t *v, int64_t n, double min, float *out) {
    for (int64_t i = 0; i < n; i++) {
        const json_t *x = json_is_array(v) ? json_array_get(v, (size_t)i) : v;
        if (!json_is_number(x) || !(json_number_value(x) >= min && json_number_value(x) <= MOST)) return false;
        out[i] = (float)json_number_value(x);
    }
    return !json_is_array(v) || json_array_size(v) == (size_t)n;
}

static int read_channels(settings *s, const char *key, const float defaults[3], int64_t n, double min, float *out) {
    const json_t *v = json_file_get(&s->c, key);
    if (!s->normalize) return 0;
    if (!v && n == 3) return memcpy(out, defaults, 3 * sizeof *out), 0;
    if (numbers_of(v, n, min, out)) return 0;
    return err_set(s->err, "%s: '%s' is not a number from %g to %g or a list of them, one for each of %lld channels", s->c.path, key, min, MOST,
                   (long long)n);
}

/* ---- all of it ---- */

/* Of the call and the machine, not of the picture; which pictures are made into RGB first (here all are). */
static const char *const IGNORED[] = {"data_format", "input_data_format", "return_tensors", "processor_class", "_processor_class", "_valid_processor_keys",
                                      "_valid_kwargs_names", "model_input_names", "device", "disable_grouping", "image_seq_length", "do_convert_rgb",
                                      "pad_size", NULL};

static int expect_no_padding(settings *s) {
    bool pads = false;
    if (json_file_bool(&s->c, "do_pad", &pads, s->err)) return -1;
    return pads ? err_set(s->err, "%s: 'do_pad' is true, which is not supported, expected false", s->c.path) : 0;
}

static int read_settings(settings *s, const char *model_type, int64_t channels) {
    json_file *c = &s->c;
    if (find_processor(s, model_type) || expect_no_padding(s)) return -1;
    s->square = s->defaults->square;
    s->crop = s->defaults->crop;
    s->filter = s->defaults->filter;
    s->resize = s->rescale = s->normalize = true;
    s->scale = 1 / 255.0;
    if (json_file_bool(c, "do_resize", &s->resize, s->err) || json_file_bool(c, "do_center_crop", &s->crop, s->err) ||
        json_file_bool(c, "do_rescale", &s->rescale, s->err) || json_file_bool(c, "do_normalize", &s->normalize, s->err) ||
        json_file_bool(c, "default_to_square", &s->square, s->err) || json_file_int(c, "resample", 0, RESIZE_FILTERS - 1, &s->filter, s->err) ||
        json_file_float(c, "rescale_factor", LEAST, MOST, &s->scale, s->err) || read_size(s) || read_crop(s) ||
        read_channels(s, "image_mean", s->defaults->mean, channels, -MOST, s->mean) ||
        read_channels(s, "image_std", s->defaults->std, channels, LEAST, s->std))
        return -1;
    return json_file_refuse_unknown(c, IGNORED, s->err);
}

/* Pictures must come out as large as the model wants them, where that can be told. */
static int check_size(const settings *s, image_size own) {
    const image_size *made = s->crop ? &s->crop_size : s->resize && s->how == PREPROCESS_EXACT ? &s->size : &own;
    if (made->height == own.height && made->width == own.width) return 0;
    return err_set(s->err, "%s: '%s' makes images of %lldx%lld (height x width), expected the model's image_size %lldx%lld", s->c.path,
                   s->crop ? "crop_size" : "size", (long long)made->height, (long long)made->width, (long long)own.height, (long long)own.width);
}

static void put_u32s(buffer *m, const char *key, int64_t a, int64_t b) {
    kv_put_u32s(m, key, (const uint32_t[]){(uint32_t)a, (uint32_t)b}, b ? 2 : 1);
}

static void put_settings(const settings *s, size_t channels, buffer *m) {
    kv_put_bool(m, "image.preprocess", true);
    if (s->resize) {
        const char *filter = resize_filter_name((resize_filter)s->filter), *how = preprocess_resize_name(s->how);
        bool exact = s->how == PREPROCESS_EXACT;
        kv_put_string(m, "image.resize", how, strlen(how));
        put_u32s(m, "image.size", exact ? s->size.height : s->edges[0], exact ? s->size.width : s->edges[1]);
        kv_put_string(m, "image.filter", filter, strlen(filter));
    }
    if (s->crop) put_u32s(m, "image.crop", s->crop_size.height, s->crop_size.width);
    if (s->rescale) kv_put_f64(m, "image.scale", s->scale);
    if (!s->normalize) return;
    kv_put_f32s(m, "image.mean", s->mean, channels);
    kv_put_f32s(m, "image.std", s->std, channels);
}

void image_settings(family *f, int64_t channels, image_size own) {
    settings s = {.err = f->err};
    const char *model_type = "";
    bool found = false;
    if (f->failed) return;
    kv_put_u64(&f->s->metadata, "image.height", (uint64_t)own.height);
    kv_put_u64(&f->s->metadata, "image.width", (uint64_t)own.width);
    f->failed = json_file_string(&f->config, "model_type", &model_type, f->err) || family_file(&s.c, f->folder, "preprocessor_config.json", &found, f->err);
    if (f->failed || !found) return;
    if (channels != 1 && channels != 3)
        f->failed = err_set(f->err, "%s: 'num_channels' is %lld, expected 1 or 3 beside preprocessor_config.json", f->config.path, (long long)channels);
    else f->failed = read_settings(&s, model_type, channels) || check_size(&s, own);
    if (!f->failed) put_settings(&s, (size_t)channels, &f->s->metadata);
    json_file_close(&s.c);
}
