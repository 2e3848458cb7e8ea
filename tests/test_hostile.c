/* Classes of mistakes that parsers of model files have had (docs/security.md lists them by CVE), each as a file that has it, under hashes
   that fit: counts and sizes that overflow, indices outside, numbers below zero, what would be run. tests/test_lnt.c, test_torch.c,
   test_checkpoint.c, test_images.c, test_preprocess.c and test_index_damage.c have those of their own formats. */
#define _GNU_SOURCE
#include "engine/model.h"
#include "tests/golden.h"
#include "tests/handmade.h"
#include <fcntl.h>
#include <sys/resource.h>

/* ---- victims: files of tests/golden/v1, whole, then changed ---- */

typedef struct victim {
    unsigned char *bytes;
    size_t n;
} victim;

static victim victim_of(const char *name) {
    victim v;
    v.bytes = read_file(path_of("%s/tests/golden/v1/%s.lnt", LINNET_SOURCE_DIR, name), &v.n);
    return v;
}

static lnt_section_entry *entry_of(const victim *v, lnt_section section) {
    const lnt_header *h = (const void *)v->bytes;
    lnt_section_entry *table = (void *)(v->bytes + sizeof *h);
    for (uint32_t i = 0; i < h->n_sections; i++)
        if (!strcmp(table[i].name, lnt_section_name(section))) return &table[i];
    ck_abort_msg("the file has no %s", lnt_section_name(section));
    return NULL;
}

static unsigned char *section_of(const victim *v, lnt_section section) { return v->bytes + entry_of(v, section)->offset; }

/* The first entry of a key at or behind p. */
static unsigned char *key_of(const victim *v, unsigned char *p, const char *key) {
    unsigned char *at = p;
    while ((at = memmem(at, (size_t)(v->bytes + v->n - at), key, strlen(key) + 1)) && at[-1] >= ' ') at++; /* the end of a longer key */
    ck_assert_msg(at != NULL, "there is no key %s", key);
    return at - 16;
}

static unsigned char *payload_of(unsigned char *entry) {
    uint16_t key_bytes;
    memcpy(&key_bytes, entry + 6, 2);
    return entry + 16 + (key_bytes + 8) / 8 * 8;
}

static unsigned char *op_of(const victim *v, const char *name) {
    unsigned char *p = section_of(v, SECTION_GRAPH);
    uint32_t head[4], bytes;
    memcpy(head, p, sizeof head);
    p += 16 + 8 * head[0] + 32 * head[2];
    for (uint32_t i = 0; i < head[1]; i++, p += bytes) {
        if (!strcmp((char *)p + 16, name)) return p;
        memcpy(&bytes, p, 4);
    }
    ck_abort_msg("the graph has no op %s", name);
    return NULL;
}

/* It is refused in one line that names the file and holds the word. It frees the victim. */
static void expect_refused(victim v, const char *word) {
    const char *path = path_of("%s/hostile.lnt", test_folder);
    lnt_error err = {{0}};
    rehash(v.bytes, v.n);
    write_file(path, v.bytes, v.n);
    lnt_model *m = lnt_open(path, &err);
    ck_assert_msg(!m, "it was opened, expected a word about '%s'", word);
    CHECK_ERROR(&err, path, word);
    free(v.bytes);
}

START_TEST(test_victims) {
    static const char *const NAMES[] = {"ops", "vit-f16", "bert-text-q4"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        victim v = victim_of(NAMES[i]);
        const char *path = path_of("%s/whole.lnt", test_folder);
        rehash(v.bytes, v.n);
        write_file(path, v.bytes, v.n);
        lnt_model *m = lnt_open(path, NULL);
        ck_assert_ptr_nonnull(m);
        lnt_close(m);
        free(v.bytes);
    }
}
END_TEST

/* ---- keys and values ---- */

