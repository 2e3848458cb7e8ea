/* What the tests of tokenizers share: tokenizers of a folder, golden cases (tests/golden/tokenizer.py says how they are
   written), edited files. */
#ifndef LNT_TESTS_TOKENIZING_H
#define LNT_TESTS_TOKENIZING_H
#include "convert/tokenizer.h"
#include "engine/model.h"
#include "engine/tokenizer.h"
#include "tests/testing.h"
#include <jansson.h>

/* A model of nothing but a tokenizer. */
typedef struct fixture {
    buffer section;
    tokenizer_facts facts;
    lnt_model model;
    lnt_tokenizer *tokenizer;
} fixture;

static inline fixture set_up(const char *folder) {
    fixture f = {0};
    lnt_error err;
    kv_block block;
    ck_assert_msg(!convert_tokenizer(folder, &f.section, &f.facts, &err), "%s", err.text);
    ck_assert(f.facts.found);
    ck_assert_msg(!kv_open(&block, f.section.bytes, f.section.size, "test", &err), "%s", err.text);
    f.model.info.vocab_size = 1 << 17;
    f.model.info.n_segments = 2;
    f.model.tokenizer = tokenizer_model_load(&block, f.model.info.vocab_size, "test", &err);
    ck_assert_msg(f.model.tokenizer != NULL, "%s", err.text);
    f.tokenizer = lnt_tokenizer_new(&f.model, &err);
    ck_assert_msg(f.tokenizer != NULL, "%s", err.text);
    return f;
}

static inline void tear_down(fixture f) {
    lnt_tokenizer_free(f.tokenizer);
    tokenizer_model_free(f.model.tokenizer);
    buffer_free(&f.section);
}

static inline const char *golden(const char *name) { return path_of("%s/tests/golden/tokenizer/%s", LINNET_SOURCE_DIR, name); }

/* The folder of shared data, NULL and a word about it where there is none. */
static inline const char *shared_data(void) {
    static char folder[512];
    const char *given = getenv("LINNET_SHARED");
    snprintf(folder, sizeof folder, "%s/data", given ? given : LINNET_SOURCE_DIR "/../shared");
    if (!access(folder, R_OK)) return folder;
    printf("skipped: %s is not there\n", folder);
    return NULL;
}

/* u32 n and the bytes, or the ids; *p moves behind them. */
static inline const unsigned char *packed(const unsigned char **p, size_t unit, uint32_t *n) {
    memcpy(n, *p, 4);
    const unsigned char *bytes = *p + 4;
    *p = bytes + *n * unit;
    return bytes;
}

static inline uint64_t fingerprint(const int32_t *ids, size_t n) {
    uint64_t hash = 0;
    for (size_t i = 0; i < n; i++) hash += (uint64_t)ids[i] * (2 * i + 1) * 0x9E3779B97F4A7C15u;
    return hash;
}

/* Of what a model sees: ids, segments, and places. */
static inline uint64_t fingerprint_encoding(const lnt_encoding *e) {
    int32_t *all = malloc((5 * e->n + 1) * sizeof *all), *p = all;
    for (size_t i = 0; i < e->n; i++) *p++ = e->ids[i];
    for (size_t i = 0; i < e->n; i++) *p++ = e->segments[i];
    for (size_t i = 0; i < e->n; i++) *p++ = (int32_t)e->places[i].begin, *p++ = (int32_t)e->places[i].end, *p++ = (int32_t)e->places[i].text;
    uint64_t hash = fingerprint(all, 5 * e->n);
    free(all);
    return hash;
}

/* A case of tests/golden/wordpiece.py. */
static inline void expect_encoding(const fixture *f, const unsigned char **p, int number) {
    uint32_t head[2], n_bytes, n_pair = 0, two, tail[3];
    uint64_t hash;
    lnt_encoding e;
    memcpy(head, *p, sizeof head);
    *p += sizeof head;
    const char *text = (const char *)packed(p, 1, &n_bytes), *pair = NULL;
    memcpy(&two, *p, sizeof two);
    *p += sizeof two;
    if (two) pair = (const char *)packed(p, 1, &n_pair);
    memcpy(tail, *p, sizeof tail);
    memcpy(&hash, *p + sizeof tail, sizeof hash);
    *p += sizeof tail + sizeof hash;
    lnt_error err;
    ck_assert_msg(!lnt_encode(f->tokenizer, text, n_bytes, pair, n_pair, head[1], head[0] | LNT_PLACES, &e, &err), "%s", err.text);
    ck_assert_msg(e.n == tail[0] && e.n_dropped == tail[1] && e.n_invalid == tail[2] && fingerprint_encoding(&e) == hash,
                  "group %d, flags %u, at most %u: %zu tokens (expected %u), %zu dropped (%u), %zu invalid (%u), or others, for '%.*s' and '%.*s'",
                  number, head[0], head[1], e.n, tail[0], e.n_dropped, tail[1], e.n_invalid, tail[2], (int)n_bytes, text, (int)n_pair, pair ? pair : "");
}

