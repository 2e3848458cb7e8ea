#include "convert/emit.h"
#include "convert/pack.h"
#include "convert/smooth.h"
#include <stdlib.h>
#include <string.h>

enum { FEW_OUTPUTS = 32 };

int emit_parse_types(const char *name, const char *head_name, emit_types *types, lnt_error *err) {
    if (!name || !tensor_type_from_name(name, &types->layers)) return err_set(err, "type '%s' is not known, expected f32, f16, q8 or q4", name ? name : "");
    types->head = types->layers == TENSOR_Q4 ? TENSOR_Q8 : types->layers;
    if (head_name && !tensor_type_from_name(head_name, &types->head)) return err_set(err, "head type '%s' is not known, expected f32, f16, q8 or q4", head_name);
    return 0;
}

/* Makes the logits or what is added to them, or rows of patches. */
static bool is_head(const source *s, const graph_op *op) {
    int32_t logits = source_output(s, "logits");
    const graph_op *last = source_maker(s, logits), *before = op->kind == OP_LINEAR ? source_maker(s, op->inputs[0]) : NULL;
    return before && (before->kind == OP_PATCHES || op->output == logits || (last && op->output == last->inputs[1]));
}

/* Vectors stay f32, other tables than that of tokens are at most f16, embeddings (of tokens, of patches) and the head get
   their own type. A classifier's few outputs are worth their bytes in f32. */
static void choose_types(source *s, emit_types types) {
    for (size_t i = 0; i < s->n_tensors; i++)
        s->tensors[i].type = s->tensors[i].layout == LAYOUT_PANELS ? types.layers : s->tensors[i].n == 1 || types.layers == TENSOR_F32 ? TENSOR_F32 : TENSOR_F16;
    for (size_t i = 0; i < s->graph.n_ops; i++) {
        const graph_op *op = &s->graph.ops[i];
        if (op->kind == OP_EMBED || is_head(s, op)) s->tensors[op->tensors[0]].type = types.head;
        if (op->kind == OP_LINEAR && s->tensors[op->tensors[0]].n <= FEW_OUTPUTS && types.layers >= TENSOR_Q8) s->tensors[op->tensors[0]].type = TENSOR_F32;
    }
}

static void make_metadata(const source *s, emit_types types, const quality *q, const lnt_convert_options *o, buffer *out) {
    const char *text = o->check_path ? o->check_path : "built in";
    size_t n = strlen(text), at;
    while (n > 1 && text[n - 1] == '/') n--;
    for (at = n; at && text[at - 1] != '/';) at--;
    out->failed = s->metadata.failed;
    buffer_append(out, s->metadata.bytes, s->metadata.size);
    kv_put_string(out, "type", tensor_type_name(types.layers), strlen(tensor_type_name(types.layers)));
    kv_put_string(out, "head_type", tensor_type_name(types.head), strlen(tensor_type_name(types.head)));
    if (types.layers == TENSOR_Q8 || types.head == TENSOR_Q8) kv_put_bool(out, "q8_pairs", true);
    if (!q) return;
    kv_put_string(out, "quality.text", text + at, n - at);
    if (source_output(s, "embedding") != GRAPH_NONE) {
        if (source_takes_images(s)) kv_put_u64(out, "quality.images", q->images);
        else kv_put_u64(out, "quality.texts", q->texts);
        kv_put_f64(out, "quality.cosine_mean", q->cosine_mean);
        kv_put_f64(out, "quality.cosine_min", q->cosine_min);
        if (source_takes_images(s) && source_output(s, "logits") != GRAPH_NONE) kv_put_f64(out, "quality.top1", q->top1);
        return;
    }
    kv_put_u64(out, "quality.tokens", q->tokens);
    kv_put_f64(out, "quality.perplexity", q->perplexity);
    kv_put_f64(out, "quality.float_perplexity", q->float_perplexity);
    kv_put_f64(out, "quality.kl", q->kl);
    kv_put_f64(out, "quality.top1", q->top1);
}

static uint64_t cells_of(const source *s) {
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_tensors; i++) n += s->tensors[i].n * s->tensors[i].k;
    return n ? n : 1;
}

static int write_tensor(const source *s, const source_tensor *t, lnt_writer *w, lnt_error *err) {
    tensor_planes planes;
    uint64_t cells = t->n * t->k, bad;
    if (!tensor_layout_planes(t->type, t->layout, t->n, t->k, &planes))
        return err_set(err, "%s: tensor '%s' cannot be stored as %s", s->path, t->name, tensor_type_name(t->type));
    float *rows = malloc(cells * sizeof *rows), *scratch = t->transposed ? malloc(cells * sizeof *scratch) : NULL;
    unsigned char *packed = NULL;
    int rc = rows && (scratch || !t->transposed) ? source_read(s, t, rows, scratch, err) : err_memory(err, cells * sizeof *rows, t->name);
    free(scratch);
    if (!rc && !(packed = malloc(planes.bytes))) rc = err_memory(err, planes.bytes, t->name);
    if (!rc && !pack_tensor(t->type, t->layout, t->n, t->k, rows, packed, &bad))
        rc = bad == cells ? err_memory(err, t->k, t->name)
                          : err_set(err, "%s: tensor '%s' holds %g at element %llu, which %s cannot store", s->path, t->name, (double)rows[bad],
                                    (unsigned long long)bad, tensor_type_name(t->type));
    free(rows);
    if (!rc) rc = lnt_writer_append(w, packed, planes.bytes, err);
    free(packed);
    return rc;
}

static int write_tensors(const source *s, lnt_writer *w, const lnt_convert_options *o, lnt_error *err) {
    uint64_t done = 0, all = cells_of(s);
    for (size_t i = 0; i < s->n_tensors; i++) {
        if (o->progress) o->progress(o->user, (double)done / (double)all, s->tensors[i].name);
        if (write_tensor(s, &s->tensors[i], w, err)) return -1;
        done += s->tensors[i].n * s->tensors[i].k;
    }
    if (o->progress) o->progress(o->user, 1, "");
    return lnt_writer_seal(w, err);
}

lnt_writer *emit(source *s, const char *out_path, emit_types types, const quality *measured, const lnt_convert_options *o, lnt_error *err) {
    buffer metadata = {0}, graph = {0};
    lnt_writer *w = NULL;
    choose_types(s, types);
    if (smooth_all(s, err)) return NULL;
    lnt_tensor_spec *specs = calloc(s->n_tensors + 1, sizeof *specs);
    for (size_t i = 0; specs && i < s->n_tensors; i++)
        specs[i] = (lnt_tensor_spec){s->tensors[i].name, s->tensors[i].type, s->tensors[i].layout, s->tensors[i].n, s->tensors[i].k};
    make_metadata(s, types, measured, o, &metadata);
    graph_write(&s->graph, &graph);
    if (!specs || metadata.failed || graph.failed || s->tokenizer.failed) err_memory(err, graph.size, "a model file");
    else w = lnt_writer_new(out_path, &metadata, &s->tokenizer, &graph, specs, s->n_tensors, err);
    if (w && write_tensors(s, w, o, err)) {
        lnt_writer_abandon(w);
        w = NULL;
    }
    free(specs);
    buffer_free(&metadata);
    buffer_free(&graph);
    return w;
}

int emit_quality(lnt_writer *w, const source *s, emit_types types, const quality *measured, const lnt_convert_options *o, lnt_error *err) {
    buffer metadata = {0};
    make_metadata(s, types, measured, o, &metadata);
    int rc = lnt_writer_metadata(w, &metadata, err);
    buffer_free(&metadata);
    return rc;
}
