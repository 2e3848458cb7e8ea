/* The loader's rules, each with a file that breaks it: damaged bytes, lying lengths, graphs that do not fit. */
#define _GNU_SOURCE
#include "engine/model.h"
#include "tests/handmade.h"
#include "tests/testing.h"
#include <time.h>

/* ---- a small model, made by hand ---- */

static void fill(unsigned char *bytes, size_t n) {
    for (size_t j = 0; j < n; j += 4) memcpy(bytes + j, &(float){(float)(j % 97) * 0.01f - 0.4f}, 4);
}

static const char *write_parts(parts *p, const char *name) {
    const char *path = path_of("%s/%s.lnt", test_folder, name);
    lnt_error err;
    ck_assert_msg(!write_handmade(p, path, fill, &err), "%s", err.text);
    return path;
}

static unsigned char *model_bytes(size_t *n) {
    parts p = make_parts(TENSOR_F32);
    return read_file(write_parts(&p, "whole"), n);
}

/* ---- opening ---- */

/* Opens and, if that goes well, uses everything: what a hostile file may get as far as. */
static bool use(const char *path, lnt_error *err) {
    lnt_model *m = lnt_open(path, err);
    if (!m) return false;
    lnt_info info;
    lnt_model_info(m, &info);
    lnt_context_options o = {.n_threads = 1, .n_ctx = info.n_ctx < 8 ? info.n_ctx : 8, .n_batch = 4};
    lnt_context *c = lnt_context_new(m, &o, NULL);
    int32_t ids[] = {0, (int32_t)info.vocab_size - 1, (int32_t)(info.vocab_size / 2)};
    lnt_span span = {.ids = ids, .n_ids = info.n_ctx < 3 ? info.n_ctx : 3};
    if (c) lnt_eval(c, &span, 1, NULL);
    lnt_context_free(c);
    FILE *out = fopen("/dev/null", "w");
    lnt_describe(m, LNT_DESCRIBE_TENSORS | LNT_DESCRIBE_GRAPH, out, NULL);
    lnt_describe(m, LNT_DESCRIBE_TENSORS | LNT_DESCRIBE_GRAPH | LNT_DESCRIBE_JSON, out, NULL);
    fclose(out);
    lnt_close(m);
    return true;
}

static void expect_refused(const char *path, const char *word) {
    lnt_error err = {{0}};
    ck_assert_msg(!use(path, &err), "%s was opened, expected a word about '%s'", path, word);
    CHECK_ERROR(&err, path, word);
}

static void expect_bytes_refused(const void *bytes, size_t n, const char *word) {
    const char *path = path_of("%s/damaged.lnt", test_folder);
    write_file(path, bytes, n);
    expect_refused(path, word);
}

START_TEST(test_whole) {
    for (tensor_type type = TENSOR_F32; type < TENSOR_TYPES; type++) {
        parts p = make_parts(type);
        lnt_error err;
        const char *path = write_parts(&p, "whole");
        ck_assert_msg(use(path, &err), "%s", err.text);
        lnt_model *m = lnt_open(path, NULL);
        ck_assert_int_eq(lnt_file_verify(&m->file, NULL), 0);
        ck_assert_int_eq(lnt_verify(m, &err), -1); /* any bytes are no sums, and padding is not zero */
        CHECK_ERROR(&err, path, type >= TENSOR_Q8 ? "row 0" : "padding");
        lnt_close(m);
    }
}
END_TEST

START_TEST(test_not_a_model) {
    expect_bytes_refused("", 0, "0 bytes");
    expect_bytes_refused("{\"a\": 1}\n", 9, "9 bytes");
    char text[4096];
    memset(text, 'x', sizeof text);
    expect_bytes_refused(text, sizeof text, "magic");
    expect_refused(test_folder, "directory");
    expect_refused(path_of("%s/nowhere.lnt", test_folder), "No such file");
    expect_refused("/dev/null", "regular");
}
END_TEST

