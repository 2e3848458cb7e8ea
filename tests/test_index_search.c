/* Finding: exact neighbours against a loop over all of them, words of any text, filters, and both kinds together. */
#include "tests/indexing.h"
#include <sqlite3.h>

enum { DOCUMENTS = 1500, TOP = 40 };
static const char *const TYPES[] = {"f32", "f16", "int8", "binary"};
static char corpus[4][200];

/* One index of each type that the tests only read: some documents are gone, the last ones are in the tail. */
static void make_corpus(void) {
    for (int type = 0; type < 4; type++) {
        lnt_index *index = open_index(corpus[type], true, TYPES[type]);
        add_source(index, "gone", 100, 50000);
        add_source(index, "a/one", DOCUMENTS / 2, 0);
        add_source(index, "a/two", DOCUMENTS / 2, DOCUMENTS / 2);
        OK(lnt_index_remove_source(index, "gone", &err));
        OK(lnt_index_commit(index, &err));
        lnt_index_close(index);
    }
}

/* ---- dense ---- */

static double cosine(const float *a, const float *b) {
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < DIMS; i++) ab += (double)a[i] * (double)b[i], aa += (double)a[i] * (double)a[i], bb += (double)b[i] * (double)b[i];
    return ab / sqrt(aa * bb);
}

START_TEST(dense_is_exact) {
    static const double TOLERANCE[] = {1e-6, 2e-3, 2e-2, 2e-2};
    lnt_index *index = open_index(corpus[_i], false, NULL);
    for (uint32_t q = 0; q < 20; q++) {
        lnt_hit hits[TOP];
        float query[DIMS];
        memcpy(query, vector_of(7000 + q), sizeof query);
        ck_assert_uint_eq(find(index, "dense", NULL, query, TOP, NULL, 0, hits), TOP);
        size_t better = 0;
        for (size_t k = 0; k < TOP; k++) {
            double c = cosine(query, vector_of(number_of(index, hits[k].document)));
            ck_assert_msg(fabs(c - hits[k].score) < TOLERANCE[_i], "%g is not %g", hits[k].score, c);
            ck_assert(hits[k].score == (double)hits[k].cosine && isnan(hits[k].bm25));
            if (k) ck_assert(hits[k].score < hits[k - 1].score || (hits[k].score == hits[k - 1].score && hits[k].document > hits[k - 1].document));
        }
        for (uint32_t i = 0; i < DOCUMENTS; i++) better += cosine(query, vector_of(i)) > hits[TOP - 1].score + TOLERANCE[_i];
        ck_assert_msg(_i == 3 || better < TOP, "%zu are better", better);
    }
    lnt_index_close(index);
}
END_TEST

START_TEST(many_queries_are_like_each_alone) {
    enum { QUERIES = 300 };
    static float vectors[QUERIES][DIMS];
    static char texts[QUERIES][40];
    static lnt_query queries[QUERIES];
    static lnt_hit all[QUERIES][7], alone[7];
    static const char *const MODES[] = {"dense", "text", "hybrid"};
    size_t n_all[QUERIES], n;
    lnt_index *index = open_index(corpus[_i], false, NULL);
    for (uint32_t q = 0; q < QUERIES; q++) {
        memcpy(vectors[q], vector_of(3000 + q), sizeof vectors[q]);
        queries[q] = (lnt_query){texts[q], (size_t)snprintf(texts[q], 40, "word%u number%u", q % 31, q * 3), vectors[q]};
    }
    for (int m = 0; m < 3; m++) {
        lnt_search_options o = {.mode = MODES[m], .top = 7, .candidates = 25};
        memset(all, 0, sizeof all);
        OK(lnt_index_search(index, queries, QUERIES, &o, all[0], n_all, &err));
        for (int q = 0; q < QUERIES; q += 11) {
            memset(alone, 0, sizeof alone);
            OK(lnt_index_search(index, &queries[q], 1, &o, alone, &n, &err));
            ck_assert_uint_eq(n, n_all[q]);
            for (size_t k = 0; k < n; k++) ck_assert(alone[k].document == all[q][k].document && alone[k].score == all[q][k].score);
        }
    }
    lnt_index_close(index);
}
END_TEST

