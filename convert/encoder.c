#include "convert/encoder.h"
#include "convert/sentence.h"
#include "simd/kernels.h"
#include <string.h>

enum { NAME = 256 };

static void read_config(encoder *e) {
    family *f = &e->f;
    const encoder_form *form = e->form;
    int64_t padding = 1;
    family_require(f, (const char *const[]){"vocab_size", "max_position_embeddings", NULL});
    family_require(f, (const char *const[]){form->keys.width, form->keys.layers, form->keys.heads, form->keys.inner, NULL});
    family_int(f, "vocab_size", 1, 1 << 24, &e->vocab_size);
    family_int(f, "max_position_embeddings", 1, 1 << 20, &e->n_positions);
    family_int(f, form->keys.width, 1, 1 << 14, &e->width);
    family_int(f, form->keys.layers, 1, 1024, &e->layers);
    family_int(f, form->keys.heads, 1, 1024, &e->heads);
    family_int(f, form->keys.inner, 1, 1 << 16, &e->inner);
    family_activation(f, form->keys.activation, &e->activation);
    if (form->keys.eps) family_float(f, form->keys.eps, 0, 1, &e->eps);
    if (form->keys.segments) family_int(f, form->keys.segments, 0, 256, &e->n_segments);
    family_bool(f, "tie_word_embeddings", &e->tied);
    if (form->padded_positions) {
        family_int(f, "pad_token_id", 0, e->n_positions - 2, &padding);
        e->position_offset = padding + 1;
    }
    family_expect_string(f, "position_embedding_type", "absolute");
    family_expect_bool(f, "is_decoder", false);
    family_expect_bool(f, "add_cross_attention", false);
    family_expect_bool(f, "is_encoder_decoder", false);
    family_expect_empty(f, "pruned_heads");
    family_expect_divisor(f, form->keys.heads, e->heads, form->keys.width, e->width);
}

/* ---- the graph ---- */

static int32_t linear(encoder *e, int32_t x, int32_t residual, int64_t width, int activation, const char *name) {
    return layers_linear(&e->f, x, residual, (uint32_t)width, activation, 0, name);
}

static int32_t embed(encoder *e) {
    uint64_t w = (uint64_t)e->width;
    graph_op op = graph_op_of(OP_EMBED);
    op.tensors[0] = e->tokens = family_matrix(&e->f, LAYOUT_PANELS, (uint64_t)e->vocab_size, w, false, "embeddings.word_embeddings.weight");
    op.tensors[1] = family_matrix(&e->f, LAYOUT_ROWS, (uint64_t)e->n_positions, w, false, "embeddings.position_embeddings.weight");
    if (e->n_segments) op.tensors[2] = family_matrix(&e->f, LAYOUT_ROWS, (uint64_t)e->n_segments, w, false, "embeddings.token_type_embeddings.weight");
    op.position_offset = (uint32_t)e->position_offset;
    /* Counting up from 0, and zeros. */
    family_ignore(&e->f, "embeddings.position_ids");
    family_ignore(&e->f, "embeddings.token_type_ids");
    return layers_norm(&e->f, graph_add(&e->f.s->graph, op, ROWS_TOKENS, (uint32_t)w), e->eps, "embeddings.LayerNorm");
}

static const char *in_layer(const encoder *e, int layer, const char *name, char out[NAME]) {
    snprintf(out, NAME, "%s.%d.%s", e->form->layer, layer, name);
    return out;
}

static int32_t attention(encoder *e, int32_t x, int layer) {
    graph_op op = layers_attention_op((uint32_t)e->width, (uint32_t)e->heads);
    const char *const parts[] = {e->form->query, e->form->key, e->form->value};
    char name[NAME];
    /* Three products, since each needs scales of its own to be quantised well (docs/quantization.md). */
    for (int i = 0; i < 3; i++) op.inputs[i] = linear(e, x, GRAPH_NONE, e->width, ACT_NONE, in_layer(e, layer, parts[i], name));
    return layers_attention(&e->f, op, (uint32_t)layer);
}

static int32_t block(encoder *e, int32_t x, int layer) {
    const encoder_form *form = e->form;
    char name[NAME];
    graph_add_tap(&e->f.s->graph, "hidden", (uint32_t)layer, x);
    x = linear(e, attention(e, x, layer), x, e->width, ACT_NONE, in_layer(e, layer, form->attention, name));
    x = layers_norm(&e->f, x, e->eps, in_layer(e, layer, form->attention_norm, name));
    int32_t y = linear(e, x, GRAPH_NONE, e->inner, e->activation, in_layer(e, layer, form->up, name));
    y = linear(e, y, x, e->width, ACT_NONE, in_layer(e, layer, form->down, name));
    return layers_norm(&e->f, y, e->eps, in_layer(e, layer, form->norm, name));
}

static void add_metadata(encoder *e) {
    family *f = &e->f;
    uint64_t n_ctx = (uint64_t)(e->n_positions - e->position_offset);
    const char *model_type = "";
    tokenizer_facts facts;
    if (!f->failed) f->failed = json_file_string(&f->config, "model_type", &model_type, f->err);
    family_metadata(f, model_type, (uint64_t)e->vocab_size, n_ctx, (uint64_t)e->width, (uint64_t)e->layers, (uint64_t)e->heads);
    family_tokenizer(f, (uint32_t)e->vocab_size, &facts);
    sentence_metadata(f, n_ctx, &facts);
}

int encoder_convert(source *s, const char *folder, const encoder_form *form, lnt_error *err) {
    encoder e = {.form = form, .n_segments = form->keys.segments ? 2 : 0, .eps = 1e-12, .activation = ACT_GELU_ERF, .tied = true};
    family *f = &e.f;
    family_open(f, s, folder, err);
    read_config(&e);
    if (family_has(f, "%sembeddings.word_embeddings.weight", form->prefix)) f->prefix = form->prefix;
    if (!f->failed) e.hidden = embed(&e);
    for (int layer = 0; layer < e.layers && !f->failed; layer++) e.hidden = block(&e, e.hidden, layer);
    graph_add_tap(&s->graph, "hidden", (uint32_t)e.layers, e.hidden);
    encoder_head(&e);
    sentence_embedding(f, e.hidden);
    add_metadata(&e);
    family_refuse_settings(f, form->ignored);
    family_refuse_tensors(f);
    return family_close(f);
}
