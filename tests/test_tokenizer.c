/* Byte-level BPE against Hugging Face tokenizers (tests/golden/tokenizer.py made the expectations), its way back to bytes,
   long pieces, what the converter and the loader refuse. */
#include "formats/json.h"
#include "tests/tokenizing.h"
#include <time.h>

/* Bytes of ids are the text again. */
static void expect_bytes(const fixture *f, const int32_t *ids, size_t n, const char *text, size_t n_bytes) {
    size_t at = 0;
    for (size_t i = 0, m; i < n; i++, at += m) { /* an assertion is a system call: only when it fails */
        const char *bytes = lnt_token_bytes(&f->model, ids[i], &m);
        if (!bytes || m > n_bytes - at || memcmp(bytes, text + at, m)) ck_abort_msg("id %zu is not the bytes at %zu", i, at);
    }
    ck_assert_uint_eq(at, n_bytes);
}

static void expect_case(const fixture *f, unsigned flags, const unsigned char **p, bool bytes_too) {
    uint32_t n_bytes, n_ids;
    const char *text = (const char *)packed(p, 1, &n_bytes);
    const unsigned char *expected = packed(p, 4, &n_ids);
    const int32_t *ids;
    size_t n;
    ck_assert_int_eq(lnt_tokenize(f->tokenizer, text, n_bytes, flags, &ids, &n, NULL), 0);
    ck_assert_msg(n == n_ids && (!n || !memcmp(ids, expected, n * 4)), "flags %u: other ids for '%.*s'", flags, (int)n_bytes, text);
    if (bytes_too) expect_bytes(f, ids, n, text, n_bytes);
}

static void expect_golden(const char *folder, const char *name) {
    fixture f = set_up(folder);
    size_t size, cases = 0;
    unsigned char *all = read_file(golden(name), &size);
    for (const unsigned char *p = all; p < all + size; cases++) expect_case(&f, 0, &p, true);
    ck_assert_uint_gt(cases, 130);
    free(all);
    tear_down(f);
}

static char *own_json(void) {
    size_t n;
    char *text = read_file(golden("own/tokenizer.json"), &n);
    text[n] = 0;
    return text;
}

/* Spaces before texts, no split, whole pieces first, added tokens of other kinds; with special tokens and without. */
START_TEST(test_variants) {
    size_t size;
    unsigned char *all = read_file(golden("variants.bin"), &size);
    char *text = own_json();
    int variants = 0;
    for (const unsigned char *p = all; p < all + size; variants++) {
        uint32_t n_from, n_to, cases, flags;
        const char *from = (const char *)packed(&p, 1, &n_from), *to = (const char *)packed(&p, 1, &n_to);
        fixture f = set_up(edited_folder(text, from, n_from, to, n_to, path_of("%s/variant-%d", test_folder, variants)));
        memcpy(&cases, p, 4);
        p += 4;
        for (uint32_t i = 0; i < cases; i++) {
            memcpy(&flags, p, 4);
            p += 4;
            expect_case(&f, flags, &p, !f.model.tokenizer->bpe.prefix_space);
        }
        tear_down(f);
    }
    ck_assert_int_eq(variants, 7);
    free(text);
    free(all);
}
END_TEST

static void expect_code_points(const char *folder, int line) {
    unsigned long long n_ids, hash;
    char *text = malloc(0x110000 * 15), *end = text;
    FILE *expected = fopen(golden("codepoints.txt"), "r");
    for (int i = 0; i <= line; i++) ck_assert_int_eq(fscanf(expected, "%llu %llu", &n_ids, &hash), 2);
    fclose(expected);
    for (uint32_t c = 0; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000) continue;
        *end++ = 'a', end += put_utf8(end, c), *end++ = ' ', end += put_utf8(end, c), *end++ = '1', end += put_utf8(end, c);
    }
    fixture f = set_up(folder);
    const int32_t *ids;
    size_t n;
    ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, (size_t)(end - text), 0, &ids, &n, NULL), 0);
    ck_assert_uint_eq(n, n_ids);
    ck_assert_uint_eq(fingerprint(ids, n), hash);
    expect_bytes(&f, ids, n, text, (size_t)(end - text));
    free(text);
    tear_down(f);
}

