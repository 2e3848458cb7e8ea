/* WordPiece against Hugging Face tokenizers (tests/golden/wordpiece.py made the expectations): every code point, hostile
   texts, added tokens, vocabularies of a folder; what the converter and the loader refuse. */
#include "engine/bert_text.h"
#include "tests/tokenizing.h"
#include <time.h>

START_TEST(test_own_vocabulary) { ck_assert_int_eq(expect_groups("wordpiece.bin", golden("wordpiece/tokenizer.json")), 19); }
END_TEST

/* ---- every code point ---- */

static uint64_t fingerprint_bytes(const unsigned char *bytes, size_t n, size_t from) {
    uint64_t hash = 0;
    for (size_t i = 0; i < n; i++) hash += (uint64_t)bytes[i] * (2 * (from + i) + 1) * 0x9E3779B97F4A7C15u;
    return hash;
}

/* The text of 0x1000 code points from first on. */
static size_t code_points_text(char *text, uint32_t first) {
    char *end = text;
    for (uint32_t c = first; c < first + 0x1000; c++) {
        if (c >= 0xd800 && c < 0xe000) continue;
        *end++ = 'a', end += put_utf8(end, c), end += put_utf8(end, 0x301), end += put_utf8(end, 0x302e), end += put_utf8(end, c);
        *end++ = ' ', end += put_utf8(end, c), *end++ = 'B';
    }
    return (size_t)(end - text);
}

START_TEST(test_every_code_point) {
    FILE *expected = fopen(golden("normalized.txt"), "r");
    char *text = malloc(0x1000 * 20);
    for (unsigned bits = 0; bits < 16; bits++) {
        bert_rules rules = {bits & 1, bits & 2, bits & 4, bits & 8};
        bert_text t = {0};
        unsigned long long n_expected, hash_expected;
        uint64_t hash = 0, piece_hash = 0;
        size_t n = 0, n_pieces = 0, n_invalid = 0;
        for (uint32_t first = 0; first < 0x110000; first += 0x1000) {
            ck_assert_int_eq(bert_text_normalize(&t, &rules, text, 0, code_points_text(text, first), &n_invalid), 0);
            hash += fingerprint_bytes(t.bytes, t.n, n);
            n += t.n;
            for (size_t at = 0, length; (length = bert_text_piece(t.bytes, t.n, &at)) > 0; at += length)
                piece_hash += length * (2 * n_pieces++ + 1) * 0x9E3779B97F4A7C15u;
        }
        ck_assert_int_eq(fscanf(expected, "%llu %llu", &n_expected, &hash_expected), 2);
        ck_assert_uint_eq(n, n_expected);
        ck_assert_uint_eq(hash, hash_expected);
        ck_assert_uint_eq(n_invalid, 0);
        if (bits == 0 || bits == 15) {
            ck_assert_int_eq(fscanf(expected, "%llu %llu", &n_expected, &hash_expected), 2);
            ck_assert_uint_eq(n_pieces, n_expected);
            ck_assert_uint_eq(piece_hash, hash_expected);
        }
        bert_text_free(&t);
    }
    fclose(expected);
    free(text);
}
END_TEST

/* ---- MiniLM's vocabulary ---- */

/* The folder of a shared model, NULL and a word about it where there is none. */
static const char *minilm(void) {
    const char *data = shared_data(), *folder = data ? path_of("%s/../models/all-MiniLM-L6-v2", data) : NULL;
    if (!folder || !access(folder, R_OK)) return folder;
    printf("skipped: %s is not there\n", folder);
    return NULL;
}

START_TEST(test_minilm) {
    if (minilm()) ck_assert_int_eq(expect_groups("minilm.bin", path_of("%s/tokenizer.json", minilm())), 1);
}
END_TEST

/* Each line with places, truncated to 128. */
static uint64_t hash_lines(const fixture *f, const char *text, size_t n) {
    uint64_t hash = 0;
    for (size_t i = 0, at = 0; at <= n; i++) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at;
        lnt_encoding e;
        if (lnt_encode(f->tokenizer, text + at, length, NULL, 0, 128, LNT_PLACES, &e, NULL)) ck_abort_msg("line %zu", i);
        hash += fingerprint_encoding(&e) * (2 * i + 1);
        at += length + 1;
    }
    return hash;
}