START_TEST(ties_go_to_the_lower_document) {
    lnt_index *index = open_index(folder_of("ties-%s", TYPES[_i]), true, TYPES[_i]);
    lnt_source s = source_of("a", 200);
    lnt_hit hits[150];
    OK(lnt_index_begin_source(index, &s, false, &err));
    for (uint32_t i = 0; i < 200; i++) OK(lnt_index_add(index, &(lnt_document){.text = "same words", .n_bytes = 10}, vector_of(i % 2), i + 1, &err));
    OK(lnt_index_commit(index, &err));
    find(index, "dense", NULL, vector_of(1), 150, NULL, 0, hits);
    for (int64_t k = 0; k < 150; k++) ck_assert_int_eq(hits[k].document, k < 100 ? 2 * k + 2 : 2 * (k - 100) + 1);
    find(index, "text", "words", NULL, 150, NULL, 0, hits);
    for (int64_t k = 0; k < 150; k++) ck_assert_int_eq(hits[k].document, k + 1);
    lnt_index_close(index);
}
END_TEST

/* ---- text ---- */

/* What FTS5's own bm25() says of all documents, by their ids; 0: not found. */
static void bm25_of_sqlite(sqlite3 *db, const char *query, double *scores) {
    sqlite3_stmt *q;
    memset(scores, 0, (DOCUMENTS + 200) * sizeof *scores);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT rowid, -bm25(words) FROM words(?1)", -1, &q, NULL), SQLITE_OK);
    sqlite3_bind_text(q, 1, query, -1, SQLITE_STATIC);
    while (sqlite3_step(q) == SQLITE_ROW) scores[sqlite3_column_int64(q, 0)] = sqlite3_column_double(q, 1);
    sqlite3_finalize(q);
}

/* Hits are those of FTS5 with its scores: none that is left out is better. */
static void check_bm25(lnt_index *index, sqlite3 *db, const char *text, uint32_t top) {
    static double scores[DOCUMENTS + 200];
    static lnt_hit hits[DOCUMENTS];
    char query[400], *out = query;
    size_t found = 0, better = 0;
    for (const char *p = text; *p; p++) out += sprintf(out, *p == ' ' ? "\" OR \"" : p == text ? "\"%c" : "%c", *p);
    strcpy(out, "\"");
    bm25_of_sqlite(db, query, scores);
    size_t n = find(index, "text", text, NULL, top, NULL, 0, hits);
    for (size_t i = 0; i < DOCUMENTS + 200; i++) found += scores[i] > 0, better += n && scores[i] > hits[n - 1].score * (1 + 1e-12);
    ck_assert_msg(n == (found < top ? found : top), "%s: %zu hits of %zu", text, n, found);
    ck_assert_msg(better < (n ? n : 1), "%s: %zu are better than the last of %zu", text, better, n);
    for (size_t k = 0; k < n; k++) {
        ck_assert_msg(fabs(hits[k].score / scores[hits[k].document] - 1) < 1e-12, "%s: %g is not %g", text, hits[k].score, scores[hits[k].document]);
        ck_assert(hits[k].bm25 == hits[k].score && isnan(hits[k].cosine));
        if (k) ck_assert(hits[k].score < hits[k - 1].score || (hits[k].score == hits[k - 1].score && hits[k].document > hits[k - 1].document));
    }
}

