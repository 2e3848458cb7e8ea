#define _GNU_SOURCE
#include "cli/cli.h"
#include "cli/corpus.h"
#include "cli/recipe.h"
#include "cli/text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CHUNK_TOKENS = 200, OVERLAP = 20 };

typedef struct settings {
    texts_settings texts;
    const char *output, *vectors, *pooling, *prompt, *prompt_text, *model;
    uint32_t dims, chunk_tokens, overlap;
    bool check, stats, compact, json;
} settings;

static const settings defaults = {.texts.in.corpus = true, .overlap = UINT32_MAX};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "output", .letter = 'o', .kind = OPT_TEXT, .argument = "DIR", AT(output), .help = "the index, a folder"},
    {.name = "chunk-tokens", .kind = OPT_U32, .argument = "N", AT(chunk_tokens), .min = 1, .max = 1e9,
     .help = "longer texts are cut into pieces of at most N tokens (default: 200, or what the model takes)"},
    {.name = "overlap", .kind = OPT_U32, .argument = "M", AT(overlap), .max = 1e9,
     .help = "tokens that a piece repeats of the one before (default: 20, at most a quarter of a piece)"},
    {.name = "vectors", .kind = OPT_CHOICE, .argument = "f32|f16|int8|binary", AT(vectors),
     .help = "how embeddings are kept (default int8; binary: a bit a number, and int8 to score again)"},
    {.name = "dims", .kind = OPT_U32, .argument = "N", AT(dims), .min = 1, .max = 1 << 24,
     .help = "only the first N numbers of each embedding"},
    {.name = "pooling", .kind = OPT_CHOICE, .argument = "cls|mean|max|mean_sqrt|weighted_mean|last", AT(pooling),
     .help = "how tokens become one vector (default: as the model says)"},
    {.name = "prompt", .kind = OPT_TEXT, .argument = "NAME", AT(prompt),
     .help = "put the model's prompt of this name before each text (default: document or passage, or the default one)"},
    {.name = "prompt-text", .kind = OPT_TEXT, .argument = "TEXT", AT(prompt_text), .help = "put this before each text"},
    {.name = "format", .kind = OPT_CHOICE, .argument = "lines|jsonl|csv|tsv|files", AT(texts.in.format),
     .help = "of all files (default: by their names; others are a text each, a pipe a text a line)"},
    {.name = "field", .kind = OPT_TEXT, .argument = "NAME", AT(texts.in.field),
     .help = "JSONL: where the text is (default: text; a.b is b in a); all others are metadata"},
    {.name = "column", .kind = OPT_TEXT, .argument = "NAME|N", AT(texts.in.column),
     .help = "CSV, TSV: where the text is (default: text, or the only one); all others are metadata"},
    {.name = "no-header", .kind = OPT_FLAG, AT(texts.in.no_header), .help = "CSV, TSV: the first line is a record too"},
    {.name = "skip-bad", .kind = OPT_FLAG, AT(texts.in.skip_bad), .help = "pass over records that cannot be read, and count them"},
    {.name = "max-tokens", .kind = OPT_U32, .argument = "N", AT(texts.max_tokens), .min = 8, .max = 1e9,
     .help = "pieces are cut off behind N tokens, special ones included (default: as the model says)"},
    {.name = "batch-tokens", .kind = OPT_U32, .argument = "N", AT(texts.batch_tokens), .min = 16, .max = 65536,
     .help = "tokens computed together by a thread (default: what runs fastest)"},
    {.name = "threads", .kind = OPT_U32, .argument = "N", AT(texts.threads), .min = 1, .max = 1024,
     .help = "(default: what linnet cpu shows)"},
    PROFILE_OPTION(settings, texts.profile),
    {.name = "check", .kind = OPT_FLAG, AT(check), .help = "check an index: all hashes, and that documents and vectors agree"},
    {.name = "stats", .kind = OPT_FLAG, AT(stats), .help = "what is in an index: sizes, model, counts"},
    {.name = "compact", .kind = OPT_FLAG, AT(compact), .help = "give the room of documents that are gone back"},
    {.name = "model", .kind = OPT_TEXT, .argument = "MODEL", AT(model), .help = "with --compact: the model (default: where it was)"},
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "at the end, one object"},
    {0},
};

