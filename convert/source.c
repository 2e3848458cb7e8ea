#include "convert/source.h"
#include "convert/pack.h"
#include "convert/sentence.h"
#include "formats/json.h"
#include "simd/kernels.h"
#include <stdlib.h>
#include <string.h>

void source_free(source *s) {
    for (size_t i = 0; i < s->n_tensors; i++) {
        free(s->tensors[i].name);
        free(s->tensors[i].column_scale);
        free(s->tensors[i].row_scale);
    }
    free(s->tensors);
    graph_builder_free(&s->graph);
    buffer_free(&s->metadata);
    buffer_free(&s->tokenizer);
    for (size_t i = 0; i < s->n_checkpoints; i++) checkpoint_close(s->checkpoints[i]);
    lnt_file_close(&s->file);
    *s = (source){0};
}

int source_intact(const source *s, lnt_error *err) {
    for (size_t i = 0; i < s->n_checkpoints; i++)
        if (checkpoint_intact(s->checkpoints[i], err)) return -1;
    return s->file.path ? lnt_file_intact(&s->file, err) : 0;
}

checkpoint *source_open(source *s, const char *folder, lnt_error *err) {
    if (s->n_checkpoints == SOURCE_CHECKPOINTS) return err_null(err, "%s: has more than %d folders of weights", s->path, SOURCE_CHECKPOINTS);
    checkpoint *c = checkpoint_open(folder, err);
    if (c) s->checkpoints[s->n_checkpoints++] = c;
    return c;
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
    s->tensors[s->n_tensors] = (source_tensor){.name = copy, .layout = layout, .n = n, .k = k, .origin = origin, .transposed = transposed, .factor = 1};
    return (int32_t)s->n_tensors++;
}

bool source_takes_images(const source *s) {
    size_t i = 0;
    while (i < s->graph.n_ops && s->graph.ops[i].kind != OP_PATCHES) i++;
    return i < s->graph.n_ops;
}

int32_t source_output(const source *s, const char *name) {
    for (size_t i = 0; i < s->graph.n_taps; i++)
        if (!strcmp(s->graph.taps[i].name, name) && !s->graph.taps[i].index) return s->graph.taps[i].value;
    return GRAPH_NONE;
}

const graph_op *source_maker(const source *s, int32_t value) {
    for (size_t i = 0; i < s->graph.n_ops; i++)
        if (s->graph.ops[i].output == value) return &s->graph.ops[i];
    return NULL;
}

/* 64 x 64 blocks, so that both sides stay in cache. */
static void transpose(const float *in, size_t rows, size_t columns, float *out) {
    enum { BLOCK = 64 };
    for (size_t r0 = 0; r0 < rows; r0 += BLOCK)
        for (size_t c0 = 0; c0 < columns; c0 += BLOCK)
            for (size_t r = r0; r < rows && r < r0 + BLOCK; r++)
                for (size_t c = c0; c < columns && c < c0 + BLOCK; c++) out[c * rows + r] = in[r * columns + c];
}

static int read_origin(const source *s, const source_tensor *t, float *rows, float *scratch, lnt_error *err) {
    if (!s->n_checkpoints) return unpack_tensor(t->origin, rows) ? 0 : err_memory(err, t->k * LANES * sizeof(float), t->name);
    if (checkpoint_read_f32(s->checkpoints[0], t->origin, 0, t->n * t->k, t->transposed ? scratch : rows, err)) return -1;
    if (t->transposed) transpose(scratch, t->k, t->n, rows);
    return 0;
}

int source_read(const source *s, const source_tensor *t, float *rows, float *scratch, lnt_error *err) {
    if (t->origin && read_origin(s, t, rows, scratch, err)) return -1;
    for (uint64_t i = 0; !t->origin && i < t->n * t->k; i++) rows[i] = 1;
    for (size_t r = 0; r < t->n; r++)
        for (size_t c = 0; c < t->k && (t->column_scale || t->row_scale || t->factor != 1); c++)
            rows[r * t->k + c] *= (t->column_scale ? t->column_scale[c] : 1) * (t->row_scale ? t->row_scale[r] : 1) * t->factor;
    return 0;
}

/* ---- from a .lnt file: the graph as it is, tensors by their names ---- */

/* What emit writes itself is left out; everything else is kept. */
static void copy_metadata(source *s, const kv_block *block) {
    size_t at = 0, before = 0;
    for (kv_entry e; kv_next(block, &at, &e); before = at)
        if (strcmp(e.key, "type") && strcmp(e.key, "head_type") && strcmp(e.key, "q8_pairs") && strncmp(e.key, "quality.", 8)) buffer_append(&s->metadata, block->bytes + before, at - before);
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

static const struct maker {
    const char *model_type;
    int (*make)(source *s, const char *folder, lnt_error *err);
    bool sentences; /* sentence-transformers' modules are understood */
} FAMILIES[] = {
    {"bert", source_from_bert, true},  {"camembert", source_from_roberta, true}, {"deit", source_from_deit, false},
    {"distilbert", source_from_distilbert, true}, {"gpt2", source_from_gpt2, false}, {"roberta", source_from_roberta, true},
    {"vit", source_from_vit, false},   {"xlm-roberta", source_from_roberta, true},
};
enum { N_FAMILIES = sizeof FAMILIES / sizeof *FAMILIES };

static int unknown_family(const char *path, const char *type, lnt_error *err) {
    char known[256];
    size_t at = 0;
    for (size_t i = 0; i < N_FAMILIES; i++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", !i ? "" : i + 1 < N_FAMILIES ? ", " : " or ", FAMILIES[i].model_type);
    return err_set(err, "%s: model_type '%s' is not known, expected %s", path, type ? type : "(missing)", known);
}

int source_from_folder(source *s, const char *folder, lnt_error *err) {
    json_file config;
    char inside[4000], path[4096];
    bool modules;
    s->path = folder;
    if (sentence_folder(folder, inside, &modules, err)) return -1;
    snprintf(path, sizeof path, "%s/config.json", inside);
    if (json_file_open(&config, path, err)) return -1;
    const char *type = json_string_value(json_object_get(config.root, "model_type"));
    const struct maker *f = FAMILIES, *end = FAMILIES + N_FAMILIES;
    while (f < end && (!type || strcmp(type, f->model_type))) f++;
    int rc;
    if (f == end) rc = unknown_family(path, type, err);
    else if (modules && !f->sentences) rc = err_set(err, "%s/modules.json: is not supported for model_type '%s'", folder, type);
    else rc = f->make(s, inside, err);
    json_file_close(&config);
    return rc;
}
