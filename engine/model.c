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

static int read_info(lnt_model *m, lnt_error *err) {
    lnt_info *i = &m->info;
    i->architecture = read_text(m, "architecture");
    i->name = read_text(m, "name");
    if (read_u32(m, "vocab_size", true, &i->vocab_size, err) || read_u32(m, "n_ctx", true, &i->n_ctx, err) || read_u32(m, "width", true, &i->width, err) ||
        read_u32(m, "n_layers", false, &i->n_layers, err) || read_u32(m, "n_heads", false, &i->n_heads, err) || read_u32(m, "head_dim", false, &i->head_dim, err))
        return -1;
    i->bos_id = read_id(m, "bos_id");
    i->eos_id = read_id(m, "eos_id");
    i->file_bytes = m->file.size;
    for (size_t t = 0; t < m->file.n_tensors; t++) i->n_parameters += m->file.tensors[t].n * m->file.tensors[t].k;
    return 0;
}

/* What the metadata promises must be what the graph does: ids below vocab_size and positions below n_ctx stay inside
   their tables, and logits have vocab_size columns. */
static int check_promises(lnt_model *m, lnt_error *err) {
    const graph *g = &m->graph;
    const graph_tap *logits = graph_find_tap(g, "logits", 0);
    if (!logits || g->values[logits->value].width != m->info.vocab_size || g->values[logits->value].rows != ROWS_OUTPUTS)
        return err_set(err, "%s: graph: no output 'logits' of %u columns", m->file.path, m->info.vocab_size);
    m->logits = logits->value;
    m->cached = true;
    for (size_t i = 0; i < g->n_ops; i++) {
        const graph_op *op = &g->ops[i];
        if (op->kind == OP_ATTENTION && !op->cache) m->cached = false;
        if (op->kind != OP_EMBED) continue;
        if (m->file.tensors[op->tensors[0]].n < m->info.vocab_size)
            return err_set(err, "%s: tensor '%s' has fewer rows than vocab_size %u", m->file.path, m->file.tensors[op->tensors[0]].name, m->info.vocab_size);
        if (op->tensors[1] != GRAPH_NONE && m->file.tensors[op->tensors[1]].n < (uint64_t)m->info.n_ctx + op->position_offset)
            return err_set(err, "%s: tensor '%s' has fewer rows than n_ctx %u", m->file.path, m->file.tensors[op->tensors[1]].name, m->info.n_ctx);
    }
    return 0;
}

/* Callers of lnt_tap size their memory by what lnt_model_info says. */
static int check_taps(const lnt_model *m, lnt_error *err) {
    for (size_t i = 0; i < m->graph.n_taps; i++) {
        const graph_tap *t = &m->graph.taps[i];
        const graph_op *maker = m->graph.ops;
        while (maker->output != t->value) maker++;
        bool logits = !strcmp(t->name, "logits"), hidden = !strcmp(t->name, "hidden"), attention = !strcmp(t->name, "attention");
        if (!logits && !hidden && !attention) return err_set(err, "%s: graph: tap '%s' is not known to this version of Linnet", m->file.path, t->name);
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
    if (graph_open(&m->graph, f->sections[SECTION_GRAPH].bytes, f->sections[SECTION_GRAPH].size, f->tensors, f->n_tensors, f->path, err)) return -1;
    return read_info(m, err) || check_promises(m, err) || check_taps(m, err) || read_tokenizer(m, err) ? -1 : 0;
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

int lnt_verify(const lnt_model *m, lnt_error *err) { return lnt_file_verify(&m->file, err); }
void lnt_model_info(const lnt_model *m, lnt_info *info) { *info = m->info; }

const kernels *model_kernels(lnt_error *err) {
    const kernels *k = kernels_best();
    return k ? k : err_null(err, "LINNET_CPU: '%s' is no level of instruction sets; `linnet cpu` lists them", getenv("LINNET_CPU"));
}