START_TEST(test_minilm_files) {
    const char *data = shared_data();
    if (!minilm()) return;
    fixture f = set_up(minilm());
    ck_assert_int_eq(f.facts.mask_id, 103);
    ck_assert_int_eq(f.facts.max_length, 512);
    FILE *list = fopen(golden("minilm-files.txt"), "r");
    char path[256];
    unsigned long long expected_n, expected_hash, expected_lines;
    int files = 0;
    for (; fscanf(list, "%255s %llu %llu %llu", path, &expected_n, &expected_hash, &expected_lines) == 4; files++) {
        size_t n_bytes, n;
        const int32_t *ids;
        char *text = read_file(path_of("%s/%s", data, path), &n_bytes);
        ck_assert_int_eq(lnt_tokenize(f.tokenizer, text, n_bytes, 0, &ids, &n, NULL), 0);
        ck_assert_msg(n == expected_n && fingerprint(ids, n) == expected_hash, "%s: other ids than expected", path);
        ck_assert_msg(hash_lines(&f, text, n_bytes) == expected_lines, "%s: its lines are seen otherwise than expected", path);
        free(text);
    }
    ck_assert_int_eq(files, 11);
    fclose(list);
    tear_down(f);
}
END_TEST

/* ---- hostile texts ---- */

/* Anything that is not linear would take hours. */
START_TEST(test_long_texts) {
    enum { SIZE = 10 << 20 };
    static const char *const UNITS[] = {"a", "\xcc\x81", "e\xcc\x81", "\xe3\x80\xae\xcd\x85", "\xff", "\xe4\xbd\xa0", ".", " ", "[MASK",
                                        "abcdefghijklmnopqrstuvwxyzabcdefg ", "\xea\xb0\x81"};
    fixture f = set_up(golden("wordpiece"));
    char *text = malloc(SIZE);
    for (size_t u = 0; u < sizeof UNITS / sizeof *UNITS; u++) {
        size_t unit = strlen(UNITS[u]);
        lnt_encoding e;
        for (size_t i = 0; i < SIZE; i++) text[i] = UNITS[u][i % unit];
        for (unsigned flags = 0; flags <= LNT_PLACES; flags += LNT_PLACES) {
            ck_assert_int_eq(lnt_encode(f.tokenizer, text, SIZE, NULL, 0, 512, flags, &e, NULL), 0);
            ck_assert_uint_le(e.n, 512);
            ck_assert_uint_ge(e.n, 2);
        }
        if (*UNITS[u] == '\xff') ck_assert_uint_eq(e.n_invalid, SIZE);
    }
    free(text);
    tear_down(f);
}
END_TEST

/* Places are inside the text, whole characters, and never go back. */
START_TEST(test_any_bytes) {
    fixture f = set_up(golden("wordpiece"));
    char text[600];
    uint64_t seed = 42;
    for (int round = 0; round < 3000; round++) {
        lnt_encoding e;
        size_t n = (size_t)round % sizeof text;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = (char)(seed >> (seed >> 60 & 1 ? 33 : 40));
        }
        ck_assert_int_eq(lnt_encode(f.tokenizer, text, n, NULL, 0, 0, (unsigned)round % 2 | LNT_PLACES, &e, NULL), 0);
        for (size_t i = 1, last = 0; i + 1 < e.n; last = e.places[i++].begin)
            if (e.places[i].begin >= e.places[i].end || e.places[i].end > n || e.places[i].begin < last)
                ck_abort_msg("round %d, token %zu", round, i);
    }
    tear_down(f);
}
END_TEST

/* ---- conversion ---- */

static char *own_json(void) {
    size_t n;
    char *text = read_file(golden("wordpiece/tokenizer.json"), &n);
    text[n] = 0;
    return text;
}

