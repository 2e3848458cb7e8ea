/* Pictures and arrays to pixel values: as transformers' image processors have them, and what is refused. */
#include "engine/model.h"
#include "formats/image.h"
#include "formats/npy.h"
#include "tests/pictures.h"
#include "tests/testing.h"
#include <math.h>

/* ---- settings in metadata ---- */

typedef struct settings {
    uint32_t channels, size[2], crop[2], n_sizes;
    const char *resize, *filter; /* NULL: none */
    bool has_crop;
    double scale;             /* 0: none */
    const float *mean, *std;  /* NULL: none */
} settings;

static buffer metadata_of(const settings *s) {
    buffer b = {0};
    kv_put_bool(&b, "image.preprocess", true);
    if (s->resize) {
        kv_put_string(&b, "image.resize", s->resize, strlen(s->resize));
        kv_put_u32s(&b, "image.size", s->size, s->n_sizes);
    }
    if (s->filter) kv_put_string(&b, "image.filter", s->filter, strlen(s->filter));
    if (s->has_crop) kv_put_u32s(&b, "image.crop", s->crop, 2);
    if (s->scale != 0) kv_put_f64(&b, "image.scale", s->scale);
    if (s->mean) kv_put_f32s(&b, "image.mean", s->mean, s->channels);
    if (s->std) kv_put_f32s(&b, "image.std", s->std, s->channels);
    return b;
}

static int load_bytes(preprocess *p, buffer *b, uint32_t channels, lnt_error *err) {
    kv_block block;
    ck_assert_msg(!kv_open(&block, b->bytes, b->size, "metadata", err), "%s", err->text);
    int rc = preprocess_load(p, &block, channels, "m.lnt", err);
    buffer_free(b);
    return rc;
}

/* A model with nothing but what pictures need. */
static lnt_model model_of(const settings *s, uint32_t height, uint32_t width) {
    lnt_model m;
    lnt_error err;
    buffer b = metadata_of(s);
    memset(&m, 0, sizeof m);
    m.info.n_channels = s->channels, m.info.image_height = height, m.info.image_width = width;
    m.file.path = (char *)(uintptr_t)"m.lnt";
    ck_assert_msg(!load_bytes(&m.preprocess, &b, s->channels, &err), "%s", err.text);
    return m;
}

static const float HALF[] = {0.5f, 0.5f, 0.5f};
static const float IMAGENET_MEAN[] = {0.485f, 0.456f, 0.406f}, IMAGENET_STD[] = {0.229f, 0.224f, 0.225f};
/* The size stays. */
static const settings KEEP = {.channels = 3, .scale = 1 / 255.0, .mean = HALF, .std = HALF};

/* ---- as transformers ---- */

static const char *image_path(const char *name) { return path_of("%s/tests/golden/images/%s", LINNET_SOURCE_DIR, name); }

static uint64_t pixels_sum(const lnt_model *m, const char *path, uint32_t height, uint32_t width) {
    lnt_error err;
    size_t n = (size_t)m->info.n_channels * height * width;
    float *pixels = malloc(n * sizeof *pixels), *again = malloc(n * sizeof *pixels);
    lnt_image image;
    ck_assert_msg(!lnt_pixels_read(m, path, 0, 0, pixels, &err), "%s", err.text);
    ck_assert(!lnt_image_read(path, &image, &err) && !lnt_image_pixels(m, &image, height, width, again, &err));
    ck_assert(!memcmp(pixels, again, n * sizeof *pixels));
    uint64_t sum = sum_of(pixels, n * sizeof *pixels);
    lnt_image_free(&image);
    free(pixels);
    free(again);
    return sum;
}

