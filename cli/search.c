#include "cli/cli.h"
#include "cli/finder.h"
#include "cli/queries.h"
#include "cli/snippet.h"
#include "cli/sources.h"
#include "cli/text.h"
#include <editline/readline.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct settings {
    finder_options find;
    const char *batch, *tag;
    bool json;
} settings;

static const settings defaults = {.find.mode = "hybrid", .find.top = 10, .tag = "linnet"};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "mode", .kind = OPT_CHOICE, .argument = "dense|text|hybrid", AT(find.mode),
     .help = "by meaning, by words, or both (default: hybrid)"},
    {.name = "top", .kind = OPT_U32, .argument = "K", AT(find.top), .min = 1, .max = 10000, .help = "the K best (default 10)"},
    FINDER_MODEL_OPTIONS(settings, find),
    {.name = "batch", .kind = OPT_TEXT, .argument = "FILE", AT(batch),
     .help = "queries from a file (- is standard input), \"id<TAB>text\" a line; out as TREC run lines"},
    {.name = "tag", .kind = OPT_TEXT, .argument = "NAME", AT(tag), .help = "with --batch: what the run is called (default linnet)"},
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "an object a hit: rank, score, cosine, bm25, path, line, text, metadata, ..."},
    {0},
};

typedef struct job {
    const settings *s;
    finder f;
    snippet_terms terms;
    finder_hit *hits; /* [top] */
    float *vector;    /* [dims] */
    io_bytes line;
    lnt_error err;
} job;

/* ---- one hit ---- */

/* White space stands between the parts of JSON only: it may become another. */
static int append_metadata(io_bytes *to, const char *json) {
    bool any;
    size_t before = to->n;
    if (text_replace_invalid(to, json, strlen(json), &any) != 0) return -1;
    for (char *c = to->data + before; c < to->data + to->n; c++)
        if (text_is_space(*c)) *c = ' ';
    return 0;
}

static int append_json(io_bytes *to, const finder_hit *h, size_t rank, const lnt_document *d) {
    const char *path = sources_shown(d->path);
    bool failed = io_appendf(to, "{\"rank\": %zu, \"score\": %.9g, ", rank, h->score) ||
                  (!isnan(h->hit.cosine) && io_appendf(to, "\"cosine\": %.9g, ", (double)h->hit.cosine)) ||
                  (!isnan(h->hit.bm25) && io_appendf(to, "\"bm25\": %.9g, ", h->hit.bm25)) ||
                  (!isnan(h->rerank) && io_appendf(to, "\"rerank\": %.9g, ", (double)h->rerank)) ||
                  io_appendf(to, "\"document\": %" PRId64 ", \"path\": ", d->id) || text_append_json(to, path, strlen(path)) ||
                  io_appendf(to, ", \"line\": %" PRIu64 ", \"begin\": %" PRIu64 ", \"end\": %" PRIu64 ", \"text\": ", d->line, d->begin, d->end) ||
                  text_append_json(to, d->text, d->n_bytes) ||
                  (d->metadata && (io_append_text(to, ", \"metadata\": ") || append_metadata(to, d->metadata))) || io_append_text(to, "}\n");
    return failed ? -1 : 0;
}

static int append_line(io_bytes *to, const finder_hit *h, size_t rank, const lnt_document *d, const snippet_terms *terms) {
    const char *path = sources_shown(d->path);
    static int marks = -1;
    if (marks < 0) marks = isatty(STDOUT_FILENO);
    bool failed = io_appendf(to, "%zu\t%.4f\t", rank, h->score) || text_append_line(to, path, strlen(path)) ||
                  io_appendf(to, ":%" PRIu64 "\t", d->line) || snippet_append(to, terms, d->text, d->n_bytes, marks) || io_append_text(to, "\n");
    return failed ? -1 : 0;
}

static int print_hits(job *j, size_t n) {
    for (size_t i = 0; i < n; i++) {
        lnt_document d;
        if (lnt_index_document(j->f.index, j->hits[i].hit.document, &d, &j->err) != 0) return -1;
        j->line.n = 0;
        int failed = j->s->json ? append_json(&j->line, &j->hits[i], i + 1, &d) : append_line(&j->line, &j->hits[i], i + 1, &d, &j->terms);
        if (failed) return cli_error(&j->err, "out of memory for a hit");
        fwrite(j->line.data, 1, j->line.n, stdout);
    }
    return 0;
}

static int answer(job *j, const char *text, size_t n_bytes) {
    finder_query query = {text, n_bytes};
    size_t n;
    if (j->f.batcher && finder_embed(&j->f, &query, 1, j->vector, &j->err) != 0) return -1;
    if (finder_find(&j->f, j->s->find.mode, &query, j->f.batcher ? j->vector : NULL, 1, j->s->find.top, j->hits, &n, &j->err) != 0) return -1;
    double began = cli_seconds();
    snippet_take_terms(&j->terms, text, n_bytes);
    int result = print_hits(j, n);
    profile_add("write results", began, n);
    return result;
}

