#include "cli/cli.h"
#include "cli/profile.h"
#include "cli/prompt.h"
#include "cli/session.h"
#include "cli/text.h"
#include "engine/exponential.h"
#include <math.h>
#include <stdlib.h>

enum { CHUNK = 64 }; /* rows of logits alive at a time */

typedef struct settings {
    const char *text, *ids;
    uint32_t stride, ctx, threads;
    bool tokens, json, profile;
} settings;

static const settings defaults = {0};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "prompt", .letter = 'p', .kind = OPT_TEXT, .argument = "TEXT", AT(text), .help = "this text"},
    {.name = "ids", .kind = OPT_TEXT, .argument = "\"5 17 3\"", AT(ids), .help = "these ids"},
    {.name = "stride", .kind = OPT_U32, .argument = "N", AT(stride), .min = 1, .max = 1e9,
     .help = "how far the window moves (default: half the context)"},
    {.name = "ctx", .kind = OPT_U32, .argument = "N", AT(ctx), .min = 2, .max = 1e9,
     .help = "tokens in a window (default: the model's context)"},
    {.name = "tokens", .kind = OPT_FLAG, AT(tokens), .help = "the log-probability of every token"},
    {.name = "threads", .kind = OPT_U32, .argument = "N", AT(threads), .min = 1, .max = 1024,
     .help = "(default: what linnet cpu shows)"},
    PROFILE_OPTION(settings, profile),
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "one JSON object"},
    {0},
};

typedef struct job {
    const settings *s;
    const char *path;
    session m;
    prompt text;
    uint32_t window, stride;
    double *log_probabilities; /* [n_ids], NAN: not scored */
    lnt_error err;
} job;

/* Scores ids[first .. end) in a window that begins at begin; first > begin. */
static int score_window(job *j, size_t begin, size_t first, size_t end) {
    const int32_t *ids = j->text.ids;
    size_t at = first - 1;
    lnt_sequence_truncate(j->m.ctx, 0, 0);
    if (at > begin) {
        lnt_span before = {.ids = ids + begin, .n_ids = at - begin, .no_outputs = true};
        if (lnt_eval(j->m.ctx, &before, 1, &j->err) != 0) return -1;
    }
    while (at + 1 < end) {
        size_t n = end - 1 - at < CHUNK ? end - 1 - at : CHUNK;
        lnt_span span = {.ids = ids + at, .n_ids = n, .all_outputs = true};
        if (lnt_eval(j->m.ctx, &span, 1, &j->err) != 0) return -1;
        double began = cli_seconds();
        for (size_t i = 0; i < n; i++)
            j->log_probabilities[at + i + 1] =
                lnt_log_probability(lnt_output(j->m.ctx, i), j->m.info.vocab_size, ids[at + i + 1]);
        profile_add("log-probabilities", began, n);
        at += n;
        io_progress(NULL, (double)at / (double)j->text.n_ids, "scoring");
    }
    return 0;
}

static int score_all(job *j) {
    size_t n = j->text.n_ids, done = 0;
    for (size_t begin = 0; done < n; begin += j->stride) {
        size_t end = n - begin < j->window ? n : begin + j->window;
        size_t first = done > begin ? done : begin + 1; /* a window's first token has no context */
        if (first < end && score_window(j, begin, first, end) != 0) return -1;
        done = end;
    }
    return 0;
}

static void print_number(const char *before, double value) {
    printf(isfinite(value) ? "%s%.9g" : "%snull", before, value);
}

static void print_tokens_json(const job *j) {
    fputs(", \"ids\": ", stdout);
    prompt_print_ids(j->text.ids, j->text.n_ids, true);
    fputs(", \"log_probabilities\": [", stdout);
    for (size_t i = 0; i < j->text.n_ids; i++) print_number(i ? ", " : "", j->log_probabilities[i]);
    putchar(']');
}

static void print_tokens(const job *j) {
    for (size_t i = 0; i < j->text.n_ids; i++) {
        size_t n = 0;
        const char *bytes = lnt_token_bytes(j->m.model, j->text.ids[i], &n);
        printf("%zu\t%d\t", i, j->text.ids[i]);
        print_number("", j->log_probabilities[i]);
        putchar('\t');
        if (bytes) text_json(bytes, n);
        putchar('\n');
    }
}

