/* Byte-level BPE against Hugging Face tokenizers (tests/golden/tokenizer.py made the expectations), its way back to bytes,
   long pieces, what the converter and the loader refuse. */
#include "convert/tokenizer.h"
#include "engine/model.h"
#include "engine/tokenizer.h"
#include "tests/testing.h"
#include <time.h>

/* A model of nothing but a tokenizer. */
typedef struct fixture {
    buffer section;
    lnt_model model;
    lnt_tokenizer *tokenizer;
} fixture;

static fixture set_up(const char *folder) {
    fixture f = {0};
    lnt_error err;
    kv_block block;
    bool found;
    ck_assert_msg(!convert_tokenizer(folder, &f.section, &found, &err), "%s", err.text);
    ck_assert(found);
    ck_assert_msg(!kv_open(&block, f.section.bytes, f.section.size, "test", &err), "%s", err.text);
    f.model.info.vocab_size = 1 << 17;
    f.model.tokenizer = tokenizer_model_load(&block, f.model.info.vocab_size, "test", &err);
    ck_assert_msg(f.model.tokenizer != NULL, "%s", err.text);
    f.tokenizer = lnt_tokenizer_new(&f.model, &err);
    ck_assert_msg(f.tokenizer != NULL, "%s", err.text);
    return f;
}

static void tear_down(fixture f) {
    lnt_tokenizer_free(f.tokenizer);
    tokenizer_model_free(f.model.tokenizer);
    buffer_free(&f.section);
}

static const char *golden(const char *name) { return path_of("%s/tests/golden/tokenizer/%s", LINNET_SOURCE_DIR, name); }

/* The folder of shared data, NULL and a word about it where there is none. */
static const char *shared_data(void) {
    static char folder[512];
    const char *given = getenv("LINNET_SHARED");
    snprintf(folder, sizeof folder, "%s/data", given ? given : LINNET_SOURCE_DIR "/../shared");
    if (!access(folder, R_OK)) return folder;
    printf("skipped: %s is not there\n", folder);
    return NULL;
}

/* Bytes of ids are the text again. */
static void expect_bytes(const fixture *f, const int32_t *ids, size_t n, const char *text, size_t n_bytes) {
    size_t at = 0;
    for (size_t i = 0, m; i < n; i++, at += m) { /* an assertion is a system call: only when it fails */
        const char *bytes = lnt_token_bytes(&f->model, ids[i], &m);
        if (!bytes || m > n_bytes - at || memcmp(bytes, text + at, m)) ck_abort_msg("id %zu is not the bytes at %zu", i, at);
    }
    ck_assert_uint_eq(at, n_bytes);
}

static void expect_golden(const char *folder, const char *name) {
    fixture f = set_up(folder);
    size_t size, cases = 0;
    unsigned char *all = read_file(golden(name), &size), *p = all;
    for (uint32_t n_bytes, n_ids; p < all + size; p += n_bytes + 4 + 4 * n_ids, cases++) {
        const int32_t *ids;
        size_t n;
        memcpy(&n_bytes, p, 4);
        const char *text = (const char *)(p += 4);
        memcpy(&n_ids, p + n_bytes, 4);
        ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, n_bytes, 0, &ids, &n, NULL), 0);
        ck_assert_msg(n == n_ids && (!n || !memcmp(ids, p + n_bytes + 4, n * 4)), "case %zu: other ids for '%.*s'", cases, (int)n_bytes, text);
        expect_bytes(&f, ids, n, text, n_bytes);
    }
    ck_assert_uint_gt(cases, 130);
    free(all);
    tear_down(f);
}

START_TEST(test_own_vocabulary) { expect_golden(golden("own"), "own.bin"); }
END_TEST

START_TEST(test_gpt2_vocabulary) {
    const char *data = shared_data();
    if (data) expect_golden(path_of("%s/gpt2-tokenizer", data), "gpt2.bin");
}
END_TEST

START_TEST(test_whole_files) {
    const char *data = shared_data();
    if (!data) return;
    fixture f = set_up(path_of("%s/gpt2-tokenizer", data));
    FILE *list = fopen(golden("files.txt"), "r");
    char path[256];
    unsigned long long expected_n, expected_hash;
    int files = 0;
    for (; fscanf(list, "%255s %llu %llu", path, &expected_n, &expected_hash) == 3; files++) {
        size_t n_bytes, n;
        const int32_t *ids;
        char *text = read_file(path_of("%s/%s", data, path), &n_bytes);
        ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, n_bytes, 0, &ids, &n, NULL), 0);
        uint64_t hash = 0;
        for (size_t i = 0; i < n; i++) hash += (uint64_t)ids[i] * (2 * i + 1) * 0x9E3779B97F4A7C15u;
        ck_assert_msg(n == expected_n && hash == expected_hash, "%s: %zu ids, hash %llu, expected %llu and %llu", path, n, (unsigned long long)hash,
                      expected_n, expected_hash);
        expect_bytes(&f, ids, n, text, n_bytes);
        free(text);
    }
    ck_assert_int_ge(files, 11);
    fclose(list);
    tear_down(f);
}
END_TEST

