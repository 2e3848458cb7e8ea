/* What lnt_verify finds where all hashes fit: files written anew with one number of a q8 tensor changed. */
#include "engine/model.h"
#include "tests/golden.h"

enum { CODE, SUM };

typedef struct change {
    int plane;
    size_t at; /* of that plane of the first q8 tensor */
    int32_t to;
    const char *word;
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
        if (t->type == TENSOR_Q8 && !done++) {
            if (c->plane == CODE) bytes[c->at] = (unsigned char)c->to;
            else memcpy(bytes + ((const unsigned char *)t->sum - (const unsigned char *)t->data) + 4 * c->at, &c->to, 4);
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

static const lnt_tensor *first_q8(const lnt_file *f) {
    for (size_t i = 0; i < f->n_tensors; i++)
        if (f->tensors[i].type == TENSOR_Q8) return &f->tensors[i];
    ck_abort_msg("no q8 tensor");
    return NULL;
}

START_TEST(test_changes) {
    lnt_model *m = golden_model("encoders", "bert-model", "q8");
    const lnt_tensor *t = first_q8(&m->file);
    const int8_t *codes = t->data;
    ck_assert(m->pairs);
    expect_found(&m->file, &(change){SUM, 3, ((const int32_t *)t->sum)[3] + 1, "the sum of row 3"});
    expect_found(&m->file, &(change){CODE, 0, codes[0] < 0 ? codes[0] + 1 : codes[0] - 1, "the sum of row 0"});
    for (size_t i = 0; i < 64 * t->k; i += 2)
        if (codes[i] > 1) { /* its neighbour becomes too large */
            expect_found(&m->file, &(change){CODE, i + 1, 127, "expected a sum of at most 128"});
            break;
        }
    lnt_close(m);
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
    tcase_add_test(verify, test_pairs);
    int rc = run_suite("verify", (TCase *const[]){verify, NULL});
    remove_test_folder();
    return rc;
}
