#include "cli/cli.h"
#include "cli/part_file.h"
#include "cli/pictures.h"
#include "cli/profile.h"
#include "cli/recipe.h"
#include "cli/text.h"
#include "cli/texts.h"
#include "cli/vectors.h"
#include "formats/npy.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct settings {
    texts_settings texts;
    const char *output, *format, *type, *pooling, *prompt, *prompt_text, *image_size;
    uint32_t dims;
    bool normalize, resume, json;
} settings;

static const settings defaults = {.type = "f32"};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "output", .letter = 'o', .kind = OPT_TEXT, .argument = "V.npy", AT(output), .required = true,
     .help = "the file to write, - for standard output"},
    {.name = "output-format", .kind = OPT_CHOICE, .argument = "npy|jsonl|raw", AT(format),
     .help = "(default: by the file's name; jsonl on standard output)"},
    {.name = "output-type", .kind = OPT_CHOICE, .argument = "f32|f16|int8|binary", AT(type),
     .help = "of the numbers (default f32)"},
    {.name = "pooling", .kind = OPT_CHOICE, .argument = "cls|mean|max|mean_sqrt|weighted_mean|last", AT(pooling),
     .help = "how tokens become one vector (default: as the model says)"},
    {.name = "normalize", .kind = OPT_FLAG, AT(normalize), .help = "make every vector of length 1"},
    {.name = "dims", .kind = OPT_U32, .argument = "N", AT(dims), .min = 1, .max = 1 << 24,
     .help = "only the first N numbers of each vector"},
    {.name = "prompt", .kind = OPT_TEXT, .argument = "NAME", AT(prompt), .subject = OPT_TEXTS,
     .help = "put the model's prompt of this name before each text (default: the model's default one)"},
    {.name = "prompt-text", .kind = OPT_TEXT, .argument = "TEXT", AT(prompt_text), .subject = OPT_TEXTS,
     .help = "put this before each text"},
    {.name = "resume", .kind = OPT_FLAG, AT(resume), .help = "go on where the same command was interrupted"},
    TEXTS_OPTIONS,
    RECORD_CHUNK_OPTIONS(texts_settings, in),
    PICTURES_OPTIONS(settings, image_size),
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "at the end, one object: count, dims, tokens, seconds, ..."},
    {0},
};

typedef enum output_format { OUTPUT_NPY, OUTPUT_JSONL, OUTPUT_RAW } output_format;

typedef struct job {
    const settings *s;
    session m;
    texts texts;
    pictures pictures;
    bool from_pictures; /* which of the two it is */
    output_format format;
    vector_type type;
    size_t dims;
    bool to_stdout;
    part_file file;
    lnt_error err;
} job;

static const char *kind(const job *j) {
    return j->from_pictures ? "pictures" : "texts";
}

static flow_counts *counts(job *j) {
    return j->from_pictures ? &j->pictures.counts : &j->texts.counts;
}

static inputs *files(job *j) {
    return j->from_pictures ? &j->pictures.files : &j->texts.in.files;
}

static int render_row(const job *j, const record *r, const float *row, io_bytes *out) {
    if (j->format != OUTPUT_JSONL) return vector_append(j->type, row, j->dims, out);
    if (record_begin_json(out, r, "embedding") != 0 || vector_append_json(j->type, row, j->dims, out) != 0) return -1;
    return io_append_text(out, "}\n");
}

static int render_text(void *user, const record *r, const lnt_text_result *result, io_bytes *out) {
    return render_row(user, r, result->rows[0], out);
}

/* Zeros for a picture that could not be read, so that rows stand for inputs. */
static int render_picture(void *user, const record *r, const lnt_picture_result *result, io_bytes *out) {
    const job *j = user;
    size_t n = vector_bytes(j->type, j->dims);
    if (result->row) return render_row(j, r, result->row, out);
    if (j->format == OUTPUT_JSONL) return pictures_render_error(r, result, out);
    if (io_extend(out, n) != 0) return -1;
    memset(out->data + out->n - n, 0, n);
    return 0;
}

static int write_part(void *user, const char *data, size_t n, lnt_error *err) {
    job *j = user;
    return part_file_append(&j->file, data, n, err);
}

static int note_part(void *user, const flow_counts *done, lnt_error *err) {
    job *j = user;
    return part_file_note(&j->file, done, false, err);
}

static const flow_sink part_sink = {write_part, note_part};

