#include "convert/quality.h"
#include "formats/error.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_IMAGES = 1000, BUILT_IN = 24 };

typedef struct comparison {
    lnt_model *model[2]; /* the float one, the smaller one */
    lnt_context *embedding[2], *logits[2]; /* logits NULL: it has none */
    lnt_info info;
    const lnt_convert_options *o;
    float *pixels;
    uint8_t *picture; /* [height][width][3] */
    double cosines, least;
    uint64_t n, same;
} comparison;

static int open_all(comparison *c, const char *const *paths, lnt_error *err) {
    for (int i = 0; i < 2; i++) {
        if (!(c->model[i] = lnt_open(paths[i], err))) return -1;
        lnt_context_options o = {.n_threads = c->o->n_threads, .output = "embedding"};
        if (!(c->embedding[i] = lnt_context_new(c->model[i], &o, err))) return -1;
        lnt_model_info(c->model[i], &c->info);
        o.output = "logits";
        if (c->info.n_labels && !(c->logits[i] = lnt_context_new(c->model[i], &o, err))) return -1;
    }
    size_t area = (size_t)c->info.image_height * c->info.image_width;
    c->pixels = malloc(area * c->info.n_channels * sizeof *c->pixels);
    c->picture = malloc(area * 3);
    return c->pixels && c->picture ? 0 : err_memory(err, area * c->info.n_channels * sizeof *c->pixels, "an image");
}

static void close_all(comparison *c) {
    for (int i = 0; i < 2; i++) {
        lnt_context_free(c->embedding[i]);
        lnt_context_free(c->logits[i]);
        lnt_close(c->model[i]);
    }
    free(c->pixels);
    free(c->picture);
}

static int eval(lnt_context *const context[2], const comparison *c, const float *rows[2], lnt_error *err) {
    lnt_span span = {.pixels = c->pixels};
    for (int i = 0; i < 2; i++) {
        if (lnt_eval(context[i], &span, 1, err)) return -1;
        rows[i] = lnt_output(context[i], 0);
    }
    return 0;
}

/* Of the image in c->pixels. */
static int compare(comparison *c, size_t i, size_t n, lnt_error *err) {
    const float *rows[2];
    if (c->o->progress) c->o->progress(c->o->user, (double)i / (double)n, "measuring the loss");
    if (eval(c->embedding, c, rows, err)) return -1;
    double d = quality_cosine(rows[0], rows[1], lnt_output_width(c->embedding[0]));
    c->cosines += d;
    if (!(d >= c->least)) c->least = d;
    c->n++;
    if (!c->logits[0]) return 0;
    if (eval(c->logits, c, rows, err)) return -1;
    c->same += quality_likeliest(rows[0], c->info.n_labels) == quality_likeliest(rows[1], c->info.n_labels);
    return 0;
}

/* ---- pictures that are built in: random, with structure of every size, the same on every machine ---- */

static uint32_t hash(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t h = a * 0x9e3779b1u ^ b * 0x85ebca77u ^ c * 0xc2b2ae3du;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return h ^ h >> 15;
}

/* 0 .. 255: random at the corners of cells, bilinear between them. */
static uint32_t noise(uint32_t seed, uint32_t x, uint32_t y, uint32_t cell) {
    uint32_t cx = x / cell, cy = y / cell, fx = x % cell * 256 / cell, fy = y % cell * 256 / cell, corner[4];
    for (uint32_t k = 0; k < 4; k++) corner[k] = hash(seed, cx + k % 2, cy + k / 2) & 255;
    uint32_t top = corner[0] * (256 - fx) + corner[1] * fx, bottom = corner[2] * (256 - fx) + corner[3] * fx;
    return (top * (256 - fy) + bottom * fy) >> 16;
}

