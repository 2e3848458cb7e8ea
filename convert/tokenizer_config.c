/* tokenizer_config.json and special_tokens_map.json, and what transformers' classes take for granted without them. */
#include "convert/tokenizer_reader.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMED = 1024, MAX_LENGTH = 1000000 };

enum { UNK, CLS, SEP, PAD, MASK, BOS, EOS, N_NAMES };
static const char *const NAMES[N_NAMES] = {"unk_token", "cls_token", "sep_token", "pad_token", "mask_token", "bos_token", "eos_token"};

typedef struct class {
    const char *name; /* before "Tokenizer" and "TokenizerFast" */
    const char *model_type; /* config.json's */
    bool is_wordpiece, mask_strips;
    size_t n_between;           /* separators between the texts of a pair; 0: nothing is put around texts */
    uint32_t second;            /* segment of the second text */
    const char *names[N_NAMES]; /* its special tokens unless they are named otherwise */
} class;

#define BERT_NAMES {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"}
#define ROBERTA_NAMES "<s>", "</s>", "<pad>", "<mask>", "<s>", "</s>"
static const class CLASSES[] = {
    {"Bert", "bert", true, false, 1, 1, BERT_NAMES},
    {"GPT2", "gpt2", false, false, 0, 0, {[EOS] = "<|endoftext|>"}},
    {"DistilBert", "distilbert", true, false, 1, 1, BERT_NAMES},
    {"Electra", "electra", true, false, 1, 1, BERT_NAMES},
    {"MobileBert", "mobilebert", true, false, 1, 1, BERT_NAMES},
    {"MPNet", "mpnet", true, true, 2, 1, {"[UNK]", ROBERTA_NAMES}},
    {"Roberta", "roberta", false, true, 2, 0, {"<unk>", ROBERTA_NAMES}},
};
enum { N_CLASSES = sizeof CLASSES / sizeof *CLASSES };

static const class *class_named(const char *name) {
    for (size_t i = 0; i < N_CLASSES; i++) {
        size_t n = strlen(CLASSES[i].name);
        if (!strncmp(name, CLASSES[i].name, n) && (!strcmp(name + n, "Tokenizer") || !strcmp(name + n, "TokenizerFast"))) return &CLASSES[i];
    }
    return NULL;
}

/* The configurations that are there, and what they come to. */
typedef struct settings {
    json_file config, map, model; /* root NULL: there is none */
    const class *class;
    char names[N_NAMES][TOKEN_MAX_ADDED + 1];
} settings;

/* ---- which class ---- */

/* By tokenizer_class; else by config.json's model_type; else the first of the kind. With tokenizer.json it need not be known. */
static int find_class(tokenizer_reader *r, settings *s, bool from_json) {
    const char *name = reader_text(s->config.root, "tokenizer_class"), *type = reader_text(s->model.root, "model_type");
    s->class = class_named(name);
    if (*name && !s->class) return from_json ? 0 : err_set(r->err, "%s: tokenizer_class is '%s', which is not supported", s->config.path, name);
    for (size_t i = 0; i < N_CLASSES && !s->class; i++)
        if (!strcmp(type, CLASSES[i].model_type) && CLASSES[i].is_wordpiece == r->is_wordpiece) s->class = &CLASSES[i];
    for (size_t i = 0; i < N_CLASSES && !s->class && !from_json; i++)
        if (CLASSES[i].is_wordpiece == r->is_wordpiece) s->class = &CLASSES[i];
    if (s->class && s->class->is_wordpiece != r->is_wordpiece) {
        if (!from_json) return err_set(r->err, "%s: tokenizer_class is '%s', which does not go with %s", s->config.path, name, r->path);
        s->class = NULL;
    }
    return 0;
}

/* ---- how texts are read ---- */

static int read_bert_rules(tokenizer_reader *r, const json_t *o) {
    const json_t *strip = json_object_get(o, "strip_accents");
    bool basic = true;
    char prefix[sizeof r->prefix] = "##";
    if (reader_bool(r, o, "do_basic_tokenize", &basic) || reader_string(r, o, "wordpieces_prefix", prefix, sizeof prefix)) return -1;
    if (!basic) return reader_refuse(r, "'do_basic_tokenize'", "false");
    if (strcmp(prefix, "##")) return reader_refuse(r, "'wordpieces_prefix'", prefix);
    if (strip) r->strip_said = json_is_boolean(strip);
    return reader_bool(r, o, "do_lower_case", &r->lower) || reader_bool(r, o, "tokenize_chinese_chars", &r->ideographs) ||
                   reader_bool(r, o, "strip_accents", &r->strip)
               ? -1
               : 0;
}

static int read_byte_rules(tokenizer_reader *r, const json_t *o) {
    bool trim = r->trim_places;
    if (reader_bool(r, o, "add_prefix_space", &r->prefix_space) || reader_bool(r, o, "trim_offsets", &trim)) return -1;
    if (json_object_get(o, "add_prefix_space") || json_object_get(o, "trim_offsets"))
        r->trim_places = !trim ? PLACES_WHOLE : r->prefix_space ? PLACES_TRIMMED_BUT_FIRST : PLACES_TRIMMED;
    return 0;
}

