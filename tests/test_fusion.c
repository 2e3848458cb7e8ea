/* Reciprocal rank fusion and the measures of a ranking, against values worked out by hand and by trec_eval's formulas. */
#include "search/evaluate.h"
#include "search/fusion.h"
#include "tests/testing.h"
#include <math.h>

static void check_close(double a, double b) { ck_assert_msg(fabs(a - b) < 1e-14, "%.17g is not %.17g", a, b); }

START_TEST(ranks_are_joined) {
    const int64_t dense[] = {7, 3, 9}, text[] = {3, 5};
    fusion_hit hits[5];
    size_t n = fusion_join((const int64_t *const[]){dense, text}, (const size_t[]){3, 2}, hits);
    ck_assert_uint_eq(n, 4);
    const int64_t order[] = {3, 7, 5, 9};
    const double scores[] = {1.0 / 62 + 1.0 / 61, 1.0 / 61, 1.0 / 62, 1.0 / 63};
    const size_t ranks[][2] = {{2, 1}, {1, 0}, {0, 2}, {3, 0}};
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(hits[i].document, order[i]);
        ck_assert(hits[i].score == scores[i]);
        ck_assert_uint_eq(hits[i].ranks[0], ranks[i][0]);
        ck_assert_uint_eq(hits[i].ranks[1], ranks[i][1]);
    }
}
END_TEST

START_TEST(equal_scores_go_by_document) {
    const int64_t dense[] = {9, 4}, text[] = {4, 9};
    fusion_hit hits[4];
    ck_assert_uint_eq(fusion_join((const int64_t *const[]){dense, text}, (const size_t[]){2, 2}, hits), 2);
    ck_assert_int_eq(hits[0].document, 4);
    ck_assert_int_eq(hits[1].document, 9);
    ck_assert_uint_eq(fusion_join((const int64_t *const[]){dense, (const int64_t[]){2, 1}}, (const size_t[]){2, 2}, hits), 4);
    const int64_t order[] = {2, 9, 1, 4};
    for (size_t i = 0; i < 4; i++) ck_assert_int_eq(hits[i].document, order[i]);
}
END_TEST

START_TEST(one_list_may_be_empty) {
    const int64_t text[] = {8, 2};
    fusion_hit hits[2];
    ck_assert_uint_eq(fusion_join((const int64_t *const[]){NULL, text}, (const size_t[]){0, 2}, hits), 2);
    ck_assert_int_eq(hits[0].document, 8);
    ck_assert_uint_eq(fusion_join((const int64_t *const[]){NULL, NULL}, (const size_t[]){0, 0}, hits), 0);
}
END_TEST

/* ---- evaluation ---- */

static const evaluate_judgement JUDGEMENTS[] = {{"q2", "x", 1}, {"q1", "c", 3},  {"q1", "a", 1}, {"q1", "b", 0},   {"q1", "e", 2},
                                                {"q1", "f", 1}, {"q3", "n", -1}, {"q3", "o", 0}, {"q2", "y", 1},   {"q4", "d", 2},
                                                {"q4", "d", 1}, {"q1", "z", 2},  {"q5", "v", 1}, {"q5", "v", 0}};
enum { N_JUDGEMENTS = sizeof JUDGEMENTS / sizeof *JUDGEMENTS };

static evaluation *make(size_t ndcg_at, size_t recall_at) {
    lnt_error err;
    evaluation *e = evaluation_new(JUDGEMENTS, N_JUDGEMENTS, &(evaluate_options){ndcg_at, recall_at}, &err);
    ck_assert_ptr_nonnull(e);
    return e;
}

START_TEST(graded_ranking) {
    evaluation *e = make(10, 100);
    evaluate_scores s;
    const char *const ranking[] = {"b", "a", "unknown", "c", "e"};
    ck_assert_int_eq(evaluation_add(e, "q1", ranking, 5, &s, NULL), 0);
    double gained = 1 / log2(3) + 3 / log2(5) + 2 / log2(6);
    double best = 3 / log2(2) + 2 / log2(3) + 2 / log2(4) + 1 / log2(5) + 1 / log2(6);
    check_close(s.ndcg, gained / best);
    check_close(s.ndcg, 0.4435750202591637);
    check_close(s.recall, 3.0 / 5);
    check_close(s.mrr, 1.0 / 2);
    evaluation_free(e);
}
END_TEST

