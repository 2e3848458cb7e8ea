#include "convert/source.h"
#include "convert/pack.h"
#include "formats/json.h"
#include "simd/kernels.h"
#include <stdlib.h>
#include <string.h>

void source_free(source *s) {
    for (size_t i = 0; i < s->n_tensors; i++) {
        free(s->tensors[i].name);
        free(s->tensors[i].column_scale);
    }
    free(s->tensors);
    graph_builder_free(&s->graph);
    buffer_free(&s->metadata);
    buffer_free(&s->tokenizer);
    checkpoint_close(s->checkpoint);
    lnt_file_close(&s->file);
    *s = (source){0};
}

int32_t source_add(source *s, const char *name, tensor_layout layout, uint64_t n, uint64_t k, const void *origin, bool transposed) {
    source_tensor *grown = realloc(s->tensors, (s->n_tensors + 1) * sizeof *grown);
    char *copy = strdup(name);
    if (grown) s->tensors = grown;
    if (!grown || !copy) {
        free(copy);
        s->failed = true;
        return 0;
    }
    s->tensors[s->n_tensors] = (source_tensor){.name = copy, .layout = layout, .n = n, .k = k, .origin = origin, .transposed = transposed};
    return (int32_t)s->n_tensors++;
}

/* 64 x 64 blocks, so that both sides stay in cache. */
static void transpose(const float *in, size_t rows, size_t columns, float *out) {
    enum { BLOCK = 64 };
    for (size_t r0 = 0; r0 < rows; r0 += BLOCK)
        for (size_t c0 = 0; c0 < columns; c0 += BLOCK)
            for (size_t r = r0; r < rows && r < r0 + BLOCK; r++)
                for (size_t c = c0; c < columns && c < c0 + BLOCK; c++) out[c * rows + r] = in[r * columns + c];
}

int source_read(const source *s, const source_tensor *t, float *rows, float *scratch, lnt_error *err) {
    if (!s->checkpoint && !unpack_tensor(t->origin, rows)) return err_memory(err, t->k * LANES * sizeof(float), t->name);
    if (s->checkpoint && checkpoint_read_f32(s->checkpoint, t->origin, 0, t->n * t->k, t->transposed ? scratch : rows, err))
        return -1;
    if (t->transposed) transpose(scratch, t->k, t->n, rows);
    if (t->column_scale)
        for (size_t r = 0; r < t->n; r++)
            for (size_t c = 0; c < t->k; c++) rows[r * t->k + c] *= t->column_scale[c];
    return 0;
}

/* ---- from a .lnt file: the graph as it is, tensors by their names ---- */

/* What emit writes itself is left out; everything else is kept. */
static void copy_metadata(source *s, const kv_block *block) {
    size_t at = 0, before = 0;
    for (kv_entry e; kv_next(block, &at, &e); before = at)
        if (strcmp(e.key, "type") && strcmp(e.key, "head_type") && strncmp(e.key, "quality.", 8)) buffer_append(&s->metadata, block->bytes + before, at - before);
}

static int copy_graph(source *s, lnt_error *err) {
    const lnt_bytes *bytes = &s->file.sections[SECTION_GRAPH];
    graph g;
    if (graph_open(&g, bytes->bytes, bytes->size, s->file.tensors, s->file.n_tensors, s->path, err)) return -1;
    s->graph = (graph_builder){g.values, g.ops, g.taps, g.n_values, g.n_ops, g.n_taps, false};
    return 0;
}

int source_from_lnt(source *s, const char *path, lnt_error *err) {
    s->path = path;
    if (lnt_file_open(&s->file, path, err) || copy_graph(s, err)) return -1;
    kv_block metadata;
    const lnt_bytes *m = &s->file.sections[SECTION_METADATA], *t = &s->file.sections[SECTION_TOKENIZER];
    if (kv_open(&metadata, m->bytes, m->size, path, err)) return -1;
    copy_metadata(s, &metadata);
    buffer_append(&s->tokenizer, t->bytes, t->size);
    for (size_t i = 0; i < s->file.n_tensors; i++) {
        const lnt_tensor *tensor = &s->file.tensors[i];
        if (tensor->type >= TENSOR_Q8)
            return err_set(err, "%s: tensor '%s' is %s already, expected a file of f32 or f16", path, tensor->name, tensor_type_name(tensor->type));
        source_add(s, tensor->name, tensor->layout, tensor->n, tensor->k, tensor, false);
    }
    return s->failed ? err_memory(err, 0, "a model") : 0;
}

/* ---- from a folder ---- */

static const struct family {
    const char *model_type;
    int (*make)(source *s, const char *folder, lnt_error *err);
} FAMILIES[] = {{"gpt2", source_from_gpt2}};

int source_from_folder(source *s, const char *folder, lnt_error *err) {
    json_file config;
    char path[4096];
    s->path = folder;
    if (snprintf(path, sizeof path, "%s/config.json", folder) >= (int)sizeof path) return err_set(err, "%s: the path is too long", folder);
    if (json_file_open(&config, path, err)) return -1;
    const char *type = json_string_value(json_object_get(config.root, "model_type"));
    int rc = -2;
    for (size_t i = 0; type && i < sizeof FAMILIES / sizeof *FAMILIES; i++)
        if (!strcmp(type, FAMILIES[i].model_type)) rc = FAMILIES[i].make(s, folder, err);
    if (rc == -2) rc = err_set(err, "%s: model_type '%s' is not known, expected gpt2", path, type ? type : "(missing)");
    json_file_close(&config);
    return rc;
}
