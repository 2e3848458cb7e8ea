#define _GNU_SOURCE
#include "cli/cli.h"
#include "cli/queries.h"
#include "cli/text.h"
#include "search/evaluate.h"
#include <stdlib.h>
#include <string.h>

enum { TOP = 100, NEAR = 10, MODES = 3, COLUMNS = 8 };

typedef struct settings {
    finder_options find;
    bool json;
} settings;

static const settings defaults = {0};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "mode", .kind = OPT_CHOICE, .argument = "dense|text|hybrid", AT(find.mode), .help = "only this one (default: all three)"},
    FINDER_MODEL_OPTIONS(settings, find),
    {.name = "json", .kind = OPT_FLAG, AT(json), .help = "one object: queries, and for each mode ndcg@10, recall@10, recall@100, mrr"},
    {0},
};

static const char *const modes[MODES] = {"dense", "text", "hybrid"};

typedef struct job {
    const settings *s;
    finder f;
    io_bytes text; /* qrels */
    evaluate_judgement *judgements;
    size_t n, capacity;
    evaluation *near[MODES], *far[MODES]; /* recall at 10 and at 100; of modes that are not asked for NULL */
    lnt_error err;
} job;

/* ---- qrels ---- */

/* Words between white space, or between tabs if there are any, each ended by a zero byte in place. */
static size_t split(char *line, char *words[COLUMNS]) {
    const char *between = strchr(line, '\t') ? "\t\r" : " \r";
    size_t n = 0;
    for (char *word; n < COLUMNS && (word = strsep(&line, between));)
        if (*word) words[n++] = word;
    return n;
}

static int add_judgement(job *j, char *const *words, size_t n, int grade) {
    if (j->n == j->capacity) {
        size_t capacity = j->capacity ? 2 * j->capacity : 1024;
        evaluate_judgement *bigger = realloc(j->judgements, capacity * sizeof *bigger);
        if (!bigger) return cli_error(&j->err, "out of memory for %zu judgements", capacity);
        j->judgements = bigger;
        j->capacity = capacity;
    }
    j->judgements[j->n++] = (evaluate_judgement){words[0], words[n - 2], grade};
    return 0;
}

static int read_judgement(job *j, char *line, size_t number, const char *path) {
    char *words[COLUMNS];
    size_t n = split(line, words);
    double grade;
    if (n == 0) return 0;
    bool fits = (n == 3 || n == 4) && opt_read_double(words[n - 1], &grade) && grade >= -1000 && grade <= 1000;
    if (!fits && n == 3 && number == 1) return 0; /* BEIR's header */
    if (!fits) return cli_error(&j->err, "%s: line %zu: expected \"query 0 document grade\" or \"query<TAB>document<TAB>grade\"", path, number);
    return add_judgement(j, words, n, (int)grade);
}

static int read_judgements(job *j, const char *path) {
    size_t number = 0;
    if (io_read(path, &j->text, &j->err) != 0) return -1;
    if (j->text.n && memchr(j->text.data, 0, j->text.n)) return cli_error(&j->err, "%s: is binary, expected judgements", path);
    if (io_append(&j->text, "", 1) != 0) return cli_error(&j->err, "%s: out of memory", path);
    for (char *rest = j->text.data, *line; (line = strsep(&rest, "\n"));)
        if (read_judgement(j, line, ++number, path) != 0) return -1;
    return j->n ? 0 : cli_error(&j->err, "%s: holds no judgements", path);
}

/* ---- asking ---- */

static bool is_asked(const job *j, size_t mode) { return !j->s->find.mode || strcmp(j->s->find.mode, modes[mode]) == 0; }

static int make_evaluations(job *j) {
    for (size_t m = 0; m < MODES; m++) {
        if (!is_asked(j, m)) continue;
        j->near[m] = evaluation_new(j->judgements, j->n, &(evaluate_options){NEAR, NEAR}, &j->err);
        j->far[m] = evaluation_new(j->judgements, j->n, &(evaluate_options){NEAR, TOP}, &j->err);
        if (!j->near[m] || !j->far[m]) return -1;
    }
    return 0;
}

