#define _GNU_SOURCE
#include "convert/family.h"
#include "engine/tokenizer.h"
#include "formats/file.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void family_open(family *f, source *s, const char *folder, lnt_error *err) {
    *f = (family){.s = s, .folder = folder, .prefix = "", .label = "", .err = err};
    char path[4096];
    if (snprintf(path, sizeof path, "%s/config.json", folder) >= (int)sizeof path) f->failed = err_set(err, "%s: the path is too long", folder);
    else f->failed = json_file_open(&f->config, path, err) || !(f->checkpoint = source_open(s, folder, err));
    if (f->failed) return;
    f->used = calloc(checkpoint_count(f->checkpoint) + 1, sizeof *f->used);
    if (!f->used) f->failed = err_memory(err, checkpoint_count(f->checkpoint), "a checkpoint");
}

int family_file(json_file *file, const char *folder, const char *name, bool *found, lnt_error *err) {
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return file_exists(path, found, err) || (*found && json_file_open(file, path, err)) ? -1 : 0;
}

int family_close(family *f) {
    if (!f->failed && f->s->failed) f->failed = err_memory(f->err, 0, "a model");
    json_file_close(&f->config);
    free(f->used);
    return f->failed ? -1 : 0;
}

void family_int(family *f, const char *key, int64_t min, int64_t max, int64_t *out) {
    if (!f->failed) f->failed = json_file_int(&f->config, key, min, max, out, f->err);
}
void family_float(family *f, const char *key, double min, double max, double *out) {
    if (!f->failed) f->failed = json_file_float(&f->config, key, min, max, out, f->err);
}
void family_bool(family *f, const char *key, bool *out) {
    if (!f->failed) f->failed = json_file_bool(&f->config, key, out, f->err);
}
void family_expect_bool(family *f, const char *key, bool expected) {
    bool value = expected;
    family_bool(f, key, &value);
    if (!f->failed && value != expected)
        f->failed = err_set(f->err, "%s: '%s' is %s, which is not supported, expected %s", f->config.path, key, value ? "true" : "false",
                            expected ? "true" : "false");
}

void family_expect_string(family *f, const char *key, const char *expected) {
    size_t which;
    if (!f->failed) f->failed = json_file_choice(&f->config, key, (const char *const[]){expected, NULL}, &which, f->err);
}

void family_expect_empty(family *f, const char *key) {
    const json_t *v = f->failed ? NULL : json_file_get(&f->config, key);
    if (v && (json_object_size(v) || json_array_size(v) || !(json_is_object(v) || json_is_array(v))))
        f->failed = err_set(f->err, "%s: '%s' is not empty, which is not supported", f->config.path, key);
}

void family_expect_divisor(family *f, const char *key, int64_t heads, const char *of, int64_t width) {
    if (!f->failed && width % heads)
        f->failed = err_set(f->err, "%s: '%s' is %lld, which does not divide %s %lld", f->config.path, key, (long long)heads, of, (long long)width);
}

void family_activation(family *f, const char *key, int *out) {
    static const char *const NAMES[] = {"gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu", "gelu_python", "relu", "silu", "swish", "tanh", NULL};
    static const char *const OURS[] = {"gelu_tanh", "gelu_tanh", "gelu_tanh", "gelu_erf", "gelu_erf", "relu", "silu", "silu", "tanh"};
    size_t which = SIZE_MAX;
    if (!f->failed) f->failed = json_file_choice(&f->config, key, NAMES, &which, f->err);
    if (which != SIZE_MAX) graph_activation_from_name(OURS[which], out);
}

const char *family_class(family *f, bool *one) {
    const json_t *list = json_file_get(&f->config, "architectures");
    const char *class = json_string_value(json_array_get(list, 0));
    *one = !list || (json_array_size(list) == 1 && class);
    return *one ? class : NULL;
}

void family_require(family *f, const char *const *keys) {
    if (!f->failed) f->failed = json_file_require(&f->config, keys, f->err);
}

/* Settings that any model may have: training, generation and bookkeeping, nothing that one forward pass depends on. */
static const char *const COMMON[] = {
    "model_type", "architectures", "name", "language", "num_labels", "_num_labels", "_attn_implementation_autoset",
    "transformers_version", "transformers.js_config", "torch_dtype", "dtype", "initializer_range", "use_cache",
    "is_decoder", "pad_token_id", "sep_token_id", "decoder_start_token_id", "tokenizer_class", "problem_type",
    "id2label", "label2id", "finetuning_task", "task_specific_params", "prefix", "output_attentions",
    "output_hidden_states", "output_past", "output_scores", "return_dict", "return_dict_in_generate",
    "use_return_dict", "gradient_checkpointing", "chunk_size_feed_forward", "attn_implementation", "torchscript",
    "use_bfloat16", "tf_legacy_loss", "cross_attention_hidden_size", "tie_encoder_decoder", "do_sample", "max_length",
    "min_length", "num_beams", "num_beam_groups", "num_return_sequences", "temperature", "top_k", "top_p", "typical_p",
    "repetition_penalty", "length_penalty", "diversity_penalty", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "early_stopping", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens",
    "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty", NULL
};