/* ---- many ---- */

/* An empty line ends the hits of a query. */
static int answer_line(job *j, const char *text, size_t n) {
    if (text_is_blank(text, n)) return 0;
    if (answer(j, text, n) != 0) return -1;
    if (!j->s->json) putchar('\n');
    return io_flush() == 0 ? 0 : 1;
}

static int ask(job *j) {
    char *text;
    int result = 0;
    setlocale(LC_CTYPE, ""); /* which letters one can type */
    rl_readline_name = "linnet";
    using_history();
    while (result == 0 && (text = readline("search> "))) {
        size_t n = strlen(text);
        if (!text_is_blank(text, n)) add_history(text);
        result = answer_line(j, text, n);
        free(text);
    }
    if (result == 0) putchar('\n');
    return result;
}

static int read_queries(job *j) {
    io_lines lines;
    int result = 0, got;
    if (io_lines_open(&lines, "-", &j->err) != 0) return -1;
    while (result == 0 && (got = io_lines_next(&lines, &j->err)) != 0) {
        size_t n;
        const char *text = got > 0 ? io_lines_text(&lines, &n) : NULL;
        result = text ? answer_line(j, text, n) : -1;
    }
    io_lines_close(&lines);
    return result;
}

/* ---- a run ---- */

static int print_block(queries *q, const settings *s, lnt_error *err) {
    size_t n;
    if (queries_find(q, s->find.mode, err) != 0) return -1;
    for (size_t i = 0; i < q->n; i++) {
        if (queries_found(q, i, &n, err) != 0) return -1;
        for (size_t k = 0; k < n; k++) printf("%s Q0 %s %zu %.9g %s\n", q->ids[i], q->documents[k], k + 1, q->scores[k], s->tag);
    }
    return io_flush() == 0 ? 0 : 1;
}

static int run_batch(job *j) {
    queries q;
    int result = queries_open(&q, &j->f, j->s->batch, j->s->find.top, &j->err), got = 0;
    while (result == 0 && (got = queries_next(&q, &j->err)) > 0) result = print_block(&q, j->s, &j->err);
    queries_close(&q);
    return got < 0 ? -1 : result;
}

static int search(job *j, const char *folder, const char *query) {
    const settings *s = j->s;
    if (finder_open(&j->f, folder, &s->find, strcmp(s->find.mode, "text") != 0, &j->err) != 0) return -1;
    if (s->batch) return run_batch(j);
    j->hits = malloc(s->find.top * sizeof *j->hits);
    j->vector = malloc(j->f.info.dims * sizeof *j->vector);
    if (!j->hits || !j->vector) return cli_error(&j->err, "out of memory for %u hits", s->find.top);
    if (query) return answer(j, query, strlen(query));
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? ask(j) : read_queries(j);
}

static int run(const void *given, const char *const *operands, size_t n) {
    job j = {.s = given};
    const char *query = n > 1 ? operands[1] : NULL;
    int status = finder_check(&j.s->find);
    if (status != CLI_OK) return status;
    if (query && j.s->batch) return cli_usage("only one of QUERY and --batch can be given");
    if (query && text_is_blank(query, strlen(query))) return cli_usage("the query is empty");
    if (j.s->batch && j.s->json) return cli_usage("--json cannot go with --batch");
    int result = search(&j, operands[0], query);
    free(j.hits);
    free(j.vector);
    io_bytes_free(&j.line);
    finder_close(&j.f);
    return result < 0 ? cli_fail(&j.err) : result > 0 ? CLI_FAILED : CLI_OK;
}

const cli_verb verb_search = {
    .name = "search",
    .summary = "find what an index has for a query",
    .operands = "DIR [QUERY]",
    .notes = "A line of output is rank, score, path:line and a piece of the text, between tabs; on a terminal the words of the query are\n"
             "bold. Scores are cosines (dense), BM25 (text), or sums of 1 / (60 + rank) in both lists (hybrid); with --rerank\n"
             "those of the cross-encoder. A query is any text: there is no syntax, and one word that fits is enough for text.\n"
             "Without a query there is a prompt, or queries are read from standard input, a line each; an empty line ends the hits of each.\n",
    .examples = "linnet search notes.index \"how to prune roses\"\n"
                "linnet search articles.index \"interest rates\" --mode dense --filter author=Ann --filter path=2024/ --json\n"
                "linnet search notes.index \"how to prune roses\" --rerank cross-encoder.lnt --top 5\n"
                "linnet search articles.index --batch queries.tsv --id-field id --top 100 > run.txt\n"
                "linnet search notes.index\n",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
