/* The best documents by BM25, as FTS5's bm25() scores them (Robertson & Zaragoza 2009; k1 = 1.2, b = 0.75, an idf of at least
   1e-6). FTS5 takes a microsecond for each document that has any word of the query, and most have a common one that tells
   little. So the rare words are asked for first. A document gains less than 2.2 idf by a word: those that cannot be
   among the best even with all of the words that were left out are done with, and the others are scored from their text. */
#include "engine/exponential.h"
#include "search/store_db.h"
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define K1 1.2
#define B 0.75
#define SLACK (1 - 1e-9) /* sums in another order */
enum {
    WORDS = 100,  /* the rarest of a query count, where it has more */
    SURPLUS = 4,  /* times as many documents as are wanted are asked for at first */
    GROWTH = 4,   /* and as before, if that was not enough */
    SCORING = 6,  /* what scoring a text costs, in postings */
    TIES = 1000
};

typedef struct word_stats {
    size_t word;
    uint64_t documents;
    double idf;
} word_stats;

typedef struct ranking {
    store *s;
    const lnt_filter *filters;
    size_t n_filters, top;
    const store_set *set;
    text_words *words;
    word_stats *stats; /* [n], rarest first */
    size_t n;
    double *idf;     /* [words->n], 0: in no document, or does not count */
    uint32_t *times; /* [words->n], of the document being scored */
    double average;  /* length of a document, in words */
    store_text_hit *hits;
    size_t n_hits, room;
} ranking;

/* ---- the words ---- */

static void average_length(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int n, sqlite3_value **arguments) {
    sqlite3_int64 rows = 0, words = 0;
    (void)n, (void)arguments;
    int rc = api->xRowCount(fts, &rows);
    if (!rc) rc = api->xColumnTotalSize(fts, -1, &words);
    if (rc) sqlite3_result_error_code(context, rc);
    else if (rows <= 0) sqlite3_result_null(context);
    else sqlite3_result_double(context, (double)words / (double)rows);
}

int store_add_ranking(store *s, lnt_error *err) {
    fts5_api *api = text_fts5(s->db);
    return api && !api->xCreateFunction(api, "average_length", NULL, average_length, NULL) ? 0 : store_failed(s, "opening it", err);
}

/* Common words take the longest, and most queries have them. */
static int count_documents(ranking *r, size_t word, uint64_t *n, lnt_error *err) {
    const struct text_word *w = &r->words->words[word];
    uint64_t hash = XXH3_64bits(r->words->text + w->at, w->n) | 1;
    struct store_count *known = &r->s->counts[hash / 2 % STORE_COUNTS];
    if (known->hash != hash) {
        sqlite3_stmt *q = store_statement(r->s, SQL_COUNT_WORD, err);
        char *query = q ? text_words_query(r->words, &word, 1, err) : NULL;
        if (!query) return -1;
        sqlite3_bind_text(q, 1, query, -1, free);
        if (store_step(r->s, q, "searching the full text", err) < 0) return -1;
        *known = (struct store_count){hash, (uint64_t)sqlite3_column_int64(q, 0)};
        sqlite3_reset(q);
    }
    *n = known->documents;
    return 0;
}

static int by_rarity(const void *a, const void *b) {
    const word_stats *x = a, *y = b;
    if (x->documents != y->documents) return x->documents < y->documents ? -1 : 1;
    return (x->word > y->word) - (x->word < y->word);
}

static int count_words(ranking *r, lnt_error *err) {
    double all = (double)r->s->state.n_documents;
    for (size_t i = 0; i < r->words->n; i++) {
        uint64_t documents;
        if (count_documents(r, i, &documents, err)) return -1;
        if (!documents) continue;
        double n = (double)documents, odds = (all - n + 0.5) / (n + 0.5);
        double idf = odds > 1 ? logarithm(odds) : 0;
        r->idf[i] = idf > 0 ? idf : 1e-6;
        r->stats[r->n++] = (word_stats){i, documents, r->idf[i]};
    }
    if (r->n) qsort(r->stats, r->n, sizeof *r->stats, by_rarity);
    for (; r->n > WORDS; r->n--) r->idf[r->stats[r->n - 1].word] = 0;
    return 0;
}

