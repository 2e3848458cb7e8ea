#include "convert/encoder.h"
#include "convert/sentence.h"
#include "simd/kernels.h"
#include <stdlib.h>
#include <string.h>

static int32_t to_rows(encoder *e, int32_t x, graph_rows rows) {
    graph_op op = graph_op_of(rows == ROWS_OUTPUTS ? OP_SELECT : OP_POOL);
    op.inputs[0] = x;
    op.pooling = POOL_FIRST;
    return graph_add(&e->f.s->graph, op, rows, (uint32_t)e->width);
}

static void tap(encoder *e, const char *name, int32_t x) { graph_add_tap(&e->f.s->graph, name, 0, x); }

/* ---- the heads ---- */

static void add_pooler(encoder *e) {
    e->pooled = encoder_linear(e, to_rows(e, e->hidden, ROWS_SEQUENCES), GRAPH_NONE, (uint32_t)e->width, ACT_TANH, "pooler.dense");
    tap(e, "pooled", e->pooled);
}

static void add_next_sentence(encoder *e) { tap(e, "next_sentence", encoder_linear(e, e->pooled, GRAPH_NONE, 2, ACT_NONE, e->form->next_sentence)); }

/* The decoder is the token table or has a matrix of its own; its bias has two names. */
static int32_t decoder(encoder *e, int32_t x) {
    family *f = &e->f;
    const char *bias = e->form->words_bias, *weight = e->form->words_decoder;
    char tokens[64], own[2][64];
    snprintf(tokens, sizeof tokens, "%sembeddings.word_embeddings.weight", f->prefix);
    snprintf(own[0], sizeof own[0], "%s.weight", weight);
    snprintf(own[1], sizeof own[1], "%s.bias", weight);
    graph_op op = graph_op_of(OP_LINEAR);
    op.inputs[0] = x;
    op.tensors[0] = e->tied ? e->tokens : family_matrix(f, LAYOUT_PANELS, (uint64_t)e->vocab_size, (uint64_t)e->width, false, "%s", own[0]);
    if (e->tied && family_has(f, "%s", own[0])) family_expect_same(f, tokens, own[0] + 1);
    if (strcmp(bias, own[1]) && family_has(f, "%s", own[1])) {
        if (e->tied && family_has(f, "%s", bias)) family_expect_same(f, bias + 1, own[1] + 1);
        family_ignore(f, "%s", bias);
        bias = own[1];
    }
    op.tensors[1] = family_vector(f, (uint64_t)e->vocab_size, "%s", bias);
    return graph_add(&f->s->graph, op, ROWS_OUTPUTS, (uint32_t)e->vocab_size);
}

static void add_words(encoder *e) {
    int32_t x = to_rows(e, e->hidden, ROWS_OUTPUTS);
    x = encoder_linear(e, x, GRAPH_NONE, (uint32_t)e->width, e->form->words_gelu ? ACT_GELU_ERF : e->activation, e->form->words_dense);
    tap(e, "logits", decoder(e, encoder_norm(e, x, e->form->words_norm)));
}

static void add_token_labels(encoder *e) {
    tap(e, "logits", encoder_linear(e, to_rows(e, e->hidden, ROWS_OUTPUTS), GRAPH_NONE, e->n_labels, ACT_NONE, "/classifier"));
    e->scores = "softmax";
}

static void add_answer(encoder *e) {
    tap(e, "logits", encoder_linear(e, to_rows(e, e->hidden, ROWS_OUTPUTS), GRAPH_NONE, e->n_labels, ACT_NONE, "/qa_outputs"));
}

/* What transformers' pipeline applies, unless a cross-encoder says what it wants. */
static void read_scores(encoder *e) {
    static const char *const TYPES[] = {"regression", "single_label_classification", "multi_label_classification", NULL};
    family *f = &e->f;
    size_t type = SIZE_MAX;
    if (!f->failed) f->failed = json_file_choice(&f->config, "problem_type", TYPES, &type, f->err);
    e->scores = !type ? "identity" : type == 2 || e->n_labels == 1 ? "sigmoid" : "softmax";
    sentence_scores(f, &e->scores);
}

static void add_text_labels(encoder *e) {
    const encoder_form *form = e->form;
    int32_t x = e->pooled;
    if (form->text_dense) x = encoder_linear(e, to_rows(e, e->hidden, ROWS_SEQUENCES), GRAPH_NONE, (uint32_t)e->width, form->text_activation, form->text_dense);
    tap(e, "logits", encoder_linear(e, x, GRAPH_NONE, e->n_labels, ACT_NONE, form->text_out));
    read_scores(e);
}

/* ---- labels ---- */

static void put_labels(encoder *e, const char *const *labels, size_t n) {
    size_t *sizes = calloc(n, sizeof *sizes);
    if (!sizes) e->f.failed = err_memory(e->f.err, n * sizeof *sizes, "labels");
    for (size_t i = 0; sizes && i < n; i++) sizes[i] = strlen(labels[i]);
    if (sizes) kv_put_strings(&e->f.s->metadata, "labels", labels, sizes, n);
    free(sizes);
}

