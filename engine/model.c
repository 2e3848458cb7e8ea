#include "engine/model.h"
#include "engine/tokenizer.h"
#include "formats/error.h"
#include <stdlib.h>
#include <string.h>

static int read_u32(const lnt_model *m, const char *key, bool required, uint32_t *out, lnt_error *err) {
    uint64_t v;
    if (!kv_get_u64(&m->metadata, key, &v)) return required ? err_set(err, "%s: metadata: '%s' is missing", m->file.path, key) : 0;
    if (v > 1u << 30 || (required && !v)) return err_set(err, "%s: metadata: '%s' is %llu, expected 1 to %u", m->file.path, key, (unsigned long long)v, 1u << 30);
    *out = (uint32_t)v;
    return 0;
}

static const char *read_text(const lnt_model *m, const char *key) {
    const char *s = "";
    kv_get_string(&m->metadata, key, &s, NULL);
    return s;
}

static int32_t read_id(const lnt_model *m, const char *key) {
    int64_t v;
    return kv_get_i64(&m->metadata, key, &v) && v >= 0 && v < m->info.vocab_size ? (int32_t)v : -1;
}

/* A list of strings that are C strings; a missing one is empty. */
static int read_strings(const lnt_model *m, const char *key, kv_entry *out, lnt_error *err) {
    if (!kv_find(&m->metadata, key, KV_STRINGS, out)) *out = (kv_entry){0};
    for (uint64_t i = 0; i < out->count; i++) {
        size_t n;
        const char *s = kv_string_at(out, i, &n);
        if (strlen(s) != n) return err_set(err, "%s: metadata: string %llu of '%s' holds a NUL", m->file.path, (unsigned long long)i, key);
    }
    return 0;
}

static int read_lists(lnt_model *m, lnt_error *err) {
    if (read_strings(m, "labels", &m->labels, err) || read_strings(m, "prompt_names", &m->prompt_names, err) || read_strings(m, "prompts", &m->prompts, err))
        return -1;
    if (m->labels.count > 1u << 24) return err_set(err, "%s: metadata: %llu labels, expected at most %u", m->file.path, (unsigned long long)m->labels.count, 1u << 24);
    if (m->prompts.count == m->prompt_names.count) return 0;
    return err_set(err, "%s: metadata: 'prompts' and 'prompt_names' are not lists of the same length", m->file.path);
}

static int read_info(lnt_model *m, lnt_error *err) {
    lnt_info *i = &m->info;
    i->architecture = read_text(m, "architecture");
    i->name = read_text(m, "name");
    i->scores = read_text(m, "scores");
    if (read_u32(m, "vocab_size", !m->patches, &i->vocab_size, err) || read_u32(m, "n_ctx", true, &i->n_ctx, err) || read_u32(m, "width", true, &i->width, err) ||
        read_u32(m, "n_layers", false, &i->n_layers, err) || read_u32(m, "n_heads", false, &i->n_heads, err) || read_u32(m, "head_dim", false, &i->head_dim, err) ||
        read_u32(m, "max_tokens", false, &i->max_tokens, err) || read_lists(m, err))
        return -1;
    if (!i->max_tokens || i->max_tokens > i->n_ctx) i->max_tokens = i->n_ctx;
    i->n_labels = (uint32_t)m->labels.count;
    i->bos_id = read_id(m, "bos_id");
    i->eos_id = read_id(m, "eos_id");
    i->mask_id = read_id(m, "mask_id");
    i->file_bytes = m->file.mapped.size;
    for (size_t t = 0; t < m->file.n_tensors; t++) i->n_parameters += m->file.tensors[t].n * m->file.tensors[t].k;
    return 0;
}

