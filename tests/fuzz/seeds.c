/* Makes the seeds that are made of models: fuzz_seeds FOLDER. Each is a .lnt file whose data, at its end, is cut off
   (mutate_lnt.h): small ones made by hand with every op, and converted golden checkpoints. */
#define _GNU_SOURCE
#include "linnet.h"
#include "tests/handmade.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;

static void fail(const char *what) {
    fprintf(stderr, "fuzz_seeds: %s\n", what);
    exit(1);
}

static void make_folder(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (mkdir(path, 0777)) fail(path);
}

static void write_seed(const char *target, const char *name, const void *bytes, size_t n) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) fail(path);
}

/* What stands before the data, for the target lnt; for the target model a byte of it more, that says what the rest shall be;
   for quantize the same of floats; tokenizer and metadata alone. */
static void cut(const char *path, const char *name) {
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st)) fail(path);
    unsigned char *bytes = malloc((size_t)st.st_size);
    if (!bytes || fread(bytes, 1, (size_t)st.st_size, f) != (size_t)st.st_size) fail(path);
    fclose(f);
    remove(path);
    lnt_header h;
    memcpy(&h, bytes, sizeof h);
    for (uint32_t i = 0; i < h.n_sections; i++) {
        lnt_section_entry e;
        memcpy(&e, bytes + sizeof h + i * sizeof e, sizeof e);
        if (!strcmp(e.name, "tokenizer")) write_seed("tokenizer", name, bytes + e.offset, (size_t)e.bytes);
        if (!strcmp(e.name, "metadata")) write_seed("kv", name, bytes + e.offset, (size_t)e.bytes);
        if (strcmp(e.name, "data") != 0) continue;
        bytes[e.offset] = 1;
        write_seed("lnt", name, bytes, (size_t)e.offset);
        write_seed("model", name, bytes, (size_t)e.offset + 1);
        if (strstr(name, "-f")) write_seed("quantize", name, bytes, (size_t)e.offset);
    }
    free(bytes);
}

static void finish(parts *p, const char *name) {
    char path[512];
    lnt_error err;
    snprintf(path, sizeof path, "%s/model.lnt", folder);
    if (write_handmade(p, path, NULL, &err)) fail(err.text);
    cut(path, name);
}

static void convert(const char *set, const char *name, const char *type) {
    char from[512], path[512], seed[64];
    lnt_error err;
    snprintf(from, sizeof from, "%s/tests/golden/%s/%s", LINNET_SOURCE_DIR, set, name);
    snprintf(path, sizeof path, "%s/model.lnt", folder);
    snprintf(seed, sizeof seed, "%s-%s", name, type);
    if (lnt_convert(from, path, &(lnt_convert_options){.type = type, .no_check = true, .n_threads = 1}, &err)) fail(err.text);
    cut(path, seed);
}

/* ---- tokenizers ---- */

static void put_tokens(buffer *b, const char *const *tokens, size_t n, size_t n_bytes_first) {
    buffer bytes = {0}, ends = {0};
    for (size_t i = 0; i < n_bytes_first; i++) buffer_append(&bytes, &(char){(char)i}, 1), buffer_u32(&ends, (uint32_t)bytes.size);
    for (size_t i = 0; i < n; i++) buffer_append(&bytes, tokens[i], strlen(tokens[i])), buffer_u32(&ends, (uint32_t)bytes.size);
    kv_put_string(b, "token_bytes", (const char *)bytes.bytes, bytes.size);
    kv_put_u32s(b, "token_ends", (const uint32_t *)(const void *)ends.bytes, n_bytes_first + n);
    buffer_free(&bytes);
    buffer_free(&ends);
}

enum { BPE_TOKENS = 256 + 9, WORDPIECE_TOKENS = 22 };