static const edit EDITS[] = {
    {"\"type\": \"WordPiece\",\n    \"unk", "\"type\": \"WordLevel\",\n    \"unk", "WordLevel"},
    {"\"type\": \"BertNormalizer\"", "\"type\": \"Lowercase\"", "Lowercase"},
    {"\"clean_text\": true", "\"clean_text\": 1", "clean_text"},
    {"\"clean_text\": true", "\"charm\": 1", "charm"},
    {"\"type\": \"BertPreTokenizer\"", "\"type\": \"Whitespace\"", "Whitespace"},
    {"\"type\": \"TemplateProcessing\"", "\"type\": \"PairProcessing\"", "PairProcessing"},
    {"\"type\": \"TemplateProcessing\"", "\"type\": \"BertProcessing\"", "'single'"},
    {"\"id\": \"A\"", "\"id\": \"C\"", "part 1 of 'single'"},
    {"\"ids\": [\n          2\n", "\"ids\": [\n          7000\n", "7000"},
    {"\"type\": \"WordPiece\",\n    \"prefix\"", "\"type\": \"ByteFallback\",\n    \"prefix\"", "ByteFallback"},
    {"\"unk_token\": \"[UNK]\"", "\"unk_token\": \"[UNKNOWN]\"", "[UNKNOWN]"},
    {"\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 100000", "max_input_chars_per_word"},
    {"\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 0", "max_input_chars_per_word"},
    {"\"content\": \"[NEW]\",\n      \"single_word\": false,\n      \"lstrip\": false",
     "\"content\": \"[NEW] \",\n      \"single_word\": false,\n      \"lstrip\": true", "lstrip"},
};

START_TEST(test_refused) {
    char *text = own_json();
    expect_refused(text, &EDITS[_i], _i);
    free(text);
}
END_TEST

/* Other ways to write the same tokenizer, and one that does not normalize: a part, its JSON, hash of what is seen. */
START_TEST(test_other_forms) {
    static const char *const FORMS[][2] = {
        {"version", "\"1.0\""},
        {"normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"BertNormalizer\"}]}"},
        {"pre_tokenizer", "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"BertPreTokenizer\"}]}"},
        {"post_processor", "{\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 3], \"cls\": [\"[CLS]\", 2]}"},
        {"decoder", "null"},
        {"type", NULL}, /* of the model, which old files do not have */
        {"truncation", "{\"max_length\": 4, \"strategy\": \"LongestFirst\", \"stride\": 0}"},
        {"normalizer", "null"},
    };
    uint64_t first = 0;
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        const char *folder = path_of("%s/form-%zu", test_folder, i), text[] = "The WHALE, \xc3\xa9\xe4\xbd\xa0\xe5\xa5\xbd [MASK]";
        json_t *root = json_load_file(golden("wordpiece/tokenizer.json"), 0, NULL);
        if (FORMS[i][1]) json_object_set_new(root, FORMS[i][0], json_loads(FORMS[i][1], JSON_DECODE_ANY, NULL));
        else json_object_del(json_object_get(root, "model"), FORMS[i][0]);
        ck_assert_int_eq(mkdir(folder, 0777), 0);
        ck_assert_int_eq(json_dump_file(root, path_of("%s/tokenizer.json", folder), 0), 0);
        json_decref(root);
        fixture f = set_up(folder);
        lnt_encoding e;
        ck_assert_int_eq(lnt_encode(f.tokenizer, text, strlen(text), text, 9, 0, LNT_PLACES, &e, NULL), 0);
        if (!i) first = fingerprint_encoding(&e);
        ck_assert_msg((fingerprint_encoding(&e) == first) == (i < 7), "form %zu: %s", i, FORMS[i][0]);
        tear_down(f);
    }
}
END_TEST

static void write_text(const char *path, const char *text) { write_file(path, text, strlen(text)); }

#define SMALL "[UNK]\n[CLS]\n[SEP]\ne\n"
#define CONFIG "tokenizer_config.json"

