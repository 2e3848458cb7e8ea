/* What lnt_verify finds where all hashes fit: files written anew with one number of a tensor changed. */
#include "engine/model.h"
#include "tests/golden.h"

enum { CODE, SUM, SCALE };

typedef struct change {
    int plane;
    size_t at; /* of that plane of the first tensor of the type, in bytes of CODE, halves of q4's SCALE, else numbers of 32 bits */
    int32_t to;
    const char *word;
    tensor_type type;
    tensor_layout layout;
} change;

static lnt_tensor_spec *specs_of(const lnt_file *f) {
    lnt_tensor_spec *specs = calloc(f->n_tensors, sizeof *specs);
    for (size_t i = 0; i < f->n_tensors; i++) {
        const lnt_tensor *t = &f->tensors[i];
        specs[i] = (lnt_tensor_spec){t->name, t->type, t->layout, t->n, t->k};
    }
    return specs;
}

static buffer section_of(const lnt_file *f, lnt_section s) {
    buffer b = {0};
    buffer_append(&b, f->sections[s].bytes, f->sections[s].size);
    return b;
}

/* The file again, changed, under another name. */
static const char *write_changed(const lnt_file *f, const change *c, const char *path) {
    buffer metadata = section_of(f, SECTION_METADATA), tokenizer = section_of(f, SECTION_TOKENIZER), graph = section_of(f, SECTION_GRAPH);
    lnt_tensor_spec *specs = specs_of(f);
    lnt_error err;
    lnt_writer *w = lnt_writer_new(path, &metadata, &tokenizer, &graph, specs, f->n_tensors, &err);
    ck_assert_msg(w != NULL, "%s", err.text);
    for (size_t i = 0, done = 0; i < f->n_tensors; i++) {
        const lnt_tensor *t = &f->tensors[i];
        unsigned char *bytes = malloc(t->size);
        memcpy(bytes, t->data, t->size);
        if (t->type == c->type && t->layout == c->layout && !done++) {
            const unsigned char *plane = c->plane == CODE ? t->data : c->plane == SUM ? t->sum : t->scale;
            size_t n = c->plane == CODE ? 1 : c->plane == SCALE && t->type == TENSOR_Q4 ? 2 : 4;
            memcpy(bytes + (plane - (const unsigned char *)t->data) + n * c->at, &c->to, n);
        }
        ck_assert_int_eq(lnt_writer_append(w, bytes, t->size, &err), 0);
        free(bytes);
    }
    ck_assert_int_eq(lnt_writer_seal(w, &err), 0);
    ck_assert_int_eq(lnt_writer_commit(w, &err), 0);
    free(specs);
    buffer_free(&metadata);
    buffer_free(&tokenizer);
    buffer_free(&graph);
    return path;
}

