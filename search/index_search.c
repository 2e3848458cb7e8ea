#define _GNU_SOURCE
#include "engine/profile.h"
#include "search/fusion.h"
#include "search/index.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Queries go through in parts, so that what they need is bounded. */
enum { PART = 256, PART_HITS = 1 << 20, TOP = 10, CANDIDATES = 100, MOST = 1 << 20, OVERSAMPLE = 10, IDS_A_ROW = 64 };

typedef enum search_mode { MODE_DENSE = 1, MODE_TEXT = 2, MODE_HYBRID = MODE_DENSE | MODE_TEXT } search_mode;

/* One call's options, checked. */
typedef struct search {
    search_mode mode;
    size_t top, candidates; /* wanted, and looked for by each kind */
    const lnt_filter *filters;
    size_t n_filters;
    const store_set *set;  /* what the filters find; NULL: SQL is asked for each document */
    const uint64_t *alive; /* of the scan; NULL: all */
    bool nothing;          /* no row can be found */
} search;

/* ---- what can be found ---- */

static uint64_t *new_bits(uint64_t n, lnt_error *err) {
    uint64_t *bits = calloc(n / 64 + 1, sizeof *bits);
    return bits ? bits : err_null(err, "out of memory: %zu bytes for a set of documents", (size_t)n / 8);
}

uint64_t *index_alive_rows(const lnt_index *index, lnt_error *err) {
    store_set all = {.rows = new_bits(index->now.n_rows, err)};
    if (all.rows && !store_find(index->store, NULL, 0, index->now.n_rows, &all, err)) return all.rows;
    free(all.rows);
    return NULL;
}

static void forget_filters(lnt_index *index) {
    free(index->filters);
    free(index->fitting.rows);
    free(index->fitting.documents);
    index->filters = NULL;
    index->fitting = (store_set){0};
}

void index_forget(lnt_index *index) {
    index->ready = false;
    free(index->alive);
    index->alive = NULL;
    for (size_t i = 0; i < INDEX_FILES; i++) {
        free(index->tails[i]);
        index->tails[i] = NULL;
    }
    forget_filters(index);
}

/* Fields and values one behind the other: the same for the same filters. */
static char *join_filters(const search *s, size_t *n, lnt_error *err) {
    *n = 1;
    for (size_t i = 0; i < s->n_filters; i++) *n += strlen(s->filters[i].field) + strlen(s->filters[i].value) + 2;
    char *joined = malloc(*n), *out = joined;
    if (!joined) return err_null(err, "out of memory: %zu bytes for filters", *n);
    for (size_t i = 0; i < s->n_filters; i++) {
        out = stpcpy(out, s->filters[i].field) + 1;
        out = stpcpy(out, s->filters[i].value) + 1;
    }
    *out = 0;
    return joined;
}

/* Goes through all documents, unless the search before had the same filters. */
static int find_fitting(lnt_index *index, const search *s, lnt_error *err) {
    size_t n;
    char *filters = join_filters(s, &n, err);
    if (!filters) return -1;
    if (index->filters && n == index->n_filters && !memcmp(filters, index->filters, n)) {
        free(filters);
        return 0;
    }
    forget_filters(index);
    store_set *set = &index->fitting;
    if (index->now.next_document / IDS_A_ROW <= index->now.n_rows) set->n_ids = index->now.next_document; /* else too many would be unused */
    if (!(set->rows = new_bits(index->now.n_rows, err)) || (set->n_ids && !(set->documents = new_bits(set->n_ids, err)))) {
        free(filters);
        return -1;
    }
    index->filters = filters;
    index->n_filters = n;
    if (!store_find(index->store, s->filters, s->n_filters, index->now.n_rows, set, err)) return 0;
    forget_filters(index);
    return -1;
}

static int pack_tails(lnt_index *index, lnt_error *err) {
    size_t dims = store_get_identity(index->store)->dims;
    for (size_t i = 0; i < index->n_files && index->now.n_rows % VECTORS_GROUP; i++) {
        size_t n = vectors_group_bytes(index->files[i].type, dims);
        index->tails[i] = aligned_alloc(64, n);
        if (!index->tails[i]) return err_memory(err, n, "a group of vectors");
        vectors_pack_group(index->files[i].type, dims, index->now.groups, index->rows, index->tails[i]);
    }
    return 0;
}

static int get_ready(lnt_index *index, lnt_error *err) {
    if (index->ready) return 0;
    if (!index->threads && !(index->threads = pool_new(index->n_threads, err))) return -1;
    bool all = index->now.n_documents >= index->now.n_rows;
    index->ready = (all || (index->alive = index_alive_rows(index, err))) && !pack_tails(index, err);
    if (index->ready) return 0;
    index_forget(index);
    return -1;
}

/* ---- options ---- */

static int read_mode(search *s, const char *mode, lnt_error *err) {
    if (!mode || !strcmp(mode, "hybrid")) s->mode = MODE_HYBRID;
    else if (!strcmp(mode, "dense")) s->mode = MODE_DENSE;
    else if (!strcmp(mode, "text")) s->mode = MODE_TEXT;
    else return err_set(err, "mode '%s' is not known, expected dense, text or hybrid", mode);
    return 0;
}