/* Common words and rare ones, alone and together, few hits wanted and many. */
START_TEST(text_is_bm25) {
    static const char *const QUERIES[] = {"word3 number44 word5", "common", "nowhere", "text of common", "number7 nowhere", "number7 common", "one common of text",
                                          "two number900 number20", "word0 word1 word2 word3 word4 word5 word6 common", "number5 a one", "word30 word6 text"};
    static const uint32_t TOPS[] = {1, 3, 10, 100, 700, DOCUMENTS};
    lnt_index *index = open_index(corpus[0], false, NULL);
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(path_of("%s/documents.db", corpus[0]), &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof QUERIES / sizeof *QUERIES; i++)
        for (size_t k = 0; k < sizeof TOPS / sizeof *TOPS; k++) check_bm25(index, db, QUERIES[i], TOPS[k]);
    for (uint32_t i = 0; i < 200; i++)
        check_bm25(index, db, path_of("word%u number%u word%u common %s", i % 7, i * 3, 7 + i % 24, i % 2 ? "one text" : "a"), 1 + i % 60);
    sqlite3_close(db);
    lnt_index_close(index);
}
END_TEST

/* Any text is words and no more. */
START_TEST(no_text_is_syntax) {
    static const struct { const char *text; size_t n; } QUERIES[] = {
        {"", 0}, {" \t\n", 0}, {"\"", 0}, {"'); DROP TABLE documents; --", 0}, {"*", 0}, {"- + ^ : ( ) { } , .", 0}, {"\xff\xfe", 0}, {"\xe2\x80\x94", 0},
        {"number3 AND number4", 2}, {"number3 NOT number3", 1}, {"NEAR(number3 number4, 2)", 2}, {"\"number3", 1}, {"number3\"", 1}, {"text : number3", 5},
        {"^number3", 1}, {"number3*", 1}, {"(number3 OR", 1}, {"{text} : number3", 5}, {"number3\xff", 1}, {"\xe2\x80\x94number3\xe2\x80\x94number4", 2},
        {"a\"\"number3\"\"b", 5}, {"-words : number3", 1}, {"NUMBER3 N\xc3\x9bMBER4", 2}};
    lnt_hit hits[5];
    lnt_index *index = open_index(corpus[2], false, NULL);
    for (size_t i = 0; i < sizeof QUERIES / sizeof *QUERIES; i++) {
        size_t n = find(index, "text", QUERIES[i].text, NULL, 5, NULL, 0, hits);
        ck_assert_msg(n == QUERIES[i].n, "'%s' has %zu hits, expected %zu", QUERIES[i].text, n, QUERIES[i].n);
        ck_assert_uint_eq(find(index, "hybrid", QUERIES[i].text, vector_of(3), 5, NULL, 0, hits), 5);
        if (!QUERIES[i].n) ck_assert(hits[0].score == 1.0 / 61 && isnan(hits[0].bm25) && hits[0].cosine > 0.9f);
    }
    lnt_query nul = {"number3\0number4", 15, NULL};
    size_t n;
    OK(lnt_index_search(index, &nul, 1, &(lnt_search_options){.mode = "text", .top = 5}, hits, &n, &err));
    ck_assert_uint_eq(n, 2);
    lnt_index_close(index);
}
END_TEST

START_TEST(letters_of_all_kinds) {
    static const char *const TEXTS[] = {("Die Stra\xc3\x9f" "e f\xc3\xbchrt"), "\xd0\x9c\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0 2024", "cafe\xcc\x81 ole",
                                        "\xe6\x9d\xb1\xe4\xba\xac \xe3\x82\xbf\xe3\x83\xaf\xe3\x83\xbc", "na\xc3\xafve approach"};
    static const struct { const char *query; int64_t document; } QUERIES[] = {
        {"fuhrt", 1}, {"F\xc3\x9cHRT", 1}, {"STRA\xc3\x9f" "E", 1}, {"\xd0\xbc\xd0\x9e\xd1\x81\xd0\x9a\xd0\xb2\xd0\xb0", 2}, {"caf\xc3\x89", 3}, {"cafe", 3},
        {"\xe6\x9d\xb1\xe4\xba\xac", 4}, {"naive", 5}};
    lnt_index *index = open_index(folder_of("unicode"), true, "f32");
    lnt_source s = source_of("a", 5);
    lnt_hit hits[5];
    OK(lnt_index_begin_source(index, &s, false, &err));
    for (uint32_t i = 0; i < 5; i++) OK(lnt_index_add(index, &(lnt_document){.text = TEXTS[i], .n_bytes = strlen(TEXTS[i])}, vector_of(i), i + 1, &err));
    OK(lnt_index_commit(index, &err));
    for (size_t i = 0; i < sizeof QUERIES / sizeof *QUERIES; i++) {
        ck_assert_msg(find(index, "text", QUERIES[i].query, NULL, 5, NULL, 0, hits) == 1, "'%s'", QUERIES[i].query);
        ck_assert_int_eq(hits[0].document, QUERIES[i].document);
    }
    OK(lnt_index_check(index, &err));
    lnt_index_close(index);
}
END_TEST