static const struct entry_lie {
    const char *key;
    size_t at, bytes; /* in the entry */
    uint64_t value;
} ENTRY_LIES[] = {
    {"name", 8, 8, UINT64_MAX},                  /* a string of 2^64 - 1 bytes: with its NUL none */
    {"name", 8, 8, (uint64_t)1 << 63},
    {"name", 8, 8, (uint64_t)1 << 32},
    {"other.u32s", 8, 8, (uint64_t)1 << 62},     /* * 4 is 0 */
    {"other.u32s", 8, 8, ((uint64_t)1 << 62) + 2}, /* * 4 is what is there */
    {"other.f32s", 8, 8, ((uint64_t)1 << 62) + 1},
    {"other.strings", 8, 8, ((uint64_t)1 << 62) - 1}, /* (count + 1) * 4 is 0 */
    {"other.strings", 8, 8, UINT64_MAX},
    {"labels", 8, 8, ((uint64_t)1 << 62) + 3},
    {"vocab_size", 8, 8, 0},
    {"vocab_size", 8, 8, UINT64_MAX},
    {"vocab_size", 4, 2, 0},
    {"vocab_size", 4, 2, 7},
    {"vocab_size", 4, 2, UINT16_MAX},
    {"name", 4, 2, 6},
    {"other.u32s", 4, 2, 6},
    {"width", 0, 4, 0},                          /* an entry that ends where it begins */
    {"width", 0, 4, 8},
    {"width", 0, 4, UINT32_MAX - 7},
    {"width", 6, 2, 0},
    {"width", 6, 2, UINT16_MAX},
};

START_TEST(test_entries) {
    const struct entry_lie *lie = &ENTRY_LIES[_i];
    victim v = victim_of("ops");
    memcpy(key_of(&v, section_of(&v, SECTION_METADATA), lie->key) + lie->at, &lie->value, lie->bytes);
    expect_refused(v, "metadata");
}
END_TEST

/* ---- the graph ---- */

static const struct graph_lie {
    const char *victim, *op; /* op NULL: the graph's head */
    size_t at, bytes;
    uint64_t value;
} GRAPH_LIES[] = {
    {"ops", NULL, 0, 4, 0},
    {"ops", NULL, 0, 4, 0x20000000}, /* * 8 is 0 in 32 bits */
    {"ops", NULL, 0, 4, UINT32_MAX},
    {"ops", NULL, 4, 4, 0x08000000},
    {"ops", NULL, 4, 4, UINT32_MAX},
    {"ops", NULL, 8, 4, 0x08000000},
    {"ops", NULL, 8, 4, UINT32_MAX},
    {"ops", NULL, 12, 4, 1},
    {"ops", "attention", 0, 4, 0}, /* an op that ends where it begins */
    {"ops", "attention", 0, 4, 8},
    {"ops", "attention", 0, 4, UINT32_MAX - 7},
    {"ops", "attention", 4, 2, UINT16_MAX},
    {"ops", "attention", 6, 2, UINT16_MAX},
    {"ops", "attention", 8, 4, UINT32_MAX},
    {"ops", "attention", 8, 4, 0x80000000},
    {"ops", "attention", 32, 4, UINT32_MAX},
    {"ops", "embed", 32, 4, 0x7fffffff},
    {"ops", "embed", 32, 4, UINT32_MAX},
};

START_TEST(test_graphs) {
    const struct graph_lie *lie = &GRAPH_LIES[_i];
    victim v = victim_of(lie->victim);
    memcpy((lie->op ? op_of(&v, lie->op) : section_of(&v, SECTION_GRAPH)) + lie->at, &lie->value, lie->bytes);
    expect_refused(v, "graph");
}
END_TEST