static void expect_found(const lnt_file *f, const change *c) {
    lnt_error err;
    lnt_model *m = lnt_open(write_changed(f, c, path_of("%s/changed.lnt", test_folder)), &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    ck_assert_int_eq(lnt_verify(m, &err), -1);
    CHECK_ERROR(&err, c->word, "changed.lnt");
    lnt_close(m);
}

static const lnt_tensor *first_of(const lnt_file *f, tensor_type type, tensor_layout layout) {
    for (size_t i = 0; i < f->n_tensors; i++)
        if (f->tensors[i].type == type && f->tensors[i].layout == layout) return &f->tensors[i];
    ck_abort_msg("no such tensor");
    return NULL;
}

#define Q8(plane, at, to, word) &(change){plane, at, to, word, TENSOR_Q8, LAYOUT_PANELS}
#define Q4(plane, at, to, word) &(change){plane, at, to, word, TENSOR_Q4, LAYOUT_PANELS}

START_TEST(test_changes) {
    lnt_model *m = golden_model("encoders", "bert-model", "q8");
    const lnt_tensor *t = first_of(&m->file, TENSOR_Q8, LAYOUT_PANELS);
    const int8_t *codes = t->data;
    ck_assert(m->pairs);
    expect_found(&m->file, Q8(SUM, 3, ((const int32_t *)t->sum)[3] + 1, "the sum of row 3"));
    expect_found(&m->file, Q8(CODE, 0, codes[0] < 0 ? codes[0] + 1 : codes[0] - 1, "the sum of row 0"));
    for (size_t i = 0; i < 64 * t->k; i += 2)
        if (codes[i] > 1) { /* its neighbour becomes too large */
            expect_found(&m->file, Q8(CODE, i + 1, 127, "expected a sum of at most 128"));
            break;
        }
    ck_assert(t->n % 16 && t->k < 64 && t->k % 4 == 0);
    expect_found(&m->file, Q8(CODE, t->k / 4 * 64, 1, "row 0 has padding"));
    expect_found(&m->file, Q8(SCALE, t->n, 0x3f800000, "has padding"));
    lnt_close(m);
}
END_TEST

START_TEST(test_q4) {
    lnt_model *m = golden_model("encoders", "bert-model", "q4");
    const lnt_tensor *t = first_of(&m->file, TENSOR_Q4, LAYOUT_PANELS);
    const unsigned char *codes = t->data;
    float sum;
    int32_t bits;
    ck_assert(t->n % 16 && t->k < 64 && t->k % 4 == 0);
    memcpy(&sum, (const float *)t->sum + 3, 4);
    sum += 1;
    memcpy(&bits, &sum, 4);
    expect_found(&m->file, Q4(SUM, 3, bits, "the sum of row 3"));
    expect_found(&m->file, Q4(CODE, 0, codes[0] ^ 1, "the sum of row 0"));
    size_t last = (t->n / 16 * 8 * 16 + t->n % 16) * 4; /* the first row of padding */
    ck_assert_uint_eq(codes[last], 0x88);
    expect_found(&m->file, Q4(CODE, last, 0x98, "has padding"));
    expect_found(&m->file, Q4(CODE, t->k / 8 * 64, codes[t->k / 8 * 64] ^ (t->k % 8 ? 0x10 : 0x01), "row 0 has padding"));
    expect_found(&m->file, Q4(SCALE, t->n / 16 * 2 * 16 + t->n % 16, 0x3c00, "has padding"));
    lnt_close(m);
}
END_TEST

START_TEST(test_floats) {
    for (tensor_type type = TENSOR_F32; type <= TENSOR_F16; type++) {
        lnt_model *m = golden_model("encoders", "bert-model", type == TENSOR_F32 ? "f32" : "f16");
        size_t bytes = type == TENSOR_F32 ? 4 : 2;
        const lnt_tensor *panels = first_of(&m->file, type, LAYOUT_PANELS), *rows = first_of(&m->file, type, LAYOUT_ROWS);
        ck_assert(panels->n % 16 && rows->k % 16);
        size_t behind = (panels->n / 16 * panels->k + 5) * 16 + panels->n % 16;
        expect_found(&m->file, &(change){CODE, behind * bytes, 1, "has padding", type, LAYOUT_PANELS});
        expect_found(&m->file, &(change){CODE, rows->k * bytes + 1, 1, "row 0 has padding", type, LAYOUT_ROWS});
        lnt_close(m);
    }
}
END_TEST

/* Codes reach the limit and never pass it; without q8 nothing is said of pairs. */
START_TEST(test_pairs) {
    lnt_model *m = golden_model("encoders", "bert-model", "q8"), *f = golden_model("encoders", "bert-model", "f32");
    int most = 0;
    for (size_t i = 0; i < m->file.n_tensors; i++) {
        const lnt_tensor *t = &m->file.tensors[i];
        const int8_t *codes = t->data;
        for (size_t at = 0; t->type == TENSOR_Q8 && at < round_up(t->n, 16) * round_up(t->k, 64); at += 2)
            most = abs(codes[at] + codes[at + 1]) > most ? abs(codes[at] + codes[at + 1]) : most;
    }
    ck_assert_int_le(most, 128);
    ck_assert_int_ge(most, 120);
    ck_assert(!f->pairs);
    lnt_close(m);
    lnt_close(f);
}
END_TEST

int main(void) {
    make_test_folder();
    TCase *verify = tcase_create("verify");
    tcase_add_test(verify, test_changes);
    tcase_add_test(verify, test_q4);
    tcase_add_test(verify, test_floats);
    tcase_add_test(verify, test_pairs);
    int rc = run_suite("verify", (TCase *const[]){verify, NULL});
    remove_test_folder();
    return rc;
}
