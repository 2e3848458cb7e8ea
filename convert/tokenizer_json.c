/* tokenizer.json of Hugging Face tokenizers. */
#include "convert/tokenizer_reader.h"
#include <string.h>

/* The only element of a Sequence, or the part itself; null: NULL. */
static const json_t *unwrap(const json_t *o, const char *list) {
    const json_t *parts = json_object_get(o, list);
    if (!strcmp(reader_text(o, "type"), "Sequence") && json_array_size(parts) == 1) o = json_array_get(parts, 0);
    return json_is_null(o) ? NULL : o;
}

/* ---- text to pieces ---- */

static int read_byte_level(tokenizer_reader *r, const json_t *o) {
    if (strcmp(reader_text(o, "type"), "ByteLevel")) return reader_refuse(r, "pre_tokenizer", reader_text(o, "type"));
    r->split = true;
    if (reader_bool(r, o, "use_regex", &r->split) || reader_bool(r, o, "add_prefix_space", &r->prefix_space)) return -1;
    return reader_refuse_unknown(r, o, "pre_tokenizer", (const char *const[]){"type", "add_prefix_space", "trim_offsets", "use_regex", NULL});
}

static int read_bert_normalizer(tokenizer_reader *r, const json_t *o) {
    static const char *const KNOWN[] = {"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase", NULL};
    if (!o) return 0;
    if (strcmp(reader_text(o, "type"), "BertNormalizer")) return reader_refuse(r, "normalizer", reader_text(o, "type"));
    r->clean = r->ideographs = r->lower = true;
    r->strip_said = json_is_boolean(json_object_get(o, "strip_accents"));
    if (reader_bool(r, o, "clean_text", &r->clean) || reader_bool(r, o, "handle_chinese_chars", &r->ideographs) ||
        reader_bool(r, o, "lowercase", &r->lower) || reader_bool(r, o, "strip_accents", &r->strip))
        return -1;
    return reader_refuse_unknown(r, o, "normalizer", KNOWN);
}

static int read_text_rules(tokenizer_reader *r, const json_t *root) {
    const json_t *normalizer = unwrap(json_object_get(root, "normalizer"), "normalizers");
    const json_t *pre = unwrap(json_object_get(root, "pre_tokenizer"), "pretokenizers");
    if (!r->is_wordpiece) return normalizer ? reader_refuse(r, "normalizer", reader_text(normalizer, "type")) : read_byte_level(r, pre);
    if (strcmp(reader_text(pre, "type"), "BertPreTokenizer")) return reader_refuse(r, "pre_tokenizer", reader_text(pre, "type"));
    if (reader_refuse_unknown(r, pre, "pre_tokenizer", (const char *const[]){"type", NULL})) return -1;
    return read_bert_normalizer(r, normalizer);
}

/* ---- the vocabulary ---- */

static int read_merges(tokenizer_reader *r, const json_t *list) {
    size_t i;
    json_t *m;
    if (!json_is_array(list)) return err_set(r->err, "%s: 'merges' is not a list", r->path);
    json_array_foreach(list, i, m) {
        const char *left = json_string_value(json_array_get(m, 0)), *right = json_string_value(json_array_get(m, 1)), *space;
        if (json_is_string(m) && (space = strchr(json_string_value(m), ' '))) {
            size_t n_left = (size_t)(space - json_string_value(m));
            if (vocabulary_merge(&r->v, json_string_value(m), n_left, space + 1, strlen(space + 1), r->path, r->err)) return -1;
        } else if (json_array_size(m) == 2 && left && right) {
            if (vocabulary_merge(&r->v, left, strlen(left), right, strlen(right), r->path, r->err)) return -1;
        } else {
            return err_set(r->err, "%s: merge %zu is not a pair of tokens", r->path, i);
        }
    }
    return 0;
}