START_TEST(test_every_code_point) {
    const char *data = shared_data();
    expect_code_points(golden("own"), 0);
    if (data) expect_code_points(path_of("%s/gpt2-tokenizer", data), 1);
}
END_TEST

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
        uint64_t hash = fingerprint(ids, n);
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
    static const char *const TEXTS[] = {"\xff", "\xc3", "\xc3(", "\xed\xa0\x80", "\xed\xb2\x80 x", "\xf4\x90\x80\x80", "a\xe2\x82",
                                        "\xc0\xaf", "\x80\x80 \x80", "\xf0\x9f\x91"};
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

START_TEST(test_detokenize) {
    fixture f = set_up(golden("own"));
    const char given[] = "A na\xc3\xafve\xff man <|endoftext|>", *text;
    const int32_t *ids;
    size_t n, n_text;
    ck_assert_int_eq(lnt_tokenize(f.tokenizer, given, sizeof given, 0, &ids, &n, NULL), 0);
    ck_assert_int_eq(lnt_detokenize(f.tokenizer, ids, n, &text, &n_text, NULL), 0);
    ck_assert_uint_eq(n_text, sizeof given);
    ck_assert_mem_eq(text, given, n_text);
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

static const edit EDITS[] = {
    {"\"type\": \"BPE\"", "\"type\": \"Unigram\"", "Unigram"},
    {"\"dropout\": null", "\"dropout\": 0.1", "dropout"},
    {"\"byte_fallback\": false", "\"byte_fallback\": true", "byte_fallback"},
    {"\"continuing_subword_prefix\": null", "\"continuing_subword_prefix\": \"##\"", "continuing_subword_prefix"},
    {"\"ignore_merges\": false", "\"ignore_merges\": false, \"charm\": 1", "charm"},
    {"\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}", "NFC"},
    {"\"lstrip\": false", "\"lstrip\": 1", "lstrip"},
    {"\"pre_tokenizer\": {\n    \"type\": \"ByteLevel\"", "\"pre_tokenizer\": {\n    \"type\": \"Metaspace\"", "Metaspace"},
    {"\"post_processor\": {\n    \"type\": \"ByteLevel\"", "\"post_processor\": {\n    \"type\": \"TemplateProcessing\"", "add_prefix_space"},
    {"\"post_processor\": {\n    \"type\": \"ByteLevel\"", "\"post_processor\": {\n    \"type\": \"PairProcessing\"", "PairProcessing"},
    {"\"id\": 0", "\"id\": -5", "-5"},
    {"\"a\": ", "\"a\": 1000000000, \"\\u0143\\u0143\": ", "1000000000"},
    {"\"\xc4\x80\": ", "\"zzz\": ", "byte 0"},
    {"\"version\": ", "\"versions\": ", "versions"},
    {"{", "[", "tokenizer.json"},
    {"\"use_regex\": true", "\"use_regex\": 1", "use_regex"},
    {"\"special\": true", "\"special\": true, \"charm\": 1", "charm"},
    {"\"special\": true", "\"special\": 1", "special"},
    {"\"id\": 600", "\"id\": 700", "expected the next"},
    {"\"id\": 600", "\"id\": 5", "expected the next"},
    {"\"id\": 0", "\"id\": 1", "as in the vocabulary"},
    {"\"normalized\": false", "\"normalized\": true", "differ in 'normalized'"},
};

START_TEST(test_refused) {
    char *text = own_json();
    expect_refused(text, &EDITS[_i], _i);
    free(text);
}
END_TEST

/* A merge given twice counts as its last for Hugging Face. */
START_TEST(test_same_merges) {
    char *text = own_json(), *from = strstr(text, "\"merges\": ["), pair[64];
    ck_assert_int_eq(sscanf(from, "\"merges\": [ [ \"%63[^\"]", pair), 1);
    char *end = strchr(from + 12, ']'), twice[400];
    sprintf(twice, "%.*s, %.*s", (int)(end + 1 - from), from, (int)(end + 1 - from - 11), from + 11);
    const char *folder = edited_folder(text, from, (size_t)(end + 1 - from), twice, strlen(twice), path_of("%s/same", test_folder));
    buffer out = {0};
    tokenizer_facts facts;
    lnt_error err;
    ck_assert_int_eq(convert_tokenizer(folder, &out, &facts, &err), -1);
    CHECK_ERROR(&err, "merged twice", folder);
    buffer_free(&out);
    free(text);
}
END_TEST

START_TEST(test_two_files) {
    const char *folder = path_of("%s/two", test_folder);
    buffer out = {0};
    tokenizer_facts facts = {.found = true};
    lnt_error err;
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    ck_assert_int_eq(convert_tokenizer(folder, &out, &facts, &err), 0);
    ck_assert(!facts.found);
    write_file(path_of("%s/vocab.json", folder), "{\"a\": 0, \"b\": 1}", 16);
    ck_assert_int_eq(convert_tokenizer(folder, &out, &facts, &err), -1);
    CHECK_ERROR(&err, "merges.txt", "missing");
    write_file(path_of("%s/merges.txt", folder), "#version: 0.2\na c\n", 18);
    ck_assert_int_eq(convert_tokenizer(folder, &out, &facts, &err), -1);
    CHECK_ERROR(&err, "merges.txt", "'a' and 'c'");
    write_file(path_of("%s/merges.txt", folder), "#version: 0.2\nab\n", 17);
    ck_assert_int_eq(convert_tokenizer(folder, &out, &facts, &err), -1);
    CHECK_ERROR(&err, "merges.txt", "line 2");
    buffer_free(&out);
}
END_TEST

/* Beside vocab.json and merges.txt: file, text, what the error says, NULL: none, and then "the<pad>" has so many ids. */
static const struct beside {
    const char *name, *text, *word;
    size_t n_ids;
} BESIDE[] = {
    {"added_tokens.json", "{\"<pad>\": 600}", NULL, 2},
    {"added_tokens.json", "{\"<pad>\": 7}", "id 7", 0},
    {"added_tokens.json", "{\"<pad>\": \"x\"}", "<pad>", 0},
    {"added_tokens.json", "{\"<|endoftext|>\": 0}", NULL, 5},
    {"tokenizer_config.json", "{\"tokenizer_class\": \"GPT2Tokenizer\", \"model_max_length\": 1024}", NULL, 5},
    {"tokenizer_config.json", "{\"added_tokens_decoder\": {\"600\": {\"content\": \"<pad>\", \"special\": true}}, \"pad_token\": \"<pad>\"}", NULL, 2},
    {"tokenizer_config.json", "{\"added_tokens_decoder\": {\"6x\": {\"content\": \"<pad>\"}}}", "6x", 0},
    {"tokenizer_config.json", "{\"added_tokens_decoder\": {\"600\": {\"content\": \"<pad>\", \"rstrip\": true}}}", NULL, 2},
    {"tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizer\"}", "<s>", 0},
    {"tokenizer_config.json", "{\"tokenizer_class\": \"CodeGenTokenizer\"}", "CodeGenTokenizer", 0},
    {"tokenizer_config.json", "{\"tokenizer_class\": \"BertTokenizer\"}", "BertTokenizer", 0},
    {"tokenizer_config.json", "{\"truncation_side\": \"left\"}", "left", 0},
    {"tokenizer_config.json", "{\"add_bos_token\": true}", "add_bos_token", 0},
    {"tokenizer_config.json", "{\"add_prefix_space\": 1}", "add_prefix_space", 0},
    {"special_tokens_map.json", "{\"eos_token\": \"<|endoftext|>\", \"pad_token\": null}", NULL, 5},
    {"special_tokens_map.json", "{\"pad_token\": {\"content\": \"<pad>\"}}", "<pad>", 0},
    {"special_tokens_map.json", "{\"additional_special_tokens\": [\"the\"]}", NULL, 5},
};

START_TEST(test_beside_two_files) {
    const struct beside *b = &BESIDE[_i];
    const char *folder = two_files("own", path_of("%s/beside-%d", test_folder, _i)), text[] = "the<pad>";
    write_file(path_of("%s/%s", folder, b->name), b->text, strlen(b->text));
    buffer out = {0};
    tokenizer_facts facts;
    lnt_error err;
    ck_assert_int_eq(convert_tokenizer(folder, &out, &facts, &err), b->word ? -1 : 0);
    buffer_free(&out);
    if (b->word) {
        CHECK_ERROR(&err, b->word, folder);
        return;
    }
    fixture f = set_up(folder);
    const int32_t *ids;
    size_t n;
    ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, strlen(text), 0, &ids, &n, NULL), 0);
    ck_assert_uint_eq(n, b->n_ids);
    tear_down(f);
}
END_TEST

