#include "search/text_query.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

fts5_api *text_fts5(sqlite3 *db) {
    fts5_api *api = NULL;
    sqlite3_stmt *q = NULL;
    if (!sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &q, NULL) && !sqlite3_bind_pointer(q, 1, &api, "fts5_api_ptr", NULL)) sqlite3_step(q);
    sqlite3_finalize(q);
    return api;
}

int text_tokenizer_open(text_tokenizer *t, sqlite3 *db, lnt_error *err) {
    const char *arguments[] = {"remove_diacritics", "2"};
    fts5_api *api = text_fts5(db);
    void *user;
    *t = (text_tokenizer){0};
    if (!api && sqlite3_errcode(db) == SQLITE_NOMEM) return err_memory(err, sizeof *t, "full text search");
    if (!api) return err_set(err, "SQLite %s has no full text search, expected a build with FTS5", sqlite3_libversion());
    int rc = api->xFindTokenizer(api, "unicode61", &user, &t->functions);
    if (!rc) rc = t->functions.xCreate(user, arguments, 2, &t->tokenizer);
    if (rc) {
        t->tokenizer = NULL;
        if (rc == SQLITE_NOMEM) return err_memory(err, sizeof *t, "full text search");
        return err_set(err, "SQLite %s has no tokenizer %s, expected it in FTS5", sqlite3_libversion(), TEXT_TOKENIZER);
    }
    return 0;
}

void text_tokenizer_close(text_tokenizer *t) {
    if (t->tokenizer) t->functions.xDelete(t->tokenizer);
    *t = (text_tokenizer){0};
}

/* ---- words ---- */

/* Where a word is, or would be. The table is never full. */
static size_t slot_of(const text_words *w, const char *word, size_t n) {
    size_t slot = XXH3_64bits(word, n) % TEXT_SLOTS;
    for (; w->slots[slot]; slot = (slot + 1) % TEXT_SLOTS) {
        const struct text_word *there = &w->words[w->slots[slot] - 1];
        if (there->n == n && !memcmp(w->text + there->at, word, n)) break;
    }
    return slot;
}

int text_words_find(const text_words *w, const char *word, size_t n) { return w->slots[slot_of(w, word, n)] - 1; }

static int take_word(void *user, int flags, const char *word, int n_bytes, int begin, int end) {
    (void)flags, (void)begin, (void)end;
    text_words *w = user;
    size_t n = (size_t)n_bytes, slot = slot_of(w, word, n);
    if (w->slots[slot]) return SQLITE_OK;
    if (w->n == TEXT_WORDS) return SQLITE_DONE;
    if (w->n_text + n > w->room) {
        char *text = realloc(w->text, 2 * (w->n_text + n));
        if (!text) return SQLITE_NOMEM;
        w->text = text;
        w->room = 2 * (w->n_text + n);
    }
    memcpy(w->text + w->n_text, word, n);
    w->words[w->n++] = (struct text_word){w->n_text, n};
    w->slots[slot] = (uint16_t)w->n;
    w->n_text += n;
    return SQLITE_OK;
}

text_words *text_words_new(const text_tokenizer *t, const char *text, size_t n_bytes, lnt_error *err) {
    text_words *w = calloc(1, sizeof *w);
    if (!w) return err_null(err, "out of memory for a query");
    int n = n_bytes < INT_MAX ? (int)n_bytes : INT_MAX;
    int rc = n ? t->functions.xTokenize(t->tokenizer, w, FTS5_TOKENIZE_QUERY, text, n, take_word) : SQLITE_OK;
    if (rc == SQLITE_OK || rc == SQLITE_DONE) return w;
    text_words_free(w);
    return err_null(err, "out of memory for the words of a query");
}

void text_words_free(text_words *words) {
    if (!words) return;
    free(words->text);
    free(words);
}

char *text_words_query(const text_words *w, const size_t *chosen, size_t n, lnt_error *err) {
    char *query = malloc(2 * w->n_text + 6 * n + 1), *out = query;
    if (!query) return err_null(err, "out of memory for a query");
    for (size_t i = 0; i < n; i++) {
        const struct text_word *word = &w->words[chosen[i]];
        if (i) memcpy(out, " OR ", 4), out += 4;
        *out++ = '"';
        for (size_t k = 0; k < word->n; k++) {
            if (w->text[word->at + k] == '"') *out++ = '"';
            *out++ = w->text[word->at + k];
        }
        *out++ = '"';
    }
    *out = 0;
    return query;
}
