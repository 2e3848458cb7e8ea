/* fuzz: max_len=4096 weight=3 */
/* Any bytes as a text: tokenized by both kinds of tokenizer, cut into chunks, made into words of a search, a snippet, JSON. An input is
   three bytes of choices and the text. */
#define _GNU_SOURCE
#include "cli/chunks.h"
#include "cli/snippet.h"
#include "cli/text.h"
#include "search/text_query.h"
#include "tests/fuzz/fuzz.h"
#include <jansson.h>

enum { WORDPIECE = 1, PLACES = 2, NO_SPECIAL = 4, PAIR = 8, CHUNKS = 16, WORDS = 32 };
static lnt_model *models[2];
static lnt_tokenizer *tokenizers[2];
static sqlite3 *db;
static text_tokenizer words;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static const char *const PATHS[] = {"shakespeare/shakespeare", "sentences/sentences"};
    lnt_error err = {""};
    char path[256];
    (void)argc, (void)argv;
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, LINNET_SOURCE_DIR "/models/%s.lnt", PATHS[i]);
        if (!(models[i] = lnt_open(path, &err)) || !(tokenizers[i] = lnt_tokenizer_new(models[i], &err))) fprintf(stderr, "%s\n", err.text), exit(1);
    }
    if (sqlite3_open(":memory:", &db) || text_tokenizer_open(&words, db, &err)) fprintf(stderr, "%s\n", err.text), exit(1);
    return 0;
}

static void check_encoding(const lnt_model *model, const lnt_encoding *e, size_t most, const size_t n_bytes[2]) {
    lnt_info info;
    lnt_model_info(model, &info);
    FUZZ_CHECK(!most || e->n <= most);
    for (size_t i = 0; i < e->n; i++) {
        FUZZ_CHECK(e->ids[i] >= 0 && (uint32_t)e->ids[i] < info.vocab_size && (!e->segments[i] || e->segments[i] < info.n_segments));
        if (e->places) FUZZ_CHECK(e->places[i].begin <= e->places[i].end && e->places[i].text < 2 && e->places[i].end <= n_bytes[e->places[i].text]);
    }
}

static void encode(int which, const char *text, const size_t n[2], size_t most, unsigned choices) {
    lnt_encoding e;
    lnt_error err = {""};
    unsigned flags = (choices & PLACES ? LNT_PLACES : 0) | (choices & NO_SPECIAL ? LNT_NO_SPECIAL : 0);
    if (lnt_encode(tokenizers[which], text, n[0], choices & PAIR ? text + n[0] : NULL, n[1], most, flags, &e, &err)) FUZZ_CHECK(*err.text);
    else check_encoding(models[which], &e, most, n);
}

/* Byte-level BPE loses nothing. */
static void there_and_back(int which, const char *text, size_t n) {
    const int32_t *ids;
    const char *again;
    size_t n_ids, n_again;
    lnt_error err;
    FUZZ_CHECK(!lnt_tokenize(tokenizers[which], text, n, LNT_NO_SPECIAL, &ids, &n_ids, &err));
    FUZZ_CHECK(!lnt_detokenize(tokenizers[which], ids, n_ids, &again, &n_again, &err));
    if (!which) FUZZ_CHECK(n_again == n && !memcmp(again, text, n));
}

/* They follow each other and none is empty but that of a text without tokens. */
static void cut(int which, const char *text, size_t n, uint32_t tokens) {
    chunks c = {.tokenizer = tokenizers[which], .n_tokens = tokens, .overlap = tokens / 3, .text = text, .n = n};
    size_t begin, end, last = 0, count = 0;
    lnt_error err;
    while (chunks_next(&c, &begin, &end, &err) > 0) {
        FUZZ_CHECK(begin <= end && end <= n && begin >= last && count++ <= n + 1);
        last = begin;
    }
}

static void print(const char *text, size_t n) {
    io_bytes out = {0};
    bool any;
    snippet_terms terms = {0};
    FUZZ_CHECK(!text_append_json(&out, text, n));
    json_t *json = json_loadb(out.data, out.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    FUZZ_CHECK(json_is_string(json));
    json_decref(json);
    out.n = 0;
    FUZZ_CHECK(!text_replace_invalid(&out, text, n, &any) && (any || out.n == n));
    snippet_take_terms(&terms, text, n < 64 ? n : 64);
    FUZZ_CHECK(!snippet_append(&out, &terms, text, n, n % 2));
    io_bytes_free(&out);
}

static void find_words(const char *text, size_t n) {
    lnt_error err;
    size_t chosen[16], count = 0;
    text_words *w = text_words_new(&words, text, n, &err);
    FUZZ_CHECK(w && w->n <= TEXT_WORDS);
    for (size_t i = 0; i < w->n; i++) {
        FUZZ_CHECK(text_words_find(w, w->text + w->words[i].at, w->words[i].n) == (int)i);
        if (i < 16) chosen[count++] = i;
    }
    if (count) free(text_words_query(w, chosen, count, &err));
    text_words_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return -1;
    unsigned choices = data[0];
    int which = choices & WORDPIECE ? 1 : 0;
    const char *text = (const char *)data + 3;
    size_t n = size - 3, first = choices & PAIR ? n * data[2] / 256 : n;
    encode(which, text, (const size_t[]){first, n - first}, data[1] < 128 ? 0 : data[1] - 127u, choices);
    there_and_back(which, text, n);
    if (choices & CHUNKS) cut(which, text, n, 1 + data[1] % 32);
    if (choices & WORDS) find_words(text, n), print(text, n);
    return 0;
}