static void put_bpe(buffer *b, bool whole_first) {
    static const char *const TOKENS[] = {"th", "the", " the", " t", "in", "ing", "<s>", "</s>", "<mask>"};
    static const uint32_t MERGES[] = {'t', 'h', 256, 256, 'e', 257, ' ', 't', 259, 'i', 'n', 260, 260, 'g', 261, ' ', 257, 258};
    static const uint32_t ADDED[] = {262, 263, 264}, FLAGS[] = {1, 1, 3}, SINGLE[] = {262, 0, 0xffffffff, 0, 263, 0},
                          PAIR[] = {262, 0, 0xffffffff, 0, 263, 0, 263, 0, 0xfffffffe, 0, 263, 0};
    uint32_t bytes[256];
    for (uint32_t i = 0; i < 256; i++) bytes[i] = i;
    kv_put_string(b, "model", "bpe-bytes", 9);
    put_tokens(b, TOKENS, sizeof TOKENS / sizeof *TOKENS, 256);
    kv_put_u32s(b, "added_ids", ADDED, 3);
    kv_put_u32s(b, "added_flags", FLAGS, 3);
    kv_put_u32s(b, "template_single", SINGLE, 6);
    kv_put_u32s(b, "template_pair", PAIR, 12);
    kv_put_u64(b, "trim_places", whole_first ? 2 : 0);
    kv_put_u32s(b, "byte_ids", bytes, 256);
    kv_put_u32s(b, "merges", MERGES, sizeof MERGES / sizeof *MERGES);
    kv_put_bool(b, "split", true);
    kv_put_bool(b, "prefix_space", whole_first);
    kv_put_bool(b, "whole_first", whole_first);
}

static void put_wordpiece(buffer *b) {
    static const char *const TOKENS[WORDPIECE_TOKENS] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "##s", "cat", "a", "##a", "b", "##b",
                                                         "e", "##e", "n", "##n", ".", ",", "un", "##able", "\xe4\xb8\xad", "\xc3\xa9"};
    static const uint32_t ADDED[] = {0, 1, 2, 3, 4}, FLAGS[] = {33, 33, 33, 33, 49}, SINGLE[] = {2, 0, 0xffffffff, 0, 3, 0},
                          PAIR[] = {2, 0, 0xffffffff, 0, 3, 0, 0xfffffffe, 1, 3, 1};
    kv_put_string(b, "model", "wordpiece", 9);
    put_tokens(b, TOKENS, WORDPIECE_TOKENS, 0);
    kv_put_u32s(b, "added_ids", ADDED, 5);
    kv_put_u32s(b, "added_flags", FLAGS, 5);
    kv_put_u32s(b, "template_single", SINGLE, 6);
    kv_put_u32s(b, "template_pair", PAIR, 10);
    kv_put_bool(b, "clean", true);
    kv_put_bool(b, "ideographs", true);
    kv_put_bool(b, "strip_accents", true);
    kv_put_bool(b, "lower", true);
    kv_put_string(b, "prefix", "##", 2);
    kv_put_u64(b, "unknown_id", 1);
    kv_put_u64(b, "max_chars", 100);
}

/* ---- models ---- */

static int32_t add_vector(parts *p, const char *name, uint64_t width) { return add_tensor(p, name, TENSOR_F32, LAYOUT_ROWS, 1, width); }

static int32_t add_norm(parts *p, int32_t x, int kind, int32_t gamma, int32_t beta, graph_rows rows) {
    graph_op op = graph_op_of(OP_NORM);
    op.inputs[0] = x, op.tensors[0] = gamma, op.tensors[1] = beta, op.norm = kind, op.eps = 1e-5f;
    return graph_add(&p->graph, op, rows, WIDTH);
}

static int32_t add_simple(parts *p, graph_op_kind kind, int32_t x, int pooling, graph_rows rows) {
    graph_op op = graph_op_of(kind);
    op.inputs[0] = x, op.pooling = pooling;
    return graph_add(&p->graph, op, rows, WIDTH);
}