/* text with the one place that holds `from` edited, as a folder's tokenizer.json. */
static inline const char *edited_folder(const char *text, const char *from, size_t n_from, const char *to, size_t n_to, const char *folder) {
    char *key = strndup(from, n_from), *edited = malloc(strlen(text) + n_to + 1);
    const char *at = strstr(text, key);
    ck_assert_msg(at != NULL, "tokenizer.json has no %s", key);
    free(key);
    int n = sprintf(edited, "%.*s%.*s%s", (int)(at - text), text, (int)n_to, to, at + n_from);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    write_file(path_of("%s/tokenizer.json", folder), edited, (size_t)n);
    free(edited);
    return folder;
}

/* All groups of a file of cases, under a tokenizer.json and what they edit in it; gives their number. */
static inline int expect_groups(const char *name, const char *json) {
    size_t size, n;
    unsigned char *all = read_file(golden(name), &size);
    char *text = read_file(json, &n);
    int groups = 0;
    text[n] = 0;
    for (const unsigned char *p = all; p < all + size; groups++) {
        uint32_t n_from, n_to, cases;
        const char *from = (const char *)packed(&p, 1, &n_from), *to = (const char *)packed(&p, 1, &n_to);
        fixture f = set_up(edited_folder(text, from, n_from, to, n_to, path_of("%s/%s-%d", test_folder, name, groups)));
        memcpy(&cases, p, 4);
        p += 4;
        for (uint32_t i = 0; i < cases; i++) expect_encoding(&f, &p, groups);
        tear_down(f);
    }
    free(text);
    free(all);
    return groups;
}

/* The tokenizer.json of a golden BPE as vocab.json and merges.txt. */
static inline const char *two_files(const char *name, const char *folder) {
    size_t i;
    json_t *root = json_load_file(golden(path_of("%s/tokenizer.json", name)), 0, NULL), *model = json_object_get(root, "model"), *merge;
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    ck_assert_int_eq(json_dump_file(json_object_get(model, "vocab"), path_of("%s/vocab.json", folder), 0), 0);
    FILE *out = fopen(path_of("%s/merges.txt", folder), "w");
    fputs("#version: 0.2\n", out);
    json_array_foreach(json_object_get(model, "merges"), i, merge)
        fprintf(out, "%s %s\n", json_string_value(json_array_get(merge, 0)), json_string_value(json_array_get(merge, 1)));
    fclose(out);
    json_decref(root);
    return folder;
}

/* The keys of a section that are WordPiece's alone. */
static inline void put_wordpiece(buffer *b) {
    static const char *const RULES[] = {"clean", "ideographs", "strip_accents", "lower"};
    kv_put_string(b, "model", "wordpiece", 9);
    for (size_t i = 0; i < 4; i++) kv_put_bool(b, RULES[i], true);
    kv_put_string(b, "prefix", "##", 2);
    kv_put_u64(b, "unknown_id", 0);
    kv_put_u64(b, "max_chars", 100);
}

static inline size_t put_utf8(char *out, uint32_t c) {
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(n == 1 ? c : (0xf0u << (4 - n) & 0xff) | c);
    return n;
}

/* A change to a tokenizer.json that the converter refuses, in a line that holds `word`. */
typedef struct edit {
    const char *from, *to, *word;
} edit;

static inline void expect_refused(const char *text, const edit *e, int number) {
    const char *folder = edited_folder(text, e->from, strlen(e->from), e->to, strlen(e->to), path_of("%s/refused-%d", test_folder, number));
    buffer out = {0};
    tokenizer_facts facts;
    lnt_error err;
    ck_assert_int_eq(convert_tokenizer(folder, &out, &facts, &err), -1);
    CHECK_ERROR(&err, e->word, folder);
    buffer_free(&out);
}

#endif