static int read_average(ranking *r, lnt_error *err) {
    sqlite3_stmt *q = store_statement(r->s, SQL_AVERAGE_LENGTH, err);
    char *query = q ? text_words_query(r->words, &r->stats[0].word, 1, err) : NULL;
    if (!query) return -1;
    sqlite3_bind_text(q, 1, query, -1, free);
    int rc = store_step(r->s, q, "searching the full text", err);
    if (rc > 0) r->average = sqlite3_column_double(q, 0);
    sqlite3_reset(q);
    if (rc < 0) return -1;
    return r->average > 0 ? 0 : store_damaged(r->s, "the full text has documents without words", err);
}

/* ---- documents with the rare words ---- */

/* Both sort with the best first. */
static bool is_better(const store_text_hit *a, const store_text_hit *b) {
    return a->bm25 != b->bm25 ? a->bm25 > b->bm25 : a->document < b->document;
}
static int by_score(const void *a, const void *b) { return is_better(a, b) ? -1 : is_better(b, a); }

static int keep_hit(ranking *r, int64_t document, double score, lnt_error *err) {
    if (r->n_hits == r->room) {
        size_t room = r->room ? 2 * r->room : 1024;
        store_text_hit *hits = realloc(r->hits, room * sizeof *hits);
        if (!hits) return err_memory(err, room * sizeof *hits, "hits");
        r->hits = hits;
        r->room = room;
    }
    r->hits[r->n_hits++] = (store_text_hit){document, score};
    return 0;
}

/* All that have one of the n rarest words, and what these give them. */
static int ask(ranking *r, size_t n, lnt_error *err) {
    size_t chosen[TEXT_WORDS];
    for (size_t i = 0; i < n; i++) chosen[i] = r->stats[i].word;
    char *query = text_words_query(r->words, chosen, n, err);
    sqlite3_stmt *q = query ? store_prepare_search(r->s, r->filters, r->n_filters, r->set, err) : NULL;
    int rc = q ? 1 : -1;
    if (q) sqlite3_bind_text(q, 1, query, -1, SQLITE_STATIC);
    r->n_hits = 0;
    while (rc > 0 && (rc = store_step(r->s, q, "searching the full text", err)) > 0)
        if (keep_hit(r, sqlite3_column_int64(q, 0), -sqlite3_column_double(q, 1), err)) rc = -1;
    sqlite3_finalize(q);
    free(query);
    return rc;
}

static void sift(double *heap, size_t n) {
    for (size_t i = 0, child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && heap[child + 1] < heap[child]) child++;
        if (heap[i] <= heap[child]) return;
        double h = heap[i];
        heap[i] = heap[child];
        heap[child] = h;
    }
}

/* The score of the top-th best hit, of which there are at least so many. */
static int find_threshold(const ranking *r, double *threshold, lnt_error *err) {
    double *heap = malloc(r->top * sizeof *heap); /* the best so far, the least of them first */
    if (!heap) return err_memory(err, r->top * sizeof *heap, "hits");
    for (size_t i = 0; i < r->top; i++) heap[i] = -DBL_MAX;
    for (size_t i = 0; i < r->n_hits; i++)
        if (r->hits[i].bm25 > heap[0]) {
            heap[0] = r->hits[i].bm25;
            sift(heap, r->top);
        }
    *threshold = heap[0];
    free(heap);
    return 0;
}

/* Hits come by their documents. Once all words have been asked for, of those that are as good as the threshold the first are enough. */
static void keep_above(ranking *r, double threshold, double left) {
    double least = (threshold - left) * SLACK;
    size_t n = 0, ties = 0, most = left > 0 ? r->n_hits : TIES + r->top;
    for (size_t i = 0; i < r->n_hits; i++)
        if (r->hits[i].bm25 * SLACK > threshold || (r->hits[i].bm25 >= least && ties++ < most)) r->hits[n++] = r->hits[i];
    r->n_hits = n;
}

/* ---- scores ---- */

typedef struct text_count {
    ranking *r;
    size_t n;
} text_count;

static int count_word(void *user, int flags, const char *word, int n, int begin, int end) {
    (void)flags, (void)begin, (void)end;
    text_count *c = user;
    int found = text_words_find(c->r->words, word, (size_t)n);
    if (found >= 0) c->r->times[found]++;
    c->n++;
    return SQLITE_OK;
}

