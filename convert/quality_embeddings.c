#include "convert/quality.h"
#include "formats/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXTS = 10000 };

typedef struct comparison {
    lnt_text *texts;
    size_t n_texts, width;
    float *embeddings; /* [n_texts][width] of one model */
} comparison;

/* Lines that are not empty, as many as are worth their time. */
static int split(comparison *c, const char *text, size_t n) {
    c->texts = calloc(MAX_TEXTS, sizeof *c->texts);
    for (const char *end = text + n; c->texts && text < end && c->n_texts < MAX_TEXTS;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text)), *stop = newline ? newline : end;
        if (stop > text) c->texts[c->n_texts++] = (lnt_text){.text = text, .n_bytes = (size_t)(stop - text)};
        text = stop + 1;
    }
    return c->texts ? 0 : -1;
}

static void keep(void *user, const lnt_text_result *r) {
    const comparison *c = user;
    memcpy(c->embeddings + r->index * c->width, r->rows[0], c->width * sizeof(float));
}

static int embed(comparison *c, const char *path, const lnt_convert_options *o, float **out, lnt_error *err) {
    lnt_batcher_options options = {.n_threads = o->n_threads, .output = "embedding"};
    lnt_model *model = lnt_open(path, err);
    lnt_batcher *b = model ? lnt_batcher_new(model, &options, err) : NULL;
    int rc = -1;
    if (b) {
        c->width = lnt_batcher_width(b);
        c->embeddings = *out = malloc(c->n_texts * c->width * sizeof **out);
        rc = *out ? lnt_batcher_run(b, c->texts, c->n_texts, keep, c, err) : err_memory(err, c->n_texts * c->width * sizeof **out, "embeddings");
    }
    lnt_batcher_free(b);
    lnt_close(model);
    return rc;
}

double quality_cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

int quality_of_embeddings(const char *float_path, const char *small_path, const lnt_convert_options *o, quality *q, lnt_error *err) {
    comparison c = {0};
    float *rows[2] = {NULL, NULL};
    size_t n_bytes = 0;
    char *text = quality_text(o->check_path, &n_bytes, err);
    int rc = !text ? -1 : split(&c, text, n_bytes) ? err_memory(err, MAX_TEXTS * sizeof *c.texts, "texts") : 0;
    if (!rc && !c.n_texts) rc = err_set(err, "%s: has no lines to check on", o->check_path ? o->check_path : "(built in)");
    for (int i = 0; !rc && i < 2; i++) {
        if (o->progress) o->progress(o->user, i / 2.0, "measuring the loss");
        rc = embed(&c, i ? small_path : float_path, o, &rows[i], err);
    }
    *q = (quality){.texts = c.n_texts, .cosine_min = 1};
    for (size_t i = 0; !rc && i < c.n_texts; i++) {
        double d = quality_cosine(rows[0] + i * c.width, rows[1] + i * c.width, c.width);
        q->cosine_mean += d / (double)c.n_texts;
        if (!(d >= q->cosine_min)) q->cosine_min = d;
    }
    free(rows[0]);
    free(rows[1]);
    free(c.texts);
    free(text);
    return rc;
}