/* Bytes that are no UTF-8 come back too. */
START_TEST(test_any_bytes) {
    fixture f = set_up(golden("own"));
    static const char *const TEXTS[] = {"\xff", "\xc3", "\xc3(", "\xed\xa0\x80", "\xed\xb2\x80 x", "\xf4\x90\x80\x80", "a\xe2\x82", "\xc0\xaf", "\x80\x80 \x80", "\xf0\x9f\x91"};
    const int32_t *ids;
    size_t n;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        ck_assert_int_eq(lnt_tokenize(f.tokenizer, TEXTS[i], strlen(TEXTS[i]), 0, &ids, &n, NULL), 0);
        expect_bytes(&f, ids, n, TEXTS[i], strlen(TEXTS[i]));
    }
    char text[3000];
    uint64_t seed = 42;
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = (char)(seed >> (seed >> 60 & 1 ? 33 : 40));
        }
        ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, sizeof text, round & 1, &ids, &n, NULL), 0);
        expect_bytes(&f, ids, n, text, sizeof text);
    }
    tear_down(f);
}
END_TEST

START_TEST(test_special_tokens) {
    fixture f = set_up(golden("own"));
    const char *text = "a<|endoftext|>b";
    const int32_t *ids;
    size_t n;
    ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, strlen(text), 0, &ids, &n, NULL), 0);
    ck_assert_uint_eq(n, 3);
    ck_assert(lnt_token_is_special(&f.model, ids[1]));
    ck_assert(!lnt_token_is_special(&f.model, ids[0]));
    ck_assert(!lnt_token_is_special(&f.model, -1));
    ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, strlen(text), LNT_NO_SPECIAL, &ids, &n, NULL), 0);
    ck_assert_uint_gt(n, 3);
    expect_bytes(&f, ids, n, text, strlen(text));
    ck_assert_ptr_null(lnt_token_bytes(&f.model, -1, &n));
    ck_assert_ptr_null(lnt_token_bytes(&f.model, 1 << 17, &n));
    ck_assert_ptr_nonnull(lnt_token_bytes(&f.model, (1 << 17) - 1, &n));
    ck_assert_uint_eq(n, 0);
    tear_down(f);
}
END_TEST

/* A quadratic merge would take minutes for each. */
START_TEST(test_long_pieces) {
    enum { MIB = 1 << 20 };
    static const char *const UNITS[] = {"a", " ", "ab", "\n", "=", "<|", "e\xcc\x81", "\xff", "abcdefghij", "\xe4\xbd\xa0"};
    fixture f = set_up(golden("own"));
    char *text = malloc(MIB);
    for (size_t u = 0; u < sizeof UNITS / sizeof *UNITS; u++) {
        const int32_t *ids;
        size_t n, unit = strlen(UNITS[u]);
        for (size_t i = 0; i < MIB; i++) text[i] = UNITS[u][i % unit];
        ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, MIB, 0, &ids, &n, NULL), 0);
        expect_bytes(&f, ids, n, text, MIB);
    }
    free(text);
    tear_down(f);
}
END_TEST

/* ---- refused ---- */

static const struct edit {
    const char *from, *to, *word;
} EDITS[] = {
    {"\"type\": \"BPE\"", "\"type\": \"Unigram\"", "Unigram"},
    {"\"dropout\": null", "\"dropout\": 0.1", "dropout"},
    {"\"byte_fallback\": false", "\"byte_fallback\": true", "byte_fallback"},
    {"\"continuing_subword_prefix\": null", "\"continuing_subword_prefix\": \"##\"", "continuing_subword_prefix"},
    {"\"ignore_merges\": false", "\"ignore_merges\": false, \"charm\": 1", "charm"},
    {"\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}", "NFC"},
    {"\"truncation\": null", "\"truncation\": {\"max_length\": 8}", "truncation"},
    {"\"lstrip\": false", "\"lstrip\": true", "lstrip"},
    {"\"pre_tokenizer\": {\n    \"type\": \"ByteLevel\"", "\"pre_tokenizer\": {\n    \"type\": \"Metaspace\"", "Metaspace"},
    {"\"post_processor\": {\n    \"type\": \"ByteLevel\"", "\"post_processor\": {\n    \"type\": \"TemplateProcessing\"", "TemplateProcessing"},
    {"\"id\": 0", "\"id\": -5", "-5"},
    {"\"a\": ", "\"a\": 1000000000, \"\\u0143\\u0143\": ", "1000000000"},
    {"\"\xc4\x80\": ", "\"zzz\": ", "byte 0"},
    {"\"version\": ", "\"versions\": ", "versions"},
    {"{", "[", "tokenizer.json"},
};