static bool read_labels(encoder *e, json_t *names, const char **labels, size_t n) {
    char key[32];
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        if (!(labels[i] = json_string_value(json_object_get(names, key))))
            return err_set(e->f.err, "%s: 'id2label' has no name for %zu, expected the names of 0 to %zu", e->f.config.path, i, n - 1), false;
    }
    return true;
}

/* id2label says how many there are; without it num_labels, or two. */
static void add_labels(encoder *e) {
    family *f = &e->f;
    json_t *names = json_file_get(&f->config, "id2label");
    int64_t n = 2;
    family_int(f, "num_labels", 1, 1 << 16, &n);
    if (f->failed) return;
    if (names && !json_object_size(names)) {
        f->failed = err_set(f->err, "%s: 'id2label' holds no labels", f->config.path);
        return;
    }
    if (names) n = (int64_t)json_object_size(names);
    e->n_labels = (uint32_t)n;
    const char **labels = calloc((size_t)n, sizeof *labels);
    char (*made)[16] = calloc((size_t)n, sizeof *made);
    if (!labels || !made) f->failed = err_memory(f->err, (size_t)n * sizeof *made, "labels");
    else if (names) f->failed = !read_labels(e, names, labels, (size_t)n);
    else
        for (int64_t i = 0; i < n; i++) {
            snprintf(made[i], sizeof *made, "LABEL_%d", (int)i);
            labels[i] = made[i];
        }
    if (!f->failed) put_labels(e, labels, (size_t)n);
    free(labels);
    free(made);
}

/* ---- which one ---- */

static const struct head {
    const char *class; /* behind the family's */
    const char *task;
    void (*add)(encoder *e);
    bool pooler, next_sentence, labels; /* needed */
} HEADS[] = {
    {"Model", NULL, NULL, false, false, false},
    {"ForMaskedLM", "masked-lm", add_words, false, false, false},
    {"ForPreTraining", "masked-lm", add_words, true, true, false},
    {"ForNextSentencePrediction", NULL, NULL, true, true, false},
    {"ForSequenceClassification", "sequence-classification", add_text_labels, false, false, true},
    {"ForTokenClassification", "token-classification", add_token_labels, false, false, true},
    {"ForQuestionAnswering", "question-answering", add_answer, false, false, false},
};
enum { N_HEADS = sizeof HEADS / sizeof *HEADS };

static const struct head *find_head(const encoder *e, const char *class) {
    for (const char *const *family = e->form->classes; *family; family++) {
        if (strncmp(class, *family, strlen(*family))) continue;
        for (size_t i = 0; i < N_HEADS; i++)
            if (!strcmp(class + strlen(*family), HEADS[i].class) && (e->form->next_sentence || !HEADS[i].next_sentence)) return &HEADS[i];
    }
    return NULL;
}

/* A checkpoint of which nothing is said is a model without a head. */
static const struct head *choose_head(encoder *e) {
    family *f = &e->f;
    const json_t *list = json_file_get(&f->config, "architectures");
    if (!list) return HEADS;
    const char *class = json_string_value(json_array_get(list, 0));
    const struct head *h = json_array_size(list) == 1 && class ? find_head(e, class) : NULL;
    if (!h)
        f->failed = err_set(f->err, "%s: 'architectures' names '%s', which is not supported, expected one of %s followed by Model, ForMaskedLM, "
                            "ForSequenceClassification, ForTokenClassification or ForQuestionAnswering%s", f->config.path,
                            class && json_array_size(list) == 1 ? class : "(not one class)", e->form->classes[0],
                            e->form->next_sentence ? ", ForPreTraining or ForNextSentencePrediction" : "");
    return h;
}

void encoder_head(encoder *e) {
    static const char *const ANSWER[] = {"start", "end"};
    family *f = &e->f;
    const encoder_form *form = e->form;
    const struct head *h = f->failed ? NULL : choose_head(e);
    e->pooled = GRAPH_NONE;
    if (!h) return;
    bool pooler = h->pooler || (h->labels && !form->text_dense && h->add == add_text_labels) || family_has(f, "pooler.dense.weight");
    if (pooler) add_pooler(e);
    if (h->labels) add_labels(e);
    if (h->add == add_answer) {
        e->n_labels = 2;
        put_labels(e, ANSWER, 2);
    }
    if (h->add && !f->failed) h->add(e);
    if (h->next_sentence || (pooler && form->next_sentence && family_has(f, "%s.weight", form->next_sentence))) add_next_sentence(e);
    if (h->task) kv_put_string(&f->s->metadata, "task", h->task, strlen(h->task));
    if (e->scores) kv_put_string(&f->s->metadata, "scores", e->scores, strlen(e->scores));
}