static void print_result(const job *j) {
    double sum = 0;
    size_t scored = 0, n_bytes = 0;
    for (size_t i = 0; i < j->text.n_ids; i++) {
        if (isnan(j->log_probabilities[i])) continue;
        size_t n = 0;
        if (lnt_token_bytes(j->m.model, j->text.ids[i], &n)) n_bytes += n;
        sum -= j->log_probabilities[i];
        scored++;
    }
    double mean = sum / (double)scored, bits = n_bytes ? sum / (M_LN2 * (double)n_bytes) : NAN;
    if (j->s->json) {
        print_number("{\"perplexity\": ", exponential(mean));
        print_number(", \"nll\": ", mean);
        print_number(", \"bits_per_byte\": ", bits);
        printf(", \"tokens_scored\": %zu, \"tokens\": %zu, \"window\": %u, \"stride\": %u", scored, j->text.n_ids,
               j->window, j->stride);
        if (j->s->tokens) print_tokens_json(j);
        puts("}");
        return;
    }
    if (j->s->tokens) print_tokens(j);
    printf("perplexity       %.6g\n", exponential(mean));
    printf("mean loss        %.6g nats per token\n", mean);
    if (n_bytes) printf("bits per byte    %.6g\n", bits);
    printf("tokens scored    %zu of %zu, windows of %u, stride %u\n", scored, j->text.n_ids, j->window, j->stride);
}

static int prepare(job *j) {
    uint32_t n_ctx = j->m.info.n_ctx;
    if (n_ctx < 2) return cli_failf("%s: a context of %u tokens, expected at least 2", j->path, n_ctx);
    if (j->s->ctx > n_ctx)
        return cli_failf("%s: --ctx %u is more than the model's context, expected at most %u", j->path, j->s->ctx,
                         n_ctx);
    j->window = j->s->ctx ? j->s->ctx : n_ctx;
    j->stride = j->s->stride ? j->s->stride : j->window / 2;
    if (j->stride > j->window)
        return cli_failf("%s: --stride %u would leave tokens out, expected at most the window's %u", j->path, j->stride,
                         j->window);
    if (j->text.n_ids < 2)
        return cli_failf("%s: the text has one token, expected at least 2 (the first cannot be scored)", j->path);
    j->log_probabilities = malloc(j->text.n_ids * sizeof *j->log_probabilities);
    if (!j->log_probabilities) return cli_failf("%s: out of memory for %zu tokens", j->path, j->text.n_ids);
    for (size_t i = 0; i < j->text.n_ids; i++) j->log_probabilities[i] = NAN;
    lnt_context_options context = {.n_threads = j->s->threads, .n_ctx = j->window, .n_outputs = CHUNK};
    return session_context(&j->m, &context, &j->err) == 0 ? CLI_OK : cli_fail(&j->err);
}

static int score(job *j, const prompt_source *source) {
    if (session_open(&j->m, j->path, "causal-lm", source->ids ? 0 : SESSION_TOKENIZER, &j->err) != 0)
        return cli_fail(&j->err);
    if (prompt_read(&j->text, source, j->m.model, j->m.tokenizer, &j->err) != 0) return cli_fail(&j->err);
    int status = prepare(j);
    if (status != CLI_OK) return status;
    int failed = score_all(j);
    io_progress_end();
    if (failed) return cli_fail(&j->err);
    print_result(j);
    return CLI_OK;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    prompt_source source = {s->text, s->ids, n_operands > 1 ? operands[1] : NULL};
    if (prompt_source_check(&source) != 0) return CLI_USAGE;
    job j = {.s = s, .path = operands[0]};
    int status = score(&j, &source);
    free(j.log_probabilities);
    prompt_free(&j.text);
    session_close(&j.m);
    return status;
}

const cli_verb verb_score = {
    .name = "score",
    .summary = "perplexity of a text and log-probabilities of its tokens",
    .operands = "MODEL (FILE | - | -p TEXT | --ids IDS)",
    .notes = "A window of the context's size moves over the text by the stride. Every token is scored once, in the\n"
             "first window that holds it, so with at least window - stride tokens before it (except at the beginning\n"
             "of the text, whose first token is not scored). --tokens prints position, id, natural logarithm of the\n"
             "probability and text, between tabs.\n",
    .examples = "linnet score gpt2.lnt wiki.test.raw --stride 512\n"
                "linnet score gpt2.lnt -p \"All the world's a stage\" --tokens\n",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