static int score_text(ranking *r, const char *text, size_t n, double *score, lnt_error *err) {
    const text_tokenizer *t = &r->s->words;
    text_count c = {r, 0};
    memset(r->times, 0, r->words->n * sizeof *r->times);
    if (n && t->functions.xTokenize(t->tokenizer, &c, FTS5_TOKENIZE_DOCUMENT, text, (int)n, count_word))
        return err_memory(err, n, "the words of a document");
    *score = 0;
    for (size_t i = 0; i < r->words->n; i++)
        if (r->times[i]) {
            double f = r->times[i];
            *score += r->idf[i] * (f * (K1 + 1) / (f + K1 * (1 - B + B * (double)c.n / r->average)));
        }
    return 0;
}

static int score_hit(ranking *r, store_text_hit *hit, lnt_error *err) {
    const char *text;
    size_t n;
    sqlite3_stmt *q = store_statement(r->s, SQL_TEXT, err);
    if (!q) return -1;
    sqlite3_bind_int64(q, 1, hit->document);
    int rc = store_step(r->s, q, "reading a document", err);
    if (rc == 0) return store_damaged(r->s, "the full text has a document that there is not", err);
    rc = rc < 0 || store_text(r->s, q, 0, &text, &n, err) || score_text(r, text, n, &hit->bm25, err) ? -1 : 0;
    sqlite3_reset(q);
    return rc;
}

/* ---- together ---- */

/* 1: among r->hits are the best; 0: more words have to be asked for. left: how much those left out can give, and how many
   documents they are in. */
static int narrow(ranking *r, double left, uint64_t documents_left, lnt_error *err) {
    double threshold = 0;
    if (r->n_hits < r->top) return documents_left == 0;
    if (find_threshold(r, &threshold, err)) return -1;
    if (documents_left && left >= threshold * SLACK) return 0;
    keep_above(r, threshold, left);
    return !documents_left || r->n_hits <= SURPLUS * r->top || r->n_hits <= documents_left / SCORING;
}

static int collect(ranking *r, lnt_error *err) {
    size_t n = 0;
    uint64_t asked = 0, wanted = SURPLUS * r->top;
    for (int done = 0; !done; wanted = GROWTH * asked) {
        double left = 0;
        uint64_t documents_left = 0;
        while (n < r->n && (!n || asked < wanted)) asked += r->stats[n++].documents;
        for (size_t i = n; i < r->n; i++) left += (K1 + 1) * r->stats[i].idf, documents_left += r->stats[i].documents;
        if (ask(r, n, err)) return -1;
        done = narrow(r, left, documents_left, err);
        if (done < 0) return -1;
    }
    return 0;
}

static int rank(ranking *r, lnt_error *err) {
    if (count_words(r, err)) return -1;
    if (!r->n || !r->top) return 0;
    if (read_average(r, err) || collect(r, err)) return -1;
    for (size_t i = 0; i < r->n_hits; i++)
        if (score_hit(r, &r->hits[i], err)) return -1;
    if (r->n_hits) qsort(r->hits, r->n_hits, sizeof *r->hits, by_score);
    return 0;
}

int store_search_text(store *s, const char *text, size_t n_bytes, const lnt_filter *filters, size_t n_filters, const store_set *set, size_t top,
                      store_text_hit *hits, size_t *n_hits, lnt_error *err) {
    ranking r = {.s = s, .filters = filters, .n_filters = n_filters, .set = set, .top = top, .words = text_words_new(&s->words, text, n_bytes, err)};
    *n_hits = 0;
    store_work_anew(s);
    if (!r.words) return -1;
    r.stats = calloc(r.words->n + 1, sizeof *r.stats);
    r.idf = calloc(r.words->n + 1, sizeof *r.idf);
    r.times = calloc(r.words->n + 1, sizeof *r.times);
    int rc = r.stats && r.idf && r.times ? rank(&r, err) : err_memory(err, r.words->n * sizeof *r.stats, "a query");
    if (!rc) *n_hits = r.n_hits < top ? r.n_hits : top;
    if (!rc && *n_hits) memcpy(hits, r.hits, *n_hits * sizeof *hits);
    text_words_free(r.words);
    free(r.stats);
    free(r.idf);
    free(r.times);
    free(r.hits);
    return rc;
}