START_TEST(test_truncated_anywhere) {
    size_t n;
    unsigned char *bytes = model_bytes(&n);
    for (size_t keep = 0; keep < n; keep += keep < 200 || keep > n - 20 ? 1 : 61)
        expect_bytes_refused(bytes, keep, keep < sizeof(lnt_header) ? "at least 64" : "cut off");
    free(bytes);
}
END_TEST

static size_t data_offset(const unsigned char *bytes) {
    lnt_header h;
    lnt_section_entry e;
    memcpy(&h, bytes, sizeof h);
    memcpy(&e, bytes + sizeof h + (h.n_sections - 1) * sizeof e, sizeof e);
    return e.offset;
}

/* Every byte before the data is either covered by a hash or between sections. */
START_TEST(test_flipped_bytes) {
    size_t n;
    unsigned char *bytes = model_bytes(&n);
    lnt_header h;
    memcpy(&h, bytes, sizeof h);
    const lnt_section_entry *table = (const void *)(bytes + sizeof h);
    for (uint32_t s = 0; s + 1 < h.n_sections; s++)
        for (size_t i = s ? table[s].offset : 0; i < table[s].offset + table[s].bytes; i++) {
            if (!s && i >= sizeof h + h.n_sections * sizeof *table && i < table[s].offset) continue;
            bytes[i] ^= (unsigned char)(1 << i % 8);
            expect_bytes_refused(bytes, n, "");
            bytes[i] ^= (unsigned char)(1 << i % 8);
        }
    const char *path = path_of("%s/flipped.lnt", test_folder);
    bytes[data_offset(bytes) + 16 * WIDTH * 4 * 3 + 5] ^= 1;
    write_file(path, bytes, n);
    lnt_error err;
    lnt_model *m = lnt_open(path, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    ck_assert_int_eq(lnt_verify(m, &err), -1);
    CHECK_ERROR(&err, path, "'wpe'", "damaged");
    lnt_close(m);
    free(bytes);
}
END_TEST

/* ---- lies with fitting hashes ---- */

static const struct lie {
    int where; /* -1: the header; 0 .. : the table's entries; 100: the first tensor's record; 200: the second's */
    size_t at, bytes;
    uint64_t value;
    const char *word;
} LIES[] = {
    {-1, offsetof(lnt_header, version), 4, 2, "version 2"},
    {-1, offsetof(lnt_header, features), 8, 1, "features 0x1"},
    {-1, offsetof(lnt_header, file_bytes), 8, UINT64_MAX, "cut off"},
    {-1, offsetof(lnt_header, n_sections), 4, 0, "sections"},
    {-1, offsetof(lnt_header, n_sections), 4, UINT32_MAX, "sections"},
    {-1, offsetof(lnt_header, n_sections), 4, 3, "not zero"},
    {-1, offsetof(lnt_header, header_bytes), 4, 128, "header sizes"},
    {-1, offsetof(lnt_header, entry_bytes), 4, 0, "header sizes"},
    {0, 0, 8, 0x6e6f6974636e7566, "functi"},
    {1, 0, 8, 0x617461646174656d, "twice"},
    {0, offsetof(lnt_section_entry, offset), 8, 0, "metadata"},
    {0, offsetof(lnt_section_entry, offset), 8, (uint64_t)1 << 63, "metadata"},
    {0, offsetof(lnt_section_entry, bytes), 8, UINT64_MAX, "metadata"},
    {0, offsetof(lnt_section_entry, bytes), 8, (uint64_t)1 << 63, "metadata"},
    {0, offsetof(lnt_section_entry, bytes), 8, 3, "graph"},
    {1, offsetof(lnt_section_entry, offset), 8, 256, "graph"},
    {1, offsetof(lnt_section_entry, offset), 8, 257, "graph"},
    {3, offsetof(lnt_section_entry, offset), 8, 64, "data"},
    {3, offsetof(lnt_section_entry, bytes), 8, 64, "last section"},
    {100, offsetof(lnt_tensor_entry, entry_bytes), 4, 0, "directory"},
    {100, offsetof(lnt_tensor_entry, entry_bytes), 4, UINT32_MAX, "directory"},
    {100, offsetof(lnt_tensor_entry, name_bytes), 4, UINT32_MAX, "directory"},
    {100, offsetof(lnt_tensor_entry, name_bytes), 4, 0, "directory"},
    {100, offsetof(lnt_tensor_entry, type), 4, 0x323371, "q32"},
    {100, offsetof(lnt_tensor_entry, layout), 4, 0x78787878, "xxxx"},
    {100, offsetof(lnt_tensor_entry, n), 8, 0, "wte"},
    {100, offsetof(lnt_tensor_entry, n), 8, (uint64_t)1 << 63, "wte"},
    {100, offsetof(lnt_tensor_entry, k), 8, UINT64_MAX, "wte"},
    {100, offsetof(lnt_tensor_entry, k), 8, (uint64_t)1 << 40, "wte"},
    {100, offsetof(lnt_tensor_entry, bytes), 8, 64, "wte"},
    {100, offsetof(lnt_tensor_entry, offset), 8, 1, "wte"},
    {100, offsetof(lnt_tensor_entry, offset), 8, UINT64_MAX - 63, "wte"},
    {200, offsetof(lnt_tensor_entry, offset), 8, 0, "wpe"},
    {200, offsetof(lnt_tensor_entry, n), 8, N_CTX + 1, "wpe"},
};

START_TEST(test_lies) {
    const struct lie *lie = &LIES[_i];
    size_t n;
    unsigned char *bytes = model_bytes(&n), *p = bytes;
    const lnt_section_entry *table = (const void *)(bytes + sizeof(lnt_header));
    if (lie->where >= 100) p = bytes + table[2].offset;
    else if (lie->where >= 0) p = bytes + sizeof(lnt_header) + (size_t)lie->where * sizeof *table;
    if (lie->where == 200) p += sizeof(lnt_tensor_entry) + 8;
    memcpy(p + lie->at, &lie->value, lie->bytes);
    rehash(bytes, n);
    expect_bytes_refused(bytes, n, lie->word);
    free(bytes);
}
END_TEST

/* ---- graphs and metadata that do not fit ---- */

static void bad_embed_tensor(parts *p) { p->graph.ops[EMBED].tensors[0] = 99; }
static void bad_embed_table(parts *p) { p->graph.ops[EMBED].tensors[0] = 1; }
static void bad_embed_offset(parts *p) { p->graph.ops[EMBED].position_offset = 1; }
static void bad_input(parts *p) { p->graph.ops[NORM].inputs[0] = 5; }
static void bad_input_later(parts *p) { p->graph.ops[NORM].inputs[0] = 2; }
static void bad_output(parts *p) { p->graph.ops[NORM].output = 0; }
static void bad_gamma(parts *p) { p->graph.ops[NORM].tensors[0] = 4; }
static void bad_eps(parts *p) { p->graph.ops[NORM].eps = -1; }
static void bad_eps_infinite(parts *p) { p->graph.ops[NORM].eps = 1 / 0.0f; }
static void bad_weights(parts *p) { p->graph.ops[QKV].tensors[0] = 5; }
static void bad_bias(parts *p) { p->graph.ops[QKV].tensors[1] = 2; }
static void bad_residual(parts *p) { p->graph.ops[PROJECT].inputs[1] = 2; }
static void bad_heads(parts *p) { p->graph.ops[ATTENTION].heads = 3; }
static void bad_no_heads(parts *p) { p->graph.ops[ATTENTION].heads = 0; }
static void bad_huge_heads(parts *p) { p->graph.ops[ATTENTION].heads = p->graph.ops[ATTENTION].kv_heads = 0x80000000u; }
static void bad_head_dim(parts *p) { p->graph.ops[ATTENTION].head_dim = 0; }
static void bad_groups(parts *p) { p->graph.ops[ATTENTION].kv_heads = 4; }
static void bad_v_at(parts *p) { p->graph.ops[ATTENTION].v_at = 2 * WIDTH + 1; }
static void bad_v_at_huge(parts *p) { p->graph.ops[ATTENTION].v_at = UINT32_MAX; }
static void bad_cache(parts *p) { p->graph.ops[ATTENTION].causal = false; }
static void bad_scale(parts *p) { p->graph.ops[ATTENTION].scale = 0 / 0.0f; }
static void bad_select(parts *p) { p->graph.values[5].rows = ROWS_TOKENS; }
static void bad_rows(parts *p) { p->graph.values[1].rows = 7; }
static void bad_width(parts *p) { p->graph.values[1].width = 0; }
static void bad_width_huge(parts *p) { p->graph.values[2].width = 1u << 31; }
static void bad_tap(parts *p) { p->graph.taps[0].value = 99; }
static void bad_tap_name(parts *p) { p->graph.taps[0].name = "logitz"; }
static void bad_tap_value(parts *p) { p->graph.taps[0].value = 0; }
static void tap_as(parts *p, const char *name, uint32_t index, int32_t value) { graph_add_tap(&p->graph, name, index, value); }
static void bad_tap_hidden(parts *p) { tap_as(p, "hidden", 0, 2); }
static void bad_tap_hidden_index(parts *p) { tap_as(p, "hidden", 1, 0); }
static void bad_tap_attention(parts *p) { tap_as(p, "attention", 0, 3); }
static void bad_tap_unknown(parts *p) { tap_as(p, "smell", 0, 0); }
static void bad_tap_twice(parts *p) { tap_as(p, "logits", 0, 6); }
static void again(parts *p, uint64_t vocab, uint64_t n_ctx, uint64_t width) {
    buffer_free(&p->metadata);
    if (vocab) kv_put_u64(&p->metadata, "vocab_size", vocab - 1);
    kv_put_u64(&p->metadata, "n_ctx", n_ctx);
    kv_put_u64(&p->metadata, "width", width);
}
static void bad_vocab_missing(parts *p) { again(p, 0, N_CTX, WIDTH); }
static void bad_vocab_zero(parts *p) { again(p, 1, N_CTX, WIDTH); }
static void bad_vocab_more(parts *p) { again(p, VOCAB + 2, N_CTX, WIDTH); }
static void bad_vocab_huge(parts *p) { again(p, UINT64_MAX, N_CTX, WIDTH); }
static void bad_n_ctx(parts *p) { again(p, VOCAB + 1, N_CTX + 1, WIDTH); }
static void bad_n_ctx_zero(parts *p) { again(p, VOCAB + 1, 0, WIDTH); }
static void bad_key_twice(parts *p) { kv_put_u64(&p->metadata, "n_ctx", N_CTX); }
static void bad_key_type(parts *p) {
    again(p, 0, N_CTX, WIDTH);
    kv_put_string(&p->metadata, "vocab_size", "37", 2);
}
static void bad_names(parts *p) { p->tensors[2].name = "wpe"; }
/* More than a file of its size is worth (engine/limits.c). */
static void bad_n_ctx_without_table(parts *p) {
    again(p, VOCAB + 1, 1 << 20, WIDTH);
    p->graph.ops[EMBED].tensors[1] = GRAPH_NONE;
}
static int32_t add_l2(parts *p, int32_t x, uint32_t width) {
    graph_op op = graph_op_of(OP_NORM);
    op.inputs[0] = x, op.norm = NORM_L2;
    return graph_add(&p->graph, op, ROWS_TOKENS, width);
}
static void bad_widths(parts *p) {
    for (int i = 0; i < 600; i++) add_l2(p, 2, 3 * WIDTH);
}
static void bad_work(parts *p) {
    enum { WIDE = 4096 };
    p->graph.values[0].width = WIDE, p->tensors[0].k = p->tensors[1].k = WIDE;
    p->graph.n_ops = p->graph.n_values = 1, p->graph.n_taps = 0;
    p->tensors[0].type = TENSOR_Q4, p->tensors[1].type = TENSOR_F16;
    int32_t narrow = add_tensor(p, "narrow", TENSOR_Q4, LAYOUT_PANELS, 16, WIDE), logits = add_tensor(p, "head", TENSOR_Q4, LAYOUT_PANELS, VOCAB, WIDE);
    for (int i = 0; i < 8000; i++) add_linear(p, 0, GRAPH_NONE, narrow, GRAPH_NONE, ROWS_TOKENS, 16);
    graph_op select = graph_op_of(OP_SELECT);
    select.inputs[0] = 0;
    int32_t x = graph_add(&p->graph, select, ROWS_OUTPUTS, WIDE);
    graph_add_tap(&p->graph, "logits", 0, add_linear(p, x, GRAPH_NONE, logits, GRAPH_NONE, ROWS_OUTPUTS, VOCAB));
}

#define BAD(f, word) {f, #f, word}
static const struct misfit {
    void (*change)(parts *p);
    const char *name, *word;
} MISFITS[] = {
    BAD(bad_embed_tensor, "tensor"), BAD(bad_embed_table, "table"),     BAD(bad_embed_offset, "n_ctx"), BAD(bad_input, "value"),
    BAD(bad_input_later, "value"),   BAD(bad_output, "value"),          BAD(bad_gamma, "gamma"),        BAD(bad_eps, "eps"),
    BAD(bad_eps_infinite, "eps"),    BAD(bad_weights, "weights"),       BAD(bad_bias, "bias"),          BAD(bad_residual, "residual"),
    BAD(bad_heads, "heads"),         BAD(bad_no_heads, "heads"),        BAD(bad_huge_heads, "heads"),   BAD(bad_head_dim, "head_dim"),
    BAD(bad_groups, "kv_heads"),     BAD(bad_v_at, "widths"),           BAD(bad_v_at_huge, "widths"),   BAD(bad_cache, "causal"),
    BAD(bad_scale, "scale"),         BAD(bad_select, "rows"),           BAD(bad_rows, "rows 7"),        BAD(bad_width, "width 0"),
    BAD(bad_width_huge, "width"),    BAD(bad_tap, "tap"),               BAD(bad_tap_name, "logits"),    BAD(bad_tap_value, "logits"),
    BAD(bad_vocab_missing, "vocab_size"), BAD(bad_vocab_zero, "vocab_size"), BAD(bad_vocab_more, "logits"), BAD(bad_vocab_huge, "vocab_size"),
    BAD(bad_n_ctx, "n_ctx"),         BAD(bad_n_ctx_zero, "n_ctx"),      BAD(bad_key_twice, "n_ctx"),    BAD(bad_key_type, "vocab_size"),
    BAD(bad_names, "twice"),         BAD(bad_tap_hidden, "hidden"),     BAD(bad_tap_hidden_index, "hidden"), BAD(bad_tap_attention, "attention"),
    BAD(bad_tap_unknown, "smell"),   BAD(bad_tap_twice, "twice"),       BAD(bad_n_ctx_without_table, "a token for every 32"),
    BAD(bad_widths, "floats a token"), BAD(bad_work, "multiplications a token"),
};

START_TEST(test_misfits) {
    parts p = make_parts(TENSOR_F32);
    MISFITS[_i].change(&p);
    expect_refused(write_parts(&p, MISFITS[_i].name), MISFITS[_i].word);
}
END_TEST

/* Names of ops and attributes that this version does not know. */
START_TEST(test_unknown_names) {
    static const char *const EDITS[][2] = {{"attention", "attentiom"}, {"kv_heads", "kv_hexes"}, {"layer\0\0", "laser\0\0"}};
    size_t n;
    for (size_t e = 0; e < sizeof EDITS / sizeof *EDITS; e++) {
        unsigned char *bytes = model_bytes(&n), *at = memmem(bytes, n, EDITS[e][0], strlen(EDITS[e][0]));
        ck_assert_ptr_nonnull(at);
        memcpy(at, EDITS[e][1], strlen(EDITS[e][1]));
        rehash(bytes, n);
        expect_bytes_refused(bytes, n, e == 2 ? "norm" : EDITS[e][1]);
        free(bytes);
    }
}
END_TEST

/* Bytes that no hash covers. */
START_TEST(test_padding) {
    size_t n;
    unsigned char *bytes = model_bytes(&n);
    bytes[data_offset(bytes) - 1] = 1;
    expect_bytes_refused(bytes, n, "not zero");
    bytes[data_offset(bytes) - 1] = 0;
    bytes = realloc(bytes, n + 64);
    memset(bytes + n, 0, 64);
    expect_bytes_refused(bytes, n + 64, "cut off");
    lnt_header h;
    memcpy(&h, bytes, sizeof h);
    h.file_bytes += 64;
    memcpy(bytes, &h, sizeof h);
    rehash(bytes, n + 64);
    expect_bytes_refused(bytes, n + 64, "last section");
    free(bytes);
}
END_TEST

/* Random edits under fitting hashes for a while: refused or usable, never a crash. LINNET_TEST_SECONDS: how long. */
START_TEST(test_mutations) {
    const char *seconds = getenv("LINNET_TEST_SECONDS"), *path = path_of("%s/mutated.lnt", test_folder);
    time_t end = time(NULL) + (seconds ? atoi(seconds) : 3);
    size_t n, refused = 0, used = 0;
    unsigned char *bytes = model_bytes(&n), *copy = malloc(n);
    uint64_t seed = 88172645463325252u;
    while (time(NULL) < end) {
        memcpy(copy, bytes, n);
        size_t small = data_offset(bytes);
        for (int edits = 1 + (int)(seed % 3); edits > 0; edits--) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            size_t at = (seed >> 8) % small;
            static const unsigned char VALUES[] = {0, 1, 0x7f, 0x80, 0xff};
            copy[at] = seed & 1 ? VALUES[(seed >> 40) % sizeof VALUES] : (unsigned char)(copy[at] + (seed >> 40) % 9 - 4);
        }
        rehash(copy, n);
        write_file(path, copy, n);
        *(use(path, NULL) ? &used : &refused) += 1;
    }
    printf("mutations: %zu refused, %zu used\n", refused, used);
    ck_assert_uint_gt(refused, 0);
    free(bytes);
    free(copy);
}
END_TEST

