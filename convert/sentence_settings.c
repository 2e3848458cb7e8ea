#include "convert/sentence.h"
#include <stdlib.h>
#include <string.h>

/* ---- the transformer's own settings ---- */

static int expect_empty(json_file *c, const char *key, lnt_error *err) {
    const json_t *v = json_file_get(c, key);
    return json_object_size(v) ? err_set(err, "%s: '%s' is not empty, which is not supported", c->path, key) : 0;
}

static int check_modality(json_file *c, lnt_error *err) {
    const json_t *text = json_object_get(json_file_get(c, "modality_config"), "text");
    const char *output = json_string_value(json_object_get(text, "method_output_name"));
    if (!output || !strcmp(output, "last_hidden_state") || !strcmp(output, "logits")) return 0;
    return err_set(err, "%s: 'method_output_name' is '%s', expected last_hidden_state or logits", c->path, output);
}

static int read_transformer(json_file *c, int64_t *max_tokens, bool *lowercase, lnt_error *err) {
    static const char *const TASKS[] = {"feature-extraction", "sequence-classification", NULL};
    static const char *const EMPTY[] = {"model_args",  "model_kwargs",  "tokenizer_args",   "processor_kwargs",
                                        "config_args", "config_kwargs", "processing_kwargs"};
    size_t task;
    for (size_t i = 0; i < sizeof EMPTY / sizeof *EMPTY; i++)
        if (expect_empty(c, EMPTY[i], err)) return -1;
    if (json_file_int(c, "max_seq_length", 1, INT32_MAX, max_tokens, err) || json_file_bool(c, "do_lower_case", lowercase, err) ||
        json_file_choice(c, "transformer_task", TASKS, &task, err) || check_modality(c, err))
        return -1;
    return json_file_refuse_unknown(c, (const char *const[]){"module_output_name", NULL}, err);
}

/* sentence-transformers puts lower-casing before a tokenizer that does none itself. */
static int check_lowercase(const family *f, const json_file *c) {
    const buffer *t = &f->s->tokenizer;
    kv_block block;
    bool lower = false;
    if (!t->size || (!kv_open(&block, t->bytes, t->size, f->folder, NULL) && kv_get_bool(&block, "lower", &lower) && lower)) return 0;
    return err_set(f->err, "%s: 'do_lower_case' is true, which is supported only beside a tokenizer that lower-cases", c->path);
}

/* Settings of the first of the names that sentence-transformers has had for them. */
static int read_settings(const family *f, int64_t *max_tokens) {
    static const char *const NAMES[] = {"bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"};
    bool found = false, lowercase = false;
    int rc = 0;
    for (size_t i = 0; !rc && !found && i < sizeof NAMES / sizeof *NAMES; i++) {
        json_file c;
        char name[64];
        snprintf(name, sizeof name, "sentence_%s_config.json", NAMES[i]);
        if (family_file(&c, f->folder, name, &found, f->err)) return -1;
        if (!found) continue;
        rc = read_transformer(&c, max_tokens, &lowercase, f->err);
        if (!rc && lowercase) rc = check_lowercase(f, &c);
        json_file_close(&c);
    }
    return rc;
}

/* ---- prompts ---- */

static int put_prompts(family *f, const json_file *c, json_t *prompts) {
    size_t n = json_object_size(prompts), i = 0;
    const char **texts = calloc(2 * n, sizeof *texts), *name;
    size_t *sizes = calloc(2 * n, sizeof *sizes);
    int rc = texts && sizes ? 0 : err_memory(f->err, 2 * n * sizeof *texts, "prompts");
    json_t *text;
    if (!rc) json_object_foreach(prompts, name, text) {
        if (!json_is_string(text)) rc = err_set(f->err, "%s: prompt '%s' is not a string", c->path, name);
        texts[i] = name, texts[n + i] = json_string_value(text);
        sizes[i] = strlen(name), sizes[n + i] = json_string_length(text);
        i++;
    }
    if (!rc) {
        kv_put_strings(&f->s->metadata, "prompt_names", texts, sizes, n);
        kv_put_strings(&f->s->metadata, "prompts", texts + n, sizes + n, n);
    }
    free(texts);
    free(sizes);
    return rc;
}

static int add_prompts(family *f, json_file *c) {
    json_t *prompts = json_file_get(c, "prompts");
    const char *chosen = NULL;
    if (json_file_string(c, "default_prompt_name", &chosen, f->err)) return -1;
    if (prompts && !json_is_object(prompts)) return err_set(f->err, "%s: 'prompts' is not an object, expected names and texts", c->path);
    if (json_object_size(prompts) && put_prompts(f, c, prompts)) return -1;
    if (chosen && !json_object_get(prompts, chosen))
        return err_set(f->err, "%s: 'default_prompt_name' is '%s', expected a name among 'prompts'", c->path, chosen);
    if (chosen) kv_put_string(&f->s->metadata, "default_prompt", chosen, strlen(chosen));
    /* How vectors are compared is the user's choice; the activation is sentence_scores'. */
    return json_file_refuse_unknown(c, (const char *const[]){"__version__", "similarity_fn_name", "model_type", "activation_fn", NULL}, f->err);
}

/* ---- what the rest of the converter calls ---- */

void sentence_metadata(family *f, uint64_t n_ctx, const tokenizer_facts *facts) {
    int64_t max_tokens = 0;
    bool found = false;
    json_file c;
    if (!f->failed) f->failed = read_settings(f, &max_tokens) || family_file(&c, f->s->path, "config_sentence_transformers.json", &found, f->err);
    if (found) {
        f->failed |= add_prompts(f, &c) != 0;
        json_file_close(&c);
    }
    if (f->failed) return;
    /* As there, its own limit takes the place of the tokenizer's. */
    if (!max_tokens) max_tokens = facts->max_length;
    kv_put_u64(&f->s->metadata, "max_tokens", max_tokens && (uint64_t)max_tokens < n_ctx ? (uint64_t)max_tokens : n_ctx);
}

static int scores_by_class(const char *class, const char *path, const char **scores, lnt_error *err) {
    const char *name = strrchr(class, '.');
    bool torch = !strncmp(class, "torch.nn.", 9);
    if (torch && !strcmp(name, ".Identity")) return *scores = "identity", 0;
    if (torch && !strcmp(name, ".Sigmoid")) return *scores = "sigmoid", 0;
    return err_set(err, "%s: the activation '%s' is not supported, expected torch's Identity or Sigmoid", path, class);
}

void sentence_scores(family *f, const char **scores) {
    json_file c;
    bool found;
    const char *class = NULL;
    if (f->failed) return;
    const json_t *block = json_file_get(&f->config, "sentence_transformers");
    f->failed = json_file_string(&f->config, "sbert_ce_default_activation_function", &class, f->err) ||
                family_file(&c, f->s->path, "config_sentence_transformers.json", &found, f->err);
    if (f->failed) return;
    const char *inner = json_string_value(json_object_get(block, "activation_fn"));
    if (inner) class = inner;
    if (found) {
        f->failed = json_file_string(&c, "activation_fn", &class, f->err);
        if (!f->failed && class) f->failed = scores_by_class(class, c.path, scores, f->err);
        json_file_close(&c);
    } else if (class) f->failed = scores_by_class(class, f->config.path, scores, f->err);
}