static int read_bpe(tokenizer_reader *r, const json_t *model) {
    static const char *const UNSET[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", NULL};
    static const char *const KNOWN[] = {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                                        "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges", NULL};
    if (reader_refuse_unknown(r, model, "model", KNOWN) || reader_refuse_set(r, model, "model: ", UNSET) ||
        reader_bool(r, model, "ignore_merges", &r->whole_first) ||
        vocabulary_read(&r->v, json_object_get(model, "vocab"), true, r->path, r->err))
        return -1;
    return read_merges(r, json_object_get(model, "merges"));
}

static int read_wordpiece(tokenizer_reader *r, const json_t *model) {
    static const char *const KNOWN[] = {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab", NULL};
    if (reader_refuse_unknown(r, model, "model", KNOWN) || reader_string(r, model, "unk_token", r->unknown, sizeof r->unknown) ||
        reader_string(r, model, "continuing_subword_prefix", r->prefix, sizeof r->prefix) ||
        json_int(r->path, model, "max_input_chars_per_word", 1, WORDPIECE_MOST_CHARS, &r->max_chars, r->err))
        return -1;
    return vocabulary_read(&r->v, json_object_get(model, "vocab"), false, r->path, r->err);
}

/* Old files do not say which model it is. */
static int read_model(tokenizer_reader *r, const json_t *model) {
    const char *type = reader_text(model, "type");
    bool untold = !*type && !json_object_get(model, "merges") && json_object_get(model, "max_input_chars_per_word");
    r->is_wordpiece = untold || !strcmp(type, "WordPiece");
    if (!r->is_wordpiece && *type && strcmp(type, "BPE")) return reader_refuse(r, "model", type);
    return r->is_wordpiece ? read_wordpiece(r, model) : read_bpe(r, model);
}

/* Hugging Face gives those outside the vocabulary the ids behind it, in their order, whatever the file says. */
static int read_added(tokenizer_reader *r, const json_t *list) {
    int64_t next = (int64_t)json_object_size(r->v.ids);
    size_t i;
    json_t *t;
    if (list && !json_is_null(list) && !json_is_array(list)) return err_set(r->err, "%s: 'added_tokens' is not a list", r->path);
    json_array_foreach(list, i, t) {
        const json_t *id = json_object_get(t, "id"), *content = json_object_get(t, "content");
        if (!json_is_integer(id) || !json_is_string(content)) return err_set(r->err, "%s: added token %zu has no id or content", r->path, i);
        int64_t n = json_integer_value(id);
        if (vocabulary_find(&r->v, json_string_value(content), json_string_length(content)) < 0 && n != next)
            return err_set(r->err, "%s: added token %zu has the id %lld, expected the next behind the vocabulary, %lld", r->path, i,
                           (long long)n, (long long)next);
        if (reader_add_token(r, t, n)) return -1;
        if (n >= next) next = n + 1;
    }
    return 0;
}

/* ---- what is put around texts ---- */

/* The tokens that a template's special token stands for. */
static int put_special(tokenizer_reader *r, const json_t *tokens, const char *name, uint32_t segment, reader_template *t) {
    const json_t *ids = json_object_get(json_object_get(tokens, name), "ids");
    size_t i;
    json_t *id;
    if (!json_array_size(ids)) return err_set(r->err, "%s: post_processor: special token '%s' has no ids", r->path, name);
    json_array_foreach(ids, i, id) {
        int64_t n = json_is_integer(id) ? json_integer_value(id) : -1;
        if (n < 0 || (size_t)n >= r->v.n_tokens)
            return err_set(r->err, "%s: post_processor: special token '%s' has the id %lld", r->path, name, (long long)n);
        if (reader_put_item(r, t, (uint32_t)n, segment)) return -1;
    }
    return 0;
}

static int read_template(tokenizer_reader *r, const json_t *o, const char *key, reader_template *t) {
    const json_t *parts = json_object_get(o, key);
    size_t i;
    json_t *part;
    t->n = 0;
    json_array_foreach(parts, i, part) {
        const json_t *special = json_object_get(part, "SpecialToken"), *text = json_object_get(part, "Sequence"), *said = special ? special : text;
        const char *id = reader_text(said, "id");
        int64_t segment = 0;
        if (json_int(r->path, said, "type_id", 0, 255, &segment, r->err)) return -1;
        bool first = !strcmp(id, "A"), second = !strcmp(id, "B");
        if (!special && !first && !second) return err_set(r->err, "%s: post_processor: part %zu of '%s' is not understood", r->path, i, key);
        if (special ? put_special(r, json_object_get(o, "special_tokens"), id, (uint32_t)segment, t)
                    : reader_put_item(r, t, first ? TEMPLATE_FIRST : TEMPLATE_SECOND, (uint32_t)segment))
            return -1;
    }
    return 0;
}

/* {"sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}: the text's id must be that. */
static int read_cls_sep(tokenizer_reader *r, const json_t *o, size_t n_between, uint32_t second) {
    for (const char *const *key = (const char *const[]){"cls", "sep", NULL}; *key; key++) {
        const json_t *pair = json_object_get(o, *key);
        const char *content = json_string_value(json_array_get(pair, 0));
        int64_t id = content ? vocabulary_find(&r->v, content, strlen(content)) : -1;
        if (content && id < 0) id = vocabulary_find_added(&r->v, content);
        if (id < 0 || !json_is_integer(json_array_get(pair, 1)) || json_integer_value(json_array_get(pair, 1)) != id)
            return err_set(r->err, "%s: post_processor: '%s' is not a token and its id", r->path, *key);
    }
    return reader_put_templates(r, json_string_value(json_array_get(json_object_get(o, "cls"), 0)),
                                json_string_value(json_array_get(json_object_get(o, "sep"), 0)), n_between, second);
}

static int read_trim(tokenizer_reader *r, const json_t *o) {
    bool trim = true, first = true;
    if (reader_bool(r, o, "trim_offsets", &trim) || reader_bool(r, o, "add_prefix_space", &first)) return -1;
    r->trim_places = !trim ? PLACES_WHOLE : first ? PLACES_TRIMMED_BUT_FIRST : PLACES_TRIMMED;
    return reader_refuse_unknown(r, o, "post_processor",
                                 (const char *const[]){"type", "sep", "cls", "trim_offsets", "add_prefix_space", "use_regex", NULL});
}

static int read_processor(tokenizer_reader *r, const json_t *o) {
    const char *type = reader_text(o, "type");
    if (!strcmp(type, "TemplateProcessing")) {
        static const char *const PARTS[] = {"type", "single", "pair", "special_tokens", NULL};
        if (reader_refuse_unknown(r, o, "post_processor", PARTS)) return -1;
        return read_template(r, o, "single", &r->single) || read_template(r, o, "pair", &r->pair) ? -1 : 0;
    }
    if (!strcmp(type, "ByteLevel")) return read_trim(r, o);
    if (!strcmp(type, "RobertaProcessing")) return read_trim(r, o) || read_cls_sep(r, o, 2, 0) ? -1 : 0;
    if (strcmp(type, "BertProcessing")) return reader_refuse(r, "post_processor", type);
    if (reader_refuse_unknown(r, o, "post_processor", (const char *const[]){"type", "sep", "cls", NULL})) return -1;
    return read_cls_sep(r, o, 1, 1);
}

static int read_processors(tokenizer_reader *r, const json_t *o) {
    const json_t *list = json_object_get(o, "processors");
    size_t i;
    json_t *part;
    if (!o || json_is_null(o)) return 0;
    if (strcmp(reader_text(o, "type"), "Sequence")) return read_processor(r, o);
    json_array_foreach(list, i, part) {
        if (r->single.n && strcmp(reader_text(part, "type"), "ByteLevel")) return reader_refuse(r, "a second post_processor", reader_text(part, "type"));
        if (read_processor(r, part)) return -1;
    }
    return 0;
}

/* ---- the file ---- */

/* Decoding is not part of a model, but what ids stand for must be as Linnet writes it. */
static int check_decoder(const tokenizer_reader *r, const json_t *o) {
    const char *type = reader_text(o, "type");
    return !o || json_is_null(o) || !strcmp(type, r->is_wordpiece ? "WordPiece" : "ByteLevel") ? 0 : reader_refuse(r, "decoder", type);
}

/* Its truncation and padding are left out on purpose: callers say how long texts may be, and nothing is padded. */
int tokenizer_json_read(tokenizer_reader *r, json_file *f) {
    static const char *const KNOWN[] = {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                                        "post_processor", "decoder", "model", NULL};
    const json_t *root = f->root;
    if (reader_refuse_unknown(r, root, "tokenizer", KNOWN) || read_model(r, json_object_get(root, "model")) || read_text_rules(r, root) ||
        read_added(r, json_object_get(root, "added_tokens")) || read_processors(r, json_object_get(root, "post_processor")))
        return -1;
    return check_decoder(r, json_object_get(root, "decoder"));
}
