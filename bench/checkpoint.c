#include "bench/checkpoint.h"
#include "formats/error.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VOCABULARY = 1024, POSITIONS = 512, PATCHES = 196, IMAGE = 224, PATCH = 16 };

/* Sizes by letters: W width, I inner, Q 3 * width, V vocabulary, P positions, T patches and one, S 2 segments, L 2 labels, C 3 channels,
   K a patch's side, 1 one. Vectors that are a norm's gamma are marked with +. */
typedef struct tensor_form {
    const char *name, *sizes;
} tensor_form;

static const tensor_form gpt2[] = {
    {"wte.weight", "VW"}, {"wpe.weight", "PW"}, {"h.0.ln_1.weight", "W+"}, {"h.0.ln_1.bias", "W"}, {"h.0.attn.c_attn.weight", "WQ"},
    {"h.0.attn.c_attn.bias", "Q"}, {"h.0.attn.c_proj.weight", "WW"}, {"h.0.attn.c_proj.bias", "W"}, {"h.0.ln_2.weight", "W+"}, {"h.0.ln_2.bias", "W"},
    {"h.0.mlp.c_fc.weight", "WI"}, {"h.0.mlp.c_fc.bias", "I"}, {"h.0.mlp.c_proj.weight", "IW"}, {"h.0.mlp.c_proj.bias", "W"}, {"ln_f.weight", "W+"},
    {"ln_f.bias", "W"}, {NULL, NULL}};

static const tensor_form bert[] = {
    {"embeddings.word_embeddings.weight", "VW"}, {"embeddings.position_embeddings.weight", "PW"}, {"embeddings.token_type_embeddings.weight", "SW"},
    {"embeddings.LayerNorm.weight", "W+"}, {"embeddings.LayerNorm.bias", "W"}, {"encoder.layer.0.attention.self.query.weight", "WW"},
    {"encoder.layer.0.attention.self.query.bias", "W"}, {"encoder.layer.0.attention.self.key.weight", "WW"},
    {"encoder.layer.0.attention.self.key.bias", "W"}, {"encoder.layer.0.attention.self.value.weight", "WW"},
    {"encoder.layer.0.attention.self.value.bias", "W"}, {"encoder.layer.0.attention.output.dense.weight", "WW"},
    {"encoder.layer.0.attention.output.dense.bias", "W"}, {"encoder.layer.0.attention.output.LayerNorm.weight", "W+"},
    {"encoder.layer.0.attention.output.LayerNorm.bias", "W"}, {"encoder.layer.0.intermediate.dense.weight", "IW"},
    {"encoder.layer.0.intermediate.dense.bias", "I"}, {"encoder.layer.0.output.dense.weight", "WI"}, {"encoder.layer.0.output.dense.bias", "W"},
    {"encoder.layer.0.output.LayerNorm.weight", "W+"}, {"encoder.layer.0.output.LayerNorm.bias", "W"}, {NULL, NULL}};

static const tensor_form vit[] = {
    {"vit.embeddings.cls_token", "11W"}, {"vit.embeddings.position_embeddings", "1TW"}, {"vit.embeddings.patch_embeddings.projection.weight", "WCKK"},
    {"vit.embeddings.patch_embeddings.projection.bias", "W"}, {"vit.encoder.layer.0.layernorm_before.weight", "W+"},
    {"vit.encoder.layer.0.layernorm_before.bias", "W"}, {"vit.encoder.layer.0.attention.attention.query.weight", "WW"},
    {"vit.encoder.layer.0.attention.attention.query.bias", "W"}, {"vit.encoder.layer.0.attention.attention.key.weight", "WW"},
    {"vit.encoder.layer.0.attention.attention.key.bias", "W"}, {"vit.encoder.layer.0.attention.attention.value.weight", "WW"},
    {"vit.encoder.layer.0.attention.attention.value.bias", "W"}, {"vit.encoder.layer.0.attention.output.dense.weight", "WW"},
    {"vit.encoder.layer.0.attention.output.dense.bias", "W"}, {"vit.encoder.layer.0.layernorm_after.weight", "W+"},
    {"vit.encoder.layer.0.layernorm_after.bias", "W"}, {"vit.encoder.layer.0.intermediate.dense.weight", "IW"},
    {"vit.encoder.layer.0.intermediate.dense.bias", "I"}, {"vit.encoder.layer.0.output.dense.weight", "WI"},
    {"vit.encoder.layer.0.output.dense.bias", "W"}, {"vit.layernorm.weight", "W+"}, {"vit.layernorm.bias", "W"}, {"classifier.weight", "LW"},
    {"classifier.bias", "L"}, {NULL, NULL}};

static const tensor_form *forms_of(const checkpoint_shape *s) { return !strcmp(s->family, "gpt2") ? gpt2 : !strcmp(s->family, "bert") ? bert : vit; }

