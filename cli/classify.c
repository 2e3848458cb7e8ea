#include "cli/cli.h"
#include "cli/scores.h"
#include "cli/text.h"
#include "cli/texts.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    texts_settings texts;
    uint32_t top;
    float threshold;
    bool json;
} settings;

static const settings defaults = {.top = UINT32_MAX, .threshold = -INFINITY};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "top", .kind = OPT_U32, .argument = "K", AT(top), .max = 1e9,
     .help = "most labels of a text, best first (default: 1, but all if they don't exclude each other; 0: all)"},
    {.name = "threshold", .kind = OPT_REAL, .argument = "S", AT(threshold), .min = -1e9, .max = 1e9,
     .help = "only labels with at least this score"},
    TEXTS_OPTIONS,
    RECORD_PAIR_OPTIONS(texts_settings, in),
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "an object a text: input, and labels with their scores"},
    {0},
};

typedef struct job {
    const settings *s;
    session m;
    texts texts;
    uint32_t top; /* most labels of a text */
} job;

static int render_label(const job *j, const record *r, uint32_t label, float score, bool first, io_bytes *out) {
    const char *name = lnt_label(j->m.model, label);
    if (!name) name = "";
    if (j->s->json)
        return io_append_text(out, first ? "{\"label\": " : ", {\"label\": ") || text_append_json(out, name, strlen(name)) ||
               io_append_text(out, ", \"score\": ") || text_append_number(out, score) || io_append_text(out, "}");
    return text_append_line(out, name, strlen(name)) || io_appendf(out, "\t%.6f\t", (double)score) ||
           text_append_line(out, r->text, r->n_bytes) || (r->pair && io_append_text(out, "\t")) ||
           (r->pair && text_append_line(out, r->pair, r->n_pair_bytes)) || io_append_text(out, "\n");
}

static int render_labels(const job *j, const record *r, const float *scores, uint32_t *best, io_bytes *out) {
    size_t n = scores_top(scores, j->m.info.n_labels, best, j->top);
    int failed = j->s->json ? record_begin_json(out, r, "labels") || io_append_text(out, "[") : 0;
    for (size_t i = 0; !failed && i < n && scores[best[i]] >= j->s->threshold; i++)
        failed = render_label(j, r, best[i], scores[best[i]], i == 0, out);
    return failed || (j->s->json && io_append_text(out, "]}\n"));
}

static int render(void *user, const record *r, const lnt_text_result *result, io_bytes *out) {
    const job *j = user;
    uint32_t n = j->m.info.n_labels, *best = malloc(n * sizeof *best);
    float *scores = malloc(n * sizeof *scores);
    int failed = !best || !scores;
    for (uint32_t i = 0; !failed && i < n; i++) scores[i] = scores_of(j->m.info.scores, result->rows[0], n, i);
    if (!failed) failed = render_labels(j, r, scores, best, out);
    free(best);
    free(scores);
    return failed ? -1 : 0;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    lnt_error err;
    int status = records_check(&s->texts.in, n_operands - 1);
    if (status != CLI_OK) return status;
    job j = {.s = s};
    if (session_open(&j.m, operands[0], "sequence-classification", true, &err) != 0) {
        status = cli_fail(&err);
    } else {
        uint32_t n = j.m.info.n_labels, usual = strcmp(j.m.info.scores, "softmax") == 0 ? 1 : n;
        uint32_t wanted = s->top == UINT32_MAX ? usual : s->top;
        j.top = wanted == 0 || wanted > n ? n : wanted;
        j.texts = (texts){.settings = &s->texts, .model = &j.m, .render = render, .user = &j};
        status = texts_print(&j.texts, &(lnt_batcher_options){.output = "logits"}, operands + 1, n_operands - 1);
    }
    session_close(&j.m);
    return status;
}

const cli_verb verb_classify = {
    .name = "classify",
    .summary = "label texts, with probabilities",
    .operands = "MODEL (FILES | - | -p TEXT)",
    .notes = TEXTS_NOTE
             "A line of output is label, score and text, between tabs. The model says what a score is: a probability among\n"
             "all labels (softmax) or of each by itself (sigmoid), or the logit.\n",
    .examples = "linnet classify sentiment.lnt -p \"A charming and often affecting journey.\"\n"
                "linnet classify toxicity.lnt comments.jsonl --field body --threshold 0.5 --json\n"
                "linnet classify nli.lnt pairs.tsv --column premise --pair-column hypothesis --top 0\n",
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