/* Numbers of ops and of the metadata: none, below zero, too large, or such that a product wraps. */
static const struct number_lie {
    const char *victim, *op, *key; /* op NULL: the metadata */
    uint64_t value;
    const char *word;
} NUMBER_LIES[] = {
    {"ops", "attention", "heads", 0, "heads"},
    {"ops", "attention", "heads", (uint64_t)1 << 32, "'heads'"},
    {"ops", "attention", "heads", UINT64_MAX - 3, "'heads'"},
    {"ops", "attention", "heads", 0x40000000, "heads"}, /* * head_dim is 0 in 32 bits */
    {"ops", "attention", "kv_heads", 0, "kv_heads"},
    {"ops", "attention", "head_dim", 0, "head_dim"},
    {"ops", "attention", "head_dim", 0x40000000, "head_dim"},
    {"ops", "attention", "q_at", UINT32_MAX, "widths"}, /* + width is less than width in 32 bits */
    {"ops", "attention", "k_at", UINT32_MAX - 7, "widths"},
    {"ops", "attention", "v_at", UINT64_MAX, "'v_at'"},
    {"ops", "attention", "scale", 0x7ff0000000000000, "'scale'"}, /* infinite */
    {"ops", "attention", "scale", 0x7e37e43c8800759c, "'scale'"}, /* 1e300, infinite as a float */
    {"ops", "norm", "eps", 0x8000000000000000 + 0x3eb0000000000000, "eps"},
    {"ops", "embed", "position_offset", UINT32_MAX, "position"},
    {"vit-f16", "patches", "channels", 0, "channels"},
    {"vit-f16", "patches", "channels", UINT32_MAX, "channels"},
    {"vit-f16", "patches", "patch_height", 0, "patch_height"}, /* rows of patches: a division */
    {"vit-f16", "patches", "patch_width", 0, "patch_height"},
    {"vit-f16", "patches", "patch_height", 0x40000000, "patch_height"}, /* * patch_width is 0 in 32 bits */
    {"vit-f16", "patches", "prefix", UINT32_MAX, "prefix"},
    {"vit-f16", NULL, "image.height", 0, "image.height"},
    {"vit-f16", NULL, "image.height", 65536, "pixels|images"},
    {"vit-f16", NULL, "image.width", ((uint64_t)1 << 32) + 16, "image.width"},
    {"vit-f16", NULL, "image.width", 3, "images"}, /* less than a patch */
    {"vit-f16", NULL, "n_ctx", (uint64_t)1 << 30, "n_ctx"},
    {"vit-f16", NULL, "image.scale", 0x7ff8000000000000, "finite"},
    {"ops", NULL, "vocab_size", 0, "vocab_size"},
    {"ops", NULL, "vocab_size", 259, "260 tokens"},
    {"ops", NULL, "vocab_size", ((uint64_t)1 << 32) + 264, "vocab_size"},
    {"ops", NULL, "n_ctx", 0, "n_ctx"},
    {"ops", NULL, "n_ctx", (uint64_t)1 << 30, "n_ctx"},
    {"ops", NULL, "n_ctx", UINT64_MAX, "n_ctx"},
    {"ops", NULL, "width", ((uint64_t)1 << 32) + 16, "width"},
    {"ops", NULL, "n_heads", 0, "heads"}, /* whoever asks for attention sizes memory by it */
    {"ops", NULL, "n_layers", 1, "layers"},
    {"ops", NULL, "max_tokens", UINT64_MAX, "max_tokens"},
};

START_TEST(test_numbers) {
    const struct number_lie *lie = &NUMBER_LIES[_i];
    victim v = victim_of(lie->victim);
    memcpy(payload_of(key_of(&v, lie->op ? op_of(&v, lie->op) : section_of(&v, SECTION_METADATA), lie->key)), &lie->value, 8);
    const char *second = strchr(lie->word, '|');
    expect_refused(v, second ? second + 1 : lie->word);
}
END_TEST

/* ---- the tokenizer ---- */

static const struct token_lie {
    const char *victim, *key;
    size_t at; /* in numbers of 32 bits */
    uint32_t value;
    const char *word;
} TOKEN_LIES[] = {
    {"ops", "token_ends", 100, UINT32_MAX, "token 100"}, /* a token of nearly 2^32 bytes */
    {"ops", "token_ends", 100, 0x80000000, "token 100"},
    {"ops", "token_ends", 259, 300, "token 259"},        /* one byte behind the others */
    {"ops", "token_ends", 100, 3, "token 100"},          /* ends before it begins */
    {"ops", "token_ends", 0, UINT32_MAX, "token 0"},
    {"ops", "byte_ids", 65, UINT32_MAX, "the byte 65"},
    {"ops", "byte_ids", 65, 263, "the byte 65"},         /* in the vocabulary, and no token */
    {"ops", "byte_ids", 0, 4, "the byte 0"},
    {"ops", "merges", 0, UINT32_MAX, "merge 0"},
    {"ops", "merges", 1, 260, "merge 0"},
    {"ops", "merges", 2, 0x80000000, "merge 0"},
    {"ops", "merges", 2, 3, "merge 0"},                  /* result is shorter: what is merged would not end */
    {"ops", "merges", 0, 2, "merge 0"},                  /* a token of no bytes */
    {"ops", "added_ids", 1, UINT32_MAX, "added token 1"},
    {"ops", "added_ids", 1, 0, "added token 1"},
    {"ops", "added_ids", 0, 2, "added token 0"},
    {"ops", "added_flags", 0, 64, "added token 0"},
    {"ops", "template_single", 0, 263, "template_single"},
    {"ops", "template_single", 0, UINT32_MAX - 1, "template_single"},
    {"ops", "template_single", 1, 256, "segment 256"},
    {"ops", "template_pair", 4, UINT32_MAX, "template_pair"},
    {"ops", "trim_places", 1, 1, "trim_places"},
    {"bert-text-q4", "max_chars", 0, 0, "max_chars"},
    {"bert-text-q4", "max_chars", 0, 1001, "max_chars"},
    {"bert-text-q4", "max_chars", 1, 1, "max_chars"},
    {"bert-text-q4", "unknown_id", 0, 36, "unknown_id"},
    {"bert-text-q4", "unknown_id", 1, 0x80000000, "unknown_id"},
};