/* Ids below vocab_size, positions below n_ctx and segments below n_segments stay inside their tables. */
static int check_tables(lnt_model *m, const graph_op *op, lnt_error *err) {
    const lnt_tensor *tables[3];
    for (int k = 0; k < 3; k++) tables[k] = op->tensors[k] == GRAPH_NONE ? NULL : &m->file.tensors[op->tensors[k]];
    if (tables[0]->n < m->info.vocab_size) // NOLINT(clang-analyzer-core.NullDereference): no graph opens whose embed has no table
        return err_set(err, "%s: tensor '%s' has fewer rows than vocab_size %u", m->file.path, tables[0]->name, m->info.vocab_size);
    if (tables[1] && tables[1]->n < (uint64_t)m->info.n_ctx + op->position_offset)
        return err_set(err, "%s: tensor '%s' has fewer rows than n_ctx %u", m->file.path, tables[1]->name, m->info.n_ctx);
    uint32_t n = tables[2] ? (tables[2]->n < 256 ? (uint32_t)tables[2]->n : 256) : 0;
    if (n && (!m->info.n_segments || n < m->info.n_segments)) m->info.n_segments = n;
    return 0;
}

/* ---- images ---- */

/* One way in: ids or an image. */
static int find_image_ops(lnt_model *m, lnt_error *err) {
    bool embeds = false, twice = false;
    for (size_t i = 0; i < m->graph.n_ops; i++) {
        const graph_op *op = &m->graph.ops[i], **found = op->kind == OP_PATCHES ? &m->patches : op->kind == OP_POSITIONS ? &m->positions : NULL;
        embeds |= op->kind == OP_EMBED;
        twice |= found && *found;
        if (found) *found = op;
    }
    if (twice || (embeds && m->patches) || (m->positions && !m->patches))
        return err_set(err, "%s: graph: expected one op 'patches', at most one 'positions', and no 'embed' beside them", m->file.path);
    return 0;
}

static int prefix_of(const graph_op *positions) {
    int n = 0;
    while (n + 1 < OP_TENSORS && positions->tensors[n + 1] != GRAPH_NONE) n++;
    return n;
}

uint32_t model_image_tokens(const lnt_model *m, uint32_t *height, uint32_t *width, lnt_error *err) {
    const char *path = m->file.path;
    if (!m->patches) return err_set(err, "%s: takes ids, expected a model of images", path), 0;
    if (!*height) *height = m->info.image_height;
    if (!*width) *width = m->info.image_width;
    uint32_t rows = *height / m->patches->patch_height, columns = *width / m->patches->patch_width;
    uint64_t tokens = (uint64_t)rows * columns + m->patches->prefix;
    if (*height <= LNT_IMAGE_MAX_SIDE && *width <= LNT_IMAGE_MAX_SIDE && rows && columns && tokens <= MAX_IMAGE_TOKENS) return (uint32_t)tokens;
    return err_set(err, "%s: images of %ux%u, expected at least a patch of %ux%u and at most %u patches", path, *width, *height, m->patches->patch_width,
                   m->patches->patch_height, MAX_IMAGE_TOKENS), 0;
}

uint32_t lnt_image_tokens(const lnt_model *m, uint32_t height, uint32_t width) { return model_image_tokens(m, &height, &width, NULL); }

static int read_images(lnt_model *m, lnt_error *err) {
    lnt_info *i = &m->info;
    if (!m->patches) return 0;
    if (read_u32(m, "image.height", true, &i->image_height, err) || read_u32(m, "image.width", true, &i->image_width, err)) return -1;
    i->n_channels = m->patches->channels;
    i->patch_height = m->patches->patch_height;
    i->patch_width = m->patches->patch_width;
    uint32_t tokens = model_image_tokens(m, &i->image_height, &i->image_width, err);
    if (!tokens) return -1;
    if (tokens != i->n_ctx) return err_set(err, "%s: metadata: 'n_ctx' is %u, expected the %u tokens of an image", m->file.path, i->n_ctx, tokens);
    if (m->positions && (uint32_t)prefix_of(m->positions) != m->patches->prefix)
        return err_set(err, "%s: graph: %u tokens before the patches, and vectors for %d", m->file.path, m->patches->prefix, prefix_of(m->positions));
    if (m->positions && m->file.tensors[m->positions->tensors[0]].n != tokens)
        return err_set(err, "%s: tensor '%s' does not have a row for each of n_ctx %u", m->file.path, m->file.tensors[m->positions->tensors[0]].name, tokens);
    if (preprocess_load(&m->preprocess, &m->metadata, i->n_channels, m->file.path, err)) return -1;
    i->has_preprocessing = m->preprocess.present;
    return 0;
}