/* "add_prefix_space" of tokenizer_config.json. */
START_TEST(test_config_prefix_space) {
    const char *folder = two_files("own", path_of("%s/prefix", test_folder));
    write_file(path_of("%s/tokenizer_config.json", folder), "{\"add_prefix_space\": true}", 26);
    fixture f = set_up(folder);
    const int32_t *ids;
    size_t n, n_bytes;
    ck_assert_int_eq(lnt_tokenize(f.tokenizer, "the", 3, 0, &ids, &n, NULL), 0);
    ck_assert_int_eq(*lnt_token_bytes(&f.model, ids[0], &n_bytes), ' ');
    tear_down(f);
}
END_TEST

/* Merges of many tokens "a", chosen so that a table of 2,048 places would put them all into its first. */
START_TEST(test_collisions) {
    enum { SAME = 3000, MERGES = 1000, N = 256 + SAME + 1 };
    char bytes[N + 1];
    uint32_t ends[N], byte_ids[256], merges[3 * MERGES], n = 0;
    for (uint32_t i = 0; i < N; i++) {
        bytes[i] = i < 256 ? (char)i : 'a';
        ends[i] = i + 1 + (i == N - 1);
        if (i < 256) byte_ids[i] = i;
    }
    bytes[N] = 'a';
    for (uint32_t left = 256; left < N - 1; left++)
        for (uint32_t right = 256; right < N - 1 && n < MERGES; right++) {
            uint64_t x = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u;
            if (!((x ^ x >> 32) & 2047)) merges[3 * n] = left, merges[3 * n + 1] = right, merges[3 * n++ + 2] = N - 1;
        }
    ck_assert_uint_eq(n, MERGES);
    buffer b = {0};
    kv_put_string(&b, "model", "bpe-bytes", 9);
    kv_put_bool(&b, "split", true);
    kv_put_bool(&b, "prefix_space", false);
    kv_put_bool(&b, "whole_first", false);
    kv_put_string(&b, "token_bytes", bytes, sizeof bytes);
    kv_put_u32s(&b, "token_ends", ends, N);
    kv_put_u32s(&b, "byte_ids", byte_ids, 256);
    kv_put_u32s(&b, "merges", merges, 3 * MERGES);
    kv_put_u32s(&b, "added_ids", NULL, 0);
    kv_put_u32s(&b, "added_flags", NULL, 0);
    kv_block block;
    lnt_error err;
    ck_assert_int_eq(kv_open(&block, b.bytes, b.size, "test", &err), 0);
    lnt_model m = {.info.vocab_size = N, .tokenizer = tokenizer_model_load(&block, N, "test", &err)};
    ck_assert_msg(m.tokenizer != NULL, "%s", err.text);
    ck_assert_ptr_null(lnt_tokenizer_new(&m, &err));
    CHECK_ERROR(&err, "collide", "test");
    tokenizer_model_free(m.tokenizer);
    buffer_free(&b);
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
        if (kv_open(&block, copy, seed % 8 ? n : seed / 8 % n, "test", NULL)) continue;
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
    tcase_add_test(c, test_variants);
    tcase_add_test(c, test_every_code_point);
    tcase_add_test(c, test_any_bytes);
    tcase_add_test(c, test_special_tokens);
    tcase_add_test(c, test_detokenize);
    tcase_add_test(c, test_long_pieces);
    tcase_add_loop_test(c, test_refused, 0, sizeof EDITS / sizeof *EDITS);
    tcase_add_test(c, test_same_merges);
    tcase_add_test(c, test_two_files);
    tcase_add_loop_test(c, test_beside_two_files, 0, sizeof BESIDE / sizeof *BESIDE);
    tcase_add_test(c, test_config_prefix_space);
    tcase_add_test(c, test_collisions);
    tcase_add_test(c, test_mutations);
    int rc = run_suite("tokenizer", (TCase *const[]){c, NULL});
    remove_test_folder();
    return rc;
}