START_TEST(test_tokenizers) {
    const struct token_lie *lie = &TOKEN_LIES[_i];
    victim v = victim_of(lie->victim);
    memcpy(payload_of(key_of(&v, section_of(&v, SECTION_TOKENIZER), lie->key)) + 4 * lie->at, &lie->value, 4);
    expect_refused(v, lie->word);
}
END_TEST

/* ---- names that a later version may bring: refused by name, but for metadata that says nothing of numbers ---- */

static const struct rename {
    const char *victim, *from, *to; /* of the same length, ended by NUL in the file */
    const char *word; /* NULL: it is opened */
} RENAMES[] = {
    {"ops", "select", "selecz", "'selecz'"},
    {"ops", "position_offset", "position_offzet", "'position_offzet'"},
    {"ops", "silu", "sulu", "'activation'"},
    {"ops", "mean_sqrt", "mean_sqrz", "'pooling'"},
    {"ops", "rms", "rmz", "'norm'"},
    {"ops", "token-classification", "tokem-classification", "'tokem-classification'"},
    {"ops", "next_sentence", "next_sentenze", "'next_sentenze'"},
    {"ops", "bpe-bytes", "bpe-bytez", "'bpe-bytez'"},
    {"ops", "trim_places", "trim_plazes", "'trim_plazes'"},
    {"ops", "panels", "panelz", "'panelz'"},
    {"ops", "f16", "e16", "'e16'"},
    {"vit-f16", "image.scale", "image.scala", "'image.scala'"},
    {"vit-f16", "exact", "exacz", "'exacz'"},
    {"vit-f16", "bilinear", "bilineaz", "'bilineaz'"},
    {"ops", "other.u64", "newer.u64", NULL},
};

