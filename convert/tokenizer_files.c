/* Tokenizers of a vocabulary file with settings beside it, as transformers' own classes keep them. */
#include "convert/tokenizer_reader.h"
#include "engine/unicode.h"
#include "formats/file.h"
#include <stdlib.h>
#include <string.h>

/* ---- vocabularies ---- */

enum { MOST_BYTES = 1 << 30 };

/* The next line of a text that ends with a NUL, *n bytes without its end, and the text behind it; NULL: there is none. */
static char *next_line(char **text, const char *end, size_t *n) {
    char *line = *text, *newline = memchr(line, '\n', (size_t)(end - line));
    if (line == end) return NULL;
    *n = (size_t)((newline ? newline : end) - line);
    *text = line + *n + (newline != NULL);
    return line;
}

/* "left right" a line, behind a line that begins with #version. */
static int read_merges_txt(tokenizer_reader *r, const char *path) {
    char *text, *at, *line;
    size_t room, n;
    bool found;
    int rc = 0;
    if (file_exists(path, &found, r->err)) return -1;
    if (!found) return err_set(r->err, "%s: is missing, expected the merges of the vocabulary beside it", path);
    if (file_read_all(path, "a text", MOST_BYTES, &text, &room, r->err)) return -1;
    at = text;
    for (size_t i = 1; !rc && (line = next_line(&at, text + room, &n)); i++) {
        while (n && line[n - 1] == '\r') n--;
        const char *space = memchr(line, ' ', n);
        if (!n || (i == 1 && !strncmp(line, "#version", 8))) continue;
        if (!space) rc = err_set(r->err, "%s: line %zu is not a pair of tokens", path, i);
        else rc = vocabulary_merge(&r->v, line, (size_t)(space - line), space + 1, (size_t)(line + n - space - 1), path, r->err);
    }
    free(text);
    return rc;
}

/* Bytes of a line without white space at its end; SIZE_MAX: it is no UTF-8, or holds a NUL. */
static size_t trimmed(const char *line, size_t n) {
    size_t end = 0, length;
    for (size_t at = 0; at < n; at += length) {
        uint32_t c = unicode_next((const unsigned char *)line + at, n - at, &length);
        if (c == UNICODE_INVALID || !c) return SIZE_MAX;
        if (!(unicode_kind(c, NULL) & UNICODE_WHITE)) end = at + length;
    }
    return end;
}

/* Of lines that are the same the last has the token, as transformers reads it; an empty one is an id without token. */
static int put_line(const tokenizer_reader *r, json_t *vocab, char *line, size_t n, json_int_t id) {
    size_t length = trimmed(line, n);
    if (length == SIZE_MAX) return err_set(r->err, "%s: line %lld is not UTF-8 text", r->path, (long long)id + 1);
    line[length] = 0;
    return length && json_object_set_new(vocab, line, json_integer(id)) ? err_memory(r->err, length, "a vocabulary") : 0;
}

static int read_lines(const tokenizer_reader *r, json_t *vocab) {
    char *text, *at, *line;
    size_t room, n;
    int rc = 0;
    if (file_read_all(r->path, "a text", MOST_BYTES, &text, &room, r->err)) return -1;
    at = text;
    for (json_int_t id = 0; !rc && (line = next_line(&at, text + room, &n)); id++) rc = put_line(r, vocab, line, n, id);
    free(text);
    return rc;
}

/* ---- the files ---- */

/* added_tokens.json: content -> id. First of all, since the tokens that the others name can be in it. */
static int read_added_json(tokenizer_reader *r, const json_file *f) {
    const char *key;
    json_t *id;
    json_object_foreach(f->root, key, id) {
        if (!json_is_integer(id)) return err_set(r->err, "%s: '%s' has no id", f->path, key);
        int flags = r->is_wordpiece ? TOKEN_NORMALIZED : TOKEN_SPECIAL;
        if (vocabulary_add(&r->v, key, strlen(key), json_integer_value(id), flags, f->path, r->err)) return -1;
    }
    return 0;
}

static int read_beside(tokenizer_reader *r) {
    json_file added;
    int rc = reader_open_optional(r, "added_tokens.json", &added) || read_added_json(r, &added) || reader_config(r, false) ? -1 : 0;
    json_file_close(&added);
    return rc;
}

int tokenizer_files_read_bpe(tokenizer_reader *r, json_file *vocab, const char *merges) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", r->folder, merges) >= (int)sizeof path) return err_set(r->err, "%s: the path is too long", r->folder);
    r->split = true;
    if (vocabulary_read(&r->v, vocab->root, true, r->path, r->err)) return -1;
    return read_beside(r) || read_merges_txt(r, path) ? -1 : 0;
}

int tokenizer_files_read_wordpiece(tokenizer_reader *r) {
    json_t *vocab = json_object();
    r->is_wordpiece = r->clean = r->ideographs = r->lower = true;
    int rc = read_lines(r, vocab) || vocabulary_read(&r->v, vocab, false, r->path, r->err);
    json_decref(vocab);
    return rc || read_beside(r) ? -1 : 0;
}
