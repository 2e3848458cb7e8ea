#include "cli/cli.h"
#include "cli/scores.h"
#include "cli/text.h"
#include "cli/texts.h"
#include "engine/exponential.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOP = 10000, MAX_MASK = 64 };
#define MASK "[MASK]" /* understood by every model */

typedef struct settings {
    texts_settings texts;
    opt_list files;
    uint32_t top;
    bool json;
} settings;

static const settings defaults = {.top = 5};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "file", .kind = OPT_LIST, .argument = "FILE", AT(files),
     .help = "texts from this file, - for standard input; may be repeated"},
    {.name = "top", .kind = OPT_U32, .argument = "K", AT(top), .min = 1, .max = MAX_TOP,
     .help = "words for each mask (default 5)"},
    TEXTS_OPTIONS,
    {.name = "json", .kind = OPT_FLAG, AT(json),
     .help = "an object a text: input, and masks with words, each with word, id and score"},
    {0},
};

typedef struct job {
    settings s;
    session m;
    texts texts;
    char mask[MAX_MASK];         /* the model's own */
    atomic_uint_least64_t empty; /* texts without a mask */
} job;

static int render_word(const job *j, const float *logits, uint32_t id, bool first, io_bytes *out) {
    size_t n = 0;
    const char *word = lnt_token_bytes(j->m.model, (int32_t)id, &n);
    bool space = word && n > 1 && *word == ' ';
    word = space ? word + 1 : word ? word : "";
    n -= space;
    float score = (float)exponential(lnt_log_probability(logits, j->m.info.vocab_size, (int32_t)id));
    if (!j->s.json) return text_append_line(out, word, n) || io_appendf(out, "\t%.6f\n", (double)score);
    return io_append_text(out, first ? "{\"word\": " : ", {\"word\": ") || text_append_json(out, word, n) ||
           io_appendf(out, ", \"id\": %u, \"score\": ", id) || text_append_number(out, score) || io_append_text(out, "}");
}

static int render_mask(const job *j, const float *logits, bool first, uint32_t *best, io_bytes *out) {
    size_t n = scores_top(logits, j->m.info.vocab_size, best, j->s.top);
    int failed = j->s.json ? io_append_text(out, first ? "{\"words\": [" : ", {\"words\": [") : 0;
    for (size_t i = 0; !failed && i < n; i++) failed = render_word(j, logits, best[i], i == 0, out);
    return failed || io_append_text(out, j->s.json ? "]}" : "\n");
}

static int render(void *user, const record *r, const lnt_text_result *result, io_bytes *out) {
    job *j = user;
    uint32_t *best = malloc(j->s.top * sizeof *best);
    int failed = !best;
    if (result->n_rows == 0) atomic_fetch_add(&j->empty, 1);
    if (!failed && j->s.json) failed = record_begin_json(out, r, "masks") || io_append_text(out, "[");
    for (size_t i = 0; !failed && i < result->n_rows; i++)
        failed = render_mask(j, result->rows[i], i == 0, best, out);
    if (!failed && j->s.json) failed = io_append_text(out, "]}\n");
    free(best);
    return failed ? -1 : 0;
}

static int set_mask(job *j, lnt_error *err) {
    size_t n = 0;
    const char *mask = lnt_token_bytes(j->m.model, j->m.info.mask_id, &n);
    if (!mask || n == 0 || n >= MAX_MASK)
        return cli_error(err, "%s: has no mask token, expected a model trained with one", j->m.path);
    memcpy(j->mask, mask, n);
    if (strcmp(j->mask, MASK) == 0) return 0;
    j->texts.from = MASK;
    j->texts.to = j->mask;
    return 0;
}

static int fill(job *j, const char *path) {
    lnt_error err;
    if (session_open(&j->m, path, "masked-lm", SESSION_TOKENIZER, &err) != 0 || set_mask(j, &err) != 0) return cli_fail(&err);
    int status = texts_print(&j->texts, &(lnt_batcher_options){.output = "logits"}, j->s.files.items, j->s.files.n);
    uint64_t empty = j->empty;
    if (status != CLI_OK || !empty) return status;
    return cli_failf("no mask in %" PRIu64 " of %" PRIu64 " texts, expected %s in each", empty, j->texts.counts.inputs,
                     j->mask);
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    job j = {.s = *(const settings *)given};
    if (n_operands > 1 && j.s.texts.in.text) return cli_usage("only one of TEXT and -p TEXT can be given");
    if (n_operands > 1) j.s.texts.in.text = operands[1];
    if (j.s.texts.in.text && j.s.files.n) return cli_usage("only one of TEXT and --file can be given");
    if (!j.s.texts.in.text && !j.s.files.n) return cli_usage("no text: TEXT or --file FILE is needed");
    j.texts = (texts){.settings = &j.s.texts, .model = &j.m, .render = render, .user = &j};
    int status = fill(&j, operands[0]);
    session_close(&j.m);
    return status;
}

const cli_verb verb_fill = {
    .name = "fill",
    .summary = "the likeliest words for each mask in a text",
    .operands = "MODEL (TEXT | --file FILE)",
    .notes = "A mask is " MASK ", or what the model itself calls it (<mask>). A line of output is word and probability,\n"
             "between tabs; an empty line ends a mask.\n",
    .examples = "linnet fill bert.lnt \"Paris is the " MASK " of France.\" --top 3\n"
                "linnet fill roberta.lnt --file sentences.txt --json\n",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