/* A vocab.txt, a file beside it, and the ids of what is seen of a text, or two. */
static const struct folder {
    const char *vocab, *name, *beside, *text, *pair;
    int32_t ids[8];
    size_t n;
    int64_t mask, max_length;
} FOLDERS[] = {
    {.vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhe\n##llo\ne\nE\n", .text = "HELLO \xc3\xa9 [MASK] zz",
     .ids = {2, 5, 6, 7, 4, 1, 3}, .n = 7, .mask = 4},
    {.vocab = "[PAD]\r\n[UNK] \r\n[CLS]\r\n[SEP]\r\nhe\r\n##llo\r\ne\r\nE", .text = "HELLO \xc3\xa9", .pair = "he",
     .ids = {2, 4, 5, 6, 3, 4, 3}, .n = 7, .mask = -1},
    {.vocab = "[UNK]\n[CLS]\n[SEP]\n\ne\na\ne\n", .text = "e a", .ids = {1, 6, 5, 2}, .n = 4, .mask = -1}, /* one line twice */
    {.vocab = SMALL "E\n", .name = CONFIG, .text = "E e \xc3\x89", .ids = {1, 4, 3, 0, 2}, .n = 5, .mask = -1, .max_length = 512,
     .beside = "{\"do_lower_case\": false, \"model_max_length\": 512, \"tokenizer_class\": \"BertTokenizerFast\"}"},
    {.vocab = SMALL "E\n", .name = CONFIG, .text = "E e \xc3\x89", .ids = {1, 4, 3, 4, 2}, .n = 5, .mask = -1,
     .beside = "{\"do_lower_case\": false, \"strip_accents\": true, \"model_max_length\": 1e30}"},
    {.vocab = SMALL "\xe4\xbd\xa0\n##\xe5\xa5\xbd\n", .name = CONFIG, .text = "\xe4\xbd\xa0\xe5\xa5\xbd", .ids = {1, 4, 5, 2}, .n = 4, .mask = -1,
     .beside = "{\"tokenize_chinese_chars\": false, \"tokenizer_class\": \"DistilBertTokenizer\"}"},
    {.vocab = "<unk>\n<s>\n</s>\na\n", .name = CONFIG, .text = "a </s>b", .ids = {1, 3, 2, 0, 2}, .n = 5, .mask = -1,
     .beside = "{\"unk_token\": \"<unk>\", \"cls_token\": \"<s>\", \"sep_token\": {\"content\": \"</s>\", \"lstrip\": true}}"},
    {.vocab = "<s>\n<pad>\n</s>\n[UNK]\n<mask>\na\n", .name = "config.json", .beside = "{\"model_type\": \"mpnet\"}", .text = "a <mask>", .pair = "a",
     .ids = {0, 5, 4, 2, 2, 5, 2}, .n = 7, .mask = 4},
    {.vocab = SMALL, .name = "added_tokens.json", .beside = "{\"[X\xc3\x89]\": 4}", .text = "e[xe]e", .ids = {1, 3, 4, 3, 2}, .n = 5, .mask = -1},
    {.vocab = SMALL, .name = "special_tokens_map.json", .beside = "{\"mask_token\": \"e\"}", .text = "ee", .ids = {1, 3, 3, 2}, .n = 4, .mask = 3},
};

static const char *make_folder(const char *folder, const char *vocab, const char *name, const char *beside) {
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    write_text(path_of("%s/vocab.txt", folder), vocab);
    if (name) write_text(path_of("%s/%s", folder, name), beside);
    return folder;
}

START_TEST(test_folders) {
    const struct folder *c = &FOLDERS[_i];
    fixture f = set_up(make_folder(path_of("%s/folder-%d", test_folder, _i), c->vocab, c->name, c->beside));
    lnt_encoding e;
    ck_assert_int_eq(f.facts.mask_id, c->mask);
    ck_assert_int_eq(f.facts.max_length, c->max_length);
    ck_assert_int_eq(lnt_encode(f.tokenizer, c->text, strlen(c->text), c->pair, c->pair ? strlen(c->pair) : 0, 0, 0, &e, NULL), 0);
    ck_assert_uint_eq(e.n, c->n);
    ck_assert_mem_eq(e.ids, c->ids, c->n * sizeof *c->ids);
    tear_down(f);
}
END_TEST