/* Attention that sees both ways, and a norm behind the sum. x_scale beside quantised weights. */
static int32_t add_block(parts *p, int32_t x, tensor_type type) {
    int32_t qkv = add_tensor(p, "qkv", type, LAYOUT_PANELS, 3 * WIDTH, WIDTH), bias = add_vector(p, "qkv.bias", 3 * WIDTH);
    int32_t out = add_tensor(p, "out", type, LAYOUT_PANELS, WIDTH, WIDTH), gamma = add_vector(p, "gamma", WIDTH), beta = add_vector(p, "beta", WIDTH);
    int32_t y = add_linear(p, x, GRAPH_NONE, qkv, bias, ROWS_TOKENS, 3 * WIDTH);
    if (type >= TENSOR_Q8) p->graph.ops[p->graph.n_ops - 1].tensors[2] = add_vector(p, "x_scale", WIDTH);
    y = graph_add(&p->graph, attention_of(y), ROWS_TOKENS, WIDTH);
    graph_add_tap(&p->graph, "attention", 0, y);
    y = add_norm(p, add_linear(p, y, x, out, GRAPH_NONE, ROWS_TOKENS, WIDTH), NORM_LAYER, gamma, beta, ROWS_TOKENS);
    graph_add_tap(&p->graph, "hidden", 1, y);
    kv_put_u64(&p->metadata, "n_layers", 1);
    kv_put_u64(&p->metadata, "n_heads", 2);
    kv_put_u64(&p->metadata, "head_dim", WIDTH / 2);
    return y;
}

static void put_labels(parts *p, const char *task) {
    kv_put_string(&p->metadata, "task", task, strlen(task));
    kv_put_strings(&p->metadata, "labels", (const char *const[]){"no", "maybe", "yes"}, (const size_t[]){2, 5, 3}, 3);
    kv_put_string(&p->metadata, "scores", "softmax", 7);
}

/* Tokens, segments and positions from 2 on; mean of the rows, made to length 1; a classifier of the first row. */
static parts make_encoder(tensor_type type) {
    parts p = {0};
    put_sizes(&p, "bert", WORDPIECE_TOKENS, N_CTX);
    put_wordpiece(&p.tokenizer);
    kv_put_strings(&p.metadata, "prompt_names", (const char *const[]){"query"}, (const size_t[]){5}, 1);
    kv_put_strings(&p.metadata, "prompts", (const char *const[]){"query: "}, (const size_t[]){7}, 1);
    kv_put_string(&p.metadata, "default_prompt", "query", 5);
    put_labels(&p, "sequence-classification");
    graph_op embed = graph_op_of(OP_EMBED);
    embed.tensors[0] = add_tensor(&p, "tokens", type, LAYOUT_PANELS, WORDPIECE_TOKENS, WIDTH);
    embed.tensors[1] = add_tensor(&p, "positions", TENSOR_F16, LAYOUT_ROWS, N_CTX + 2, WIDTH);
    embed.tensors[2] = add_tensor(&p, "segments", TENSOR_F32, LAYOUT_ROWS, 2, WIDTH);
    embed.position_offset = 2;
    int32_t x = add_block(&p, graph_add(&p.graph, embed, ROWS_TOKENS, WIDTH), type);
    int32_t mean = add_simple(&p, OP_POOL, x, POOL_MEAN, ROWS_SEQUENCES), first = add_simple(&p, OP_POOL, x, POOL_FIRST, ROWS_SEQUENCES);
    graph_add_tap(&p.graph, "embedding", 0, add_norm(&p, mean, NORM_L2, GRAPH_NONE, GRAPH_NONE, ROWS_SEQUENCES));
    int32_t head = add_tensor(&p, "head", type, LAYOUT_PANELS, 3, WIDTH), bias = add_vector(&p, "head.bias", 3);
    graph_add_tap(&p.graph, "logits", 0, add_linear(&p, first, GRAPH_NONE, head, bias, ROWS_SEQUENCES, 3));
    p.graph.ops[p.graph.n_ops - 1].activation = ACT_TANH;
    return p;
}

