#include "cli/cli.h"
#include "cli/prompt.h"
#include "cli/session.h"
#include "formats/npy.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 }; /* rows of logits alive at a time */

typedef struct settings {
    const char *want, *output, *text, *pair, *ids, *segments;
    uint32_t threads;
    bool json;
} settings;

static const settings defaults = {0};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "want", .kind = OPT_CHOICE, .argument = "logits|hidden|attention|cls|pooled|embedding|next_sentence",
     AT(want), .required = true, .help = "which values"},
    {.name = "output", .letter = 'o', .kind = OPT_TEXT, .argument = "X.npy", AT(output), .required = true,
     .help = "the file to write"},
    {.name = "prompt", .letter = 'p', .kind = OPT_TEXT, .argument = "TEXT", AT(text), .help = "this text"},
    {.name = "pair", .kind = OPT_TEXT, .argument = "TEXT", AT(pair), .help = "the second text of a pair"},
    {.name = "ids", .kind = OPT_TEXT, .argument = "\"5 17 3\"", AT(ids), .help = "these ids, nothing added"},
    {.name = "segments", .kind = OPT_TEXT, .argument = "\"0 0 1\"", AT(segments),
     .help = "with --ids: the segment of each (default: all 0)"},
    {.name = "threads", .kind = OPT_U32, .argument = "N", AT(threads), .min = 1, .max = 1024,
     .help = "(default: what linnet cpu shows)"},
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "show shape and ids as one JSON object"},
    {0},
};

typedef struct job {
    const settings *s;
    const char *path;
    session m;
    bool causal;    /* tokens see only what is before them, so that they can be evaluated in parts */
    bool row_a_token;
    int32_t *ids;
    uint8_t *segments;
    size_t n;
    size_t shape[4], n_dims;
    float *values;
    lnt_error err;
} job;

static bool wants(const job *j, const char *what) {
    return strcmp(j->s->want, what) == 0;
}

static bool from_taps(const job *j) {
    return wants(j, "hidden") || wants(j, "cls") || wants(j, "attention");
}

/* ---- what the model sees ---- */

static int read_segments(job *j, const char *text) {
    int32_t *list;
    size_t n;
    if (prompt_parse_ids(text, strlen(text), "--segments", j->m.model, &list, &n, &j->err) != 0) return -1;
    int result = 0;
    if (n != j->n) result = cli_error(&j->err, "--segments: %zu for %zu ids, expected one for each", n, j->n);
    for (size_t i = 0; result == 0 && i < n; i++) {
        j->segments[i] = (uint8_t)list[i];
        if ((uint32_t)list[i] >= j->m.info.n_segments || list[i] > UINT8_MAX)
            result = cli_error(&j->err, "%s: segment %d, expected one of the model's %u", j->path, list[i],
                               j->m.info.n_segments);
    }
    free(list);
    return result;
}

static int take_ids(job *j) {
    if (prompt_parse_ids(j->s->ids, strlen(j->s->ids), "--ids", j->m.model, &j->ids, &j->n, &j->err) != 0) return -1;
    if (j->n == 0) return cli_error(&j->err, "--ids: empty, expected at least one token");
    j->segments = calloc(j->n, 1);
    if (!j->segments) return cli_error(&j->err, "out of memory for %zu ids", j->n);
    return j->s->segments ? read_segments(j, j->s->segments) : 0;
}

static int encode(job *j, const char *text, size_t n, const char *shown) {
    const char *pair = j->s->pair;
    lnt_encoding e;
    if (lnt_encode(j->m.tokenizer, text, n, pair, pair ? strlen(pair) : 0, 0, 0, &e, &j->err) != 0) return -1;
    if (e.n == 0) return cli_error(&j->err, "%s: empty, expected at least one token", shown);
    j->n = e.n;
    j->ids = malloc(e.n * sizeof *j->ids);
    j->segments = malloc(e.n);
    if (!j->ids || !j->segments) return cli_error(&j->err, "out of memory for %zu ids", e.n);
    memcpy(j->ids, e.ids, e.n * sizeof *j->ids);
    memcpy(j->segments, e.segments, e.n);
    return 0;
}

static int take_text(job *j, const prompt_source *source) {
    io_bytes text = {0};
    if (!source->file) return encode(j, source->text, strlen(source->text), "-p");
    int result = io_read(source->file, &text, &j->err);
    if (result == 0) result = encode(j, text.n ? text.data : "", text.n, source->file);
    io_bytes_free(&text);
    return result;
}

/* ---- what comes out ---- */

static int open_context(job *j) {
    lnt_context_options o = {.n_threads = j->s->threads, .n_ctx = (uint32_t)j->n, .n_outputs = CHUNK};
    if (!from_taps(j)) o.output = j->s->want;
    if (!j->causal) o.n_batch = o.n_outputs = (uint32_t)j->n;
    j->row_a_token = wants(j, "logits") && strcmp(j->m.info.task, "sequence-classification") != 0;
    return session_context(&j->m, &o, &j->err);
}

static void set_shape(job *j) {
    size_t layers = j->m.info.n_layers, width = from_taps(j) ? j->m.info.width : lnt_output_width(j->m.ctx);
    size_t hidden[] = {layers + 1, j->n, width}, attention[] = {layers, j->m.info.n_heads, j->n, j->n};
    size_t rows[] = {j->n, width}, row[] = {width};
    const size_t *shape = wants(j, "attention") ? attention : wants(j, "hidden") ? hidden : j->row_a_token ? rows : row;
    j->n_dims = shape == attention ? 4 : shape == hidden ? 3 : shape == rows ? 2 : 1;
    memcpy(j->shape, shape, j->n_dims * sizeof *shape);
}

