/* What the readers of tokenizer files share: the tokenizer while it is read, and checked reading of nested JSON objects. */
#ifndef LNT_CONVERT_TOKENIZER_READER_H
#define LNT_CONVERT_TOKENIZER_READER_H
#include "convert/vocabulary.h"
#include "engine/tokenizer.h"
#include "formats/json.h"

/* A template while it is read: engine/tokenizer.h, token_template. */
typedef struct reader_template {
    uint32_t items[2 * TOKEN_MAX_TEMPLATE];
    size_t n;
} reader_template;

typedef struct tokenizer_reader {
    const char *folder, *path; /* path: of the file being read */
    vocabulary v;
    bool is_wordpiece;
    bool split, prefix_space, whole_first; /* of bpe-bytes */
    bool clean, ideographs, lower, strip, strip_said; /* of wordpiece; accents go with lower unless strip_said */
    int64_t max_chars;
    char prefix[64], unknown[TOKEN_MAX_ADDED + 1];
    reader_template single, pair;
    uint64_t trim_places;
    char mask[TOKEN_MAX_ADDED + 1]; /* content of the mask token, "": not said */
    int64_t max_length;
    lnt_error *err;
} tokenizer_reader;

/* ---- nested objects: a missing or null value leaves *out as it was ---- */

/* A string's text, "" if it is none. */
const char *reader_text(const json_t *o, const char *key);
int reader_bool(const tokenizer_reader *r, const json_t *o, const char *key, bool *out);
/* A copy of a string shorter than room. */
int reader_string(const tokenizer_reader *r, const json_t *o, const char *key, char *out, size_t room);
/* Each key must be missing, null, false or empty. */
int reader_refuse_set(const tokenizer_reader *r, const json_t *o, const char *where, const char *const *keys);
/* All keys must be among those given. */
int reader_refuse_unknown(const tokenizer_reader *r, const json_t *o, const char *where, const char *const *known);
/* "where is 'what', which is not supported" */
int reader_refuse(const tokenizer_reader *r, const char *where, const char *what);

/* ---- what both readers do ---- */

/* An added token as Hugging Face writes it: an object with content and flags. */
int reader_add_token(tokenizer_reader *r, const json_t *t, int64_t id);
/* Appends to a template: a token of the vocabulary by its text, or TEMPLATE_FIRST or TEMPLATE_SECOND. */
int reader_put_token(const tokenizer_reader *r, reader_template *t, const char *content, uint32_t segment);
int reader_put_item(const tokenizer_reader *r, reader_template *t, uint32_t what, uint32_t segment);
/* "[CLS] A [SEP]" and "[CLS] A [SEP] B [SEP]" with segment second for B and what follows; n_between separators before B. */
int reader_put_templates(tokenizer_reader *r, const char *cls, const char *sep, size_t n_between, uint32_t second);
/* Opens a file of r->folder; if it is not there, *f is empty. */
int reader_open_optional(const tokenizer_reader *r, const char *name, json_file *f);

/* tokenizer_config.json and special_tokens_map.json; those of the folder, if they are there. from_json: tokenizer.json has
   been read, so that only what changes it counts. */
int reader_config(tokenizer_reader *r, bool from_json);

int tokenizer_json_read(tokenizer_reader *r, json_file *f);
/* merges: the name of the file of merges beside vocab.json. */
int tokenizer_files_read_bpe(tokenizer_reader *r, json_file *vocab, const char *merges);
/* The vocabulary of r->path, a token a line. */
int tokenizer_files_read_wordpiece(tokenizer_reader *r);
#endif