START_TEST(ten_thousand_words) {
    enum { WORDS = 10000 };
    char *text = malloc(WORDS * 16), *end = text;
    for (int i = 0; i < WORDS; i++) end += sprintf(end, "number%d ", i % 2 ? i : 3);
    lnt_index *index = open_index(corpus[2], false, NULL);
    lnt_hit hits[TOP];
    ck_assert_uint_eq(find(index, "hybrid", text, vector_of(3), TOP, NULL, 0, hits), TOP);
    ck_assert_uint_eq(find(index, "text", text, NULL, TOP, NULL, 0, hits), TOP);
    ck_assert_uint_lt(number_of(index, hits[TOP - 1].document), 2000); /* of the first 1,000 different ones */
    char *long_word = memset(text, 'x', WORDS * 16);
    long_word[WORDS * 16 - 1] = 0;
    ck_assert_uint_eq(find(index, "text", long_word, NULL, TOP, NULL, 0, hits), 0);
    free(text);
    lnt_index_close(index);
}
END_TEST

/* ---- hybrid ---- */

START_TEST(hybrid_joins_both) {
    lnt_hit dense[100], text[100], hits[10];
    lnt_index *index = open_index(corpus[_i], false, NULL);
    size_t n_dense = find(index, "dense", NULL, vector_of(10), 100, NULL, 0, dense), n_text = find(index, "text", "word3 word10", NULL, 100, NULL, 0, text);
    size_t n = find(index, "hybrid", "word3 word10", vector_of(10), 10, NULL, 0, hits);
    ck_assert_uint_eq(n, 10);
    for (size_t k = 0; k < n; k++) {
        double score = 0;
        float cosine_there = NAN;
        double bm25_there = (double)NAN;
        for (size_t i = 0; i < n_dense; i++)
            if (dense[i].document == hits[k].document) score += 1.0 / (double)(61 + i), cosine_there = dense[i].cosine;
        for (size_t i = 0; i < n_text; i++)
            if (text[i].document == hits[k].document) score += 1.0 / (double)(61 + i), bm25_there = text[i].bm25;
        ck_assert(score == hits[k].score);
        ck_assert(cosine_there == hits[k].cosine || (isnan(cosine_there) && isnan(hits[k].cosine)));
        ck_assert(bm25_there == hits[k].bm25 || (isnan(bm25_there) && isnan(hits[k].bm25)));
        if (k) ck_assert(hits[k].score <= hits[k - 1].score);
    }
    lnt_index_close(index);
}
END_TEST

