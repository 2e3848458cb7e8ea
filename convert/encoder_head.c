#include "convert/encoder.h"
#include "convert/labels.h"
#include "convert/sentence.h"
#include "simd/kernels.h"
#include <string.h>

static int32_t linear(encoder *e, int32_t x, int64_t width, int activation, const char *name) {
    return layers_linear(&e->f, x, GRAPH_NONE, (uint32_t)width, activation, 0, name);
}

static void tap(encoder *e, const char *name, int32_t x) { graph_add_tap(&e->f.s->graph, name, 0, x); }

/* ---- the heads ---- */

static void add_pooler(encoder *e) {
    e->pooled = linear(e, layers_pool(&e->f, e->hidden, POOL_FIRST), e->width, ACT_TANH, "pooler.dense");
    tap(e, "pooled", e->pooled);
}

static void add_next_sentence(encoder *e) { tap(e, "next_sentence", linear(e, e->pooled, 2, ACT_NONE, e->form->next_sentence)); }

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
    int32_t x = linear(e, layers_select(&e->f, e->hidden), e->width, e->form->words_gelu ? ACT_GELU_ERF : e->activation, e->form->words_dense);
    tap(e, "logits", decoder(e, layers_norm(&e->f, x, e->eps, e->form->words_norm)));
}

static void add_token_labels(encoder *e) {
    tap(e, "logits", linear(e, layers_select(&e->f, e->hidden), e->n_labels, ACT_NONE, "/classifier"));
    e->scores = "softmax";
}

static void add_answer(encoder *e) {
    static const char *const ANSWER[] = {"start", "end"};
    labels_put(&e->f, ANSWER, 2);
    tap(e, "logits", linear(e, layers_select(&e->f, e->hidden), 2, ACT_NONE, "/qa_outputs"));
}

static void add_text_labels(encoder *e) {
    const encoder_form *form = e->form;
    int32_t x = e->pooled;
    if (form->text_dense) x = linear(e, layers_pool(&e->f, e->hidden, POOL_FIRST), e->width, form->text_activation, form->text_dense);
    tap(e, "logits", linear(e, x, e->n_labels, ACT_NONE, form->text_out));
    /* Unless a cross-encoder says what it wants. */
    e->scores = labels_scores(&e->f, e->n_labels);
    sentence_scores(&e->f, &e->scores);
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

static const struct head *choose_head(encoder *e) {
    family *f = &e->f;
    bool one;
    const char *class = family_class(f, &one);
    const struct head *h = one ? (class ? find_head(e, class) : HEADS) : NULL;
    if (!h)
        f->failed = err_set(f->err, "%s: 'architectures' names '%s', which is not supported, expected one of %s followed by Model, ForMaskedLM, "
                            "ForSequenceClassification, ForTokenClassification or ForQuestionAnswering%s", f->config.path, one ? class : "(not one class)",
                            e->form->classes[0], e->form->next_sentence ? ", ForPreTraining or ForNextSentencePrediction" : "");
    return h;
}

void encoder_head(encoder *e) {
    family *f = &e->f;
    const encoder_form *form = e->form;
    const struct head *h = f->failed ? NULL : choose_head(e);
    e->pooled = GRAPH_NONE;
    if (!h) return;
    bool pooler = h->pooler || (h->labels && !form->text_dense && h->add == add_text_labels) || family_has(f, "pooler.dense.weight");
    if (pooler) add_pooler(e);
    if (h->labels) e->n_labels = labels_of_config(f);
    if (h->add && !f->failed) h->add(e);
    if (h->next_sentence || (pooler && form->next_sentence && family_has(f, "%s.weight", form->next_sentence))) add_next_sentence(e);
    labels_put_task(f, h->task, e->scores);
}
