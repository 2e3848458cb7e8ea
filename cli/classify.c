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
        return io_append(out, first ? "" : ", ", first ? 0 : 2) || io_append(out, "{\"label\": ", 10) ||
               text_append_json(out, name, strlen(name)) || io_appendf(out, ", \"score\": %.9g}", (double)score);
    return text_append_line(out, name, strlen(name)) || io_appendf(out, "\t%.6f\t", (double)score) ||
           text_append_line(out, r->text, r->n_bytes) || (r->pair && io_append(out, "\t", 1)) ||
           (r->pair && text_append_line(out, r->pair, r->n_pair_bytes)) || io_append(out, "\n", 1);
}

static int render(void *user, const record *r, const lnt_text_result *result, io_bytes *out) {
    const job *j = user;
    uint32_t n = j->m.info.n_labels, *best = malloc(n * sizeof *best);
    float *scores = malloc(n * sizeof *scores);
    int failed = !best || !scores;
    if (!failed && j->s->json)
        failed = io_append(out, "{\"input\": ", 10) || record_append_input(out, r) || io_append(out, ", \"labels\": [", 13);
    for (uint32_t i = 0; !failed && i < n; i++) scores[i] = scores_of(j->m.info.scores, result->rows[0], n, i);
    size_t found = failed ? 0 : scores_top(scores, n, best, j->top);
    for (size_t i = 0; !failed && i < found && scores[best[i]] >= j->s->threshold; i++)
        failed = render_label(j, r, best[i], scores[best[i]], i == 0, out);
    if (!failed && j->s->json) failed = io_append(out, "]}\n", 3);
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
    .notes = "Every line of a file is a text, or every record of a .jsonl, .csv or .tsv file, or every file of a folder. A line of\n"
             "output is label, score and text, between tabs. The model says what a score is: a probability among all labels\n"
             "(softmax) or of each by itself (sigmoid), or the logit.\n",
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
