#include "formats/json.h"
#include "search/store_db.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* A query that counts what must not be. */
static int check_none(const store *s, const char *sql, const char *what, lnt_error *err) {
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL)) return store_failed(s, "checking it", err);
    int rc = store_step(s, q, "checking it", err);
    bool none = rc > 0 && sqlite3_column_int64(q, 0) == 0;
    sqlite3_finalize(q);
    return rc < 0 ? -1 : none ? 0 : store_damaged(s, what, err);
}

/* What the full text holds, as a number of words and a sum of hashes that does not depend on their order. */
typedef struct word_sum {
    uint64_t words, hash;
} word_sum;

static void add_word(word_sum *sum, const char *word, size_t n, uint64_t document, uint64_t place) {
    uint64_t where[2] = {document, place};
    sum->words++;
    sum->hash += XXH3_64bits_withSeed(word, n, XXH3_64bits(where, sizeof where));
}

typedef struct document_words {
    word_sum *sum;
    uint64_t document, place;
} document_words;

static int add_document_word(void *user, int flags, const char *word, int n, int begin, int end) {
    (void)flags, (void)begin, (void)end;
    document_words *d = user;
    add_word(d->sum, word, (size_t)n, d->document, d->place++);
    return SQLITE_OK;
}

/* ---- documents ---- */

typedef struct document_totals {
    uint64_t n, next_row;
    word_sum words;
} document_totals;

static int check_metadata(store *s, const char *text, size_t n, lnt_error *err) {
    json_fault fault;
    json_t *json = json_read(text, n, JSON_ALLOW_NUL, &fault);
    bool object = json_is_object(json);
    json_decref(json);
    if (fault.memory) return err_memory(err, n, "metadata");
    return object ? 0 : store_damaged(s, "metadata is not a JSON object", err);
}

static int check_document(store *s, sqlite3_stmt *q, document_totals *t, lnt_error *err) {
    uint64_t id, row, unused;
    const char *text, *metadata;
    size_t n, n_metadata;
    if (store_number(s, q, 0, INT64_MAX, &id, err) || store_number(s, q, 1, INT64_MAX, &row, err) || store_text(s, q, 3, &text, &n, err)) return -1;
    if (id >= s->state.next_document || row >= s->state.n_rows) return store_damaged(s, "a document or its row is behind the last one", err);
    for (int column = 4; column < 7; column++)
        if (store_number(s, q, column, INT64_MAX, &unused, err)) return -1;
    if (row < t->next_row) return store_damaged(s, "rows are not in the order of their documents", err);
    if (sqlite3_column_type(q, 2) != SQLITE_NULL) {
        if (store_text(s, q, 2, &metadata, &n_metadata, err) || check_metadata(s, metadata, n_metadata, err)) return -1;
    }
    document_words d = {&t->words, id, 0};
    if (n && s->words.functions.xTokenize(s->words.tokenizer, &d, FTS5_TOKENIZE_DOCUMENT, text, (int)n, add_document_word))
        return err_memory(err, n, "the words of a document");
    t->n++;
    t->next_row = row + 1;
    return 0;
}

static int check_documents(store *s, document_totals *t, lnt_error *err) {
    sqlite3_stmt *q;
    int rc;
    *t = (document_totals){0};
    if (sqlite3_prepare_v2(s->db, "SELECT id, row, metadata, text, line, begin, \"end\" FROM documents ORDER BY id", -1, &q, NULL))
        return store_failed(s, "reading documents", err);
    while ((rc = store_step(s, q, "reading documents", err)) > 0)
        if (check_document(s, q, t, err)) {
            rc = -1;
            break;
        }
    sqlite3_finalize(q);
    if (rc) return -1;
    return t->n == s->state.n_documents ? 0 : store_damaged(s, "the number of documents is another", err);
}

/* Each can be read, and its documents are as many as it says. */
static int check_sources(store *s, lnt_error *err) {
    lnt_source source = {.path = ""};
    int64_t id;
    int rc;
    while ((rc = store_next_source(s, source.path, &id, &source, err)) > 0) continue;
    if (rc < 0) return -1;
    return check_none(s, "SELECT count(*) FROM sources s WHERE n_documents <> (SELECT count(*) FROM documents WHERE source = s.id)",
                      "the number of a source's documents is another", err);
}