static int choose_format(job *j) {
    static const char *const names[] = {"npy", "jsonl", "raw"};
    const char *path = j->s->output, *ending = strrchr(path, '.'), *name = j->s->format;
    j->to_stdout = strcmp(path, "-") == 0;
    if (!name) name = j->to_stdout ? "jsonl" : ending ? ending + 1 : "";
    for (j->format = OUTPUT_NPY; j->format < OUTPUT_RAW && strcasecmp(name, names[j->format]) != 0;) j->format++;
    if (strcasecmp(name, names[j->format]) != 0)
        return cli_usage("-o %s: the name ends in none of .npy, .jsonl and .raw, --output-format can say what it is", path);
    if (j->to_stdout && j->format == OUTPUT_NPY)
        return cli_usage("a .npy file cannot go to standard output, expected --output-format jsonl or raw");
    if (j->to_stdout && (j->s->resume || j->s->json))
        return cli_usage("--%s cannot go with -o -", j->s->resume ? "resume" : "json");
    return CLI_OK;
}

static int choose_prefix(job *j) {
    j->texts.prefix = recipe_prompt(&j->m, j->s->prompt_text, j->s->prompt, (const char *const[]){NULL}, &j->err);
    return j->texts.prefix ? 0 : -1;
}

static json_t *describe_options(const job *j) {
    const settings *s = j->s;
    const record_options *in = &s->texts.in;
    return json_pack("{s:i, s:s, s:b, s:i, s:i, s:b, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "output-format", (int)j->format, "output-type", s->type, "normalize", s->normalize,
                     "dims", (int)s->dims, "max-tokens", (int)s->texts.max_tokens, "no-header", in->no_header,
                     "chunk-tokens", (int)in->chunk_tokens, "overlap", (int)in->overlap,
                     "pooling", recipe_json(s->pooling), "prompt", recipe_json(j->texts.prefix),
                     "text", recipe_json(in->text), "format", recipe_json(in->format),
                     "field", recipe_json(in->field), "column", recipe_json(in->column),
                     "image-size", recipe_json(s->image_size));
}

/* What the file is made of: a run that is resumed must say the same. */
static json_t *describe(job *j) {
    char hash[33];
    if (session_hash(&j->m, hash, NULL) != 0) return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < files(j)->n; i++) {
        const input *f = &files(j)->items[i];
        json_array_append_new(list, json_pack("[o, I, I]", recipe_json(f->path), (json_int_t)f->size,
                                              (json_int_t)f->modified));
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "linnet", LNT_VERSION, "model", hash, "options", describe_options(j),
                     "inputs", list);
}

static int open_part(job *j) {
    unsigned char header[NPY_HEADER_ROOM];
    size_t n = j->format == OUTPUT_NPY ? npy_header(header, vector_descr(j->type), (size_t[]){0, j->dims}, 2) : 0;
    json_t *begin = describe(j);
    if (!begin) return cli_error(&j->err, "%s: out of memory for its journal", j->s->output);
    int result = part_file_open(&j->file, j->s->output, begin, j->s->resume, n, counts(j), &j->err);
    json_decref(begin);
    return result;
}

static int finish_part(job *j) {
    unsigned char header[NPY_HEADER_ROOM];
    size_t shape[] = {counts(j)->inputs, vector_elements(j->type, j->dims)};
    size_t n = j->format == OUTPUT_NPY ? npy_header(header, vector_descr(j->type), shape, 2) : 0;
    double began = cli_seconds();
    int result = part_file_finish(&j->file, header, n, &j->err);
    profile_add("write results", began, 0);
    return result;
}

static int open_input(job *j, lnt_batcher_options *like, const char *const *paths, size_t n_paths) {
    if (!j->from_pictures)
        return choose_prefix(j) != 0 ? -1 : texts_open(&j->texts, like, paths, n_paths, &j->err);
    like->n_threads = j->s->texts.threads;
    like->n_batch = j->s->texts.batch_tokens;
    return pictures_open(&j->pictures, like, paths, n_paths, &j->err);
}

static int open_all(job *j, lnt_batcher_options *like, const char *const *paths, size_t n_paths) {
    const settings *s = j->s;
    like->output = "embedding";
    like->dims = s->dims;
    like->normalize = s->normalize;
    like->pooling = recipe_pooling_name(s->pooling);
    if (!s->pooling && !j->m.info.embedding_width)
        return cli_error(&j->err, "%s: makes no embeddings, expected a sentence model or --pooling", j->m.path);
    if (open_input(j, like, paths, n_paths) != 0) return -1;
    j->dims = lnt_batcher_width(j->from_pictures ? j->pictures.batcher : j->texts.batcher);
    j->texts.result_bytes = j->format == OUTPUT_JSONL ? 16 * j->dims : vector_bytes(j->type, j->dims);
    if (j->to_stdout) return 0;
    part_file_leave_out(s->output, files(j));
    return open_part(j);
}