/* Picture i is a sum of noises, whose weights are its own; of every third the largest is cut into blobs. */
static uint32_t value_of(uint32_t i, uint32_t channel, uint32_t x, uint32_t y, uint32_t size) {
    enum { SCALES = 5 };
    uint32_t sum = 0, weights = 0;
    for (uint32_t k = 0; k < SCALES; k++) {
        uint32_t cell = size >> k ? size >> k : 1, weight = (hash(i, k, 99) & 255) >> k;
        uint32_t v = (noise(hash(i, k, 7), x, y, cell) + noise(hash(i, k, 11 + channel), x, y, cell)) / 2;
        if (!k && i % 3 == 2) v = v > 127 ? 224 : 32 + 32 * channel;
        sum += v * weight;
        weights += weight;
    }
    int stretched = weights ? (int)(sum / weights) * 2 - 128 : 128;
    return stretched < 0 ? 0 : stretched > 255 ? 255 : (uint32_t)stretched;
}

static int make_picture(comparison *c, uint32_t i, lnt_error *err) {
    const lnt_info *info = &c->info;
    uint32_t h = info->image_height, w = info->image_width, size = (h > w ? h : w) / 2 + 1, channels = info->has_preprocessing ? 3 : info->n_channels;
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (uint32_t k = 0; k < channels; k++) {
                uint32_t v = value_of(i, k, x, y, size);
                if (info->has_preprocessing) c->picture[((size_t)y * w + x) * 3 + k] = (uint8_t)v;
                else c->pixels[((size_t)k * h + y) * w + x] = (float)v / 127.5f - 1;
            }
    lnt_image image = {.width = w, .height = h, .pixels = c->picture};
    return info->has_preprocessing ? lnt_image_pixels(c->model[0], &image, 0, 0, c->pixels, err) : 0;
}

static int compare_built_in(comparison *c, lnt_error *err) {
    for (uint32_t i = 0; i < BUILT_IN; i++)
        if (make_picture(c, i, err) || compare(c, i, BUILT_IN, err)) return -1;
    return 0;
}

/* ---- pictures of the user ---- */

static int is_picture(const struct dirent *e) {
    static const char *const ENDINGS[] = {".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".npy"};
    const char *dot = strrchr(e->d_name, '.');
    for (size_t i = 0; dot && i < sizeof ENDINGS / sizeof *ENDINGS; i++)
        if (!strcasecmp(dot, ENDINGS[i])) return 1;
    return 0;
}

static int compare_file(comparison *c, const char *path, size_t i, size_t n, lnt_error *err) {
    return lnt_pixels_read(c->model[0], path, 0, 0, c->pixels, err) || compare(c, i, n, err) ? -1 : 0;
}

static int compare_folder(comparison *c, const char *folder, lnt_error *err) {
    struct dirent **names;
    char path[4096];
    int found = scandir(folder, &names, is_picture, alphasort), n = found < MAX_IMAGES ? found : MAX_IMAGES, rc = 0;
    if (found < 0) return err_set(err, "%s: %s", folder, strerror(errno));
    for (int i = 0; !rc && i < n; i++) {
        if (snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) >= (int)sizeof path) rc = err_set(err, "%s: the path is too long", folder);
        else rc = compare_file(c, path, (size_t)i, (size_t)n, err);
    }
    for (int i = 0; i < found; i++) free(names[i]);
    free(names);
    return rc || found ? rc : err_set(err, "%s: holds no pictures, expected files named .jpg, .png, .ppm or .npy", folder);
}

int quality_of_images(const char *float_path, const char *small_path, const lnt_convert_options *o, quality *q, lnt_error *err) {
    comparison c = {.o = o, .least = 1};
    struct stat st;
    int rc = open_all(&c, (const char *const[]){float_path, small_path}, err);
    if (!rc && !o->check_path) rc = compare_built_in(&c, err);
    else if (!rc && stat(o->check_path, &st)) rc = err_set(err, "%s: %s", o->check_path, strerror(errno));
    else if (!rc) rc = S_ISDIR(st.st_mode) ? compare_folder(&c, o->check_path, err) : compare_file(&c, o->check_path, 0, 1, err);
    if (!rc)
        *q = (quality){.images = c.n, .cosine_mean = c.cosines / (double)c.n, .cosine_min = c.least, .top1 = (double)c.same / (double)c.n};
    close_all(&c);
    return rc;
}