void family_refuse_settings(family *f, const char *const *ignored) {
    for (const char *const *key = COMMON; !f->failed && *key; key++) json_file_get(&f->config, *key);
    if (!f->failed) f->failed = json_file_refuse_unknown(&f->config, ignored, f->err);
}

/* ---- tensors ---- */

static void full_name(const family *f, char name[512], const char *format, va_list list) {
    char own[400];
    vsnprintf(own, sizeof own, format, list);
    snprintf(name, 512, "%s%s", own[0] == '/' ? "" : f->prefix, own + (own[0] == '/'));
}

static const checkpoint_tensor *find(family *f, const char *name) {
    const checkpoint_tensor *t = checkpoint_find(f->checkpoint, name);
    if (t) f->used[t - checkpoint_at(f->checkpoint, 0)] = true;
    return t;
}

bool family_has(const family *f, const char *format, ...) {
    char name[512];
    va_list list;
    if (f->failed) return false;
    va_start(list, format);
    full_name(f, name, format, list);
    va_end(list);
    return checkpoint_find(f->checkpoint, name);
}

static const char *shape_text(const uint64_t *dims, size_t n, char text[256]) {
    size_t at = 0;
    text[at++] = '[';
    for (size_t i = 0; i < n; i++) at += (size_t)snprintf(text + at, 256 - at, i ? ", %llu" : "%llu", (unsigned long long)dims[i]);
    strcpy(text + at, "]");
    return text;
}

/* A tensor of the checkpoint that must have a shape and be of floats. */
static const checkpoint_tensor *find_floats(family *f, const char *name, const uint64_t *dims, uint32_t n_dims) {
    char found[256], wanted[256];
    const checkpoint_tensor *t = find(f, name);
    if (!t) return f->failed = err_set(f->err, "%s: tensor '%s' is missing", f->folder, name), NULL;
    if (t->n_dims != n_dims || memcmp(t->dims, dims, n_dims * sizeof *dims))
        return f->failed = err_set(f->err, "%s: tensor '%s' has the shape %s, expected %s", f->folder, name, shape_text(t->dims, t->n_dims, found),
                                   shape_text(dims, n_dims, wanted)), NULL;
    if (t->dtype > CHECKPOINT_F64)
        return f->failed = err_set(f->err, "%s: tensor '%s' is %s, expected floats", f->folder, name, checkpoint_dtype_name(t->dtype)), NULL;
    return t;
}

/* The name that a tensor of the checkpoint has in the .lnt file. */
static const char *own_name(const family *f, const char *name, char out[600]) {
    size_t n = strlen(f->prefix), skip = strncmp(name, f->prefix, n) ? 0 : n;
    snprintf(out, 600, "%s%s", f->label, name + skip);
    return out;
}

static int32_t add(family *f, const char *name, tensor_layout layout, uint64_t n, uint64_t k, bool transposed, const uint64_t *dims, uint32_t n_dims) {
    char own[600];
    if (!f->failed && (f->s->failed || f->s->graph.failed)) f->failed = err_memory(f->err, 0, "a model"); /* sizes are those of the graph */
    const void *t = f->failed ? NULL : find_floats(f, name, dims, n_dims);
    return t ? source_add(f->s, own_name(f, name, own), layout, n, k, t, transposed) : 0;
}

int32_t family_matrix(family *f, tensor_layout layout, uint64_t n, uint64_t k, bool transposed, const char *format, ...) {
    char name[512];
    va_list list;
    va_start(list, format);
    full_name(f, name, format, list);
    va_end(list);
    return add(f, name, layout, n, k, transposed, transposed ? (const uint64_t[]){k, n} : (const uint64_t[]){n, k}, 2);
}

int32_t family_reshaped(family *f, tensor_layout layout, uint64_t n, uint64_t k, const uint64_t *dims, uint32_t n_dims, const char *format, ...) {
    char name[512];
    va_list list;
    va_start(list, format);
    full_name(f, name, format, list);
    va_end(list);
    return add(f, name, layout, n, k, false, dims, n_dims);
}

