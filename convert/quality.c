#include "convert/quality.h"
#include "engine/exponential.h"
#include "formats/error.h"
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 512, PART = 64 }; /* tokens with a shared past; rows of logits held at a time */

typedef struct pair {
    lnt_model *model[2]; /* the float one, the smaller one */
    lnt_context *context[2];
    lnt_tokenizer *tokenizer;
    size_t n_vocab;
    double nll[2], kl;
    uint64_t same, tokens;
} pair;

static int open_pair(pair *p, const char *const *paths, uint32_t n_threads, lnt_error *err) {
    for (int i = 0; i < 2; i++) {
        lnt_info info;
        if (!(p->model[i] = lnt_open(paths[i], err))) return -1;
        lnt_model_info(p->model[i], &info);
        lnt_context_options o = {.n_threads = n_threads, .n_ctx = info.n_ctx < WINDOW ? info.n_ctx : WINDOW, .n_batch = PART, .n_outputs = PART};
        if (!(p->context[i] = lnt_context_new(p->model[i], &o, err))) return -1;
        p->n_vocab = info.vocab_size;
    }
    p->tokenizer = lnt_tokenizer_new(p->model[0], err);
    return p->tokenizer ? 0 : -1;
}

static void close_pair(pair *p) {
    lnt_tokenizer_free(p->tokenizer);
    for (int i = 0; i < 2; i++) {
        lnt_context_free(p->context[i]);
        lnt_close(p->model[i]);
    }
}

size_t quality_likeliest(const float *x, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

/* a, b: logits of the float and of the smaller model for the token before `next`. */
static void compare_row(pair *p, const float *a, const float *b, int32_t next) {
    double a0 = lnt_log_probability(a, p->n_vocab, 0) - (double)a[0], b0 = lnt_log_probability(b, p->n_vocab, 0) - (double)b[0];
    for (size_t i = 0; i < p->n_vocab; i++) {
        double la = (double)a[i] + a0, lb = (double)b[i] + b0;
        if (la > -40) p->kl += exponential(la) * (la - lb);
    }
    p->nll[0] -= (double)a[next] + a0;
    p->nll[1] -= (double)b[next] + b0;
    p->same += quality_likeliest(a, p->n_vocab) == quality_likeliest(b, p->n_vocab);
    p->tokens++;
}

static int compare_window(pair *p, const int32_t *ids, size_t n, lnt_error *err) {
    for (int i = 0; i < 2; i++) lnt_sequence_truncate(p->context[i], 0, 0);
    for (size_t at = 0; at + 1 < n; at += PART) {
        size_t m = n - 1 - at < PART ? n - 1 - at : PART;
        lnt_span span = {.ids = ids + at, .n_ids = m, .all_outputs = true};
        for (int i = 0; i < 2; i++)
            if (lnt_eval(p->context[i], &span, 1, err)) return -1;
        for (size_t r = 0; r < m; r++) compare_row(p, lnt_output(p->context[0], r), lnt_output(p->context[1], r), ids[at + r + 1]);
    }
    return 0;
}

static int compare_text(pair *p, const char *text, size_t n_bytes, const lnt_convert_options *o, lnt_error *err) {
    const int32_t *ids;
    size_t n;
    lnt_info info;
    lnt_model_info(p->model[0], &info);
    size_t window = info.n_ctx < WINDOW ? info.n_ctx : WINDOW;
    if (lnt_tokenize(p->tokenizer, text, n_bytes, LNT_NO_SPECIAL, &ids, &n, err)) return -1;
    if (n < 2 || window < 2) return err_set(err, "%s: the text to check on has %zu tokens, expected at least 2", o->check_path ? o->check_path : "(built in)", n);
    for (size_t at = 0; at + 1 < n; at += window) {
        if (o->progress) o->progress(o->user, (double)at / (double)n, "measuring the loss");
        if (compare_window(p, ids + at, n - at < window ? n - at : window, err)) return -1;
    }
    return 0;
}

int quality_of_predictions(const char *float_path, const char *small_path, const lnt_convert_options *o, quality *q, lnt_error *err) {
    pair p = {0};
    size_t n_bytes = 0;
    char *text = quality_text(o->check_path, &n_bytes, err);
    int rc = text ? open_pair(&p, (const char *const[]){float_path, small_path}, o->n_threads, err) : -1;
    if (!rc) rc = compare_text(&p, text, n_bytes, o, err);
    if (!rc) {
        double n = (double)p.tokens;
        *q = (quality){.tokens = p.tokens, .perplexity = exponential(p.nll[1] / n), .float_perplexity = exponential(p.nll[0] / n), .kl = p.kl / n,
                       .top1 = (double)p.same / n};
    }
    close_pair(&p);
    free(text);
    return rc;
}