START_TEST(what_a_mode_needs) {
    lnt_index *index = open_index(corpus[0], false, NULL);
    lnt_error err;
    lnt_hit hits[10];
    size_t n;
    float bad[DIMS] = {NAN};
    lnt_query no_vector = {.text = "word1", .n_bytes = 5}, not_finite = {.vector = bad};
    ck_assert_int_eq(lnt_index_search(index, &no_vector, 1, NULL, hits, &n, &err), -1);
    CHECK_ERROR(&err, "embedding");
    ck_assert_int_eq(lnt_index_search(index, &not_finite, 1, NULL, hits, &n, &err), -1);
    CHECK_ERROR(&err, "finite");
    ck_assert_int_eq(lnt_index_search(index, &no_vector, 1, &(lnt_search_options){.mode = "sparse"}, hits, &n, &err), -1);
    CHECK_ERROR(&err, "sparse", "hybrid");
    ck_assert_int_eq(lnt_index_search(index, &no_vector, 1, &(lnt_search_options){.top = 1 << 21}, hits, &n, &err), -1);
    OK(lnt_index_search(index, NULL, 0, NULL, hits, &n, &err));
    OK(lnt_index_search(index, &no_vector, 1, &(lnt_search_options){.mode = "text"}, hits, &n, &err));
    ck_assert_uint_eq(n, 10);
    lnt_index_close(index);
}
END_TEST

START_TEST(more_wanted_than_there) {
    static lnt_hit hits[1 << 20];
    lnt_index *index = open_index(corpus[_i], false, NULL);
    ck_assert_uint_eq(find(index, "dense", NULL, vector_of(5), 1 << 20, NULL, 0, hits), DOCUMENTS);
    ck_assert_uint_eq(find(index, "text", "common", NULL, 1 << 20, NULL, 0, hits), DOCUMENTS);
    ck_assert_uint_eq(find(index, "hybrid", "common", vector_of(5), 1 << 20, NULL, 0, hits), DOCUMENTS);
    lnt_index_close(index);
}
END_TEST

/* ---- filters ---- */

/* Documents 0 .. 99 of "a/one" that fit one filter or two, found by each mode. */
static void check_filters(lnt_index *index, const lnt_filter *filters, size_t n_filters, bool (*fits)(uint32_t number)) {
    static lnt_hit hits[DOCUMENTS];
    static const char *const MODES[] = {"dense", "text", "hybrid"};
    size_t expected = 0;
    for (uint32_t i = 0; i < DOCUMENTS; i++) expected += fits(i);
    for (int m = 0; m < 3; m++) {
        size_t n = find(index, MODES[m], "common", vector_of(8), DOCUMENTS, filters, n_filters, hits);
        ck_assert_msg(n == expected, "%s=%s, %s: %zu hits, expected %zu", filters->field, filters->value, MODES[m], n, expected);
        for (size_t k = 0; k < n; k++) ck_assert(fits(number_of(index, hits[k].document)));
    }
}
static bool is_odd(uint32_t n) { return n % 2; }
static bool is_77(uint32_t n) { return n == 77; }
static bool is_row_5(uint32_t n) { return n % (DOCUMENTS / 2) == 5; }
static bool is_even_row_5(uint32_t n) { return is_row_5(n) && !is_odd(n); }
static bool is_of_one(uint32_t n) { return n < DOCUMENTS / 2; }
static bool is_odd_of_one(uint32_t n) { return is_of_one(n) && is_odd(n); }
static bool is_any(uint32_t n) { return n < DOCUMENTS; }
static bool is_none(uint32_t n) { return n > DOCUMENTS; }

