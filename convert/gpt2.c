/* GPT-2 (Radford et al. 2019), as transformers' GPT2LMHeadModel and GPT2Model save it: pre-norm blocks, learned positions,
   one projection for query, key and value, Conv1D weights stored [in][out]. */
#include "convert/layers.h"
#include <math.h>

typedef struct gpt2 {
    family f;
    int64_t vocab_size, n_ctx, width, layers, heads, inner;
    double eps;
    int activation;
    bool scale, scale_by_layer, tied;
} gpt2;

static void read_config(gpt2 *g) {
    family *f = &g->f;
    family_require(f, (const char *const[]){"vocab_size", "n_positions", "n_embd", "n_layer", "n_head", NULL});
    family_int(f, "vocab_size", 1, 1 << 24, &g->vocab_size);
    family_int(f, "n_positions", 1, 1 << 20, &g->n_ctx);
    family_int(f, "n_embd", 1, 1 << 14, &g->width);
    family_int(f, "n_layer", 1, 1024, &g->layers);
    family_int(f, "n_head", 1, 1024, &g->heads);
    g->inner = 4 * g->width;
    family_int(f, "n_inner", 1, 1 << 16, &g->inner);
    family_float(f, "layer_norm_epsilon", 0, 1, &g->eps);
    family_activation(f, "activation_function", &g->activation);
    family_bool(f, "scale_attn_weights", &g->scale);
    family_bool(f, "scale_attn_by_inverse_layer_idx", &g->scale_by_layer);
    family_bool(f, "tie_word_embeddings", &g->tied);
    family_expect_bool(f, "add_cross_attention", false);
    family_expect_bool(f, "is_encoder_decoder", false);
    family_expect_empty(f, "pruned_heads");
    family_expect_divisor(f, "n_head", g->heads, "n_embd", g->width);
}

static int32_t norm(gpt2 *g, int32_t x, const char *name) { return layers_norm(&g->f, x, g->eps, name); }

static int32_t linear(gpt2 *g, int32_t x, int32_t residual, int64_t width, int activation, int layer, const char *part) {
    char name[48];
    snprintf(name, sizeof name, "h.%d.%s", layer, part);
    return layers_linear(&g->f, x, residual, (uint32_t)width, activation, LAYERS_TRANSPOSED, name);
}

static int32_t attention(gpt2 *g, int32_t x, int layer) {
    uint32_t w = (uint32_t)g->width;
    graph_op op = layers_attention_op(w, (uint32_t)g->heads);
    op.inputs[0] = op.inputs[1] = op.inputs[2] = linear(g, x, GRAPH_NONE, 3 * g->width, 0, layer, "attn.c_attn");
    op.k_at = w, op.v_at = 2 * w;
    op.scale = (float)((g->scale ? 1 / sqrt((double)op.head_dim) : 1) / (g->scale_by_layer ? layer + 1 : 1));
    op.causal = op.cache = true;
    return layers_attention(&g->f, op, (uint32_t)layer);
}

static int32_t block(gpt2 *g, int32_t x, int layer) {
    char name[32];
    graph_add_tap(&g->f.s->graph, "hidden", (uint32_t)layer, x);
    snprintf(name, sizeof name, "h.%d.ln_1", layer);
    x = linear(g, attention(g, norm(g, x, name), layer), x, g->width, 0, layer, "attn.c_proj");
    snprintf(name, sizeof name, "h.%d.ln_2", layer);
    int32_t y = linear(g, norm(g, x, name), GRAPH_NONE, g->inner, g->activation, layer, "mlp.c_fc");
    /* Old checkpoints store the causal mask and its value. */
    family_ignore(&g->f, "h.%d.attn.bias", layer);
    family_ignore(&g->f, "h.%d.attn.masked_bias", layer);
    return linear(g, y, x, g->width, 0, layer, "mlp.c_proj");
}

static int32_t embed(gpt2 *g, int32_t *tokens) {
    graph_op op = graph_op_of(OP_EMBED);
    *tokens = op.tensors[0] = family_matrix(&g->f, LAYOUT_PANELS, (uint64_t)g->vocab_size, (uint64_t)g->width, false, "wte.weight");
    op.tensors[1] = family_matrix(&g->f, LAYOUT_ROWS, (uint64_t)g->n_ctx, (uint64_t)g->width, false, "wpe.weight");
    return graph_add(&g->f.s->graph, op, ROWS_TOKENS, (uint32_t)g->width);
}

static void head(gpt2 *g, int32_t x, int32_t tokens) {
    graph_op op = graph_op_of(OP_LINEAR);
    graph_builder *b = &g->f.s->graph;
    x = norm(g, layers_select(&g->f, x), "ln_f");
    graph_add_tap(b, "hidden", (uint32_t)g->layers, x);
    op.inputs[0] = x;
    op.tensors[0] = tokens;
    if (!g->tied) op.tensors[0] = family_matrix(&g->f, LAYOUT_PANELS, (uint64_t)g->vocab_size, (uint64_t)g->width, false, "/lm_head.weight");
    graph_add_tap(b, "logits", 0, graph_add(b, op, ROWS_OUTPUTS, (uint32_t)g->vocab_size));
}

int source_from_gpt2(source *s, const char *folder, lnt_error *err) {
    gpt2 g = {.eps = 1e-5, .scale = true, .tied = true};
    family *f = &g.f;
    int32_t tokens;
    graph_activation_from_name("gelu_tanh", &g.activation);
    family_open(f, s, folder, err);
    read_config(&g);
    family_metadata(f, "gpt2", (uint64_t)g.vocab_size, (uint64_t)g.n_ctx, (uint64_t)g.width, (uint64_t)g.layers, (uint64_t)g.heads);
    /* Dropout; another head; an old name of n_positions; the order of sums in half precision. */
    family_refuse_settings(f, (const char *const[]){"embd_pdrop", "resid_pdrop", "attn_pdrop", "summary_*", "predict_special_tokens", "n_ctx",
                                                    "reorder_and_upcast_attn", NULL});
    if (!f->failed) {
        f->prefix = family_has(f, "/transformer.wte.weight") ? "transformer." : "";
        int32_t x = embed(&g, &tokens);
        for (int layer = 0; layer < g.layers && !f->failed; layer++) x = block(&g, x, layer);
        head(&g, x, tokens);
        if (g.tied && family_has(f, "/lm_head.weight")) family_expect_same(f, g.f.prefix[0] ? "transformer.wte.weight" : "wte.weight", "lm_head.weight");
        family_refuse_tensors(f);
        family_tokenizer(f, (uint32_t)g.vocab_size, &(tokenizer_facts){0});
    }
    return family_close(f);
}