static int allocate(job *j) {
    size_t bytes = sizeof(float);
    for (size_t i = 0; i < j->n_dims; i++)
        if (__builtin_mul_overflow(bytes, j->shape[i], &bytes))
            return cli_error(&j->err, "%s: the values are too many", j->path);
    if (wants(j, "cls")) bytes *= j->n; /* the rows behind the first, which a tap gives too */
    j->values = malloc(bytes ? bytes : 1);
    return j->values ? 0 : cli_error(&j->err, "%s: out of memory: %zu bytes for the values", j->path, bytes);
}

/* hidden and attention: one tap for each index of the first dimension; cls: the last one of hidden. */
static int set_taps(job *j) {
    if (wants(j, "cls")) return lnt_tap(j->m.ctx, "hidden", j->m.info.n_layers, j->values, j->n, &j->err);
    if (!from_taps(j)) return 0;
    size_t step = j->n_dims == 3 ? j->shape[1] * j->shape[2] : j->shape[1] * j->shape[2] * j->shape[3];
    for (uint32_t i = 0; i < j->shape[0]; i++)
        if (lnt_tap(j->m.ctx, j->s->want, i, j->values + i * step, j->n, &j->err) != 0) return -1;
    return 0;
}

static int evaluate(job *j) {
    for (size_t at = 0; at < j->n;) {
        size_t n = j->causal && j->n - at > CHUNK ? CHUNK : j->n - at, width = lnt_output_width(j->m.ctx);
        lnt_span span = {.ids = j->ids + at, .n_ids = n, .all_outputs = j->causal || j->row_a_token};
        if (j->m.info.n_segments) span.segments = j->segments + at;
        if (lnt_eval(j->m.ctx, &span, 1, &j->err) != 0) return -1;
        for (size_t i = 0; !from_taps(j) && i < lnt_output_rows(j->m.ctx); i++)
            memcpy(j->values + (at + i) * width, lnt_output(j->m.ctx, i), width * sizeof(float));
        at += n;
        io_progress(NULL, (double)at / (double)j->n, "evaluating");
    }
    return 0;
}

static void print_result(const job *j) {
    if (!j->s->json) return;
    printf("{\"want\": \"%s\", \"shape\": [", j->s->want);
    for (size_t i = 0; i < j->n_dims; i++) printf("%s%zu", i ? ", " : "", j->shape[i]);
    fputs("], \"ids\": ", stdout);
    prompt_print_ids(j->ids, j->n, true);
    puts("}");
}

static int output(job *j, const prompt_source *source) {
    if (session_open(&j->m, j->path, NULL, !source->ids, &j->err) != 0) return -1;
    j->causal = strcmp(j->m.info.task, "causal-lm") == 0;
    if ((source->ids ? take_ids(j) : take_text(j, source)) != 0) return -1;
    if (j->n > j->m.info.n_ctx)
        return cli_error(&j->err, "%s: the text has %zu tokens, expected at most the context's %u", j->path, j->n,
                         j->m.info.n_ctx);
    if (open_context(j) != 0) return -1;
    set_shape(j);
    if (allocate(j) != 0 || set_taps(j) != 0) return -1;
    int result = evaluate(j);
    io_progress_end();
    return result == 0 ? npy_write_f32(j->s->output, j->values, j->shape, j->n_dims, &j->err) : -1;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    prompt_source source = {s->text, s->ids, n_operands > 1 ? operands[1] : NULL};
    if (prompt_source_check(&source) != 0) return CLI_USAGE;
    if (s->segments && !s->ids) return cli_usage("--segments goes with --ids");
    if (s->pair && s->ids) return cli_usage("--pair goes with a text");
    job j = {.s = s, .path = operands[0]};
    int result = output(&j, &source);
    if (result == 0) print_result(&j);
    free(j.values);
    free(j.ids);
    free(j.segments);
    session_close(&j.m);
    return result == 0 ? CLI_OK : cli_fail(&j.err);
}

const cli_verb verb_output = {
    .name = "output",
    .summary = "write logits, hidden states, attention and more as a .npy file",
    .operands = "MODEL --want WHAT -o X.npy (FILE | - | -p TEXT | --ids IDS)",
    .notes = "float32, row after row: logits [tokens][vocabulary] or [tokens][labels], of a text classifier [labels];\n"
             "hidden [layers + 1][tokens][width] (0: the embedding, the last: after the final norm); attention\n"
             "[layers][heads][tokens][tokens]; cls [width], the last hidden state of the first token; pooled [width], what\n"
             "BERT's pooler makes of it; embedding [dims], a sentence model's; next_sentence [2]. A text gets the special\n"
             "tokens that the model wants around it; --ids are taken as they are.\n",
    .examples = "linnet output gpt2.lnt --want logits --ids \"5 17 3\" -o logits.npy\n"
                "linnet output gpt2.lnt --want attention -p \"The cat sat\" -o attention.npy\n"
                "linnet output bert.lnt --want pooled --ids \"101 7592 102 2088 102\" --segments \"0 0 0 1 1\" -o x.npy\n",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
