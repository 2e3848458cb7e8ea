#include "search/evaluate.h"
#include "engine/exponential.h"
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    evaluate_judgement judgement;
    size_t order; /* in which it was given */
} entry;

struct evaluation {
    entry *entries; /* by query and document */
    size_t n;
    evaluate_options options;
    evaluate_scores sum;
};

static int by_pair(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int c = strcmp(x->judgement.query, y->judgement.query);
    if (!c) c = strcmp(x->judgement.document, y->judgement.document);
    return c ? c : (x->order > y->order) - (x->order < y->order);
}

static bool same_pair(const entry *a, const entry *b) {
    return !strcmp(a->judgement.query, b->judgement.query) && !strcmp(a->judgement.document, b->judgement.document);
}

evaluation *evaluation_new(const evaluate_judgement *judgements, size_t n, const evaluate_options *options, lnt_error *err) {
    evaluation *e = calloc(1, sizeof *e);
    entry *entries = calloc(n + 1, sizeof *entries);
    if (!e || !entries) {
        free(e);
        free(entries);
        return err_null(err, "out of memory for %zu judgements", n);
    }
    for (size_t i = 0; i < n; i++) entries[i] = (entry){judgements[i], i};
    if (n) qsort(entries, n, sizeof *entries, by_pair);
    for (size_t i = 0; i < n; i++) {
        if (e->n && same_pair(&entries[e->n - 1], &entries[i])) e->n--;
        entries[e->n++] = entries[i];
    }
    e->entries = entries;
    e->options = *options;
    return e;
}

void evaluation_free(evaluation *e) {
    if (!e) return;
    free(e->entries);
    free(e);
}

/* The query's entries. */
static const entry *find_query(const evaluation *e, const char *query, size_t *n) {
    size_t begin = 0, end = e->n;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (strcmp(e->entries[middle].judgement.query, query) < 0) begin = middle + 1;
        else end = middle;
    }
    for (*n = 0; begin + *n < e->n && !strcmp(e->entries[begin + *n].judgement.query, query);) ++*n;
    return e->entries + begin;
}

static const entry *find_document(const entry *entries, size_t n, const char *document) {
    for (size_t begin = 0, end = n; begin < end;) {
        size_t middle = begin + (end - begin) / 2;
        int c = strcmp(entries[middle].judgement.document, document);
        if (!c) return &entries[middle];
        if (c < 0) begin = middle + 1;
        else end = middle;
    }
    return NULL;
}

/* What a document of a grade at a rank from 1 gives. */
static double gain(int grade, size_t rank) {
    const double ln2 = 0.69314718055994530942;
    return grade > 0 ? grade / (logarithm((double)rank + 1) / ln2) : 0;
}

static int by_grade(const void *a, const void *b) {
    const int *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

/* Adds up the gain of the best order there is, and how many documents are relevant. */
static int ideal(const evaluation *e, const entry *entries, size_t n, double *best, size_t *n_relevant, lnt_error *err) {
    int *grades = malloc((n + 1) * sizeof *grades);
    if (!grades) return err_memory(err, (n + 1) * sizeof *grades, "judgements");
    for (size_t i = 0; i < n; i++) grades[i] = entries[i].judgement.grade;
    if (n) qsort(grades, n, sizeof *grades, by_grade);
    for (size_t i = 0; i < n && grades[i] > 0; i++) {
        ++*n_relevant;
        if (i < e->options.ndcg_at) *best += gain(grades[i], i + 1);
    }
    free(grades);
    return 0;
}

static int by_name(const void *a, const void *b) {
    const char *const *x = *(const char *const *const *)a, *const *y = *(const char *const *const *)b;
    int c = strcmp(*x, *y);
    return c ? c : (x > y) - (x < y);
}

/* Marks documents that stand in the list before: as pointers into it, sorted by what they point to and then by place. */
static bool *find_repeats(const char *const *documents, size_t n, lnt_error *err) {
    const char *const **sorted = malloc((n + 1) * sizeof *sorted);
    bool *repeats = calloc(n + 1, sizeof *repeats);
    if (!sorted || !repeats) {
        free(sorted);
        free(repeats);
        return err_null(err, "out of memory for a list of %zu documents", n);
    }
    for (size_t i = 0; i < n; i++) sorted[i] = &documents[i];
    if (n) qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 1; i < n; i++) repeats[sorted[i] - documents] = !strcmp(*sorted[i], *sorted[i - 1]);
    free(sorted);
    return repeats;
}

static int measure(const evaluation *e, const entry *entries, size_t n_entries, const char *const *documents, size_t n, evaluate_scores *scores,
                   lnt_error *err) {
    double best = 0, sum = 0;
    size_t n_relevant = 0, found = 0, rank = 0;
    if (ideal(e, entries, n_entries, &best, &n_relevant, err)) return -1;
    bool *repeats = find_repeats(documents, n, err);
    if (!repeats) return -1;
    for (size_t i = 0; i < n; i++) {
        if (repeats[i]) continue;
        rank++;
        const entry *d = find_document(entries, n_entries, documents[i]);
        if (!d || d->judgement.grade <= 0) continue;
        if (rank <= e->options.ndcg_at) sum += gain(d->judgement.grade, rank);
        if (rank <= e->options.recall_at) found++;
        if (scores->mrr == 0) scores->mrr = 1 / (double)rank;
    }
    free(repeats);
    scores->ndcg = best > 0 ? sum / best : 0;
    scores->recall = n_relevant ? (double)found / (double)n_relevant : 0;
    return 0;
}

int evaluation_add(evaluation *e, const char *query, const char *const *documents, size_t n, evaluate_scores *scores, lnt_error *err) {
    evaluate_scores s = {0};
    size_t n_entries;
    const entry *entries = find_query(e, query, &n_entries);
    if (!n_entries) s.n_unjudged = 1;
    else if (measure(e, entries, n_entries, documents, n, &s, err)) return -1;
    else s.n_queries = 1;
    e->sum.ndcg += s.ndcg;
    e->sum.recall += s.recall;
    e->sum.mrr += s.mrr;
    e->sum.n_queries += s.n_queries;
    e->sum.n_unjudged += s.n_unjudged;
    if (scores) *scores = s;
    return 0;
}

void evaluation_mean(const evaluation *e, evaluate_scores *scores) {
    double n = e->sum.n_queries ? (double)e->sum.n_queries : 1;
    *scores = e->sum;
    scores->ndcg /= n;
    scores->recall /= n;
    scores->mrr /= n;
}
