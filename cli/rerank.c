#include "cli/cli.h"
#include "cli/cross_encoder.h"
#include "cli/text.h"
#include "cli/texts.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    texts_settings texts;
    uint32_t top;
    float threshold;
    bool json;
} settings;

static const settings defaults = {.threshold = -INFINITY};

#define AT(field) .offset = offsetof(settings, field)
static const opt_spec options[] = {
    {.name = "top", .kind = OPT_U32, .argument = "K", AT(top), .max = 1e9, .help = "only the K best (default: all)"},
    {.name = "threshold", .kind = OPT_REAL, .argument = "S", AT(threshold), .min = -1e9, .max = 1e9,
     .help = "only texts with at least this score"},
    TEXTS_OPTIONS,
    {.name = "json", .kind = OPT_FLAG, AT(json),
     .help = "an object a text: input, score, and index in the input, from 0"},
    {0},
};

/* A text that may be shown: rendered but for its score. */
typedef struct hit {
    float score;
    uint64_t index;
    char *shown;
    size_t n;
} hit;

typedef struct job {
    const settings *s;
    session m;
    texts texts;
    hit *hits;
    size_t n, capacity;
    uint64_t seen;
    lnt_error err;
} job;

static int render(void *user, const record *r, const lnt_text_result *result, io_bytes *out) {
    const job *j = user;
    float score = cross_encoder_score(&j->m, result);
    if (io_append(out, (const char *)&score, sizeof score) != 0) return -1;
    return j->s->json ? record_begin_json(out, r, "score") : text_append_line(out, r->text, r->n_bytes);
}

static int better(const void *a, const void *b) {
    const hit *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Sorts, and forgets what is beyond the top. */
static void settle(job *j) {
    if (j->n) qsort(j->hits, j->n, sizeof *j->hits, better);
    while (j->s->top && j->n > j->s->top) free(j->hits[--j->n].shown);
}

static int collect(void *user, const char *data, size_t n, lnt_error *err) {
    job *j = user;
    hit h = {.index = j->seen++, .n = n - sizeof h.score};
    memcpy(&h.score, data, sizeof h.score);
    if (!(h.score >= j->s->threshold)) return 0;
    if (j->s->top && j->n == 2 * (size_t)j->s->top) settle(j);
    if (j->n == j->capacity) {
        size_t capacity = j->capacity ? 2 * j->capacity : 1024;
        hit *bigger = realloc(j->hits, capacity * sizeof *bigger);
        if (!bigger) return cli_error(err, "out of memory for %zu texts", capacity);
        j->hits = bigger;
        j->capacity = capacity;
    }
    h.shown = malloc(h.n + 1);
    if (!h.shown) return cli_error(err, "out of memory for %zu texts", j->n);
    memcpy(h.shown, data + sizeof h.score, h.n);
    j->hits[j->n++] = h;
    return 0;
}

static const flow_sink collector = {collect, NULL};

static void print(const job *j) {
    for (size_t i = 0; i < j->n; i++) {
        const hit *h = &j->hits[i];
        if (!j->s->json) printf("%.6f\t", (double)h->score);
        fwrite(h->shown, 1, h->n, stdout);
        if (j->s->json) printf("%.9g, \"index\": %" PRIu64 "}", (double)h->score, h->index);
        putchar('\n');
    }
}

static int rerank(job *j, const char *path, const char *const *files, size_t n_files) {
    if (cross_encoder_open(&j->m, path, &j->err) != 0 ||
        texts_open(&j->texts, &(lnt_batcher_options){.output = "logits"}, files, n_files, &j->err) != 0 ||
        texts_run(&j->texts, &j->err) != 0)
        return cli_fail(&j->err);
    texts_report(&j->texts);
    settle(j);
    print(j);
    return CLI_OK;
}

static int run(const void *given, const char *const *operands, size_t n_operands) {
    const settings *s = given;
    job j = {.s = s};
    j.texts = (texts){.settings = &s->texts, .model = &j.m, .query = operands[1], .user = &j};
    j.texts.render = render;
    j.texts.sink = &collector;
    int status = records_check(&s->texts.in, n_operands - 2);
    if (status == CLI_OK) status = rerank(&j, operands[0], operands + 2, n_operands - 2);
    for (size_t i = 0; i < j.n; i++) free(j.hits[i].shown);
    free(j.hits);
    texts_close(&j.texts);
    session_close(&j.m);
    return status;
}

const cli_verb verb_rerank = {
    .name = "rerank",
    .summary = "sort texts by how well they answer a query",
    .operands = "MODEL QUERY (FILES | - | -p TEXT)",
    .notes = "MODEL is a cross-encoder: it reads the query and a text together and gives one score.\n" TEXTS_NOTE
             "A line of output is score and text, between tabs, the best first, of equal ones the first in the input.\n",
    .examples = "linnet rerank cross-encoder.lnt \"how tall is the eiffel tower\" passages.txt --top 10\n"
                "linnet rerank cross-encoder.lnt \"capital of peru\" answers.jsonl --field body --json\n",
    .min_operands = 2,
    .max_operands = SIZE_MAX,
    .options = options,
    .settings_size = sizeof(settings),
    .defaults = &defaults,
    .run = run,
};