/* earlier: inputs of the run that this one resumed. */
static void print_summary(job *j, uint64_t earlier, double seconds) {
    const flow_counts *c = counts(j);
    uint64_t n = c->inputs - earlier;
    double rate = seconds > 0 ? (double)n / seconds : 0;
    if (!j->s->json && io_watched()) fprintf(stderr, "linnet: %" PRIu64 " %s in %.1f s, %.0f/s\n", n, kind(j), seconds, rate);
    if (!j->s->json) return;
    fputs("{\"output\": ", stdout);
    text_json(j->s->output, strlen(j->s->output));
    printf(", \"count\": %" PRIu64 ", \"dims\": %zu, \"type\": \"%s\", ", c->inputs, j->dims, j->s->type);
    if (j->from_pictures)
        printf("\"unread\": %" PRIu64, c->unread);
    else
        printf("\"tokens\": %" PRIu64 ", \"truncated\": %" PRIu64 ", \"invalid\": %" PRIu64 ", \"skipped\": %zu", c->tokens,
               c->truncated, c->invalid, j->texts.in.n_bad);
    printf(", \"seconds\": %.3f, \"rate\": %.1f}\n", seconds, rate);
}

static int interrupted(job *j) {
    uint64_t n = counts(j)->inputs;
    if (j->to_stdout || n == 0) return flow_status();
    if (part_file_note(&j->file, counts(j), true, &j->err) != 0) return cli_fail(&j->err);
    fprintf(stderr, "linnet: interrupted after %" PRIu64 " %s, the same command with --resume goes on\n", n, kind(j));
    return flow_status();
}

static int embed(job *j, const char *const *paths, size_t n_paths) {
    double began = cli_seconds();
    lnt_batcher_options like = {0};
    int status = j->from_pictures ? pictures_check(j->s->image_size, n_paths, &like.image_height, &like.image_width)
                                  : records_check(&j->s->texts.in, n_paths);
    if (status != CLI_OK) return status;
    flow_catch_interrupt();
    if (open_all(j, &like, paths, n_paths) != 0) return cli_fail(&j->err);
    uint64_t earlier = counts(j)->inputs;
    int result = j->from_pictures ? pictures_run(&j->pictures, &j->err) : texts_run(&j->texts, &j->err);
    if (result > 0) return interrupted(j);
    if (result == 0 && !j->to_stdout) result = finish_part(j);
    if (result < 0) return cli_fail(&j->err);
    if (j->from_pictures) status = pictures_report(&j->pictures);
    else texts_report(&j->texts);
    print_summary(j, earlier, cli_seconds() - began);
    return status;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    job j = {.s = s, .type = vector_type_from_name(s->type)};
    if (s->prompt && s->prompt_text) return cli_usage("only one of --prompt and --prompt-text can be given");
    int status = choose_format(&j);
    if (status != CLI_OK) return status;
    const flow_sink *sink = j.to_stdout ? &flow_stdout : &part_sink;
    j.texts = (texts){.settings = &s->texts, .model = &j.m, .render = render_text, .sink = sink, .user = &j};
    j.pictures = (pictures){.model = &j.m, .render = render_picture, .sink = sink, .user = &j};
    if (session_open(&j.m, operands[0], NULL, SESSION_TOKENIZER | SESSION_PICTURES, &j.err) != 0) status = cli_fail(&j.err);
    if (status == CLI_OK) status = session_check_options(&j.m, options, s, &defaults);
    j.from_pictures = session_takes_pictures(&j.m);
    if (status == CLI_OK) status = embed(&j, operands + 1, n_operands - 1);
    part_file_leave(&j.file);
    texts_close(&j.texts);
    pictures_close(&j.pictures);
    session_close(&j.m);
    return status;
}

const cli_verb verb_embed = {
    .name = "embed",
    .summary = "turn texts or pictures into vectors",
    .operands = "MODEL -o V.npy (FILES | - | -p TEXT)",
    .notes = TEXTS_NOTE PICTURES_NOTE
             "Each gives a row of the output, in order; of a picture that cannot be read it is zeros, in JSONL an \"error\". Longer\n"
             "texts than the model takes are truncated, and counted at the end. Output types: f32; f16; int8, each vector times\n"
             "127 / its largest magnitude; binary, a bit a number, 1 if above 0, as numpy.packbits. While it grows the output\n"
             "is V.npy.part, with V.npy.journal beside it; after an interrupt, a kill or a full disk the same command with\n"
             "--resume goes on and gives the same file.\n",
    .examples = "linnet embed minilm.lnt sentences.txt -o vectors.npy\n"
                "linnet embed minilm.lnt articles.jsonl --field body -o vectors.npy --output-type f16 --resume\n"
                "linnet embed minilm.lnt notes/ --chunk-tokens 200 --overlap 40 -o notes.jsonl\n"
                "linnet embed vit.lnt holidays/ -o pictures.npy --pooling mean --normalize\n"
                "zcat corpus.gz | linnet embed minilm.lnt - -o - --output-format raw | ...\n",
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