START_TEST(cut_offs) {
    evaluation *e = make(2, 1);
    evaluate_scores s;
    const char *const ranking[] = {"y", "u", "x"};
    ck_assert_int_eq(evaluation_add(e, "q2", ranking, 3, &s, NULL), 0);
    check_close(s.ndcg, 1 / (1 + 1 / log2(3)));
    check_close(s.recall, 0.5);
    check_close(s.mrr, 1);
    evaluation_free(e);
}
END_TEST

START_TEST(repeated_documents_take_no_rank) {
    evaluation *e = make(10, 2);
    evaluate_scores s;
    const char *const ranking[] = {"u", "u", "x", "x", "y"};
    ck_assert_int_eq(evaluation_add(e, "q2", ranking, 5, &s, NULL), 0);
    check_close(s.ndcg, (1 / log2(3) + 1 / log2(4)) / (1 + 1 / log2(3)));
    check_close(s.recall, 0.5);
    check_close(s.mrr, 0.5);
    evaluation_free(e);
}
END_TEST

START_TEST(means_over_judged_queries) {
    evaluation *e = make(10, 100);
    evaluate_scores s;
    const char *const first[] = {"y", "x"}, *const other[] = {"o", "n", "v"}, *const last[] = {"d"};
    ck_assert_int_eq(evaluation_add(e, "q2", first, 2, NULL, NULL), 0);   /* perfect: 1, 1, 1 */
    ck_assert_int_eq(evaluation_add(e, "q3", other, 3, &s, NULL), 0);     /* nothing is relevant */
    check_close(s.ndcg + s.recall + s.mrr, 0);
    ck_assert_uint_eq(s.n_queries, 1);
    ck_assert_int_eq(evaluation_add(e, "q4", last, 1, NULL, NULL), 0);
    ck_assert_int_eq(evaluation_add(e, "q5", other, 3, &s, NULL), 0);     /* the last judgement counts: not relevant */
    check_close(s.recall, 0);
    ck_assert_int_eq(evaluation_add(e, "q1", first, 0, NULL, NULL), 0);   /* no hits: zeros */
    ck_assert_int_eq(evaluation_add(e, "nobody", first, 2, &s, NULL), 0); /* not judged: not counted */
    ck_assert_uint_eq(s.n_queries, 0);
    evaluation_mean(e, &s);
    ck_assert_uint_eq(s.n_queries, 5);
    ck_assert_uint_eq(s.n_unjudged, 1);
    check_close(s.ndcg, 2.0 / 5);
    check_close(s.recall, 2.0 / 5);
    check_close(s.mrr, 2.0 / 5);
    evaluation_free(e);
}
END_TEST

START_TEST(discounts_are_logarithms) {
    const evaluate_judgement judgement = {"q", "a", 1};
    for (size_t rank = 2; rank < 5000; rank = rank * 3 / 2 + 1) {
        evaluate_scores s;
        evaluation *e = evaluation_new(&judgement, 1, &(evaluate_options){5000, 5000}, NULL);
        const char **list = calloc(rank, sizeof *list);
        char(*names)[24] = calloc(rank, sizeof *names);
        for (size_t i = 0; i < rank; i++) snprintf(names[i], sizeof *names, "%zu", i), list[i] = names[i];
        list[rank - 1] = "a";
        ck_assert_int_eq(evaluation_add(e, "q", list, rank, &s, NULL), 0);
        ck_assert_msg(fabs(s.ndcg * log2((double)rank + 1) - 1) < 1e-15, "rank %zu: %.17g", rank, s.ndcg);
        free(list);
        free(names);
        evaluation_free(e);
    }
}
END_TEST

int main(void) {
    TCase *fusion = tcase_create("fusion"), *measures = tcase_create("evaluation");
    tcase_add_test(fusion, ranks_are_joined);
    tcase_add_test(fusion, equal_scores_go_by_document);
    tcase_add_test(fusion, one_list_may_be_empty);
    tcase_add_test(measures, graded_ranking);
    tcase_add_test(measures, cut_offs);
    tcase_add_test(measures, repeated_documents_take_no_rank);
    tcase_add_test(measures, means_over_judged_queries);
    tcase_add_test(measures, discounts_are_logarithms);
    return run_suite("fusion", (TCase *[]){fusion, measures, NULL});
}