START_TEST(test_as_transformers) {
    FILE *f = fopen(image_path("preprocess.txt"), "r");
    char name[64], resize[16], filter[16], norm[16];
    unsigned height, width;
    unsigned long long sum;
    settings s;
    size_t n = 0, bad = 0;
    ck_assert_ptr_nonnull(f);
    while (fscanf(f, "%63s %u %15s %u %u %15s %u %u %lf %15s %u %u %llx", name, &s.channels, resize, &s.size[0], &s.size[1], filter, &s.crop[0],
                  &s.crop[1], &s.scale, norm, &height, &width, &sum) == 13) {
        s.resize = *resize == '-' ? NULL : resize;
        s.filter = *filter == '-' ? NULL : filter;
        s.n_sizes = s.size[1] ? 2 : 1;
        s.has_crop = s.crop[0] != 0;
        s.mean = *norm == 'h' ? HALF : *norm == 'i' ? IMAGENET_MEAN : NULL;
        s.std = *norm == 'h' ? HALF : *norm == 'i' ? IMAGENET_STD : NULL;
        lnt_model m = model_of(&s, height, width);
        bool same = pixels_sum(&m, image_path(name), height, width) == sum;
        n++;
        if (!same && ++bad)
            printf("%s: %s %u %u %s, crop %u %u, %s: differs from transformers\n", name, resize, s.size[0], s.size[1], filter, s.crop[0],
                   s.crop[1], norm);
    }
    fclose(f);
    ck_assert_uint_gt(n, 60);
    ck_assert_msg(!bad, "%zu of %zu differ", bad, n);
}
END_TEST

/* ---- other sizes ---- */

/* Values that say where a pixel came from: red its column, green its row, at a scale of 1. */
static lnt_image map_of(uint32_t width, uint32_t height) {
    lnt_image image;
    ck_assert_int_eq(image_allocate(&image, width, height, NULL), 0);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) memcpy(image.pixels + 3 * ((size_t)y * width + x), (uint8_t[]){(uint8_t)x, (uint8_t)y, 200}, 3);
    return image;
}

static const struct asked {
    settings s;
    uint32_t own[2], picture[2], asked[2];
    const char *word; /* of the error, NULL: none */
    float first[2];   /* column and row of the first pixel */
} ASKED[] = {
    /* To the size asked for. */
    {{3, {8, 8}, {0}, 2, "exact", "nearest", 0, 0, NULL, NULL}, {8, 8}, {40, 40}, {20, 10}, NULL, {2, 1}},
    /* 10 to crop 8 is 20 to crop 16, and so on, each side by its own or by the one that needs more. */
    {{3, {10, 10}, {8, 8}, 2, "exact", "nearest", 1, 0, NULL, NULL}, {8, 8}, {40, 20}, {16, 32}, NULL, {4, 2}},
    {{3, {10}, {8, 8}, 1, "shortest", "nearest", 1, 0, NULL, NULL}, {8, 8}, {40, 20}, {16, 16}, NULL, {12, 2}},
    {{3, {10}, {8, 8}, 1, "shortest", "nearest", 1, 0, NULL, NULL}, {8, 8}, {20, 20}, {8, 16}, NULL, {2, 6}},
    {{3, {20}, {8, 8}, 1, "longest", "nearest", 1, 0, NULL, NULL}, {8, 8}, {40, 20}, {16, 16}, NULL, {12, 2}},
    {{3, {20}, {8, 6}, 1, "longest", "nearest", 1, 0, NULL, NULL}, {8, 6}, {20, 40}, {0, 0}, NULL, {5, 13}},
    /* What no setting makes fit. */
    {{3, {10}, {0}, 1, "shortest", "nearest", 0, 0, NULL, NULL}, {10, 10}, {20, 20}, {0, 0}, NULL, {1, 1}},
    {{3, {10}, {0}, 1, "shortest", "nearest", 0, 0, NULL, NULL}, {10, 10}, {20, 23}, {0, 0},
     "image: becomes 10x11 pixels by the model's preprocessing, expected 10x10", {0}},
    {{3, {10}, {0}, 1, "shortest", "nearest", 0, 0, NULL, NULL}, {10, 10}, {20, 20}, {12, 12}, "becomes 10x10 pixels", {0}},
    {{3, {0}, {0}, 0, NULL, NULL, 0, 0, NULL, NULL}, {32, 32}, {40, 30}, {0, 0},
     "image: is 40x30 pixels, the model takes 32x32 and its preprocessing does not resize", {0}},
    {{3, {0}, {0}, 0, NULL, NULL, 0, 0, NULL, NULL}, {32, 32}, {40, 30}, {30, 40}, NULL, {0, 0}},
    {{3, {0}, {8, 8}, 0, NULL, NULL, 1, 0, NULL, NULL}, {8, 8}, {40, 30}, {10, 20}, NULL, {10, 10}},
    {{3, {9, 9}, {8, 8}, 2, "exact", "box", 1, 0, NULL, NULL}, {10, 10}, {40, 30}, {0, 0}, "becomes 8x8 pixels", {0}},
    {{3, {300}, {8, 8}, 1, "shortest", "box", 1, 0, NULL, NULL}, {8, 8}, {1, 500}, {0, 0},
     "is 1x500 pixels and would be resized to 300x150000", {0}},
    {{3, {1}, {8, 8}, 1, "longest", "box", 1, 0, NULL, NULL}, {8, 8}, {1, 500}, {0, 0}, "would be resized to 0x1", {0}},
    {{3, {9, 9}, {0}, 2, "exact", "box", 0, 0, NULL, NULL}, {9, 9}, {4, 5}, {65536, 1}, "m.lnt: images of 1x65536", {0}},
    {{3, {9, 9}, {0}, 2, "exact", "box", 0, 0, NULL, NULL}, {9, 9}, {4, 5}, {20000, 20000}, "m.lnt: images of 20000x20000", {0}},
};