static size_t size_of(const checkpoint_shape *s, char letter) {
    switch (letter) {
    case 'W': return s->width;
    case 'I': return s->inner;
    case 'Q': return 3 * s->width;
    case 'V': return VOCABULARY;
    case 'P': return POSITIONS;
    case 'T': return PATCHES + 1;
    case 'S':
    case 'L': return 2;
    case 'C': return 3;
    case 'K': return PATCH;
    default: return 1;
    }
}

static size_t count_of(const checkpoint_shape *s, const tensor_form *form) {
    size_t n = 1;
    for (const char *p = form->sizes; *p && *p != '+'; p++) n *= size_of(s, *p);
    return n;
}

static void write_config(const checkpoint_shape *s, FILE *f) {
    if (!strcmp(s->family, "gpt2"))
        fprintf(f, "{\"model_type\": \"gpt2\", \"architectures\": [\"GPT2LMHeadModel\"], \"vocab_size\": %d, \"n_positions\": %d, "
                   "\"n_embd\": %u, \"n_layer\": 1, \"n_head\": %u, \"n_inner\": %u}",
                VOCABULARY, POSITIONS, s->width, s->heads, s->inner);
    else if (!strcmp(s->family, "bert"))
        fprintf(f, "{\"model_type\": \"bert\", \"architectures\": [\"BertModel\"], \"vocab_size\": %d, \"max_position_embeddings\": %d, "
                   "\"hidden_size\": %u, \"num_hidden_layers\": 1, \"num_attention_heads\": %u, \"intermediate_size\": %u, \"hidden_act\": \"gelu\"}",
                VOCABULARY, POSITIONS, s->width, s->heads, s->inner);
    else
        fprintf(f, "{\"model_type\": \"vit\", \"architectures\": [\"ViTForImageClassification\"], \"image_size\": %d, \"patch_size\": %d, "
                   "\"num_channels\": 3, \"hidden_size\": %u, \"num_hidden_layers\": 1, \"num_attention_heads\": %u, \"intermediate_size\": %u, "
                   "\"hidden_act\": \"gelu\", \"id2label\": {\"0\": \"a\", \"1\": \"b\"}}",
                IMAGE, PATCH, s->width, s->heads, s->inner);
}

/* The header of a safetensors file; its length in front. */
static void write_header(const checkpoint_shape *s, FILE *f) {
    char header[8192];
    size_t n = 0, at = 0;
    for (const tensor_form *form = forms_of(s); form->name; form++) {
        const size_t bytes = count_of(s, form) * sizeof(float);
        n += (size_t)snprintf(header + n, sizeof header - n, "%c\"%s\": {\"dtype\": \"F32\", \"shape\": [", n ? ',' : '{', form->name);
        for (const char *p = form->sizes; *p && *p != '+'; p++)
            n += (size_t)snprintf(header + n, sizeof header - n, "%s%zu", p == form->sizes ? "" : ", ", size_of(s, *p));
        n += (size_t)snprintf(header + n, sizeof header - n, "], \"data_offsets\": [%zu, %zu]}", at, at + bytes);
        at += bytes;
    }
    header[n++] = '}';
    const uint64_t length = n;
    fwrite(&length, sizeof length, 1, f);
    fwrite(header, 1, n, f);
}

/* Sums of four uniform numbers, with a deviation of 0.02; gammas lie around 1. */
static void write_values(const checkpoint_shape *s, FILE *f) {
    uint64_t state = 88172645463325252u;
    for (const tensor_form *form = forms_of(s); form->name; form++)
        for (size_t i = count_of(s, form); i; i--) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            const double sum = (double)(state & 0xffff) + (double)(state >> 16 & 0xffff) + (double)(state >> 32 & 0xffff) + (double)(state >> 48);
            const float x = (float)((sum / 65536 - 2) * 0.0346) + (strchr(form->sizes, '+') ? 1 : 0);
            fwrite(&x, sizeof x, 1, f);
        }
}

static int write_file(const char *folder, const char *name, const checkpoint_shape *s, void (*first)(const checkpoint_shape *, FILE *),
                      void (*second)(const checkpoint_shape *, FILE *), lnt_error *err) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f) return err_set(err, "%s: cannot be made", path);
    first(s, f);
    if (second) second(s, f);
    return fclose(f) ? err_set(err, "%s: cannot be written", path) : 0;
}

static void remove_files(const char *folder) {
    static const char *const names[] = {"config.json", "model.safetensors", "model.lnt"};
    char path[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

lnt_model *checkpoint_model(const checkpoint_shape *shape, const char *type, lnt_error *err) {
    const char *temporary = getenv("TMPDIR");
    char folder[200], path[256];
    snprintf(folder, sizeof folder, "%s/linnet-bench-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(folder)) return err_null(err, "%s: no folder can be made", folder);
    snprintf(path, sizeof path, "%s/model.lnt", folder);
    const lnt_convert_options o = {.type = type, .no_check = true};
    lnt_model *model = NULL;
    if (!write_file(folder, "config.json", shape, write_config, NULL, err) &&
        !write_file(folder, "model.safetensors", shape, write_header, write_values, err) && !lnt_convert(folder, path, &o, err))
        model = lnt_open(path, err);
    remove_files(folder);
    return model;
}
