/* ViT (Dosovitskiy et al. 2021) and DeiT (Touvron et al. 2021), as transformers' ViTModel, DeiTModel and their classifiers
   save them: patches through one linear op, one or two learned tokens before them, learned positions, pre-norm blocks.

   Taps: "hidden" 0 (patches with positions) .. n_layers (behind the last norm), "attention" i, "embedding" (the first token
   behind the last norm), "pooled" if there is a pooler, and by a classifier "logits". */
#include "convert/image_settings.h"
#include "convert/labels.h"
#include "convert/layers.h"
#include "simd/kernels.h"
#include <string.h>

typedef struct vit_form {
    const char *class, *prefix;  /* of config.json's architectures; of the tensors beside a classifier */
    const char *const *tokens;   /* before the patches; NULL at the end */
} vit_form;

typedef struct vit {
    family f;
    const vit_form *form;
    int64_t width, layers, heads, inner, channels, pooled_width;
    image_size image, patch;
    uint32_t n_tokens, n_ctx; /* before the patches; with these */
    double eps;
    int activation, pooler_activation;
    bool qkv_bias;
} vit;

enum { NAME = 64, MAX_TOKENS = OP_TENSORS - 1 };

/* ---- settings ---- */

static void read_size(vit *v, const char *key, image_size *size) {
    family *f = &v->f;
    const json_t *value = f->failed ? NULL : json_file_get(&f->config, key);
    if (!f->failed) f->failed = image_size_of(f->config.path, key, value, size, f->err);
}

static void read_sizes(vit *v) {
    family *f = &v->f;
    read_size(v, "image_size", &v->image);
    read_size(v, "patch_size", &v->patch);
    if (f->failed) return;
    int64_t patches = (v->image.height / v->patch.height) * (v->image.width / v->patch.width);
    if (patches < 1 || patches > MAX_IMAGE_TOKENS - MAX_TOKENS)
        f->failed = err_set(f->err, "%s: 'patch_size' cuts an image into %lld patches, expected 1 to %d", f->config.path, (long long)patches,
                            MAX_IMAGE_TOKENS - MAX_TOKENS);
    while (v->form->tokens[v->n_tokens]) v->n_tokens++;
    v->n_ctx = v->n_tokens + (uint32_t)patches;
}

