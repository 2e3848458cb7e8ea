#include "cli/cli.h"
#include "cli/pictures.h"
#include "cli/profile.h"
#include "cli/prompt.h"
#include "cli/session.h"
#include "formats/npy.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 }; /* rows of logits alive at a time */

typedef struct settings {
    const char *want, *output, *text, *pair, *ids, *segments, *image_size;
    uint32_t threads;
    bool json, profile;
} settings;

static const settings defaults = {0};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "want", .kind = OPT_CHOICE, .argument = "logits|hidden|attention|cls|pooled|embedding|next_sentence",
     AT(want), .required = true, .help = "which values"},
    {.name = "output", .letter = 'o', .kind = OPT_TEXT, .argument = "X.npy", AT(output), .required = true,
     .help = "the file to write"},
    {.name = "prompt", .letter = 'p', .kind = OPT_TEXT, .argument = "TEXT", AT(text), .subject = OPT_TEXTS,
     .help = "this text"},
    {.name = "pair", .kind = OPT_TEXT, .argument = "TEXT", AT(pair), .subject = OPT_TEXTS,
     .help = "the second text of a pair"},
    {.name = "ids", .kind = OPT_TEXT, .argument = "\"5 17 3\"", AT(ids), .subject = OPT_TEXTS,
     .help = "these ids, nothing added"},
    {.name = "segments", .kind = OPT_TEXT, .argument = "\"0 0 1\"", AT(segments), .subject = OPT_TEXTS,
     .help = "with --ids: the segment of each (default: all 0)"},
    PICTURES_OPTIONS(settings, image_size),
    {.name = "threads", .kind = OPT_U32, .argument = "N", AT(threads), .min = 1, .max = 1024,
     .help = "(default: what linnet cpu shows)"},
    PROFILE_OPTION(settings, profile),
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "show shape and ids (or image: height, width) as one JSON object"},
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
    uint32_t height, width; /* of the image, */
    float *pixels;          /* [n_channels][height][width], instead of ids */
    size_t n;               /* tokens */
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
    double began = cli_seconds();
    if (lnt_encode(j->m.tokenizer, text, n, pair, pair ? strlen(pair) : 0, 0, 0, &e, &j->err) != 0) return -1;
    profile_add_entry((lnt_profile_entry){.name = "tokenize", .rows = 1, .values = e.n, .bytes = n}, began);
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

static int take_picture(job *j, const char *path) {
    const lnt_info *info = &j->m.info;
    size_t bytes = sizeof(float);
    if (!j->height) {
        j->height = info->image_height;
        j->width = info->image_width;
    }
    j->n = lnt_image_tokens(j->m.model, j->height, j->width);
    if (!j->n)
        return cli_error(&j->err, "%s: takes no images of %u x %u, expected at least a patch of %u x %u and not too many",
                         j->path, j->height, j->width, info->patch_height, info->patch_width);
    bool too_large = __builtin_mul_overflow(bytes, j->height, &bytes) || __builtin_mul_overflow(bytes, j->width, &bytes) ||
                     __builtin_mul_overflow(bytes, info->n_channels, &bytes);
    j->pixels = too_large ? NULL : malloc(bytes);
    if (!j->pixels) return cli_error(&j->err, "%s: out of memory for an image of %u x %u", j->path, j->height, j->width);
    double began = cli_seconds();
    int result = lnt_pixels_read(j->m.model, path, j->height, j->width, j->pixels, &j->err);
    profile_add("read pictures", began, 1);
    return result;
}

/* ---- what comes out ---- */