typedef struct job {
    const settings *s;
    session m;
    corpus c;
    texts texts;
    record_options in;
    char *recipe;
    lnt_error err;
} job;

/* ---- questions about an index ---- */

static int check_index(const char *folder) {
    lnt_error err;
    lnt_index *index = lnt_index_open(folder, NULL, &err);
    int failed = index ? lnt_index_check(index, &err) : -1;
    if (!failed) printf("%s: whole\n", folder);
    lnt_index_close(index);
    return failed ? cli_fail(&err) : CLI_OK;
}

static void print_string(const char *name, const char *value, const char *end) {
    printf("\"%s\": ", name);
    text_json(value, strlen(value));
    fputs(end, stdout);
}

static double rate_of(uint64_t n, double seconds) { return seconds > 0 ? (double)n / seconds : 0; }

static void print_stats_json(const char *folder, const lnt_index_info *i, const recipe_note *note) {
    fputs("{", stdout);
    print_string("index", folder, ", ");
    print_string("model", i->model, ", ");
    print_string("model_name", i->model_name, ", ");
    print_string("model_path", note->model ? note->model : "", ", ");
    print_string("vectors", i->vectors, ", ");
    printf("\"dims\": %u, \"sources\": %" PRIu64 ", \"documents\": %" PRIu64 ", \"rows\": %" PRIu64 ", ", i->dims, i->n_sources, i->n_documents,
           i->n_rows);
    printf("\"document_bytes\": %" PRIu64 ", \"vector_bytes\": %" PRIu64 ", \"added\": %" PRIu64 ", \"rate\": %.1f, \"settings\": %s}\n",
           i->document_bytes, i->vector_bytes, note->documents, rate_of(note->documents, note->seconds), i->settings);
}

static void print_stats(const char *folder, const lnt_index_info *i, const recipe_note *note) {
    double mebi = 1.0 / (1 << 20);
    printf("%s\n", folder);
    printf("model      %s, %.8s%s%s\n", i->model_name, i->model, note->model ? ", " : "", note->model ? note->model : "");
    printf("vectors    %s, %u numbers each\n", i->vectors, i->dims);
    printf("sources    %" PRIu64 "\n", i->n_sources);
    printf("documents  %" PRIu64 "\n", i->n_documents);
    printf("rows       %" PRIu64 ", %" PRIu64 " of documents that are gone\n", i->n_rows, i->n_rows - i->n_documents);
    printf("text       %.2f MiB\n", (double)i->document_bytes * mebi);
    printf("embeddings %.2f MiB\n", (double)i->vector_bytes * mebi);
    if (note->documents)
        printf("last run   %" PRIu64 " documents in %.1f s, %.0f/s\n", note->documents, note->seconds, rate_of(note->documents, note->seconds));
    printf("settings   %s\n", i->settings);
}

static int show_stats(const char *folder, bool json) {
    lnt_error err;
    lnt_index_info info;
    lnt_index *index = lnt_index_open(folder, NULL, &err);
    recipe_note note = {0};
    int failed = index ? lnt_index_get_info(index, &info, &err) : -1;
    if (!failed) failed = recipe_read_note(&note, folder, &err);
    if (!failed) (json ? print_stats_json : print_stats)(folder, &info, &note);
    free(note.model);
    lnt_index_close(index);
    return failed ? cli_fail(&err) : CLI_OK;
}