START_TEST(test_asked_sizes) {
    const struct asked *a = &ASKED[_i];
    lnt_model m = model_of(&a->s, a->own[0], a->own[1]);
    lnt_image image = map_of(a->picture[0], a->picture[1]);
    lnt_error err = {""};
    uint32_t height = a->asked[0] ? a->asked[0] : a->own[0], width = a->asked[1] ? a->asked[1] : a->own[1];
    size_t n = a->word ? 1 : (size_t)height * width;
    float *pixels = malloc(3 * n * sizeof *pixels);
    int rc = lnt_image_pixels(&m, &image, a->asked[0], a->asked[1], pixels, &err);
    if (a->word) {
        ck_assert_int_eq(rc, -1);
        CHECK_ERROR(&err, a->word);
    } else {
        ck_assert_msg(!rc, "%s", err.text);
        bool right = pixels[0] == a->first[0] && pixels[n] == a->first[1] && pixels[2 * n] == 200;
        ck_assert_msg(right, "first pixel from %g, %g", (double)pixels[0], (double)pixels[n]);
    }
    free(pixels);
    lnt_image_free(&image);
}
END_TEST

/* ---- what a file may hold ---- */

static void bad_nothing(buffer *b) { kv_put_u64(b, "image.height", 8); }
static void bad_type(buffer *b) { kv_put_u64(b, "image.scale", 1); }
static void bad_key(buffer *b) { kv_put_bool(b, "image.pad", true); }
static void bad_resize(buffer *b) { kv_put_string(b, "image.resize", "thumbnail", 9); }
static void put_size(buffer *b, const char *resize, size_t n, uint32_t a, uint32_t c, const char *filter) {
    kv_put_string(b, "image.resize", resize, strlen(resize));
    kv_put_u32s(b, "image.size", (uint32_t[]){a, c, 5}, n);
    if (filter) kv_put_string(b, "image.filter", filter, strlen(filter));
}
static void bad_size_missing(buffer *b) { kv_put_string(b, "image.resize", "exact", 5); }
static void bad_size_one(buffer *b) { put_size(b, "exact", 1, 5, 5, "box"); }
static void bad_size_three(buffer *b) { put_size(b, "shortest", 3, 5, 5, "box"); }
static void bad_size_longest(buffer *b) { put_size(b, "longest", 2, 5, 5, "box"); }
static void bad_size_zero(buffer *b) { put_size(b, "exact", 2, 5, 0, "box"); }
static void bad_size_huge(buffer *b) { put_size(b, "exact", 2, 65536, 5, "box"); }
static void bad_filter_missing(buffer *b) { put_size(b, "exact", 2, 5, 5, NULL); }
static void bad_filter(buffer *b) { put_size(b, "exact", 2, 5, 5, "mks2013"); }
static void bad_crop(buffer *b) { kv_put_u32s(b, "image.crop", (uint32_t[]){8}, 1); }
static void bad_crop_zero(buffer *b) { kv_put_u32s(b, "image.crop", (uint32_t[]){8, 0}, 2); }
static void bad_mean(buffer *b) { kv_put_f32s(b, "image.mean", HALF, 1); }
static void bad_mean_nan(buffer *b) { kv_put_f32s(b, "image.mean", (float[]){0, NAN, 0}, 3); }
static void bad_std_zero(buffer *b) { kv_put_f32s(b, "image.std", (float[]){1, 1, 0}, 3); }
static void bad_std_infinite(buffer *b) { kv_put_f32s(b, "image.std", (float[]){1, INFINITY, 1}, 3); }
static void bad_scale_nan(buffer *b) { kv_put_f64(b, "image.scale", NAN); }
static void bad_scale_large(buffer *b) { kv_put_f64(b, "image.scale", 1e38); }