START_TEST(test_unknown) {
    const struct rename *r = &RENAMES[_i];
    victim v = victim_of(r->victim);
    unsigned char *at = memmem(v.bytes, v.n, r->from, strlen(r->from) + 1);
    ck_assert_ptr_nonnull(at);
    memcpy(at, r->to, strlen(r->to));
    if (r->word) {
        expect_refused(v, r->word);
        return;
    }
    rehash(v.bytes, v.n);
    const char *path = path_of("%s/newer.lnt", test_folder);
    write_file(path, v.bytes, v.n);
    lnt_error err;
    lnt_model *m = lnt_open(path, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    lnt_close(m);
    free(v.bytes);
}
END_TEST

START_TEST(test_reserved) {
    victim v = victim_of("ops");
    memcpy(v.bytes + offsetof(lnt_header, reserved), &(uint64_t){1}, 8);
    expect_refused(v, "reserved");
    v = victim_of("ops");
    memcpy(v.bytes + offsetof(lnt_header, features), &(uint64_t){(uint64_t)1 << 63}, 8);
    expect_refused(v, "features 0x8000000000000000");
}
END_TEST

/* ---- sizes of the file ---- */

/* Cut off anywhere, with a header that says so. */
START_TEST(test_shorter) {
    for (size_t keep = sizeof(lnt_header); keep < 39656; keep += 97) {
        victim v = victim_of("ops");
        ck_assert_uint_eq(v.n, 39656);
        v.n = keep;
        memcpy(v.bytes + offsetof(lnt_header, file_bytes), &(uint64_t){keep}, 8);
        expect_refused(v, "");
    }
}
END_TEST

/* A file of 8 GiB, all of it holes: a section may not ask for memory of that size, nor a tensor for more than there is. */
START_TEST(test_large_sections) {
    const uint64_t size = (uint64_t)1 << 33;
    victim v = victim_of("ops");
    const char *path = path_of("%s/large.lnt", test_folder);
    lnt_error err;
    entry_of(&v, SECTION_GRAPH)->bytes = size - entry_of(&v, SECTION_GRAPH)->offset;
    memcpy(v.bytes + offsetof(lnt_header, file_bytes), &size, 8);
    rehash(v.bytes, v.n);
    write_file(path, v.bytes, v.n);
    ck_assert_int_eq(truncate(path, (off_t)size), 0);
    ck_assert_ptr_null(lnt_open(path, &err));
    CHECK_ERROR(&err, path, "section 'graph'", "expected at most 1073741824");
    remove(path);
    free(v.bytes);
}
END_TEST

static const char *model_without_positions(uint64_t n_ctx) {
    const char *path = path_of("%s/context.lnt", test_folder);
    parts p = make_parts(TENSOR_F32);
    lnt_error err;
    buffer_free(&p.metadata);
    p.metadata = (buffer){0};
    put_sizes(&p, "test", VOCAB, n_ctx);
    p.graph.ops[EMBED].tensors[1] = GRAPH_NONE;
    ck_assert_msg(!write_handmade(&p, path, NULL, &err), "%s", err.text);
    return path;
}

/* A small file cannot have a context of 2^30 tokens. Of sequences the caller may ask for many: those that are not used cost nothing, and
   what cannot be had is an error. */
START_TEST(test_giant_context) {
    lnt_error err;
    struct rusage before, after;
    ck_assert_ptr_null(lnt_open(model_without_positions((uint64_t)1 << 30), &err));
    CHECK_ERROR(&err, "context.lnt", "'n_ctx' is 1073741824");
    lnt_model *m = lnt_open(model_without_positions(256), &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    getrusage(RUSAGE_SELF, &before);
    for (uint32_t n_sequences = 1; n_sequences <= 65536; n_sequences *= 16) {
        lnt_context *c = lnt_context_new(m, &(lnt_context_options){.n_threads = 1, .n_sequences = n_sequences}, &err);
        if (!c) CHECK_ERROR(&err, "");
        if (c) ck_assert_int_eq(lnt_eval(c, &(lnt_span){.ids = (int32_t[]){1, 2, 3}, .n_ids = 3}, 1, &err), 0);
        lnt_context_free(c);
    }
    getrusage(RUSAGE_SELF, &after);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 256 * 1024);
    lnt_close(m);
}
END_TEST

/* ---- numbers that are none ---- */

/* What the model makes of any ids or image, and what the sampler makes of that. */
static void use(const lnt_model *m, const char *output) {
    lnt_info info;
    lnt_model_info(m, &info);
    lnt_context *c = lnt_context_new(m, &(lnt_context_options){.n_threads = 2, .n_outputs = 8, .output = output}, NULL);
    if (!c) return;
    float *pixels = info.n_channels ? golden_pixels(0, (size_t)info.n_channels * info.image_height * info.image_width) : NULL;
    lnt_span span = {.ids = (int32_t[]){1, 2, 3, 4, 5}, .n_ids = 5, .all_outputs = true};
    if (pixels) span = (lnt_span){.pixels = pixels};
    ck_assert_int_eq(lnt_eval(c, &span, 1, NULL), 0);
    for (int i = 0; i < 4 && !strcmp(info.task, "causal-lm"); i++) {
        lnt_sampling o = lnt_sampling_default();
        o.top_k = i == 1 ? 5 : 0, o.top_p = i == 2 ? 0.5f : 1, o.min_p = i == 3 ? 0.1f : 0;
        lnt_sampler *s = lnt_sampler_new(m, &o, NULL);
        int32_t id = lnt_sample(s, lnt_output(c, 0));
        ck_assert(id >= 0 && (uint32_t)id < info.vocab_size);
        lnt_log_probability(lnt_output(c, 0), info.vocab_size, id);
        lnt_sampler_free(s);
    }
    lnt_context_free(c);
    free(pixels);
}

/* Weights, scales, sums and padding of these bytes: anything may come out, and nothing else happens. */
static const uint32_t FILLS[] = {0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 0x00000001, 0x7e007e00, 0xfbfffbff, UINT32_MAX, 0x80808080};

START_TEST(test_any_weights) {
    static const char *const NAMES[] = {"ops", "gpt2-f32", "gpt2-q8", "bert-text-q4", "roberta-answer-f32", "sentence-f32", "vit-f16", "deit-q4"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        victim v = victim_of(NAMES[i]);
        const char *path = path_of("%s/weights.lnt", test_folder);
        unsigned char *data = section_of(&v, SECTION_DATA);
        for (size_t at = 0; at < entry_of(&v, SECTION_DATA)->bytes; at += 4) memcpy(data + at, &FILLS[_i], 4);
        rehash(v.bytes, v.n);
        write_file(path, v.bytes, v.n);
        lnt_model *m = lnt_open(path, NULL);
        ck_assert_ptr_nonnull(m);
        for (int k = 0; k < 4; k++) use(m, (const char *const[]){"logits", "embedding", "pooled", "next_sentence"}[k]);
        ck_assert_int_eq(lnt_verify(m, NULL), -1);
        lnt_close(m);
        free(v.bytes);
    }
}
END_TEST

/* ---- what would be run ---- */

/* A chat template is a program in other software. Here it is not even kept. */
START_TEST(test_no_templates) {
    static const char VOCABULARY[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n";
    static const char CONFIG[] = "{\"tokenizer_class\": \"BertTokenizer\", \"model_max_length\": 24}";
    static const char HOSTILE[] = "{\"tokenizer_class\": \"BertTokenizer\", \"model_max_length\": 24, "
                                  "\"auto_map\": {\"AutoTokenizer\": [\"evil.Evil\", null]}, "
                                  "\"chat_template\": \"{{ ''.__class__.__mro__ }}{% for x in range(10**9) %}{% endfor %}\"}";
    const char *folder = copied_folder(golden_path("encoders", "bert-text", "."), "templates"), *out = path_of("%s/template.lnt", test_folder);
    lnt_error err;
    void *bytes[2];
    size_t n[2];
    write_file(path_of("%s/vocab.txt", folder), VOCABULARY, sizeof VOCABULARY - 1);
    write_file(path_of("%s/evil.py", folder), "raise SystemExit(1)\n", 20);
    for (int i = 0; i < 2; i++) {
        write_file(path_of("%s/tokenizer_config.json", folder), i ? HOSTILE : CONFIG, i ? sizeof HOSTILE - 1 : sizeof CONFIG - 1);
        ck_assert_msg(!lnt_convert(folder, out, &(lnt_convert_options){.type = "f32"}, &err), "%s", err.text);
        bytes[i] = read_file(out, &n[i]);
    }
    ck_assert_uint_eq(n[0], n[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], n[0]);
    free(bytes[0]);
    free(bytes[1]);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("hostile");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, test_victims);
    tcase_add_loop_test(t, test_entries, 0, sizeof ENTRY_LIES / sizeof *ENTRY_LIES);
    tcase_add_loop_test(t, test_graphs, 0, sizeof GRAPH_LIES / sizeof *GRAPH_LIES);
    tcase_add_loop_test(t, test_numbers, 0, sizeof NUMBER_LIES / sizeof *NUMBER_LIES);
    tcase_add_loop_test(t, test_tokenizers, 0, sizeof TOKEN_LIES / sizeof *TOKEN_LIES);
    tcase_add_loop_test(t, test_unknown, 0, sizeof RENAMES / sizeof *RENAMES);
    tcase_add_test(t, test_reserved);
    tcase_add_test(t, test_shorter);
    tcase_add_test(t, test_large_sections);
    tcase_add_test(t, test_giant_context);
    tcase_add_loop_test(t, test_any_weights, 0, sizeof FILLS / sizeof *FILLS);
    tcase_add_test(t, test_no_templates);
    int rc = run_suite("hostile", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