START_TEST(test_refused) {
    size_t n;
    char *text = read_file(golden("own/tokenizer.json"), &n), *edited = malloc(n + 200);
    text[n] = 0;
    const char *at = strstr(text, EDITS[_i].from), *folder = path_of("%s/refused-%d", test_folder, _i);
    ck_assert_msg(at != NULL, "tokenizer.json has no %s", EDITS[_i].from);
    int length = sprintf(edited, "%.*s%s%s", (int)(at - text), text, EDITS[_i].to, at + strlen(EDITS[_i].from));
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    write_file(path_of("%s/tokenizer.json", folder), edited, (size_t)length);
    buffer out = {0};
    bool found;
    lnt_error err;
    ck_assert_int_eq(convert_tokenizer(folder, &out, &found, &err), -1);
    CHECK_ERROR(&err, EDITS[_i].word, folder);
    buffer_free(&out);
    free(text);
    free(edited);
}
END_TEST

START_TEST(test_two_files) {
    const char *folder = path_of("%s/two", test_folder);
    buffer out = {0};
    bool found = true;
    lnt_error err;
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    ck_assert_int_eq(convert_tokenizer(folder, &out, &found, &err), 0);
    ck_assert(!found);
    write_file(path_of("%s/vocab.json", folder), "{\"a\": 0, \"b\": 1}", 16);
    ck_assert_int_eq(convert_tokenizer(folder, &out, &found, &err), -1);
    CHECK_ERROR(&err, "merges.txt", "missing");
    write_file(path_of("%s/merges.txt", folder), "#version: 0.2\na c\n", 18);
    ck_assert_int_eq(convert_tokenizer(folder, &out, &found, &err), -1);
    CHECK_ERROR(&err, "merges.txt", "'a' and 'c'");
    write_file(path_of("%s/merges.txt", folder), "#version: 0.2\nab\n", 17);
    ck_assert_int_eq(convert_tokenizer(folder, &out, &found, &err), -1);
    CHECK_ERROR(&err, "merges.txt", "line 2");
    buffer_free(&out);
}
END_TEST

/* Random edits of a section for a while: refused, or a tokenizer that works. */
START_TEST(test_mutations) {
    fixture f = set_up(golden("own"));
    const char *seconds = getenv("LINNET_TEST_SECONDS");
    time_t end = time(NULL) + (seconds ? atoi(seconds) / 4 + 1 : 2);
    unsigned char *copy = malloc(f.section.size);
    size_t n = f.section.size, used = 0, refused = 0;
    uint64_t seed = 88172645463325252u;
    while (time(NULL) < end) {
        memcpy(copy, f.section.bytes, n);
        for (int edits = 1 + (int)(seed % 3); edits > 0; edits--) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            copy[(seed >> 8) % n] = (unsigned char)(seed & 1 ? seed >> 40 : 0);
        }
        kv_block block;
        if (kv_open(&block, copy, n, "test", NULL)) continue;
        lnt_model m = {.info.vocab_size = 1000, .tokenizer = tokenizer_model_load(&block, 1000, "test", NULL)};
        if (!m.tokenizer) {
            refused++;
            continue;
        }
        lnt_tokenizer *t = lnt_tokenizer_new(&m, NULL);
        const int32_t *ids;
        size_t n_ids;
        const char text[] = "A naïve man, don't <|endoftext|> you think? aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        ck_assert_int_eq(lnt_tokenize(t, text, sizeof text, 0, &ids, &n_ids, NULL), 0);
        for (size_t i = 0; i < n_ids; i++) ck_assert_int_lt(ids[i], 1000);
        lnt_tokenizer_free(t);
        tokenizer_model_free(m.tokenizer);
        used++;
    }
    printf("mutations: %zu refused, %zu used\n", refused, used);
    ck_assert_uint_gt(refused, 0);
    ck_assert_uint_gt(used, 0);
    free(copy);
    tear_down(f);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *c = tcase_create("tokenizer");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, test_own_vocabulary);
    tcase_add_test(c, test_gpt2_vocabulary);
    tcase_add_test(c, test_whole_files);
    tcase_add_test(c, test_any_bytes);
    tcase_add_test(c, test_special_tokens);
    tcase_add_test(c, test_long_pieces);
    tcase_add_loop_test(c, test_refused, 0, sizeof EDITS / sizeof *EDITS);
    tcase_add_test(c, test_two_files);
    tcase_add_test(c, test_mutations);
    int rc = run_suite("tokenizer", (TCase *const[]){c, NULL});
    remove_test_folder();
    return rc;
}