/* vocab.txt, a file beside it, a word of the error. */
static const char *const REFUSED[][4] = {
    {"[UNK]\n[CLS]\ne\n", NULL, NULL, "[SEP]"},
    {"[CLS]\n[SEP]\ne\n", NULL, NULL, "[UNK]"},
    {"[UNK]\n[CLS]\n[SEP]\n\xff\n", NULL, NULL, "line 4"},
    {"", NULL, NULL, "no vocabulary"},
    {SMALL, CONFIG, "{\"do_basic_tokenize\": false}", "do_basic_tokenize"},
    {SMALL, CONFIG, "{\"never_split\": [\"e\"]}", "never_split"},
    {SMALL, CONFIG, "{\"tokenizer_class\": \"BertJapaneseTokenizer\"}", "BertJapaneseTokenizer"},
    {SMALL, CONFIG, "{\"tokenizer_class\": \"RobertaTokenizer\"}", "RobertaTokenizer"},
    {SMALL, CONFIG, "{\"mask_token\": \"<mask>\"}", "<mask>"},
    {SMALL, CONFIG, "{\"do_lower_case\": \"yes\"}", "do_lower_case"},
    {SMALL, CONFIG, "{\"extra_special_tokens\": {\"image_token\": \"e\"}}", "extra_special_tokens"},
    {SMALL, CONFIG, "{\"wordpieces_prefix\": \"@@\"}", "wordpieces_prefix"},
    {SMALL, CONFIG, "[]", "tokenizer_config.json"},
};

START_TEST(test_refused_folders) {
    const char *const *c = REFUSED[_i], *folder = make_folder(path_of("%s/refused-folder-%d", test_folder, _i), c[0], c[1], c[2]);
    buffer out = {0};
    tokenizer_facts facts;
    lnt_error err;
    ck_assert_int_eq(convert_tokenizer(folder, &out, &facts, &err), -1);
    CHECK_ERROR(&err, c[3], folder);
    buffer_free(&out);
}
END_TEST

/* tokenizer_config.json has the last word where it speaks. */
START_TEST(test_config_beside_json) {
    size_t n;
    char *text = read_file(golden("wordpiece/tokenizer.json"), &n);
    text[n] = 0;
    const char *folder = edited_folder(text, "{", 1, "{", 1, path_of("%s/json-config", test_folder));
    write_text(path_of("%s/tokenizer_config.json", folder),
               "{\"do_lower_case\": false, \"tokenizer_class\": \"BertTokenizer\", \"mask_token\": \"[MASK]\", \"model_max_length\": 77}");
    fixture f = set_up(folder);
    ck_assert(!f.model.tokenizer->wordpiece.rules.lower && !f.model.tokenizer->wordpiece.rules.strip_accents);
    ck_assert_int_eq(f.facts.mask_id, 4);
    ck_assert_int_eq(f.facts.max_length, 77);
    tear_down(f);
    free(text);
}
END_TEST

/* Words come back with a space between them; pieces of one without; ids that the vocabulary leaves out do not. */
START_TEST(test_detokenize) {
    const char *folder = path_of("%s/detokenize", test_folder), *text;
    size_t n;
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    write_text(path_of("%s/vocab.txt", folder), "[UNK]\n[CLS]\n[SEP]\n\nun\n##able\n.\n##s\n");
    fixture f = set_up(folder);
    lnt_error err;
    ck_assert_int_eq(lnt_detokenize(f.tokenizer, (const int32_t[]){3, 5, 4, 5, 7, 3, 6, 4, 2}, 9, &text, &n, &err), 0);
    ck_assert_uint_eq(n, strlen("##able unables . un [SEP]"));
    ck_assert_mem_eq(text, "##able unables . un [SEP]", n);
    ck_assert_int_eq(lnt_detokenize(f.tokenizer, NULL, 0, &text, &n, &err), 0);
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(lnt_detokenize(f.tokenizer, (const int32_t[]){1 << 17}, 1, &text, &n, &err), -1);
    CHECK_ERROR(&err, "131072");
    ck_assert_int_eq(lnt_detokenize(f.tokenizer, (const int32_t[]){-1}, 1, &text, &n, &err), -1);
    tear_down(f);
}
END_TEST