START_TEST(filters_hold) {
    lnt_index *index = open_index(corpus[_i], false, NULL);
    check_filters(index, (lnt_filter[]){{"kind", "odd"}}, 1, is_odd);
    check_filters(index, (lnt_filter[]){{"number", "77"}}, 1, is_77);
    check_filters(index, (lnt_filter[]){{"number", "77.0"}}, 1, is_77);
    check_filters(index, (lnt_filter[]){{"at.row", "5"}}, 1, is_row_5);
    check_filters(index, (lnt_filter[]){{"at.row", "5"}, {"kind", "even"}}, 2, is_even_row_5);
    check_filters(index, (lnt_filter[]){{"path", "a/one"}}, 1, is_of_one);
    check_filters(index, (lnt_filter[]){{"path", "a/one"}, {"kind", "odd"}}, 2, is_odd_of_one);
    check_filters(index, (lnt_filter[]){{"path", "a/"}}, 1, is_any);
    check_filters(index, (lnt_filter[]){{"path", ""}}, 1, is_any);
    static const lnt_filter NONE[] = {{"path", "one"}, {"path", "A/one"}, {"path", "a/%"}, {"path", "a/one' OR '1'='1"}, {"kind", "ODD"}, {"kind", ""}, {"", "odd"},
                                      {"kind' OR 1=1 --", "odd"}, {"$.kind", "odd"}, {"kind\"", "odd"}, {"at", "5"}, {"at.", "5"}, {".", "."}, {"at.row.x", "5"},
                                      {"number", "77x"}, {"number", " "}, {"\xff", "\xff"}, {"number", "1e999"}};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) check_filters(index, &NONE[i], 1, is_none);
    lnt_error err;
    lnt_hit hits[1];
    size_t n;
    lnt_filter many[101], half = {"kind", NULL};
    for (int i = 0; i < 101; i++) many[i] = (lnt_filter){"kind", "odd"};
    lnt_query q = {.text = "common", .n_bytes = 6};
    check_filters(index, many, 100, is_odd);
    ck_assert_int_eq(lnt_index_search(index, &q, 1, &(lnt_search_options){.mode = "text", .filters = many, .n_filters = 101}, hits, &n, &err), -1);
    CHECK_ERROR(&err, "at most 100");
    ck_assert_int_eq(lnt_index_search(index, &q, 1, &(lnt_search_options){.mode = "text", .filters = &half, .n_filters = 1}, hits, &n, &err), -1);
    lnt_index_close(index);
}
END_TEST

/* How often words occur is kept for the next query, and no longer than it is true. */
START_TEST(scores_see_every_commit) {
    lnt_hit hits[3];
    double before = 100;
    lnt_index *index = open_index(folder_of("scores"), true, "f32");
    add_source(index, "once", 1, 777);
    for (uint32_t i = 1; i <= 3; i++) {
        add_source(index, path_of("%u", i), 100 * i, i * 1000);
        add_source(index, path_of("%u more", i), 1, 777);
        OK(lnt_index_commit(index, &err));
        size_t n = find(index, "text", "number777", NULL, 3, NULL, 0, hits);
        ck_assert_uint_eq(n, i + 1 < 3 ? i + 1 : 3);
        ck_assert(hits[0].score != before);
        before = hits[0].score;
        ck_assert_uint_eq(find(index, "text", "number777", NULL, 3, NULL, 0, hits), n);
        ck_assert(hits[0].score == before);
        lnt_index *reader = open_index(folder_of("scores"), false, NULL);
        find(reader, "text", "number777", NULL, 3, NULL, 0, hits);
        ck_assert(hits[0].score == before);
        lnt_index_close(reader);
    }
    lnt_index_close(index);
}
END_TEST

/* What filters found is kept for the next search, and no longer than it is true. */
START_TEST(filters_see_every_commit) {
    static lnt_hit hits[200];
    const lnt_filter odd = {"kind", "odd"}, a = {"path", "a"};
    lnt_index *index = open_index(folder_of("commits"), true, "int8");
    for (uint32_t i = 1; i <= 5; i++) {
        add_source(index, path_of("%s%u", i % 2 ? "a" : "b", i), 20, i * 100);
        if (i == 4) OK(lnt_index_remove_source(index, "a1", &err));
        OK(lnt_index_commit(index, &err));
        if (i == 5) OK(lnt_index_compact(index, &err));
        uint32_t sources = i < 4 ? i : i - 1, of_a = (i + 1) / 2 - (i >= 4);
        ck_assert_uint_eq(find(index, "hybrid", "common", vector_of(1), 200, &odd, 1, hits), 10 * sources);
        ck_assert_uint_eq(find(index, "dense", NULL, vector_of(1), 200, &odd, 1, hits), 10 * sources);
        ck_assert_uint_eq(find(index, "hybrid", "common", vector_of(1), 200, &a, 1, hits), 20 * of_a);
        ck_assert_uint_eq(find(index, "text", "common", NULL, 200, &a, 1, hits), 20 * of_a);
    }
    lnt_index_close(index);
}
END_TEST

