/* What a model sees of texts and pairs (lnt_encode): templates, segments, truncation and places against Hugging Face
   tokenizers (tests/golden/wordpiece.py made the expectations), and what is refused. */
#include "tests/tokenizing.h"

START_TEST(test_roberta) { ck_assert_int_eq(expect_groups("roberta.bin", golden("roberta/tokenizer.json")), 7); }
END_TEST

/* Its vocabulary and merges alone, with a word about the class, are the same tokenizer. */
START_TEST(test_roberta_files) {
    static const char *const BESIDE[][2] = {{"config.json", "{\"model_type\": \"roberta\"}"},
                                            {"tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizer\"}"},
                                            {"tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizerFast\", \"trim_offsets\": true}"},
                                            {"config.json", "{\"model_type\": \"roberta\", \"tokenizer_class\": \"x\"}"}};
    const char *text = " the  whale <mask>.</s> na\xc3\xafve", *pair = "<mask> and";
    fixture expected = set_up(golden("roberta"));
    for (size_t i = 0; i < sizeof BESIDE / sizeof *BESIDE; i++) {
        const char *folder = two_files("roberta", path_of("%s/roberta-files-%zu", test_folder, i));
        write_file(path_of("%s/%s", folder, BESIDE[i][0]), BESIDE[i][1], strlen(BESIDE[i][1]));
        fixture f = set_up(folder);
        lnt_encoding a, b;
        ck_assert_int_eq(f.facts.mask_id, 4);
        ck_assert_int_eq(lnt_encode(f.tokenizer, text, strlen(text), pair, strlen(pair), 30, LNT_PLACES, &a, NULL), 0);
        ck_assert_int_eq(lnt_encode(expected.tokenizer, text, strlen(text), pair, strlen(pair), 30, LNT_PLACES, &b, NULL), 0);
        ck_assert_uint_eq(a.n, b.n);
        ck_assert_uint_eq(fingerprint_encoding(&a), fingerprint_encoding(&b));
        tear_down(f);
    }
    tear_down(expected);
}
END_TEST

START_TEST(test_gpt2_places) { ck_assert_int_eq(expect_groups("gpt2-places.bin", golden("own/tokenizer.json")), 2); }
END_TEST

/* Without a template the text alone is seen, as lnt_tokenize gives it. */
START_TEST(test_no_template) {
    fixture f = set_up(golden("own"));
    const char *text = "the whale<|endoftext|> and the sea";
    const int32_t *ids;
    size_t n;
    lnt_encoding e;
    lnt_error err;
    ck_assert_int_eq(lnt_encode(f.tokenizer, text, strlen(text), NULL, 0, 0, 0, &e, &err), 0);
    ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, strlen(text), 0, &ids, &n, &err), 0);
    ck_assert_uint_eq(e.n, n);
    ck_assert_mem_eq(e.ids, ids, n * sizeof *ids);
    ck_assert_ptr_null(e.places);
    for (size_t i = 0; i < n; i++) ck_assert_uint_eq(e.segments[i], 0);
    ck_assert_int_eq(lnt_encode(f.tokenizer, text, strlen(text), NULL, 0, 3, 0, &e, &err), 0);
    ck_assert_uint_eq(e.n, 3);
    ck_assert_uint_eq(e.n_dropped, n - 3);
    ck_assert_int_eq(lnt_encode(f.tokenizer, text, strlen(text), "x", 1, 0, 0, &e, &err), -1);
    CHECK_ERROR(&err, "two texts");
    tear_down(f);
}
END_TEST

/* Fewer tokens than the special ones are no length to truncate to. */
START_TEST(test_too_short) {
    fixture f = set_up(golden("wordpiece"));
    lnt_encoding e;
    lnt_error err;
    ck_assert_int_eq(lnt_encode(f.tokenizer, "a b", 3, NULL, 0, 2, 0, &e, &err), 0);
    ck_assert_uint_eq(e.n, 2);
    ck_assert_uint_eq(e.n_dropped, 2);
    ck_assert_int_eq(lnt_encode(f.tokenizer, "a b", 3, NULL, 0, 1, 0, &e, &err), -1);
    CHECK_ERROR(&err, "truncated to 1", "the 2 special");
    ck_assert_int_eq(lnt_encode(f.tokenizer, "a", 1, "b", 1, 2, 0, &e, &err), -1);
    CHECK_ERROR(&err, "the 3 special");
    ck_assert_int_eq(lnt_encode(f.tokenizer, "", 0, NULL, 0, 0, LNT_PLACES, &e, &err), 0);
    ck_assert_uint_eq(e.n, 2);
    ck_assert_uint_eq(e.places[1].begin | e.places[1].end, 0);
    tear_down(f);
}
END_TEST