/* Channels of 4 x 3 pixels a patch, 2 x 3 patches, a class token. */
static parts make_vit(tensor_type type) {
    enum { PATCH = 3 * 4 * 3, TOKENS = 2 * 3 + 1 };
    parts p = {0};
    put_sizes(&p, "vit", 0, TOKENS);
    put_labels(&p, "image-classification");
    kv_put_u64(&p.metadata, "image.height", 9);
    kv_put_u64(&p.metadata, "image.width", 12);
    kv_put_bool(&p.metadata, "image.preprocess", true);
    kv_put_string(&p.metadata, "image.resize", "shortest", 8);
    kv_put_u32s(&p.metadata, "image.size", (const uint32_t[]){10}, 1);
    kv_put_string(&p.metadata, "image.filter", "bilinear", 8);
    kv_put_u32s(&p.metadata, "image.crop", (const uint32_t[]){9, 12}, 2);
    kv_put_f64(&p.metadata, "image.scale", 1 / 255.0);
    kv_put_f32s(&p.metadata, "image.mean", (const float[]){0.5f, 0.4f, 0.3f}, 3);
    kv_put_f32s(&p.metadata, "image.std", (const float[]){0.2f, 0.3f, 0.5f}, 3);
    graph_op patches = graph_op_of(OP_PATCHES), positions = graph_op_of(OP_POSITIONS);
    patches.channels = 3, patches.patch_height = 3, patches.patch_width = 4, patches.prefix = 1;
    int32_t x = graph_add(&p.graph, patches, ROWS_TOKENS, PATCH), project = add_tensor(&p, "project", type, LAYOUT_PANELS, WIDTH, PATCH);
    positions.inputs[0] = add_linear(&p, x, GRAPH_NONE, project, GRAPH_NONE, ROWS_TOKENS, WIDTH);
    positions.tensors[0] = add_tensor(&p, "table", TENSOR_F32, LAYOUT_ROWS, TOKENS, WIDTH);
    positions.tensors[1] = add_vector(&p, "class", WIDTH);
    x = add_block(&p, graph_add(&p.graph, positions, ROWS_TOKENS, WIDTH), type);
    int32_t head = add_tensor(&p, "head", type, LAYOUT_PANELS, 3, WIDTH);
    graph_add_tap(&p.graph, "logits", 0, add_linear(&p, add_simple(&p, OP_POOL, x, POOL_FIRST, ROWS_SEQUENCES), GRAPH_NONE, head, GRAPH_NONE, ROWS_SEQUENCES, 3));
    return p;
}

/* The language model again, with a tokenizer. */
static parts make_speaker(tensor_type type) {
    parts p = make_parts(type);
    buffer_free(&p.metadata);
    put_sizes(&p, "gpt2", BPE_TOKENS, N_CTX);
    kv_put_i64(&p.metadata, "bos_id", 262);
    kv_put_i64(&p.metadata, "eos_id", 263);
    p.tensors[0].n = BPE_TOKENS;
    p.graph.values[p.graph.n_values - 1].width = BPE_TOKENS;
    put_bpe(&p.tokenizer, type == TENSOR_F16);
    return p;
}

int main(int argc, char **argv) {
    static const char *const TYPES[] = {"f32", "f16", "q8", "q4"};
    if (argc != 2) fail("expected a folder");
    folder = argv[1];
    if (mkdir(folder, 0777)) fail(folder);
    for (const char *const *target = (const char *const[]){"lnt", "model", "tokenizer", "kv", "quantize", NULL}; *target; target++) make_folder(*target);
    for (int t = 0; t < TENSOR_TYPES; t++) {
        parts made[] = {make_parts((tensor_type)t), make_speaker((tensor_type)t), make_encoder((tensor_type)t), make_vit((tensor_type)t)};
        static const char *const NAMES[] = {"plain", "speaker", "encoder", "vit"};
        for (int i = 0; i < 4; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s-%s", NAMES[i], TYPES[t]);
            finish(&made[i], name);
        }
        convert("gpt2", "untied-gelu", TYPES[t]);
        convert("vit", "vit-image", TYPES[t]);
    }
    for (const char *const *name = (const char *const[]){"bert-tokens", "bert-masked", "sentence", "roberta-text", "distilbert-answer", NULL}; *name; name++)
        convert("encoders", *name, "q8");
    return 0;
}
