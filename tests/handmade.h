/* Small models made by hand, with every op, without a checkpoint; and hashes made to fit again after an edit. */
#ifndef LNT_TESTS_HANDMADE_H
#define LNT_TESTS_HANDMADE_H
#include "engine/graph.h"
#include "formats/lnt_bytes.h"
#include "simd/kernels.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { VOCAB = 37, WIDTH = 24, N_CTX = 20 };

typedef struct parts {
    buffer metadata, tokenizer; /* tokenizer of no bytes: none */
    graph_builder graph;
    lnt_tensor_spec tensors[32];
    size_t n_tensors;
} parts;

static inline void parts_free(parts *p) {
    buffer_free(&p->metadata);
    buffer_free(&p->tokenizer);
    graph_builder_free(&p->graph);
}

static inline int32_t add_tensor(parts *p, const char *name, tensor_type type, tensor_layout layout, uint64_t n, uint64_t k) {
    p->tensors[p->n_tensors] = (lnt_tensor_spec){name, type, layout, n, k};
    return (int32_t)p->n_tensors++;
}

static inline int32_t add_linear(parts *p, int32_t x, int32_t residual, int32_t w, int32_t bias, graph_rows rows, uint32_t width) {
    graph_op op = graph_op_of(OP_LINEAR);
    op.inputs[0] = x, op.inputs[1] = residual, op.tensors[0] = w, op.tensors[1] = bias;
    return graph_add(&p->graph, op, rows, width);
}

static inline graph_op attention_of(int32_t qkv) {
    graph_op op = graph_op_of(OP_ATTENTION);
    op.inputs[0] = op.inputs[1] = op.inputs[2] = qkv;
    op.heads = op.kv_heads = 2, op.head_dim = WIDTH / 2, op.k_at = WIDTH, op.v_at = 2 * WIDTH;
    op.scale = 0.3f;
    return op;
}

static inline void put_sizes(parts *p, const char *architecture, uint64_t vocab, uint64_t n_ctx) {
    kv_put_string(&p->metadata, "architecture", architecture, strlen(architecture));
    if (vocab) kv_put_u64(&p->metadata, "vocab_size", vocab);
    kv_put_u64(&p->metadata, "n_ctx", n_ctx);
    kv_put_u64(&p->metadata, "width", WIDTH);
}

enum { EMBED, NORM, QKV, ATTENTION, PROJECT, SELECT, HEAD };

/* A language model of one layer; its ops in the order of the names above. */
static inline parts make_parts(tensor_type type) {
    parts p = {0};
    put_sizes(&p, "test", VOCAB, N_CTX);
    int32_t wte = add_tensor(&p, "wte", type, LAYOUT_PANELS, VOCAB, WIDTH), wpe = add_tensor(&p, "wpe", TENSOR_F32, LAYOUT_ROWS, N_CTX, WIDTH);
    int32_t gamma = add_tensor(&p, "gamma", TENSOR_F32, LAYOUT_ROWS, 1, WIDTH), qkv = add_tensor(&p, "qkv", type, LAYOUT_PANELS, 3 * WIDTH, WIDTH);
    int32_t bias = add_tensor(&p, "bias", TENSOR_F32, LAYOUT_ROWS, 1, 3 * WIDTH), out = add_tensor(&p, "out", type, LAYOUT_PANELS, WIDTH, WIDTH);
    graph_op embed = graph_op_of(OP_EMBED), norm = graph_op_of(OP_NORM), select = graph_op_of(OP_SELECT);
    embed.tensors[0] = wte, embed.tensors[1] = wpe;
    int32_t x = graph_add(&p.graph, embed, ROWS_TOKENS, WIDTH);
    norm.inputs[0] = x, norm.tensors[0] = gamma, norm.eps = 1e-5f;
    int32_t y = graph_add(&p.graph, norm, ROWS_TOKENS, WIDTH);
    y = add_linear(&p, y, GRAPH_NONE, qkv, bias, ROWS_TOKENS, 3 * WIDTH);
    graph_op attention = attention_of(y);
    attention.causal = attention.cache = true;
    y = graph_add(&p.graph, attention, ROWS_TOKENS, WIDTH);
    x = add_linear(&p, y, x, out, GRAPH_NONE, ROWS_TOKENS, WIDTH);
    select.inputs[0] = x;
    x = graph_add(&p.graph, select, ROWS_OUTPUTS, WIDTH);
    graph_add_tap(&p.graph, "logits", 0, add_linear(&p, x, GRAPH_NONE, wte, GRAPH_NONE, ROWS_OUTPUTS, VOCAB));
    return p;
}

/* The file of the parts, whose tensors are what fill makes of zeros (NULL: zeros). It frees them. 0, or -1 with err. */
static inline int write_handmade(parts *p, const char *path, void (*fill)(unsigned char *bytes, size_t n), lnt_error *err) {
    buffer graph = {0};
    graph_write(&p->graph, &graph);
    lnt_writer *w = lnt_writer_new(path, &p->metadata, p->tokenizer.size ? &p->tokenizer : NULL, &graph, p->tensors, p->n_tensors, err);
    int rc = w ? 0 : -1;
    for (size_t i = 0; !rc && i < p->n_tensors; i++) {
        tensor_planes planes = {0};
        tensor_layout_planes(p->tensors[i].type, p->tensors[i].layout, p->tensors[i].n, p->tensors[i].k, &planes);
        unsigned char *bytes = calloc(1, planes.bytes);
        if (bytes && fill) fill(bytes, planes.bytes);
        rc = bytes ? lnt_writer_append(w, bytes, planes.bytes, err) : -1;
        free(bytes);
    }
    if (!rc) rc = lnt_writer_seal(w, err);
    if (!rc) rc = lnt_writer_commit(w, err);
    else if (w) lnt_writer_abandon(w);
    buffer_free(&graph);
    parts_free(p);
    return rc;
}

/* ---- lies with fitting hashes ---- */

static inline void write_hash(unsigned char *out, const void *a, size_t n, const void *b, size_t m) {
    XXH128_canonical_t c;
    XXH3_state_t *s = XXH3_createState();
    XXH3_128bits_reset(s);
    XXH3_128bits_update(s, a, n);
    if (m) XXH3_128bits_update(s, b, m);
    XXH128_canonicalFromHash(&c, XXH3_128bits_digest(s));
    XXH3_freeState(s);
    memcpy(out, c.digest, sizeof c.digest);
}

/* Hashes of all sections that lie inside the n bytes, and the header's. */
static inline void rehash(unsigned char *bytes, size_t n) {
    lnt_header h;
    if (n < sizeof h) return;
    memcpy(&h, bytes, sizeof h);
    if (h.n_sections > 8 || h.n_sections * sizeof(lnt_section_entry) > n - sizeof h) return;
    for (uint32_t s = 0; s < h.n_sections; s++) {
        lnt_section_entry e;
        unsigned char *at = bytes + sizeof h + s * sizeof e;
        memcpy(&e, at, sizeof e);
        if (e.offset > n || e.bytes > n - e.offset) continue;
        write_hash(e.hash, bytes + e.offset, e.bytes, NULL, 0);
        memcpy(at, &e, sizeof e);
    }
    write_hash(bytes + offsetof(lnt_header, hash), bytes, offsetof(lnt_header, hash), bytes + sizeof h, h.n_sections * sizeof(lnt_section_entry));
}
#endif