/* Tokens chosen so that a table of 8,192 places would put them all into its first. */
START_TEST(test_collisions) {
    enum { N = 3000, MASK = 8191 };
    buffer bytes = {0}, b = {0};
    uint32_t ends[N];
    uint64_t number = 0;
    for (size_t i = 0; i < N; number++) {
        char text[8];
        uint64_t h = 0;
        for (size_t k = 0; k < sizeof text; k++) {
            text[k] = (char)('a' + (number >> 3 * k & 7));
            h = (h ^ (unsigned char)text[k]) * 0x9e3779b97f4a7c15u;
            h ^= h >> 32;
        }
        if (h & MASK) continue;
        buffer_append(&bytes, text, sizeof text);
        ends[i++] = (uint32_t)bytes.size;
        ck_assert_uint_lt(number, 1 << 26);
    }
    kv_put_string(&b, "token_bytes", (const char *)bytes.bytes, bytes.size);
    kv_put_u32s(&b, "token_ends", ends, N);
    kv_put_u32s(&b, "added_ids", NULL, 0);
    kv_put_u32s(&b, "added_flags", NULL, 0);
    put_wordpiece(&b);
    kv_block block;
    lnt_error err;
    ck_assert_int_eq(kv_open(&block, b.bytes, b.size, "test", &err), 0);
    lnt_model m = {.info.vocab_size = N, .tokenizer = tokenizer_model_load(&block, N, "test", &err)};
    ck_assert_msg(m.tokenizer != NULL, "%s", err.text);
    ck_assert_ptr_null(lnt_tokenizer_new(&m, &err));
    CHECK_ERROR(&err, "collide", "test");
    tokenizer_model_free(m.tokenizer);
    buffer_free(&bytes);
    buffer_free(&b);
}
END_TEST

/* Random edits of a section for a while: refused, or a tokenizer that works. */
START_TEST(test_mutations) {
    fixture f = set_up(golden(_i ? "roberta" : "wordpiece"));
    const char *seconds = getenv("LINNET_TEST_SECONDS");
    time_t end = time(NULL) + (seconds ? atoi(seconds) / 8 + 1 : 2);
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
        lnt_model m = {.info.vocab_size = 1000, .info.n_segments = 2, .tokenizer = tokenizer_model_load(&block, 1000, "test", NULL)};
        lnt_tokenizer *t = m.tokenizer ? lnt_tokenizer_new(&m, NULL) : NULL;
        const char text[] = "A na\xc3\xafve [MASK] m\xc3\xa1n, <mask> don't\xff you think? under\xcd\x85\xe3\x80\xae "
                            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        lnt_encoding e = {0};
        lnt_error err;
        if (t && !lnt_encode(t, text, sizeof text, text, 20, seed % 40, LNT_PLACES, &e, &err)) used++;
        else refused++;
        for (size_t i = 0; i < e.n; i++)
            if (e.ids[i] >= 1000 || e.places[i].begin > e.places[i].end || e.places[i].end > sizeof text) ck_abort_msg("token %zu", i);
        lnt_tokenizer_free(t);
        tokenizer_model_free(m.tokenizer);
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
    TCase *c = tcase_create("wordpiece");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, test_own_vocabulary);
    tcase_add_test(c, test_every_code_point);
    tcase_add_test(c, test_minilm);
    tcase_add_test(c, test_minilm_files);
    tcase_add_test(c, test_long_texts);
    tcase_add_test(c, test_any_bytes);
    tcase_add_loop_test(c, test_refused, 0, sizeof EDITS / sizeof *EDITS);
    tcase_add_test(c, test_other_forms);
    tcase_add_loop_test(c, test_folders, 0, sizeof FOLDERS / sizeof *FOLDERS);
    tcase_add_loop_test(c, test_refused_folders, 0, sizeof REFUSED / sizeof *REFUSED);
    tcase_add_test(c, test_config_beside_json);
    tcase_add_test(c, test_detokenize);
    tcase_add_test(c, test_collisions);
    tcase_add_loop_test(c, test_mutations, 0, 2);
    int rc = run_suite("wordpiece", (TCase *const[]){c, NULL});
    remove_test_folder();
    return rc;
}