int32_t family_vector(family *f, uint64_t n, const char *format, ...) {
    char name[512];
    va_list list;
    va_start(list, format);
    full_name(f, name, format, list);
    va_end(list);
    return add(f, name, LAYOUT_ROWS, 1, n, false, &n, 1);
}

void family_ignore(family *f, const char *format, ...) {
    char name[512];
    va_list list;
    if (f->failed) return;
    va_start(list, format);
    full_name(f, name, format, list);
    va_end(list);
    find(f, name);
}

void family_expect_same(family *f, const char *name, const char *copy) {
    enum { PART = 1 << 14 };
    if (f->failed) return;
    const checkpoint_tensor *a = find(f, name), *b = find(f, copy);
    bool same = a && b && a->n_elements == b->n_elements;
    float *x = malloc(2 * PART * sizeof *x), *y = x ? x + PART : NULL;
    if (!x) f->failed = err_memory(f->err, 2 * PART * sizeof *x, "comparing");
    for (uint64_t at = 0; same && !f->failed && at < a->n_elements; at += PART) {
        uint64_t n = a->n_elements - at < PART ? a->n_elements - at : PART;
        f->failed = checkpoint_read_f32(f->checkpoint, a, at, n, x, f->err) || checkpoint_read_f32(f->checkpoint, b, at, n, y, f->err);
        same = !memcmp(x, y, n * sizeof *x);
    }
    free(x);
    if (!same && !f->failed) f->failed = err_set(f->err, "%s: tensors '%s' and '%s' differ, expected one tensor shared by both", f->folder, name, copy);
}

void family_refuse_tensors(family *f) {
    for (size_t i = 0; !f->failed && i < checkpoint_count(f->checkpoint); i++)
        if (!f->used[i]) f->failed = err_set(f->err, "%s: tensor '%s' is not known to this converter", f->folder, checkpoint_at(f->checkpoint, i)->name);
}

/* ---- the rest ---- */

void family_tokenizer(family *f, uint32_t vocab_size, tokenizer_facts *facts) {
    buffer *b = &f->s->tokenizer;
    kv_block block;
    *facts = (tokenizer_facts){.mask_id = -1};
    if (f->failed || (f->failed = convert_tokenizer(f->folder, b, facts, f->err)) || !facts->found) return;
    if (b->failed) f->failed = err_memory(f->err, b->size, "a tokenizer");
    if (f->failed || (f->failed = kv_open(&block, b->bytes, b->size, f->folder, f->err))) return;
    tokenizer_model *t = tokenizer_model_load(&block, vocab_size, f->folder, f->err);
    f->failed = !t;
    tokenizer_model_free(t);
    if (facts->mask_id >= 0) kv_put_i64(&f->s->metadata, "mask_id", facts->mask_id);
}

/* What the checkpoint calls itself, or the name of the folder converted. */
static void put_name(family *f) {
    const json_t *value = json_file_get(&f->config, "_name_or_path");
    const char *name = json_string_value(value);
    bool said = name && *name;
    char *real = said ? NULL : realpath(f->s->path, NULL);
    if (!said && !real && errno != EACCES) f->failed = err_set(f->err, "%s: %s", f->s->path, strerror(errno));
    if (real) name = real;
    if (name) name = basename(name);
    kv_put_string(&f->s->metadata, "name", name ? name : "", name ? strlen(name) : 0);
    free(real);
}

static void put_tokens(family *f, uint64_t vocab_size) {
    int64_t bos = -1, eos = -1;
    family_int(f, "bos_token_id", 0, INT32_MAX, &bos);
    family_int(f, "eos_token_id", 0, INT32_MAX, &eos);
    kv_put_u64(&f->s->metadata, "vocab_size", vocab_size);
    kv_put_i64(&f->s->metadata, "bos_id", bos);
    kv_put_i64(&f->s->metadata, "eos_id", eos);
}

void family_metadata(family *f, const char *architecture, uint64_t vocab_size, uint64_t n_ctx, uint64_t width, uint64_t n_layers, uint64_t n_heads) {
    if (f->failed) return;
    buffer *m = &f->s->metadata;
    kv_put_string(m, "architecture", architecture, strlen(architecture));
    put_name(f);
    kv_put_u64(m, "n_ctx", n_ctx);
    kv_put_u64(m, "width", width);
    kv_put_u64(m, "n_layers", n_layers);
    kv_put_u64(m, "n_heads", n_heads);
    kv_put_u64(m, "head_dim", width / n_heads);
    if (vocab_size) put_tokens(f, vocab_size);
}