static const struct misfit {
    void (*put)(buffer *b);
    const char *word; /* NULL: it fits */
} MISFITS[] = {
    {bad_nothing, NULL},          {bad_type, "'image.scale' is of another type"}, {bad_key, "'image.pad' is not known"},
    {bad_resize, "'thumbnail'"},  {bad_size_missing, "'image.size' is missing"},  {bad_size_one, "1 numbers, expected 2"},
    {bad_size_three, "3 numbers"}, {bad_size_longest, "2 numbers, expected 1"},   {bad_size_zero, "'image.size' holds 0"},
    {bad_size_huge, "65536"},     {bad_filter_missing, "'image.filter' is missing"}, {bad_filter, "'mks2013'"},
    {bad_crop, "'image.crop' has 1"}, {bad_crop_zero, "'image.crop' holds 0"},    {bad_mean, "'image.mean' has 1"},
    {bad_mean_nan, "'image.mean' holds"}, {bad_std_zero, "'image.std' holds 0"},  {bad_std_infinite, "'image.std' holds"},
    {bad_scale_nan, "not finite"}, {bad_scale_large, "not finite"},
};

START_TEST(test_misfits) {
    const struct misfit *x = &MISFITS[_i];
    lnt_error err;
    buffer b = {0};
    preprocess p;
    kv_put_bool(&b, "image.preprocess", true);
    x->put(&b);
    int rc = load_bytes(&p, &b, 3, &err);
    ck_assert_int_eq(rc, x->word ? -1 : 0);
    if (x->word) CHECK_ERROR(&err, "m.lnt: metadata: ", x->word);
}
END_TEST

START_TEST(test_without_preprocessing) {
    lnt_error err;
    buffer b = {0}, two = {0};
    preprocess p;
    lnt_model m = model_of(&KEEP, 4, 4);
    lnt_image image = map_of(4, 4);
    float pixels[48];
    kv_put_u64(&b, "image.height", 4);
    ck_assert_int_eq(load_bytes(&p, &b, 2, &err), 0);
    ck_assert(!p.present);
    kv_put_bool(&two, "image.preprocess", true);
    ck_assert_int_eq(load_bytes(&p, &two, 2, &err), -1);
    CHECK_ERROR(&err, "2 channels");
    m.preprocess.present = false;
    ck_assert_int_eq(lnt_image_pixels(&m, &image, 0, 0, pixels, &err), -1);
    CHECK_ERROR(&err, "m.lnt: says nothing of how image becomes pixel values");
    m.info.n_channels = 0;
    ck_assert_int_eq(lnt_image_pixels(&m, &image, 0, 0, pixels, &err), -1);
    CHECK_ERROR(&err, "m.lnt: takes ids");
    lnt_image_free(&image);
}
END_TEST

/* ---- arrays ---- */