static int evaluate_block(job *j, queries *q, size_t mode) {
    size_t n;
    if (queries_find(q, modes[mode], &j->err) != 0) return -1;
    for (size_t i = 0; i < q->n; i++) {
        if (queries_found(q, i, &n, &j->err) != 0) return -1;
        const char *const *documents = (const char *const *)q->documents;
        if (evaluation_add(j->near[mode], q->ids[i], documents, n, NULL, &j->err) != 0) return -1;
        if (evaluation_add(j->far[mode], q->ids[i], documents, n, NULL, &j->err) != 0) return -1;
    }
    return 0;
}

static int evaluate(job *j, const char *path) {
    queries q;
    int got = 0, result = queries_open(&q, &j->f, path, TOP, &j->err);
    while (result == 0 && (got = queries_next(&q, &j->err)) > 0)
        for (size_t m = 0; result == 0 && m < MODES; m++)
            if (is_asked(j, m)) result = evaluate_block(j, &q, m);
    queries_close(&q);
    return got < 0 ? -1 : result;
}

static void print(const job *j) {
    bool json = j->s->json;
    const char *format = json ? ", \"%s\": {\"ndcg@10\": %.6f, \"recall@10\": %.6f, \"recall@100\": %.6f, \"mrr\": %.6f}"
                              : "%-6s  %.4f   %.4f     %.4f      %.4f\n";
    const char *head = json ? "{\"queries\": %zu, \"unjudged\": %zu"
                            : "%zu queries, %zu more without judgements\n        nDCG@10  recall@10  recall@100  MRR\n";
    for (size_t m = 0, shown = 0; m < MODES; m++) {
        evaluate_scores near, far;
        if (!is_asked(j, m)) continue;
        evaluation_mean(j->near[m], &near);
        evaluation_mean(j->far[m], &far);
        if (!shown++) printf(head, near.n_queries, near.n_unjudged);
        printf(format, modes[m], near.ndcg, near.recall, far.recall, far.mrr);
    }
    if (json) puts("}");
}

static int run(const void *given, const char *const *operands, size_t n) {
    job j = {.s = given};
    (void)n;
    int status = finder_check(&j.s->find);
    if (status != CLI_OK) return status;
    bool text_only = j.s->find.mode && strcmp(j.s->find.mode, "text") == 0;
    int result = read_judgements(&j, operands[2]);
    if (result == 0) result = make_evaluations(&j);
    if (result == 0) result = finder_open(&j.f, operands[0], &j.s->find, !text_only, &j.err);
    if (result == 0) result = evaluate(&j, operands[1]);
    if (result == 0) print(&j);
    for (size_t m = 0; m < MODES; m++) {
        evaluation_free(j.near[m]);
        evaluation_free(j.far[m]);
    }
    finder_close(&j.f);
    free(j.judgements);
    io_bytes_free(&j.text);
    return result < 0 ? cli_fail(&j.err) : CLI_OK;
}

const cli_verb verb_eval = {
    .name = "eval",
    .summary = "measure how well an index answers, against judgements",
    .operands = "DIR QUERIES QRELS",
    .notes = "QUERIES has \"id<TAB>text\" a line, QRELS \"query 0 document grade\" as TREC has it, or \"query<TAB>document<TAB>grade\" with a\n"
             "header as BEIR has it. Means over all queries that have judgements, of the 100 best documents of each.\n",
    .examples = "linnet eval articles.index queries.tsv qrels.txt --id-field id\n"
                "linnet eval articles.index queries.tsv qrels.txt --id-field id --mode dense --rerank cross-encoder.lnt --json\n",
    .min_operands = 3,
    .max_operands = 3,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