static const char *const OUTPUTS[] = {"logits", "embedding", "pooled", "next_sentence"};
enum { N_OUTPUTS = sizeof OUTPUTS / sizeof *OUTPUTS };

static const graph_value *output_of(const lnt_model *m, const char *name) {
    const graph_tap *t = graph_find_tap(&m->graph, name, 0);
    return t ? &m->graph.values[t->value] : NULL;
}

/* What the metadata says of the logits must be what the graph does. */
static int check_logits(lnt_model *m, lnt_error *err) {
    static const struct { const char *task; graph_rows rows; bool of_labels; } TASKS[] = {
        {"causal-lm", ROWS_OUTPUTS, false}, {"masked-lm", ROWS_OUTPUTS, false}, {"sequence-classification", ROWS_SEQUENCES, true},
        {"token-classification", ROWS_OUTPUTS, true}, {"question-answering", ROWS_OUTPUTS, true}, {"image-classification", ROWS_SEQUENCES, true}};
    const graph_value *logits = output_of(m, "logits");
    m->info.task = "";
    if (!logits) return 0;
    m->info.task = "causal-lm";
    kv_get_string(&m->metadata, "task", &m->info.task, NULL);
    for (size_t i = 0; i < sizeof TASKS / sizeof *TASKS; i++) {
        if (strcmp(m->info.task, TASKS[i].task)) continue;
        uint32_t columns = TASKS[i].of_labels ? m->info.n_labels : m->info.vocab_size;
        if (logits->rows == TASKS[i].rows && logits->width == columns) return 0;
        return err_set(err, "%s: graph: no output 'logits' of %u columns for %s", m->file.path, columns, m->info.task);
    }
    return err_set(err, "%s: metadata: task '%s' is not known to this version of Linnet", m->file.path, m->info.task);
}

int32_t model_output(const lnt_model *m, const char *name, lnt_error *err) {
    if (!name) return m->output;
    for (int i = 0; i < N_OUTPUTS; i++)
        if (!strcmp(name, OUTPUTS[i]) && output_of(m, name)) return (int32_t)(output_of(m, name) - m->graph.values);
    err_set(err, "%s: the model gives no output '%s'", m->file.path, name);
    return GRAPH_NONE;
}

static int check_promises(lnt_model *m, lnt_error *err) {
    const graph *g = &m->graph;
    m->output = GRAPH_NONE;
    for (size_t i = 0; i < N_OUTPUTS; i++) {
        const graph_value *v = output_of(m, OUTPUTS[i]);
        if (v && i && v->rows != ROWS_SEQUENCES) return err_set(err, "%s: graph: output '%s' is not of sequences", m->file.path, OUTPUTS[i]);
        if (v && m->output == GRAPH_NONE) m->output = (int32_t)(v - g->values);
    }
    if (m->output == GRAPH_NONE) return err_set(err, "%s: graph: no output, expected 'logits' or 'embedding'", m->file.path);
    if (check_logits(m, err)) return -1;
    if (output_of(m, "embedding")) m->info.embedding_width = output_of(m, "embedding")->width;
    m->cached = !m->patches;
    for (size_t i = 0; i < g->n_ops; i++) {
        if ((g->ops[i].kind == OP_ATTENTION && !g->ops[i].cache) || g->ops[i].kind == OP_POOL) m->cached = false;
        if (g->ops[i].kind == OP_EMBED && check_tables(m, &g->ops[i], err)) return -1;
    }
    return 0;
}

