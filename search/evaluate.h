/* How good rankings are, measured against judgements, as trec_eval measures it: nDCG with the grades as gains, recall and the
   reciprocal rank of the first relevant document, each the mean over the queries that have judgements. */
#ifndef LNT_SEARCH_EVALUATE_H
#define LNT_SEARCH_EVALUATE_H
#include "formats/error.h"

/* A line of qrels. Relevant: a grade above 0. */
typedef struct evaluate_judgement {
    const char *query, *document;
    int grade;
} evaluate_judgement;

typedef struct evaluate_options {
    size_t ndcg_at, recall_at; /* looked at so far down */
} evaluate_options;

typedef struct evaluate_scores {
    double ndcg, recall, mrr;
    size_t n_queries;  /* that have judgements: the means are over these */
    size_t n_unjudged; /* that have none */
} evaluate_scores;

typedef struct evaluation evaluation;

/* The strings are the caller's for as long as the evaluation lives. Of two judgements of a pair the last counts. */
evaluation *evaluation_new(const evaluate_judgement *judgements, size_t n, const evaluate_options *options, lnt_error *err);
void evaluation_free(evaluation *e);
/* A query's documents, best first; one that comes again (another piece of it) counts where it came first, and takes no rank.
   scores: of this query alone (all 0 and n_queries 0: no judgements); may be NULL. -1: memory is out. */
int evaluation_add(evaluation *e, const char *query, const char *const *documents, size_t n, evaluate_scores *scores, lnt_error *err);
void evaluation_mean(const evaluation *e, evaluate_scores *scores);
#endif