static const char *array_file(const char *name, const char *descr, const size_t *shape, size_t n_dims, const void *values, size_t n_bytes) {
    unsigned char bytes[NPY_HEADER_ROOM + 4096];
    size_t header = npy_header(bytes, descr, shape, n_dims);
    const char *path = path_of("%s/%s", test_folder, name);
    ck_assert_uint_le(n_bytes, 4096);
    memcpy(bytes + header, values, n_bytes);
    write_file(path, bytes, header + n_bytes);
    return path;
}

START_TEST(test_arrays_of_values) {
    static const size_t SHAPES[][4] = {{3, 4, 5}, {1, 3, 4, 5}, {3, 5, 4}, {1, 4, 5}, {2, 3, 4, 5}, {3, 20}};
    static const size_t N_DIMS[] = {3, 4, 3, 3, 4, 2};
    lnt_model m = model_of(&KEEP, 4, 5);
    float values[120], pixels[60];
    lnt_error err;
    for (size_t i = 0; i < 120; i++) values[i] = (float)i - 50.5f;
    for (size_t i = 0; i < sizeof N_DIMS / sizeof *N_DIMS; i++) {
        size_t n = 1;
        for (size_t d = 0; d < N_DIMS[i]; d++) n *= SHAPES[i][d];
        const char *path = array_file("values.npy", "<f4", SHAPES[i], N_DIMS[i], values, n * sizeof *values);
        int rc = lnt_pixels_read(&m, path, 0, 0, pixels, &err);
        ck_assert_int_eq(rc, i < 2 ? 0 : -1);
        if (rc) CHECK_ERROR(&err, path, "is float32 of another shape than [3][4][5]");
        else ck_assert(!memcmp(values, pixels, sizeof pixels));
    }
    const char *path = array_file("values.npy", "<f4", (size_t[]){3, 5, 4}, 3, values, sizeof pixels);
    ck_assert_int_eq(lnt_pixels_read(&m, path, 5, 4, pixels, &err), 0);
    values[17] = NAN;
    path = array_file("nan.npy", "<f4", SHAPES[0], 3, values, sizeof pixels);
    ck_assert_int_eq(lnt_pixels_read(&m, path, 0, 0, pixels, &err), -1);
    CHECK_ERROR(&err, path, "not finite");
}
END_TEST

START_TEST(test_arrays_of_pictures) {
    lnt_model m = model_of(&KEEP, 4, 5);
    uint8_t rgb[60], grey[20];
    float pixels[60];
    lnt_error err;
    for (size_t i = 0; i < 60; i++) rgb[i] = (uint8_t)(i * 4);
    for (size_t i = 0; i < 20; i++) grey[i] = (uint8_t)(i * 12);
    const char *path = array_file("rgb.npy", "|u1", (size_t[]){4, 5, 3}, 3, rgb, sizeof rgb);
    ck_assert_msg(!lnt_pixels_read(&m, path, 0, 0, pixels, &err), "%s", err.text);
    for (size_t i = 0; i < 60; i++) ck_assert_float_eq(pixels[i], m.preprocess.values[0][rgb[i % 20 * 3 + i / 20]]);
    path = array_file("grey.npy", "|u1", (size_t[]){4, 5}, 2, grey, sizeof grey);
    ck_assert_msg(!lnt_pixels_read(&m, path, 0, 0, pixels, &err), "%s", err.text);
    for (size_t i = 0; i < 60; i++) ck_assert_float_eq(pixels[i], m.preprocess.values[0][grey[i % 20]]);
    path = array_file("four.npy", "|u1", (size_t[]){5, 3, 4}, 3, rgb, sizeof rgb);
    ck_assert_int_eq(lnt_pixels_read(&m, path, 0, 0, pixels, &err), -1);
    CHECK_ERROR(&err, path, "uint8 of another shape");
    path = array_file("none.npy", "|u1", (size_t[]){0, 5, 3}, 3, rgb, 0);
    ck_assert_int_eq(lnt_pixels_read(&m, path, 0, 0, pixels, &err), -1);
    CHECK_ERROR(&err, path, "is 5x0 pixels");
}
END_TEST