START_TEST(values_of_all_types) {
    static const char METADATA[] = "{\"t\": true, \"n\": null, \"x\": 0.1, \"e\": 1e3, \"big\": 9007199254740993, \"tags\": [\"red\", 5, [\"deep\"]], \"a.b\": \"whole\", "
                                   "\"a\": {\"b\": \"inner\", \"c.d\": \"dotted\"}, \"quote\\\"d\": \"q\", \"\xc3\xa9\": \"\\u00e9\", \"nul\": \"a\\u0000b\", \"\": \"no name\"}";
    static const struct { lnt_filter f; bool fits; } CASES[] = {
        {{"t", "true"}, true}, {{"t", "1"}, false}, {{"n", "null"}, true}, {{"n", ""}, false}, {{"x", "0.1"}, true}, {{"x", "0.10"}, true}, {{"x", "0.11"}, false},
        {{"e", "1000"}, true}, {{"big", "9007199254740993"}, true}, {{"big", "9007199254740992"}, false}, {{"tags", "red"}, true}, {{"tags", "5"}, true},
        {{"tags", "deep"}, false}, {{"a.b", "whole"}, true}, {{"a.b", "inner"}, false}, {{"a.c.d", "dotted"}, true}, {{"quote\"d", "q"}, true},
        {{"\xc3\xa9", "\xc3\xa9"}, true}, {{"nul", "a"}, false}, {{"", "no name"}, true}, {{"a", "inner"}, false}};
    lnt_index *index = open_index(folder_of("values"), true, "f32");
    lnt_source s = source_of("a", 2);
    lnt_hit hits[2];
    OK(lnt_index_begin_source(index, &s, false, &err));
    OK(lnt_index_add(index, &(lnt_document){.text = "x", .n_bytes = 1, .metadata = METADATA}, vector_of(1), 1, &err));
    OK(lnt_index_add(index, &(lnt_document){.text = "x", .n_bytes = 1}, vector_of(2), 2, &err));
    OK(lnt_index_commit(index, &err));
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        ck_assert_msg(find(index, "hybrid", "x", vector_of(1), 2, &CASES[i].f, 1, hits) == CASES[i].fits, "%s=%s", CASES[i].f.field, CASES[i].f.value);
    lnt_index_close(index);
}
END_TEST

int main(void) {
    make_test_folder();
    open_model();
    for (int i = 0; i < 4; i++) snprintf(corpus[i], sizeof corpus[i], "%s/corpus-%s", test_folder, TYPES[i]);
    TCase *c = tcase_create("search");
    tcase_set_timeout(c, 120);
    tcase_add_unchecked_fixture(c, make_corpus, NULL);
    tcase_add_loop_test(c, dense_is_exact, 0, 4);
    tcase_add_loop_test(c, many_queries_are_like_each_alone, 0, 4);
    tcase_add_loop_test(c, ties_go_to_the_lower_document, 0, 4);
    tcase_add_test(c, text_is_bm25);
    tcase_add_test(c, no_text_is_syntax);
    tcase_add_test(c, letters_of_all_kinds);
    tcase_add_test(c, ten_thousand_words);
    tcase_add_loop_test(c, hybrid_joins_both, 0, 4);
    tcase_add_test(c, what_a_mode_needs);
    tcase_add_loop_test(c, more_wanted_than_there, 0, 4);
    tcase_add_loop_test(c, filters_hold, 0, 4);
    tcase_add_test(c, scores_see_every_commit);
    tcase_add_test(c, filters_see_every_commit);
    tcase_add_test(c, values_of_all_types);
    int failed = run_suite("index search", (TCase *[]){c, NULL});
    lnt_close(model);
    remove_test_folder();
    return failed;
}