/* ---- writing ---- */

START_TEST(test_nothing_is_left_behind) {
    parts p = make_parts(TENSOR_F32);
    buffer graph = {0};
    graph_write(&p.graph, &graph);
    const char *folder = path_of("%s/empty", test_folder), *path = path_of("%s/empty/x.lnt", test_folder);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    lnt_error err;
    lnt_writer *w = lnt_writer_new(path, &p.metadata, NULL, &graph, p.tensors, p.n_tensors, &err);
    ck_assert_int_eq(lnt_writer_append(w, "abcd", 4, &err), 0);
    ck_assert_int_eq(lnt_writer_seal(w, &err), -1);
    CHECK_ERROR(&err, path, "whole");
    lnt_writer_abandon(w);
    ck_assert_msg(rmdir(folder) == 0, "something is left in %s", folder);
    buffer_free(&graph);
    buffer_free(&p.metadata);
    graph_builder_free(&p.graph);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *t = tcase_create("files");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, test_whole);
    tcase_add_test(t, test_not_a_model);
    tcase_add_test(t, test_truncated_anywhere);
    tcase_add_test(t, test_flipped_bytes);
    tcase_add_loop_test(t, test_lies, 0, sizeof LIES / sizeof *LIES);
    tcase_add_loop_test(t, test_misfits, 0, sizeof MISFITS / sizeof *MISFITS);
    tcase_add_test(t, test_unknown_names);
    tcase_add_test(t, test_padding);
    tcase_add_test(t, test_mutations);
    tcase_add_test(t, test_nothing_is_left_behind);
    int rc = run_suite("lnt", (TCase *const[]){t, NULL});
    remove_test_folder();
    return rc;
}