/* ---- headers of arrays ---- */

static int parse(const char *header, int version, size_t n_values, npy_array *a, lnt_error *err) {
    size_t n = strlen(header), prefix = version > 1 ? 12 : 10;
    unsigned char *bytes = calloc(1, prefix + n + n_values);
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)version, bytes[8] = (unsigned char)n, bytes[9] = (unsigned char)(n >> 8);
    memcpy(bytes + prefix, header, n);
    int rc = npy_parse(a, bytes, prefix + n + n_values, "x.npy", err);
    ck_assert(rc || a->values == bytes + prefix + n);
    free(bytes);
    return rc;
}

static const struct header {
    const char *text;
    int version;
    size_t n_values;
    const char *word; /* NULL: it is one */
} HEADERS[] = {
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n", 1, 24, NULL},
    {"{'descr':'|u1','fortran_order':False,'shape':(2,3)}", 2, 6, NULL},
    {"{'shape': (), 'descr': '<f4', 'fortran_order': False}\n", 3, 4, NULL},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (6,), }\n", 1, 6, NULL},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (6,), }\n", 1, 7, "has 7 bytes of values, expected the 6"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 1, 23, "has 23 bytes"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (6), }\n", 1, 6, "a shape that is none"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (-6,), }\n", 1, 6, "a shape that is none"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296), }\n", 1, 0, "too large"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }\n", 1, 0, "a shape that is none"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1), }\n", 1, 1, NULL},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1), }\n", 1, 1, "at most 32"},
    {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }\n", 1, 4, "another type"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n", 1, 8, "another type"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", 1, 4, "another type"},
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }\n", 1, 4, "C order"},
    {"{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }\n", 1, 4, "corrupt"},
    {"{'descr': '<f4', 'fortran_order': False, }\n", 1, 4, "corrupt"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}\n", 1, 4, "corrupt"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x", 1, 4, "corrupt"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", 1, 4, "corrupt"},
    {"{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", 1, 4, "corrupt"},
    {"{", 1, 4, "corrupt"},
    {"", 1, 4, "corrupt"},
    {"{}", 4, 4, "format 4.0"},
};

START_TEST(test_headers) {
    const struct header *h = &HEADERS[_i];
    npy_array a;
    lnt_error err = {""};
    int rc = parse(h->text, h->version, h->n_values, &a, &err);
    if (h->word) {
        ck_assert_int_eq(rc, -1);
        CHECK_ERROR(&err, "x.npy: ", h->word);
    } else ck_assert_msg(!rc, "%s", err.text);
}
END_TEST

START_TEST(test_array_truncated) {
    unsigned char bytes[NPY_HEADER_ROOM + 24] = {0};
    lnt_error err;
    npy_array a;
    size_t n = npy_header(bytes, "<f4", (size_t[]){2, 3}, 2) + 24;
    ck_assert_int_eq(npy_parse(&a, bytes, n, "x.npy", &err), 0);
    ck_assert(a.type == NPY_F32 && a.n_dims == 2 && a.shape[0] == 2 && a.shape[1] == 3);
    for (size_t i = 0; i < n; i++) {
        unsigned char *cut = malloc(i ? i : 1);
        memcpy(cut, bytes, i);
        ck_assert_int_eq(npy_parse(&a, cut, i, "x.npy", &err), -1);
        CHECK_ERROR(&err, "x.npy: ");
        free(cut);
    }
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("preprocess");
    tcase_add_test(t, test_as_transformers);
    tcase_add_loop_test(t, test_asked_sizes, 0, sizeof ASKED / sizeof *ASKED);
    tcase_add_loop_test(t, test_misfits, 0, sizeof MISFITS / sizeof *MISFITS);
    tcase_add_test(t, test_without_preprocessing);
    tcase_add_test(t, test_arrays_of_values);
    tcase_add_test(t, test_arrays_of_pictures);
    tcase_add_loop_test(t, test_headers, 0, sizeof HEADERS / sizeof *HEADERS);
    tcase_add_test(t, test_array_truncated);
    int rc = run_suite("preprocess", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