static void read_config(vit *v) {
    family *f = &v->f;
    family_require(f, (const char *const[]){"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "image_size", "patch_size", NULL});
    family_int(f, "hidden_size", 1, 1 << 14, &v->width);
    family_int(f, "num_hidden_layers", 1, 1024, &v->layers);
    family_int(f, "num_attention_heads", 1, 1024, &v->heads);
    family_int(f, "intermediate_size", 1, 1 << 16, &v->inner);
    family_int(f, "num_channels", 1, MAX_CHANNELS, &v->channels);
    family_activation(f, "hidden_act", &v->activation);
    family_float(f, "layer_norm_eps", 0, 1, &v->eps);
    family_bool(f, "qkv_bias", &v->qkv_bias);
    v->pooled_width = v->width;
    family_int(f, "pooler_output_size", 1, 1 << 16, &v->pooled_width);
    family_activation(f, "pooler_act", &v->pooler_activation);
    read_sizes(v);
    family_expect_bool(f, "is_decoder", false);
    family_expect_bool(f, "add_cross_attention", false);
    family_expect_bool(f, "is_encoder_decoder", false);
    family_expect_empty(f, "pruned_heads");
    family_expect_divisor(f, "num_attention_heads", v->heads, "hidden_size", v->width);
}

/* ---- the graph ---- */

static int32_t linear(vit *v, int32_t x, int32_t residual, int64_t width, int activation, unsigned flags, int layer, const char *part) {
    char name[NAME];
    snprintf(name, sizeof name, "encoder.layer.%d.%s", layer, part);
    return layers_linear(&v->f, x, residual, (uint32_t)width, activation, flags, name);
}

static int32_t norm(vit *v, int32_t x, int layer, const char *part) {
    char name[NAME];
    snprintf(name, sizeof name, "encoder.layer.%d.%s", layer, part);
    return layers_norm(&v->f, x, v->eps, name);
}

/* The convolution whose stride is its size. */
static int32_t project(vit *v) {
    const uint64_t dims[] = {(uint64_t)v->width, (uint64_t)v->channels, (uint64_t)v->patch.height, (uint64_t)v->patch.width};
    uint64_t k = dims[1] * dims[2] * dims[3];
    graph_op patches = graph_op_of(OP_PATCHES), op = graph_op_of(OP_LINEAR);
    patches.channels = (uint32_t)v->channels;
    patches.patch_height = (uint32_t)v->patch.height, patches.patch_width = (uint32_t)v->patch.width;
    patches.prefix = v->n_tokens;
    op.inputs[0] = graph_add(&v->f.s->graph, patches, ROWS_TOKENS, (uint32_t)k);
    op.tensors[0] = family_reshaped(&v->f, LAYOUT_PANELS, dims[0], k, dims, 4, "embeddings.patch_embeddings.projection.weight");
    op.tensors[1] = family_vector(&v->f, dims[0], "embeddings.patch_embeddings.projection.bias");
    return graph_add(&v->f.s->graph, op, ROWS_TOKENS, (uint32_t)v->width);
}

static int32_t embed(vit *v) {
    uint64_t w = (uint64_t)v->width;
    graph_op op = graph_op_of(OP_POSITIONS);
    op.inputs[0] = project(v);
    op.tensors[0] = family_reshaped(&v->f, LAYOUT_ROWS, v->n_ctx, w, (const uint64_t[]){1, v->n_ctx, w}, 3, "embeddings.position_embeddings");
    for (uint32_t i = 0; i < v->n_tokens; i++)
        op.tensors[i + 1] = family_reshaped(&v->f, LAYOUT_ROWS, 1, w, (const uint64_t[]){1, 1, w}, 3, "embeddings.%s", v->form->tokens[i]);
    /* Stands for patches that were hidden in training. */
    family_ignore(&v->f, "embeddings.mask_token");
    return graph_add(&v->f.s->graph, op, ROWS_TOKENS, (uint32_t)w);
}

static int32_t block(vit *v, int32_t x, int layer) {
    static const char *const PARTS[] = {"attention.attention.query", "attention.attention.key", "attention.attention.value"};
    graph_op op = layers_attention_op((uint32_t)v->width, (uint32_t)v->heads);
    graph_add_tap(&v->f.s->graph, "hidden", (uint32_t)layer, x);
    int32_t y = norm(v, x, layer, "layernorm_before");
    for (int i = 0; i < 3; i++) op.inputs[i] = linear(v, y, GRAPH_NONE, v->width, ACT_NONE, v->qkv_bias ? 0 : LAYERS_NO_BIAS, layer, PARTS[i]);
    x = linear(v, layers_attention(&v->f, op, (uint32_t)layer), x, v->width, ACT_NONE, 0, layer, "attention.output.dense");
    y = linear(v, norm(v, x, layer, "layernorm_after"), GRAPH_NONE, v->inner, v->activation, 0, layer, "intermediate.dense");
    return linear(v, y, x, v->width, ACT_NONE, 0, layer, "output.dense");
}

/* ---- classifiers ---- */

static int32_t classifier(vit *v, int32_t x, int32_t residual, uint32_t n_labels, const char *name) {
    return layers_linear(&v->f, x, residual, n_labels, ACT_NONE, 0, name);
}

static int32_t one_classifier(vit *v, int32_t hidden, int32_t first, uint32_t n_labels) {
    (void)hidden;
    return classifier(v, first, GRAPH_NONE, n_labels, "/classifier");
}

/* Both classifiers' mean: halves are exact. */
static int32_t two_classifiers(vit *v, int32_t hidden, int32_t first, uint32_t n_labels) {
    source *s = v->f.s;
    size_t before = s->n_tensors;
    int32_t x = classifier(v, first, GRAPH_NONE, n_labels, "/cls_classifier");
    x = classifier(v, layers_pool(&v->f, hidden, POOL_SECOND), x, n_labels, "/distillation_classifier");
    for (size_t i = before; i < s->n_tensors; i++) s->tensors[i].factor = 0.5f;
    return x;
}

static const struct head {
    const char *class; /* behind the family's */
    int32_t (*add)(vit *v, int32_t hidden, int32_t first, uint32_t n_labels);
    uint32_t tokens; /* before the patches, at least */
} HEADS[] = {{"Model", NULL, 1}, {"ForImageClassification", one_classifier, 1}, {"ForImageClassificationWithTeacher", two_classifiers, 2}};
enum { N_HEADS = sizeof HEADS / sizeof *HEADS };

static const struct head *choose_head(vit *v) {
    family *f = &v->f;
    bool one;
    const char *class = family_class(f, &one);
    char known[64], all[256];
    size_t at = 0;
    if (one && !class) return HEADS;
    for (size_t i = 0; i < N_HEADS; i++) {
        if (HEADS[i].tokens > v->n_tokens) continue;
        snprintf(known, sizeof known, "%s%s", v->form->class, HEADS[i].class);
        if (class && !strcmp(class, known)) return &HEADS[i];
        at += (size_t)snprintf(all + at, sizeof all - at, "%s%s", i ? ", " : "", known);
    }
    f->failed = err_set(f->err, "%s: 'architectures' names '%s', which is not supported, expected one of %s", f->config.path, class ? class : "(not one class)", all);
    return NULL;
}

static void add_outputs(vit *v, const struct head *h, int32_t hidden) {
    family *f = &v->f;
    graph_builder *b = &f->s->graph;
    int32_t first = layers_pool(f, hidden, POOL_FIRST);
    graph_add_tap(b, "embedding", 0, first);
    if (family_has(f, "pooler.dense.weight"))
        graph_add_tap(b, "pooled", 0, layers_linear(f, first, GRAPH_NONE, (uint32_t)v->pooled_width, v->pooler_activation, 0, "pooler.dense"));
    if (!h->add || f->failed) return;
    uint32_t n_labels = labels_of_config(f);
    const char *scores = labels_scores(f, n_labels);
    if (!f->failed) graph_add_tap(b, "logits", 0, h->add(v, hidden, first, n_labels));
    labels_put_task(f, "image-classification", scores);
}

static int convert(source *s, const char *folder, const vit_form *form, lnt_error *err) {
    vit v = {.form = form, .channels = 3, .eps = 1e-12, .activation = ACT_GELU_ERF, .pooler_activation = ACT_TANH, .qkv_bias = true};
    family *f = &v.f;
    const char *model_type = "";
    family_open(f, s, folder, err);
    read_config(&v);
    const struct head *h = f->failed ? NULL : choose_head(&v);
    if (!f->failed) f->failed = json_file_string(&f->config, "model_type", &model_type, err);
    if (family_has(f, "%sembeddings.cls_token", form->prefix)) f->prefix = form->prefix;
    int32_t x = f->failed ? 0 : embed(&v);
    for (int layer = 0; layer < v.layers && !f->failed; layer++) x = block(&v, x, layer);
    if (!f->failed) x = layers_norm(f, x, v.eps, "layernorm");
    graph_add_tap(&s->graph, "hidden", (uint32_t)v.layers, x);
    if (!f->failed) add_outputs(&v, h, x);
    family_metadata(f, model_type, 0, v.n_ctx, (uint64_t)v.width, (uint64_t)v.layers, (uint64_t)v.heads);
    image_settings(f, v.channels, v.image);
    /* Dropout; of a decoder that reconstructs hidden patches. */
    family_refuse_settings(f, (const char *const[]){"hidden_dropout_prob", "attention_probs_dropout_prob", "encoder_stride", NULL});
    family_refuse_tensors(f);
    return family_close(f);
}

static const vit_form VIT = {"ViT", "vit.", (const char *const[]){"cls_token", NULL}};
static const vit_form DEIT = {"DeiT", "deit.", (const char *const[]){"cls_token", "distillation_token", NULL}};

int source_from_vit(source *s, const char *folder, lnt_error *err) { return convert(s, folder, &VIT, err); }
int source_from_deit(source *s, const char *folder, lnt_error *err) { return convert(s, folder, &DEIT, err); }
