#include "engine/batcher.h"

static void give(const lnt_batcher *b, size_t picture, const float *row, const lnt_error *err) {
    lnt_picture_result r = {picture, row, err};
    b->picture_listener(b->user, &r);
}

/* The pixel values of a picture, or NULL and an error: it is no good. *decoded: as preprocess_read. */
static const float *load(const lnt_batcher *b, const lnt_picture *p, float *pixels, uint64_t *decoded, lnt_error *err) {
    lnt_image image;
    uint32_t height = b->o.image_height, width = b->o.image_width;
    *decoded = 0;
    if (p->pixels) return p->pixels;
    if (!p->bytes) return preprocess_read(b->model, p->path, height, width, pixels, decoded, err) ? NULL : pixels;
    if (lnt_image_decode(p->bytes, p->n_bytes, p->path ? p->path : "image", &image, err)) return NULL;
    *decoded = batcher_clock(b);
    int rc = lnt_image_pixels(b->model, &image, height, width, pixels, err);
    lnt_image_free(&image);
    return rc ? NULL : pixels;
}

/* Those that can be read become spans, in their order; the others are answered with their errors. How many are good. */
static size_t set_spans(const lnt_batcher *b, batch_worker *w, const batch *part) {
    size_t n = 0;
    uint64_t began = batcher_clock(b), resizing = 0, decoded;
    for (size_t i = 0; i < part->n; i++) {
        size_t picture = batcher_at(b, part->first + i);
        lnt_error err;
        const float *pixels = load(b, &b->pictures[picture], w->pixels + i * b->image_floats, &decoded, &err);
        if (decoded && b->o.profile) resizing += batcher_clock(b) - decoded;
        if (!pixels) give(b, picture, NULL, &err);
        else w->outputs[n] = (uint32_t)picture, w->spans[n] = (lnt_span){.sequence = (uint32_t)n, .pixels = pixels}, n++;
    }
    lnt_profile_entry decode = {.name = "decode pictures", .calls = 1, .rows = part->n};
    lnt_profile_entry resize = {.name = "resize pictures", .calls = 1, .rows = n, .values = n * b->image_floats};
    profiler_add(b->o.profile, decode, batcher_clock(b) - began - resizing, 0);
    if (resizing) profiler_add(b->o.profile, resize, resizing, 0);
    return n;
}

static void run_batch(lnt_batcher *b, batch_worker *w, const batch *part) {
    size_t n = set_spans(b, w, part);
    if (n && lnt_eval(w->context, w->spans, n, &w->err)) {
        batcher_fail(b, w);
        return;
    }
    uint64_t began = batcher_clock(b);
    for (size_t i = 0; i < n; i++) {
        const float *row = lnt_output(w->context, i);
        give(b, w->outputs[i], b->finish ? batcher_finish(b, w, row) : row, NULL);
    }
    profiler_add(b->o.profile, (lnt_profile_entry){.name = "results", .calls = 1, .rows = n}, batcher_clock(b) - began, 0);
}

int lnt_batcher_run_images(lnt_batcher *b, const lnt_picture *pictures, size_t n_pictures, lnt_picture_listener *listener, void *user, lnt_error *err) {
    if (!b->model->patches) return err_set(err, "%s: takes texts, expected no images", b->model->file.path);
    if (!n_pictures) return 0;
    if (batcher_begin(b, n_pictures, "images", err)) return -1;
    for (size_t i = 0; i < n_pictures; i++) b->items[i] = (batch_item){.n = b->max_tokens};
    b->pictures = pictures, b->picture_listener = listener, b->user = user;
    return batcher_run(b, run_batch, err);
}