static int compact(const char *folder, const char *model) {
    lnt_error err;
    session m = {0};
    recipe_note note = {0};
    lnt_index *index = lnt_index_open(folder, NULL, &err);
    int failed = index ? recipe_read_note(&note, folder, &err) : -1;
    if (!model) model = note.model;
    lnt_index_close(index);
    index = NULL;
    if (!failed && !model) failed = cli_error(&err, "%s: where its model is is not known, expected --model", folder);
    if (!failed) failed = session_open(&m, model, NULL, 0, &err);
    if (!failed) index = lnt_index_open(folder, &(lnt_index_options){.write = true, .model = m.model}, &err);
    if (!failed) failed = index ? lnt_index_compact(index, &err) : -1;
    lnt_index_close(index);
    session_close(&m);
    free(note.model);
    return failed ? cli_fail(&err) : CLI_OK;
}

/* ---- indexing ---- */

static int choose_recipe(job *j, recipe *r) {
    const settings *s = j->s;
    size_t room;
    if (!s->pooling && !j->m.info.embedding_width)
        return cli_error(&j->err, "%s: makes no embeddings, expected a sentence model or --pooling", j->m.path);
    j->texts.prefix = recipe_prompt(&j->m, s->prompt_text, s->prompt, (const char *const[]){"document", "passage", "corpus", NULL}, &j->err);
    if (!j->texts.prefix || texts_room(&j->m, j->texts.prefix, s->texts.max_tokens, &room, &j->err) != 0) return -1;
    if (s->chunk_tokens > room || room == 0)
        return cli_error(&j->err, "--chunk-tokens %u is more than the model takes, expected at most %zu", s->chunk_tokens, room);
    *r = (recipe){.max_tokens = s->texts.max_tokens, .format = s->texts.in.format, .field = s->texts.in.field, .column = s->texts.in.column,
                  .no_header = s->texts.in.no_header, .prompt = j->texts.prefix, .pooling = s->pooling};
    r->chunk_tokens = s->chunk_tokens ? s->chunk_tokens : room < CHUNK_TOKENS ? (uint32_t)room : CHUNK_TOKENS;
    r->overlap = s->overlap != UINT32_MAX ? s->overlap : r->chunk_tokens / 4 < OVERLAP ? r->chunk_tokens / 4 : OVERLAP;
    if (r->overlap > r->chunk_tokens / 2)
        return cli_error(&j->err, "--overlap %u is more than half of --chunk-tokens %u", r->overlap, r->chunk_tokens);
    j->recipe = recipe_write(r);
    return j->recipe ? 0 : cli_error(&j->err, "out of memory for settings");
}

/* An index that is there already must have been made alike, and be whole enough to be read. *dims: its own. */
static int compare(job *j, uint32_t *dims) {
    const char *folder = j->s->output;
    char *path;
    struct stat st;
    lnt_index_info info;
    if (asprintf(&path, "%s/documents.db", folder) < 0) return cli_error(&j->err, "out of memory for a path");
    bool there = stat(path, &st) == 0;
    free(path);
    if (!there) return 0;
    lnt_index *index = lnt_index_open(folder, NULL, &(lnt_error){0});
    if (!index) return 0; /* opening it to write says why, or makes it */
    int result = lnt_index_get_info(index, &info, &j->err);
    if (result == 0) result = recipe_check_model(folder, &info, &j->m, &j->err);
    if (result == 0) result = recipe_compare(folder, info.settings, j->recipe, &j->err);
    if (result == 0 && !*dims) *dims = info.dims;
    lnt_index_close(index);
    return result;
}

/* Where the model is now; the figures of the last run that added something stay until this one has. */
static int note_model(job *j) {
    recipe_note note;
    if (recipe_read_note(&note, j->s->output, &j->err) != 0) return -1;
    int result = recipe_write_note(j->s->output, j->m.path, note.documents, note.seconds, &j->err);
    free(note.model);
    return result;
}