static int read_options(search *s, const lnt_search_options *o, lnt_error *err) {
    *s = (search){.top = o->top ? o->top : TOP, .filters = o->filters, .n_filters = o->n_filters};
    if (s->top > MOST || o->candidates > MOST)
        return err_set(err, "%zu documents wanted, expected at most %d", s->top > MOST ? s->top : o->candidates, MOST);
    size_t most = s->top * TOP > CANDIDATES ? s->top * TOP : CANDIDATES;
    s->candidates = o->candidates ? o->candidates : most;
    if (s->candidates < s->top) s->candidates = s->top;
    if (s->candidates > MOST) s->candidates = MOST;
    if (read_mode(s, o->mode, err)) return -1;
    if (s->mode != MODE_HYBRID) s->candidates = s->top;
    for (size_t i = 0; i < s->n_filters; i++)
        if (!s->filters[i].field || !s->filters[i].value) return err_set(err, "a filter without a field or a value, expected both");
    return 0;
}

static int prepare(lnt_index *index, search *s, lnt_error *err) {
    uint64_t n = index->now.n_documents;
    if (get_ready(index, err)) return -1;
    s->alive = index->alive;
    if (s->n_filters && s->mode & MODE_DENSE) {
        if (find_fitting(index, s, err)) return -1;
        s->set = &index->fitting;
        s->alive = s->set->rows;
        n = s->set->n;
    }
    s->nothing = !n;
    if (s->candidates > index->now.n_rows) s->candidates = index->now.n_rows;
    return 0;
}

/* ---- one kind ---- */

typedef struct found {
    int64_t *documents; /* [queries][candidates] */
    double *scores;
    size_t n[PART];
} found;

static int make_found(found *f, size_t n, size_t candidates, lnt_error *err) {
    memset(f->n, 0, sizeof f->n);
    f->documents = calloc(n * candidates + 1, sizeof *f->documents);
    f->scores = calloc(n * candidates + 1, sizeof *f->scores);
    return f->documents && f->scores ? 0 : err_memory(err, n * candidates * 16, "hits");
}

static void free_found(found *f) {
    free(f->documents);
    free(f->scores);
}

static int rows_to_documents(lnt_index *index, const scan_hit *hits, size_t n, int64_t *documents, double *scores, lnt_error *err) {
    for (size_t i = 0; i < n; i++) {
        int rc = store_document_of_row(index->store, hits[i].row, &documents[i], err);
        if (rc < 0) return -1;
        if (!rc) return err_set(err, "%s: is damaged (row %llu has no document); make the index again, or restore it", index->folder,
                                (unsigned long long)hits[i].row);
        scores[i] = (double)hits[i].score;
    }
    return 0;
}

/* A scan by all threads that began then. */
static void add_scan(const lnt_index *index, size_t n_queries, uint64_t began) {
    const vectors_file *f = &index->files[0];
    uint32_t threads = pool_threads(index->threads);
    char name[64];
    if (!index->profile) return;
    snprintf(name, sizeof name, "scan %s %u numbers", vectors_type_name(f->type), f->dims);
    lnt_profile_entry e = {.name = name, .bound = n_queries <= PROFILER_FEW_ROWS ? LNT_BOUND_READ : LNT_BOUND_NONE, .calls = 1, .rows = n_queries,
                           .values = n_queries * index->now.n_rows, .operations = 2 * n_queries * index->now.n_rows * f->dims,
                           .bytes = index->now.groups * vectors_group_bytes(f->type, f->dims)};
    profiler_note_threads(index->profile, threads);
    profiler_add(index->profile, e, threads * (profiler_now() - began), 0);
}

static int scan_part(lnt_index *index, const search *s, const float *queries, size_t n, scan_hit *hits, found *f, lnt_error *err) {
    scan_rows rows = {.file = &index->files[0], .rescore = index->n_files == 2 ? &index->files[1] : NULL, .tail = index->tails[0],
                      .rescore_tail = index->tails[1], .n_rows = index->now.n_rows, .alive = s->alive};
    uint64_t began = profiler_now();
    if (scan(index->kernels, index->threads, &rows, queries, n, s->candidates, OVERSAMPLE, hits, f->n, err)) return -1;
    for (size_t i = 0; i < index->n_files; i++)
        if (vectors_intact(&index->files[i], err)) return -1;
    add_scan(index, n, began);
    for (size_t i = 0; i < n; i++) {
        size_t at = i * s->candidates;
        if (rows_to_documents(index, hits + at, f->n[i], f->documents + at, f->scores + at, err)) return -1;
    }
    return 0;
}

