#include "cli/cli.h"
#include "cli/prompt.h"
#include "formats/npy.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 }; /* rows of logits alive at a time */

typedef struct settings {
    const char *want, *output, *text, *ids;
    uint32_t threads;
    bool json;
} settings;

static const settings defaults = {0};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "want", .kind = OPT_CHOICE, .argument = "logits|hidden|attention", AT(want), .required = true,
     .help = "which values"},
    {.name = "output", .letter = 'o', .kind = OPT_TEXT, .argument = "X.npy", AT(output), .required = true,
     .help = "the file to write"},
    {.name = "prompt", .letter = 'p', .kind = OPT_TEXT, .argument = "TEXT", AT(text), .help = "this text"},
    {.name = "ids", .kind = OPT_TEXT, .argument = "\"5 17 3\"", AT(ids), .help = "these ids"},
    {.name = "threads", .kind = OPT_U32, .argument = "N", AT(threads), .min = 1, .max = 1024,
     .help = "(default: what linnet cpu shows)"},
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "show shape and ids as one JSON object"},
    {0},
};

typedef struct job {
    const settings *s;
    const char *path;
    lnt_model *model;
    lnt_info info;
    lnt_tokenizer *tokenizer;
    lnt_context *ctx;
    prompt text;
    size_t shape[4], n_dims;
    float *values;
    lnt_error err;
} job;

static void set_shape(job *j) {
    size_t n = j->text.n_ids;
    if (strcmp(j->s->want, "logits") == 0) {
        memcpy(j->shape, (size_t[]){n, j->info.vocab_size}, 2 * sizeof(size_t));
        j->n_dims = 2;
    } else if (strcmp(j->s->want, "hidden") == 0) {
        memcpy(j->shape, (size_t[]){(size_t)j->info.n_layers + 1, n, j->info.width}, 3 * sizeof(size_t));
        j->n_dims = 3;
    } else {
        memcpy(j->shape, (size_t[]){j->info.n_layers, j->info.n_heads, n, n}, 4 * sizeof(size_t));
        j->n_dims = 4;
    }
}

static int allocate(job *j) {
    size_t bytes = sizeof(float);
    for (size_t i = 0; i < j->n_dims; i++)
        if (__builtin_mul_overflow(bytes, j->shape[i], &bytes))
            return cli_failf("%s: the values are too many", j->path);
    j->values = malloc(bytes ? bytes : 1);
    if (!j->values) return cli_failf("%s: out of memory: %zu bytes for the values", j->path, bytes);
    return CLI_OK;
}

/* hidden and attention: one tap for each index of the first dimension. */
static int set_taps(job *j) {
    if (j->n_dims == 2) return CLI_OK;
    size_t step = j->n_dims == 3 ? j->shape[1] * j->shape[2] : j->shape[1] * j->shape[2] * j->shape[3];
    for (uint32_t i = 0; i < j->shape[0]; i++)
        if (lnt_tap(j->ctx, j->s->want, i, j->values + i * step, j->text.n_ids, &j->err) != 0) return cli_fail(&j->err);
    return CLI_OK;
}

static int evaluate(job *j) {
    size_t vocabulary = j->info.vocab_size;
    for (size_t at = 0; at < j->text.n_ids;) {
        size_t n = j->text.n_ids - at < CHUNK ? j->text.n_ids - at : CHUNK;
        lnt_span span = {.ids = j->text.ids + at, .n_ids = n, .all_logits = true};
        if (lnt_eval(j->ctx, &span, 1, &j->err) != 0) return cli_fail(&j->err);
        for (size_t i = 0; j->n_dims == 2 && i < n; i++)
            memcpy(j->values + (at + i) * vocabulary, lnt_logits(j->ctx, i), vocabulary * sizeof(float));
        at += n;
        io_progress(NULL, (double)at / (double)j->text.n_ids, "evaluating");
    }
    io_progress_end();
    return CLI_OK;
}

static void print_result(const job *j) {
    if (!j->s->json) return;
    printf("{\"want\": \"%s\", \"shape\": [", j->s->want);
    for (size_t i = 0; i < j->n_dims; i++) printf("%s%zu", i ? ", " : "", j->shape[i]);
    fputs("], \"ids\": ", stdout);
    prompt_print_ids(j->text.ids, j->text.n_ids, true);
    puts("}");
}

static int output(job *j, const prompt_source *source) {
    j->model = lnt_open(j->path, &j->err);
    if (!j->model) return cli_fail(&j->err);
    lnt_model_info(j->model, &j->info);
    if (prompt_open_tokenizer(j->model, j->path, !source->ids, &j->tokenizer, &j->err) != 0) return cli_fail(&j->err);
    if (prompt_read(&j->text, source, j->model, j->tokenizer, &j->err) != 0) return cli_fail(&j->err);
    if (j->text.n_ids > j->info.n_ctx)
        return cli_failf("%s: the text has %zu tokens, expected at most the context's %u", j->path, j->text.n_ids,
                         j->info.n_ctx);
    lnt_context_options context = {.n_threads = j->s->threads, .n_ctx = (uint32_t)j->text.n_ids, .n_logits = CHUNK};
    j->ctx = lnt_context_new(j->model, &context, &j->err);
    if (!j->ctx) return cli_fail(&j->err);
    set_shape(j);
    int status = allocate(j);
    if (status == CLI_OK) status = set_taps(j);
    if (status == CLI_OK) status = evaluate(j);
    if (status == CLI_OK && npy_write_f32(j->s->output, j->values, j->shape, j->n_dims, &j->err) != 0)
        status = cli_fail(&j->err);
    if (status == CLI_OK) print_result(j);
    return status;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    prompt_source source = {s->text, s->ids, n_operands > 1 ? operands[1] : NULL};
    if (prompt_source_check(&source) != 0) return CLI_USAGE;
    job j = {.s = s, .path = operands[0]};
    int status = output(&j, &source);
    lnt_context_free(j.ctx);
    free(j.values);
    prompt_free(&j.text);
    lnt_tokenizer_free(j.tokenizer);
    lnt_close(j.model);
    return status;
}

const cli_verb verb_output = {
    .name = "output",
    .summary = "write logits, hidden states or attention as a .npy file",
    .operands = "MODEL --want WHAT -o X.npy (FILE | - | -p TEXT | --ids IDS)",
    .notes = "float32, row after row: logits [tokens][vocabulary], hidden [layers + 1][tokens][width] (0: the\n"
             "embedding, the last: after the final norm), attention [layers][heads][tokens][tokens].\n",
    .examples = "linnet output gpt2.lnt --want logits --ids \"5 17 3\" -o logits.npy\n"
                "linnet output gpt2.lnt --want attention -p \"The cat sat\" -o attention.npy\n",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
