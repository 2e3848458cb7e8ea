/* What a model may ask for is worth the bytes it comes with: a small file cannot say that it takes a million tokens, makes rows of
   gigabytes, or computes for hours. Models that hold what they compute with are far below these bounds. */
#include "engine/model.h"

enum {
    TOKEN_BYTES = 32,         /* of the smallest row of a table of positions, which a file with one has for each token */
    TOKEN_PRODUCTS = 1 << 8,  /* multiplications a token and byte: q4 has two weights a byte, and layers may share them */
    IMAGE_PIXELS = 1 << 24,   /* of a model's own size */
    /* Of a sequence of n_ctx tokens that must be evaluated whole, a byte: */
    WHOLE_BYTES = 1 << 10,    /* of all values together, more than are there at a time */
    WHOLE_PRODUCTS = 1 << 20, /* multiplications */
};

static int check_tokens(const lnt_model *m, lnt_error *err) {
    if (m->info.n_ctx <= m->info.file_bytes / TOKEN_BYTES) return 0;
    return err_set(err, "%s: metadata: 'n_ctx' is %u, expected at most a token for every %d of the file's %llu bytes", m->file.path, m->info.n_ctx, TOKEN_BYTES,
                   (unsigned long long)m->info.file_bytes);
}

static int check_image(const lnt_model *m, lnt_error *err) {
    if ((uint64_t)m->info.image_height * m->info.image_width <= IMAGE_PIXELS) return 0;
    return err_set(err, "%s: metadata: images of %ux%u, expected at most %d pixels", m->file.path, m->info.image_width, m->info.image_height, IMAGE_PIXELS);
}

/* A row of all values together: widths come with weights, or are those of other values. */
static int check_widths(const lnt_model *m, lnt_error *err) {
    uint64_t floats = 0;
    for (size_t i = 0; i < m->graph.n_values; i++) floats += m->graph.values[i].width;
    if (floats > m->info.file_bytes / sizeof(float))
        return err_set(err, "%s: graph: values of %llu floats a token, expected at most a float for %zu of the file's %llu bytes", m->file.path,
                       (unsigned long long)floats, sizeof(float), (unsigned long long)m->info.file_bytes);
    if (m->cached || (double)floats * sizeof(float) * m->info.n_ctx <= (double)m->info.file_bytes * WHOLE_BYTES) return 0;
    return err_set(err, "%s: graph: values of %llu floats for each of %u tokens at once, expected at most %d bytes for each of the file's %llu", m->file.path,
                   (unsigned long long)floats, m->info.n_ctx, WHOLE_BYTES, (unsigned long long)m->info.file_bytes);
}

static int check_work(const lnt_model *m, lnt_error *err) {
    double weights = 0, attended = 0, bytes = (double)m->info.file_bytes, tokens = m->info.n_ctx;
    for (size_t i = 0; i < m->graph.n_ops; i++) {
        const graph_op *op = &m->graph.ops[i];
        double out = m->graph.values[op->output].width;
        if (op->kind == OP_LINEAR) weights += out * m->graph.values[op->inputs[0]].width;
        if (op->kind == OP_ATTENTION) attended += 2 * out;
    }
    if (weights > bytes * TOKEN_PRODUCTS)
        return err_set(err, "%s: graph: %.3g multiplications a token, expected at most %d for each of the file's %llu bytes", m->file.path, weights, TOKEN_PRODUCTS,
                       (unsigned long long)m->info.file_bytes);
    if (!m->cached && tokens * (weights + tokens * attended) > bytes * WHOLE_PRODUCTS)
        return err_set(err, "%s: graph: %.3g multiplications for %u tokens, expected at most %d for each of the file's %llu bytes", m->file.path,
                       tokens * (weights + tokens * attended), m->info.n_ctx, WHOLE_PRODUCTS, (unsigned long long)m->info.file_bytes);
    return 0;
}

int model_check_limits(const lnt_model *m, lnt_error *err) { return check_tokens(m, err) || check_image(m, err) || check_widths(m, err) || check_work(m, err) ? -1 : 0; }