static int search_dense(lnt_index *index, const search *s, const lnt_query *queries, size_t n, found *f, lnt_error *err) {
    size_t dims = store_get_identity(index->store)->dims;
    if (s->nothing) return 0;
    float *units = aligned_alloc(64, round_up(n * dims * sizeof(float), 64));
    scan_hit *hits = malloc((n * s->candidates + 1) * sizeof *hits);
    int rc = units && hits ? 0 : err_memory(err, n * dims * sizeof(float), "queries");
    for (size_t i = 0; !rc && i < n; i++) {
        if (!queries[i].vector) rc = err_set(err, "query %zu has no embedding, expected one (or the mode 'text')", i + 1);
        else rc = index_unit(index, queries[i].vector, units + i * dims, err);
    }
    if (!rc) rc = scan_part(index, s, units, n, hits, f, err);
    free(units);
    free(hits);
    return rc;
}

static int search_text(lnt_index *index, const search *s, const lnt_query *queries, size_t n, found *f, lnt_error *err) {
    store_text_hit *hits = malloc((s->candidates + 1) * sizeof *hits);
    if (!hits) return err_memory(err, s->candidates * sizeof *hits, "hits");
    int rc = 0;
    uint64_t began = profiler_now();
    for (size_t i = 0; !rc && i < n; i++) {
        const lnt_query *q = &queries[i];
        rc = store_search_text(index->store, q->text, q->text ? q->n_bytes : 0, s->filters, s->n_filters, s->set, s->candidates, hits, &f->n[i], err);
        for (size_t k = 0; !rc && k < f->n[i]; k++) {
            f->documents[i * s->candidates + k] = hits[k].document;
            f->scores[i * s->candidates + k] = hits[k].bm25;
        }
    }
    profiler_add(index->profile, (lnt_profile_entry){.name = "full text", .calls = 1, .rows = n}, profiler_now() - began, 0);
    free(hits);
    return rc;
}

/* ---- together ---- */

static size_t give_one_kind(const search *s, const found *f, size_t query, lnt_hit *hits) {
    size_t n = f->n[query] < s->top ? f->n[query] : s->top;
    for (size_t i = 0; i < n; i++) {
        double score = f->scores[query * s->candidates + i];
        bool dense = s->mode == MODE_DENSE;
        hits[i] = (lnt_hit){f->documents[query * s->candidates + i], score, dense ? (float)score : NAN, dense ? (double)NAN : score};
    }
    return n;
}

static size_t give_both(const search *s, const found f[2], size_t query, fusion_hit *joined, lnt_hit *hits) {
    size_t at = query * s->candidates;
    const int64_t *lists[FUSION_LISTS] = {f[0].documents + at, f[1].documents + at};
    size_t n = fusion_join(lists, (const size_t[FUSION_LISTS]){f[0].n[query], f[1].n[query]}, joined);
    if (n > s->top) n = s->top;
    for (size_t i = 0; i < n; i++) {
        const size_t *ranks = joined[i].ranks;
        hits[i] = (lnt_hit){joined[i].document, joined[i].score, ranks[0] ? (float)f[0].scores[at + ranks[0] - 1] : NAN,
                            ranks[1] ? f[1].scores[at + ranks[1] - 1] : (double)NAN};
    }
    return n;
}

static int search_part(lnt_index *index, const search *s, const lnt_query *queries, size_t n, lnt_hit *hits, size_t *n_hits, lnt_error *err) {
    found f[FUSION_LISTS] = {0};
    fusion_hit *joined = malloc((2 * s->candidates + 1) * sizeof *joined);
    int rc = joined ? 0 : err_memory(err, 2 * s->candidates * sizeof *joined, "hits");
    if (!rc && s->mode & MODE_DENSE) rc = make_found(&f[0], n, s->candidates, err) || search_dense(index, s, queries, n, &f[0], err) ? -1 : 0;
    if (!rc && s->mode & MODE_TEXT) rc = make_found(&f[1], n, s->candidates, err) || search_text(index, s, queries, n, &f[1], err) ? -1 : 0;
    for (size_t i = 0; !rc && i < n; i++) {
        lnt_hit *to = hits + i * s->top;
        n_hits[i] = s->mode == MODE_HYBRID ? give_both(s, f, i, joined, to) : give_one_kind(s, &f[s->mode == MODE_TEXT], i, to);
    }
    free_found(&f[0]);
    free_found(&f[1]);
    free(joined);
    return rc;
}

int lnt_index_search(lnt_index *index, const lnt_query *queries, size_t n_queries, const lnt_search_options *options, lnt_hit *hits, size_t *n_hits,
                     lnt_error *err) {
    search s;
    if (index->changed) return err_set(err, "%s: has changes that are not committed, expected a commit before a search", index->folder);
    if (read_options(&s, options ? options : &(lnt_search_options){0}, err)) return -1;
    int rc = prepare(index, &s, err);
    size_t most = PART_HITS / (s.candidates + 1) < PART ? PART_HITS / (s.candidates + 1) + 1 : PART, n;
    for (size_t i = 0; !rc && i < n_queries; i += n) {
        n = n_queries - i < most ? n_queries - i : most;
        rc = search_part(index, &s, queries + i, n, hits + i * s.top, n_hits + i, err);
    }
    return rc || store_still(index->store, err) ? -1 : 0;
}