static int open_all(job *j) {
    const settings *s = j->s;
    recipe r;
    uint32_t dims = s->dims;
    if (choose_recipe(j, &r) != 0 || compare(j, &dims) != 0) return -1;
    lnt_batcher_options like = {.output = "embedding", .pooling = recipe_pooling_name(s->pooling), .dims = dims, .normalize = true};
    if (texts_open(&j->texts, &like, NULL, 0, &j->err) != 0) return -1;
    corpus *c = &j->c;
    c->dims = lnt_batcher_width(j->texts.batcher);
    c->tokenizer = j->m.tokenizer;
    c->chunk_tokens = r.chunk_tokens;
    j->in = s->texts.in;
    j->in.overlap = r.overlap;
    c->options = &j->in;
    j->texts.result_bytes = c->dims * sizeof(float);
    lnt_index_options o = {.write = true, .model = j->m.model, .vectors = s->vectors, .settings = j->recipe,
                           .n_threads = s->texts.threads, .dims = dims};
    c->index = lnt_index_open(s->output, &o, &j->err);
    return c->index ? note_model(j) : -1;
}

static int list_files(job *j, const char *const *paths, size_t n) {
    sources *files = &j->c.files;
    struct stat st;
    if (sources_list(files, paths, n, j->s->output, &j->err) != 0) return -1;
    if (files->n || stat(j->s->output, &st) == 0) return 0;
    for (size_t i = 0; i < files->n_roots; i++)
        if (!files->roots[i].missing) return 0;
    if (files->n_roots) return cli_error(&j->err, "%s: is not there, expected a file or folder", sources_shown(files->roots[0].path));
    return cli_error(&j->err, "nothing to index");
}

static void print_summary(job *j, double seconds) {
    const corpus *c = &j->c;
    lnt_index_info info = {0};
    lnt_index_get_info(c->index, &info, NULL);
    double rate = rate_of(c->n_documents, seconds);
    if (j->s->json) {
        fputs("{", stdout);
        print_string("index", j->s->output, ", ");
        printf("\"documents\": %" PRIu64 ", \"added\": %" PRIu64 ", \"tokens\": %" PRIu64 ", \"new\": %" PRIu64 ", \"changed\": %" PRIu64
               ", \"unchanged\": %" PRIu64 ", \"removed\": %" PRIu64 ", \"binary\": %" PRIu64 ", \"failed\": %" PRIu64,
               info.n_documents, c->n_documents, j->texts.counts.tokens, c->n_new, c->n_changed, c->n_unchanged, c->n_removed, c->n_binary,
               c->n_failed + c->files.n_unreadable);
        printf(", \"truncated\": %" PRIu64 ", \"invalid\": %" PRIu64 ", \"skipped\": %zu, \"seconds\": %.3f, \"rate\": %.1f}\n",
               j->texts.counts.truncated, j->texts.counts.invalid, c->n_bad, seconds, rate);
        return;
    }
    if (!io_watched()) return;
    fprintf(stderr, "linnet: %" PRIu64 " documents of %" PRIu64 " files added in %.1f s, %.0f/s; %" PRIu64 " files unchanged, %" PRIu64 " removed\n",
            c->n_documents, c->n_new + c->n_changed, seconds, rate, c->n_unchanged, c->n_removed);
}

static void report(const job *j) {
    const corpus *c = &j->c;
    texts_report(&j->texts);
    if (c->n_binary) fprintf(stderr, "linnet: %" PRIu64 " binary file%s skipped\n", c->n_binary, c->n_binary > 1 ? "s" : "");
    if (c->n_bad) fprintf(stderr, "linnet: %zu record%s skipped, the first: %s\n", c->n_bad, c->n_bad > 1 ? "s" : "", c->first_bad.text);
}