static int open_context(job *j) {
    lnt_context_options o = {.n_threads = j->s->threads, .n_ctx = (uint32_t)j->n, .n_outputs = CHUNK,
                             .image_height = j->height, .image_width = j->width};
    if (!from_taps(j)) o.output = j->s->want;
    if (!j->causal) o.n_batch = o.n_outputs = (uint32_t)j->n;
    j->row_a_token = wants(j, "logits") && !j->pixels && strcmp(j->m.info.task, "sequence-classification") != 0;
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

static int evaluate_picture(job *j) {
    lnt_span span = {.pixels = j->pixels};
    if (lnt_eval(j->m.ctx, &span, 1, &j->err) != 0) return -1;
    if (!from_taps(j)) memcpy(j->values, lnt_output(j->m.ctx, 0), lnt_output_width(j->m.ctx) * sizeof(float));
    return 0;
}

static int evaluate(job *j) {
    if (j->pixels) return evaluate_picture(j);
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
    if (j->pixels) {
        printf("], \"image\": [%u, %u]}\n", j->height, j->width);
        return;
    }
    fputs("], \"ids\": ", stdout);
    prompt_print_ids(j->ids, j->n, true);
    puts("}");
}

static int output(job *j) {
    j->causal = strcmp(j->m.info.task, "causal-lm") == 0;
    if (open_context(j) != 0) return -1;
    set_shape(j);
    if (allocate(j) != 0 || set_taps(j) != 0) return -1;
    int result = evaluate(j);
    io_progress_end();
    if (result != 0) return -1;
    double began = cli_seconds();
    result = npy_write_f32(j->s->output, j->values, j->shape, j->n_dims, &j->err);
    profile_add("write results", began, j->n);
    return result;
}

static int output_text(job *j, const char *file) {
    const settings *s = j->s;
    prompt_source source = {s->text, s->ids, file};
    if (prompt_source_check(&source) != 0) return CLI_USAGE;
    if (s->segments && !s->ids) return cli_usage("--segments goes with --ids");
    if (s->pair && s->ids) return cli_usage("--pair goes with a text");
    if ((s->ids ? take_ids(j) : take_text(j, &source)) != 0) return cli_fail(&j->err);
    if (j->n > j->m.info.n_ctx)
        return cli_failf("%s: the text has %zu tokens, expected at most the context's %u", j->path, j->n, j->m.info.n_ctx);
    return output(j) == 0 ? CLI_OK : cli_fail(&j->err);
}

static int output_picture(job *j, const char *file) {
    if (!file || strcmp(file, "-") == 0) return cli_usage("no picture: a FILE is needed");
    int status = pictures_check(j->s->image_size, 1, &j->height, &j->width);
    if (status != CLI_OK) return status;
    return take_picture(j, file) == 0 && output(j) == 0 ? CLI_OK : cli_fail(&j->err);
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    const char *file = n_operands > 1 ? operands[1] : NULL;
    unsigned needs = SESSION_PICTURES | (s->ids ? 0u : SESSION_TOKENIZER);
    job j = {.s = s, .path = operands[0]};
    int status = session_open(&j.m, j.path, NULL, needs, &j.err) == 0 ? CLI_OK : cli_fail(&j.err);
    if (status == CLI_OK) status = session_check_options(&j.m, options, s, &defaults);
    if (status == CLI_OK) status = (session_takes_pictures(&j.m) ? output_picture : output_text)(&j, file);
    if (status == CLI_OK) print_result(&j);
    free(j.values);
    free(j.ids);
    free(j.segments);
    free(j.pixels);
    session_close(&j.m);
    return status;
}

const cli_verb verb_output = {
    .name = "output",
    .summary = "write logits, hidden states, attention and more as a .npy file",
    .operands = "MODEL --want WHAT -o X.npy (FILE | - | -p TEXT | --ids IDS)",
    .notes = "float32, row after row: logits [tokens][vocabulary] or [tokens][labels], of a classifier of texts or pictures\n"
             "[labels]; hidden [layers + 1][tokens][width] (0: the embedding, the last: after the final norm); attention\n"
             "[layers][heads][tokens][tokens]; cls [width], the last hidden state of the first token; pooled [width], what the\n"
             "model's pooler makes of it; embedding [dims]; next_sentence [2]. A text gets the special tokens that the model\n"
             "wants around it; --ids are taken as they are. Of a model of images FILE is a picture, or a .npy file of pixel\n"
             "values, float32 [channels][height][width], already normalised; its tokens are what stands before the patches\n"
             "([CLS]), then the patches, row after row.\n",
    .examples = "linnet output gpt2.lnt --want logits --ids \"5 17 3\" -o logits.npy\n"
                "linnet output gpt2.lnt --want attention -p \"The cat sat\" -o attention.npy\n"
                "linnet output vit.lnt --want attention cat.jpg -o attention.npy\n"
                "linnet output bert.lnt --want pooled --ids \"101 7592 102 2088 102\" --segments \"0 0 0 1 1\" -o x.npy\n",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
