#include "cli/cli.h"
#include "cli/pictures.h"
#include "cli/scores.h"
#include "cli/text.h"
#include "cli/texts.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    texts_settings texts;
    const char *image_size;
    uint32_t top;
    float threshold;
    bool json;
} settings;

static const settings defaults = {.top = UINT32_MAX, .threshold = -INFINITY};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "top", .kind = OPT_U32, .argument = "K", AT(top), .max = 1e9,
     .help = "most labels of each, best first (default: 1, but all if they don't exclude each other; 0: all)"},
    {.name = "threshold", .kind = OPT_REAL, .argument = "S", AT(threshold), .min = -1e9, .max = 1e9,
     .help = "only labels with at least this score"},
    TEXTS_OPTIONS,
    RECORD_PAIR_OPTIONS(texts_settings, in),
    PICTURES_OPTIONS(settings, image_size),
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "an object a text or picture: input, and labels with their scores"},
    {0},
};

typedef struct job {
    const settings *s;
    session m;
    uint32_t top; /* most labels of a text or picture */
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

static int render_row(const job *j, const record *r, const float *logits, io_bytes *out) {
    uint32_t n = j->m.info.n_labels, *best = malloc(n * sizeof *best);
    float *scores = malloc(n * sizeof *scores);
    int failed = !best || !scores;
    for (uint32_t i = 0; !failed && i < n; i++) scores[i] = scores_of(j->m.info.scores, logits, n, i);
    if (!failed) failed = render_labels(j, r, scores, best, out);
    free(best);
    free(scores);
    return failed ? -1 : 0;
}

static int render_text(void *user, const record *r, const lnt_text_result *result, io_bytes *out) {
    return render_row(user, r, result->rows[0], out);
}

static int render_picture(void *user, const record *r, const lnt_picture_result *result, io_bytes *out) {
    const job *j = user;
    if (result->row) return render_row(j, r, result->row, out);
    return j->s->json ? pictures_render_error(r, result, out) : 0;
}

static void choose_top(job *j) {
    uint32_t n = j->m.info.n_labels, usual = strcmp(j->m.info.scores, "softmax") == 0 ? 1 : n;
    uint32_t wanted = j->s->top == UINT32_MAX ? usual : j->s->top;
    j->top = wanted == 0 || wanted > n ? n : wanted;
}

static int classify_texts(job *j, const char *const *files, size_t n_files) {
    texts t = {.settings = &j->s->texts, .model = &j->m, .render = render_text, .user = j};
    int status = records_check(&j->s->texts.in, n_files);
    return status == CLI_OK ? texts_print(&t, &(lnt_batcher_options){.output = "logits"}, files, n_files) : status;
}

static int classify_pictures(job *j, const char *const *files, size_t n_files) {
    const texts_settings *s = &j->s->texts;
    pictures p = {.model = &j->m, .render = render_picture, .user = j};
    lnt_batcher_options like = {.output = "logits", .n_threads = s->threads, .n_batch = s->batch_tokens};
    int status = pictures_check(j->s->image_size, n_files, &like.image_height, &like.image_width);
    return status == CLI_OK ? pictures_print(&p, &like, files, n_files) : status;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    lnt_error err;
    job j = {.s = s};
    const char *tasks = "sequence-classification|image-classification";
    int status = CLI_OK;
    if (session_open(&j.m, operands[0], tasks, SESSION_TOKENIZER | SESSION_PICTURES, &err) != 0) status = cli_fail(&err);
    if (status == CLI_OK) status = session_check_options(&j.m, options, s, &defaults);
    if (status == CLI_OK) {
        choose_top(&j);
        status = (session_takes_pictures(&j.m) ? classify_pictures : classify_texts)(&j, operands + 1, n_operands - 1);
    }
    session_close(&j.m);
    return status;
}

const cli_verb verb_classify = {
    .name = "classify",
    .summary = "label texts or pictures, with probabilities",
    .operands = "MODEL (FILES | - | -p TEXT)",
    .notes = TEXTS_NOTE PICTURES_NOTE
             "A line of output is label, score and text (or path), between tabs. The model says what a score is: a probability\n"
             "among all labels (softmax) or of each by itself (sigmoid), or the logit.\n",
    .examples = "linnet classify sentiment.lnt -p \"A charming and often affecting journey.\"\n"
                "linnet classify toxicity.lnt comments.jsonl --field body --threshold 0.5 --json\n"
                "linnet classify nli.lnt pairs.tsv --column premise --pair-column hypothesis --top 0\n"
                "linnet classify vit.lnt cat.jpg holidays/ --top 5 --json\n",
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