static int index_files(job *j, const char *const *paths, size_t n_paths) {
    corpus *c = &j->c;
    double began = cli_seconds();
    flow_catch_interrupt();
    if (list_files(j, paths, n_paths) != 0 || open_all(j) != 0) return cli_fail(&j->err);
    c->committed = cli_seconds();
    int result = sources_remove_gone(&c->files, c->index, &c->n_removed, &j->err);
    if (result == 0) result = texts_run(&j->texts, &j->err);
    if (result >= 0 && corpus_finish(c, result == 0, &j->err) != 0) result = -1;
    if (result < 0) return cli_fail(&j->err);
    if (result > 0) {
        fprintf(stderr, "linnet: interrupted after %" PRIu64 " documents, which are in the index; the same command goes on\n", c->n_documents);
        return flow_status();
    }
    report(j);
    double seconds = cli_seconds() - began;
    if (c->n_documents && recipe_write_note(j->s->output, j->m.path, c->n_documents, seconds, &j->err) != 0) return cli_fail(&j->err);
    print_summary(j, seconds);
    return c->n_failed + c->files.n_unreadable ? CLI_FAILED : CLI_OK;
}

static int make_index(const settings *s, const char *const *operands, size_t n) {
    job j = {.s = s};
    if (!s->output) return cli_usage("-o DIR is needed");
    if (n < 2) return cli_usage("too few operands, expected MODEL PATHS -o DIR");
    if (s->prompt && s->prompt_text) return cli_usage("only one of --prompt and --prompt-text can be given");
    if (s->texts.in.no_header && !s->texts.in.column) return cli_usage("--no-header needs --column N");
    if (s->model) return cli_usage("--model goes with --compact");
    j.texts = (texts){.settings = &s->texts, .model = &j.m, .render = corpus_render, .take = corpus_take, .reader = &corpus_reader,
                      .sink = &corpus_sink, .user = &j.c};
    int status = session_open(&j.m, operands[0], NULL, SESSION_TOKENIZER, &j.err) != 0 ? cli_fail(&j.err) : index_files(&j, operands + 1, n - 1);
    corpus_close(&j.c);
    lnt_index_close(j.c.index);
    texts_close(&j.texts);
    session_close(&j.m);
    free(j.recipe);
    return status;
}

static int run(const void *given, const char *const *operands, size_t n) {
    const settings *s = given;
    int asked = s->check + s->stats + s->compact;
    if (asked == 0) return make_index(s, operands, n);
    if (asked > 1) return cli_usage("only one of --check, --stats and --compact can be given");
    if (n > 1 || s->output) return cli_usage("--%s takes one index and nothing to index", s->check ? "check" : s->stats ? "stats" : "compact");
    if (s->model && !s->compact) return cli_usage("--model goes with --compact");
    if (s->check) return check_index(operands[0]);
    return s->stats ? show_stats(operands[0], s->json) : compact(operands[0], s->model);
}

const cli_verb verb_index = {
    .name = "index",
    .summary = "make files searchable: embeddings and full text",
    .operands = "MODEL PATHS -o DIR  |  linnet index (--check | --stats | --compact) DIR",
    .notes = "PATHS are files, folders with all below them (but what is hidden), or - for standard input. Records of .jsonl, .csv\n"
             "and .tsv files are documents with their other fields as metadata; any other file is text, in pieces of some 200\n"
             "tokens that end with lines or sentences. Binary files are skipped and counted.\n"
             "Run again, only new and changed files are read (by size and time, then by the hash of their bytes), and what the\n"
             "index holds of files that are gone is removed if they were below PATHS; what is elsewhere stays. Standard input\n"
             "takes the place of what came from it before. After an interrupt, a kill or a full disk the same command goes on.\n"
             "An index belongs to its model and to the options that make its documents, and refuses others.\n",
    .examples = "linnet index minilm.lnt notes/ -o notes.index\n"
                "linnet index minilm.lnt articles.jsonl --field body -o articles.index --vectors f16\n"
                "zcat lines.txt.gz | linnet index minilm.lnt - -o lines.index\n"
                "linnet index --stats notes.index\n",
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