static int read_settings(tokenizer_reader *r, const settings *s) {
    const json_t *o = s->config.root, *length = json_object_get(o, "model_max_length");
    char side[16] = "right";
    double most = json_number_value(length);
    if (reader_refuse_set(r, o, "", (const char *const[]){"add_bos_token", "add_eos_token", "split_special_tokens", "never_split", NULL}) ||
        reader_string(r, o, "truncation_side", side, sizeof side))
        return -1;
    if (strcmp(side, "right")) return reader_refuse(r, "'truncation_side'", side);
    if (most >= 1 && most < MAX_LENGTH) r->max_length = (int64_t)most;
    if (!s->class) return 0;
    return r->is_wordpiece ? read_bert_rules(r, o) : read_byte_rules(r, o);
}

/* ---- special tokens ---- */

static bool is_added(const tokenizer_reader *r, const char *content) { return vocabulary_find_added(&r->v, content) >= 0; }

/* A special token by its text, or an object with that: it must have an id by now. One that was added before stays as it was. */
static int read_named(tokenizer_reader *r, const char *key, const json_t *t, bool strips) {
    const char *content = json_is_string(t) ? json_string_value(t) : reader_text(t, "content");
    if (!t || json_is_null(t)) return 0;
    int64_t id = vocabulary_find(&r->v, content, strlen(content));
    if (id < 0) id = vocabulary_find_added(&r->v, content);
    if (id < 0) return err_set(r->err, "%s: %s '%s' is not in the vocabulary", r->path, key, content);
    if (json_is_object(t) && !is_added(r, content) && reader_add_token(r, t, id)) return -1;
    return vocabulary_add(&r->v, content, strlen(content), id, TOKEN_SPECIAL | (strips ? TOKEN_LSTRIP : 0), r->path, r->err);
}

static int read_names(tokenizer_reader *r, settings *s, const json_file *f) {
    r->path = f->path;
    for (const char *const *key = (const char *const[]){"additional_special_tokens", "extra_special_tokens", NULL}; *key; key++) {
        const json_t *list = json_object_get(f->root, *key);
        if (json_object_size(list)) return err_set(r->err, "%s: '%s' is not a list, which is not supported", r->path, *key);
        if (json_array_size(list) > MAX_NAMED) return err_set(r->err, "%s: '%s' are more than %d", r->path, *key, MAX_NAMED);
        for (size_t i = 0; i < json_array_size(list); i++)
            if (read_named(r, *key, json_array_get(list, i), false)) return -1;
    }
    for (size_t i = 0; i < N_NAMES; i++) {
        const json_t *t = json_object_get(f->root, NAMES[i]);
        if (read_named(r, NAMES[i], t, i == MASK && s->class && s->class->mask_strips)) return -1;
        const json_t *holder = json_is_object(t) ? t : f->root;
        if (reader_string(r, holder, holder == t ? "content" : NAMES[i], s->names[i], sizeof s->names[i])) return -1;
    }
    return 0;
}

static int read_added_decoder(tokenizer_reader *r, const settings *s) {
    const char *key;
    json_t *t;
    json_object_foreach(json_object_get(s->config.root, "added_tokens_decoder"), key, t) {
        char *end;
        long long id = strtoll(key, &end, 10);
        if (!*key || *end) return err_set(r->err, "%s: added_tokens_decoder: '%s' is no id", r->path, key);
        if (!is_added(r, reader_text(t, "content")) && reader_add_token(r, t, id)) return -1;
    }
    return 0;
}

/* Those of the class that are not named otherwise, if the vocabulary has them. */
static int add_default_names(tokenizer_reader *r, settings *s) {
    for (size_t i = 0; i < N_NAMES; i++) {
        const char *name = s->class->names[i];
        if (*s->names[i] || !name) continue;
        strcpy(s->names[i], name);
        int64_t id = vocabulary_find(&r->v, name, strlen(name));
        int flags = TOKEN_SPECIAL | (i == MASK && s->class->mask_strips ? TOKEN_LSTRIP : 0);
        if (id >= 0 && vocabulary_add(&r->v, name, strlen(name), id, flags, r->path, r->err)) return -1;
    }
    strcpy(r->unknown, s->names[UNK]);
    return s->class->n_between ? reader_put_templates(r, s->names[CLS], s->names[SEP], s->class->n_between, s->class->second) : 0;
}

static int read_all(tokenizer_reader *r, settings *s, bool from_json) {
    const char *vocabulary = r->path;
    if (find_class(r, s, from_json)) return -1;
    if (!from_json && s->class->n_between && !r->is_wordpiece) r->trim_places = PLACES_TRIMMED; /* RoBERTa's default */
    r->path = s->config.path;
    if (s->config.root && (read_settings(r, s) || read_added_decoder(r, s) || read_names(r, s, &s->config))) return -1;
    if (s->map.root && read_names(r, s, &s->map)) return -1;
    strcpy(r->mask, s->names[MASK]);
    r->path = vocabulary;
    return from_json ? 0 : add_default_names(r, s);
}

int reader_config(tokenizer_reader *r, bool from_json) {
    settings s = {0};
    const char *before = r->path;
    int rc = reader_open_optional(r, "tokenizer_config.json", &s.config) || reader_open_optional(r, "special_tokens_map.json", &s.map) ||
                     reader_open_optional(r, "config.json", &s.model)
                 ? -1
                 : read_all(r, &s, from_json);
    r->path = before;
    json_file_close(&s.config);
    json_file_close(&s.map);
    json_file_close(&s.model);
    return rc;
}