/* Callers of lnt_tap size their memory by what lnt_model_info says. */
static int check_taps(const lnt_model *m, lnt_error *err) {
    for (size_t i = 0; i < m->graph.n_taps; i++) {
        const graph_tap *t = &m->graph.taps[i];
        const graph_op *maker = m->graph.ops;
        while (maker->output != t->value) maker++;
        bool hidden = !strcmp(t->name, "hidden"), attention = !strcmp(t->name, "attention");
        bool output = false;
        for (int k = 0; k < N_OUTPUTS; k++) output |= !strcmp(t->name, OUTPUTS[k]);
        if (!output && !hidden && !attention) return err_set(err, "%s: graph: tap '%s' is not known to this version of Linnet", m->file.path, t->name);
        if (hidden && (m->graph.values[t->value].width != m->info.width || t->index > m->info.n_layers))
            return err_set(err, "%s: graph: tap 'hidden' %u does not have the model's width %u, or is behind its layers", m->file.path, t->index, m->info.width);
        if (attention && (maker->kind != OP_ATTENTION || maker->heads != m->info.n_heads || t->index >= m->info.n_layers))
            return err_set(err, "%s: graph: tap 'attention' %u is not of %u heads, or is behind the layers", m->file.path, t->index, m->info.n_heads);
    }
    return 0;
}

static int read_tokenizer(lnt_model *m, lnt_error *err) {
    const lnt_bytes *s = &m->file.sections[SECTION_TOKENIZER];
    char what[512];
    kv_block block;
    if (!s->bytes) return 0;
    snprintf(what, sizeof what, "%s: tokenizer", m->file.path);
    if (kv_open(&block, s->bytes, s->size, what, err)) return -1;
    m->tokenizer = tokenizer_model_load(&block, m->info.vocab_size, m->file.path, err);
    m->info.has_tokenizer = true;
    return m->tokenizer ? 0 : -1;
}

static int read_model(lnt_model *m, lnt_error *err) {
    const lnt_file *f = &m->file;
    char what[512];
    snprintf(what, sizeof what, "%s: metadata", f->path);
    if (kv_open(&m->metadata, f->sections[SECTION_METADATA].bytes, f->sections[SECTION_METADATA].size, what, err)) return -1;
    kv_get_bool(&m->metadata, "q8_pairs", &m->pairs);
    if (graph_open(&m->graph, f->sections[SECTION_GRAPH].bytes, f->sections[SECTION_GRAPH].size, f->tensors, f->n_tensors, f->path, err)) return -1;
    if (find_image_ops(m, err) || read_info(m, err) || read_images(m, err) || check_promises(m, err) || check_taps(m, err)) return -1;
    return model_check_limits(m, err) || read_tokenizer(m, err) ? -1 : 0;
}

lnt_model *lnt_open(const char *path, lnt_error *err) {
    lnt_model *m = calloc(1, sizeof *m);
    if (!m) return err_memory(err, sizeof *m, "a model"), NULL;
    if (!lnt_file_open(&m->file, path, err) && !read_model(m, err)) return m;
    lnt_close(m);
    return NULL;
}

void lnt_close(lnt_model *m) {
    if (!m) return;
    tokenizer_model_free(m->tokenizer);
    graph_free(&m->graph);
    lnt_file_close(&m->file);
    free(m);
}

const char *lnt_label(const lnt_model *m, uint32_t label) { return label < m->labels.count ? kv_string_at(&m->labels, label, &(size_t){0}) : NULL; }

const char *lnt_prompt_name(const lnt_model *m, size_t i) { return i < m->prompt_names.count ? kv_string_at(&m->prompt_names, i, &(size_t){0}) : NULL; }

const char *lnt_prompt(const lnt_model *m, const char *name) {
    if (!name && !kv_get_string(&m->metadata, "default_prompt", &name, NULL)) return "";
    for (size_t i = 0; i < m->prompt_names.count; i++)
        if (!strcmp(lnt_prompt_name(m, i), name)) return kv_string_at(&m->prompts, i, &(size_t){0});
    return NULL;
}

void lnt_model_info(const lnt_model *m, lnt_info *info) { *info = m->info; }

const kernels *model_kernels(lnt_error *err) {
    const kernels *k = kernels_best();
    return k ? k : err_null(err, "LINNET_CPU: '%s' is no level of instruction sets; `linnet cpu` lists them", getenv("LINNET_CPU"));
}