/* ---- the full text ---- */

/* A word is found where the scan of all words came by it: a search goes another way, by the index of the pages. */
static int look_up(const store *s, sqlite3_stmt *q, const char *word, size_t n, lnt_error *err) {
    sqlite3_bind_text(q, 1, word, (int)n, SQLITE_STATIC);
    int rc = store_step(s, q, "searching the full text", err);
    sqlite3_reset(q);
    return rc > 0 ? 0 : rc < 0 ? -1 : store_damaged(s, "the full text does not find a word that it holds", err);
}

/* The words come in their order, so that each different one is looked up once. */
static int sum_rows(const store *s, sqlite3_stmt *all, sqlite3_stmt *one, word_sum *sum, lnt_error *err) {
    char *last = NULL;
    size_t n_last = 0;
    int rc;
    while ((rc = store_step(s, all, "reading the full text", err)) > 0) {
        const char *word;
        size_t n;
        if ((rc = store_text(s, all, 0, &word, &n, err)) < 0) break;
        add_word(sum, word, n, (uint64_t)sqlite3_column_int64(all, 1), (uint64_t)sqlite3_column_int64(all, 2));
        if (last && n == n_last && !memcmp(word, last, n)) continue;
        char *copy = realloc(last, n + 1);
        if (!copy) rc = err_memory(err, n, "a word");
        else rc = look_up(s, one, memcpy(last = copy, word, n), n_last = n, err);
        if (rc < 0) break;
    }
    free(last);
    return rc;
}

static int sum_words(const store *s, word_sum *sum, lnt_error *err) {
    sqlite3_stmt *all = NULL, *one = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT term, doc, offset FROM temp.words_there", -1, &all, NULL);
    if (!rc) rc = sqlite3_prepare_v2(s->db, "SELECT 1 FROM temp.words_there WHERE term = ?1", -1, &one, NULL);
    rc = rc ? store_failed(s, "reading the full text", err) : sum_rows(s, all, one, sum, err);
    sqlite3_finalize(all);
    sqlite3_finalize(one);
    return rc;
}

static int check_words(const store *s, const document_totals *t, lnt_error *err) {
    word_sum sum = {0};
    if (store_execute(s, "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words_there USING fts5vocab(main, words, instance)", "reading the full text", err)) return -1;
    int rc = sum_words(s, &sum, err);
    if (store_execute(s, "DROP TABLE temp.words_there", "reading the full text", rc ? NULL : err)) rc = -1;
    if (rc) return -1;
    if (sum.words != t->words.words || sum.hash != t->words.hash) return store_damaged(s, "the full text is not that of the documents", err);
    /* FTS5's own check writes, as SQL sees it. */
    return s->write ? store_execute(s, "INSERT INTO words(words, rank) VALUES('integrity-check', 1)", "checking the full text", err) : 0;
}

/* ---- all together ---- */

static int check_integrity(const store *s, lnt_error *err) {
    sqlite3_stmt *q;
    char what[200] = "SQLite's check says nothing";
    if (sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &q, NULL)) return store_failed(s, "checking it", err);
    int rc = store_step(s, q, "checking it", err);
    if (rc > 0) {
        const char *text;
        size_t n;
        rc = store_text(s, q, 0, &text, &n, err);
        if (!rc) snprintf(what, sizeof what, "%s", text);
    }
    sqlite3_finalize(q);
    return rc < 0 ? -1 : strcmp(what, "ok") ? store_damaged(s, what, err) : 0;
}

int store_check(store *s, lnt_error *err) {
    document_totals t;
    store_work_anew(s);
    if (check_integrity(s, err) || check_sources(s, err) || check_documents(s, &t, err) ||
        check_none(s, "SELECT count(*) FROM documents WHERE source NOT IN (SELECT id FROM sources)", "documents without a source", err) ||
        check_none(s, "SELECT (SELECT count(*) FROM words_docsize) <> (SELECT count(*) FROM documents)",
                   "the full text does not have as many documents", err))
        return -1;
    return check_words(s, &t, err);
}