/* A model without segments sees none; one with fewer than the template names cannot use it. */
START_TEST(test_segments) {
    static const uint8_t EXPECTED[] = {0, 0, 0, 1, 1};
    for (uint32_t n_segments = 0; n_segments < 3; n_segments++) {
        fixture f = set_up(golden("wordpiece"));
        lnt_error err;
        lnt_encoding e;
        lnt_tokenizer_free(f.tokenizer);
        f.model.info.n_segments = n_segments;
        f.tokenizer = lnt_tokenizer_new(&f.model, &err);
        ck_assert_int_eq(lnt_encode(f.tokenizer, "a", 1, "b", 1, 0, 0, &e, &err), 0);
        ck_assert_uint_eq(e.n, 5);
        for (size_t i = 0; i < 5; i++) ck_assert_uint_eq(e.segments[i], n_segments == 2 ? EXPECTED[i] : 0);
        tear_down(f);
    }
    size_t n;
    char *text = read_file(golden("wordpiece/tokenizer.json"), &n), from[] = "\"type_id\": 1";
    text[n] = 0;
    fixture f = set_up(edited_folder(text, from, strlen(from), "\"type_id\": 2", 12, path_of("%s/segments", test_folder)));
    lnt_error err;
    lnt_encoding e;
    ck_assert_int_eq(lnt_encode(f.tokenizer, "a", 1, "b", 1, 0, 0, &e, &err), -1);
    CHECK_ERROR(&err, "segment 2");
    free(text);
    tear_down(f);
}
END_TEST

/* ---- sections ---- */

/* A section of a few tokens, written and opened. */
static const struct section {
    const char *word; /* of the error; NULL: none */
    uint32_t single[8], pair[12];
    size_t n_single, n_pair;
    uint64_t trim;
} TEMPLATES[] = {
    {NULL, {1, 0, ~0u, 0, 2, 0}, {~0u, 0, 2, 0, ~1u, 1}, 6, 6, 2},
    {"names the token 9", {9, 0, ~0u, 0}, {0}, 4, 0, 0},
    {"names the token 3", {3, 0, ~0u, 0}, {0}, 4, 0, 0}, /* of no bytes */
    {"the segment 256", {1, 256, ~0u, 0}, {0}, 4, 0, 0},
    {"each text once", {1, 0, 2, 0}, {0}, 4, 0, 0},
    {"each text once", {~0u, 0, ~0u, 0}, {0}, 4, 0, 0},
    {"each text once", {~0u, 0, ~1u, 0}, {0}, 4, 0, 0},
    {"list of at most", {~0u, 0, 1}, {0}, 3, 0, 0},
    {"without 'template_single'", {0}, {~0u, 0, ~1u, 1}, 0, 4, 0},
    {"each text once", {~0u, 0}, {~0u, 0, 1, 0}, 2, 4, 0},
    {"trim_places", {0}, {0}, 0, 0, 3},
};

START_TEST(test_sections) {
    const struct section *s = &TEMPLATES[_i];
    buffer b = {0};
    kv_put_string(&b, "token_bytes", "?[](a", 5);
    kv_put_u32s(&b, "token_ends", (const uint32_t[]){1, 2, 3, 3, 4, 5}, 6);
    kv_put_u32s(&b, "added_ids", NULL, 0);
    kv_put_u32s(&b, "added_flags", NULL, 0);
    put_wordpiece(&b);
    if (s->n_single) kv_put_u32s(&b, "template_single", s->single, s->n_single);
    if (s->n_pair) kv_put_u32s(&b, "template_pair", s->pair, s->n_pair);
    kv_put_u64(&b, "trim_places", s->trim);
    kv_block block;
    lnt_error err = {0};
    ck_assert_int_eq(kv_open(&block, b.bytes, b.size, "test", &err), 0);
    tokenizer_model *m = tokenizer_model_load(&block, 6, "test", &err);
    ck_assert_msg(!m == !!s->word, "%s", err.text);
    if (s->word) CHECK_ERROR(&err, s->word, "test");
    tokenizer_model_free(m);
    buffer_free(&b);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *c = tcase_create("encode");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, test_roberta);
    tcase_add_test(c, test_roberta_files);
    tcase_add_test(c, test_gpt2_places);
    tcase_add_test(c, test_no_template);
    tcase_add_test(c, test_too_short);
    tcase_add_test(c, test_segments);
    tcase_add_loop_test(c, test_sections, 0, sizeof TEMPLATES / sizeof *TEMPLATES);
    int rc = run_suite("encode", (TCase *const[]){c, NULL});
    remove_test_folder();
    return rc;
}
