#define _GNU_SOURCE
#include "cli/finder.h"
#include "cli/cli.h"
#include "cli/cross_encoder.h"
#include "cli/recipe.h"
#include "cli/sources.h"
#include "cli/text.h"
#include "formats/json.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RERANK_TOP = 50 };

int finder_check(const finder_options *o) {
    if (o->prompt && o->prompt_text) return cli_usage("only one of --prompt and --prompt-text can be given");
    if (o->rerank_top && !o->rerank) return cli_usage("--rerank-top goes with --rerank");
    for (size_t i = 0; i < o->filters.n; i++)
        if (!strchr(o->filters.items[i], '=') || *o->filters.items[i] == '=')
            return cli_usage("--filter: \"%s\" is not FIELD=VALUE", o->filters.items[i]);
    return CLI_OK;
}

/* ---- opening ---- */

/* A path's beginning as the index has it. */
static char *absolute_beginning(const char *value) {
    size_t n = strlen(value);
    char *path = strcmp(value, "-") == 0 || !n ? strdup(value) : sources_absolute(value), *whole;
    if (!path || n < 2 || value[n - 1] != '/' || path[strlen(path) - 1] == '/') return path;
    if (asprintf(&whole, "%s/", path) < 0) whole = NULL;
    free(path);
    return whole;
}

static int take_filters(finder *f, lnt_error *err) {
    const opt_list *list = &f->options->filters;
    f->filters = calloc(list->n + 1, sizeof *f->filters);
    f->filter_texts = calloc(2 * list->n + 1, sizeof *f->filter_texts);
    if (!f->filters || !f->filter_texts) return cli_error(err, "out of memory for filters");
    for (size_t i = 0; i < list->n; i++) {
        const char *text = list->items[i], *equals = strchr(text, '=');
        char *field = strndup(text, (size_t)(equals - text));
        char *value = field && strcmp(field, "path") == 0 ? absolute_beginning(equals + 1) : strdup(equals + 1);
        f->filter_texts[2 * i] = field;
        f->filter_texts[2 * i + 1] = value;
        f->n_filters = i + 1;
        if (!field || !value) return cli_error(err, "out of memory for filters");
        f->filters[i] = (lnt_filter){field, value};
    }
    return 0;
}

static int open_model(finder *f, lnt_error *err) {
    const finder_options *o = f->options;
    recipe_note note = {0};
    if (!o->model && recipe_read_note(&note, f->folder, err) != 0) return -1;
    f->model_path = o->model ? strdup(o->model) : note.model;
    if (!f->model_path && o->model) return cli_error(err, "out of memory for a path");
    if (!f->model_path) return cli_error(err, "%s: where its model is is not known, expected --model (or --mode text)", f->folder);
    if (session_open(&f->model, f->model_path, NULL, SESSION_TOKENIZER, err) != 0) {
        size_t n = strlen(err->text);
        if (!f->model.model && !o->model) snprintf(err->text + n, sizeof err->text - n, " (--model can say where it is now)");
        return -1;
    }
    if (recipe_check_model(f->folder, &f->info, &f->model, err) != 0) return -1;
    char *pooling;
    if (recipe_pooling(f->info.settings, &pooling) != 0) return cli_error(err, "%s: out of memory for its settings", f->folder);
    f->prefix = recipe_prompt(&f->model, o->prompt_text, o->prompt, (const char *const[]){"query", NULL}, err);
    lnt_batcher_options like = {.n_threads = o->threads, .output = "embedding", .pooling = recipe_pooling_name(pooling), .dims = f->info.dims,
                                .normalize = true};
    int result = f->prefix ? session_batcher(&f->model, &like, &f->batcher, err) : -1;
    free(pooling);
    return result;
}

static int open_cross_encoder(finder *f, lnt_error *err) {
    if (!f->options->rerank) return 0;
    if (cross_encoder_open(&f->cross_encoder, f->options->rerank, err) != 0) return -1;
    return session_batcher(&f->cross_encoder, &(lnt_batcher_options){.n_threads = f->options->threads, .output = "logits"}, &f->pair_batcher, err);
}

int finder_open(finder *f, const char *folder, const finder_options *options, bool needs_model, lnt_error *err) {
    double began = cli_seconds();
    *f = (finder){.options = options, .folder = folder};
    f->index = lnt_index_open(folder, &(lnt_index_options){.n_threads = options->threads, .profile = profile_sums()}, err);
    if (!f->index || lnt_index_get_info(f->index, &f->info, err) != 0 || take_filters(f, err) != 0) return -1;
    profile_add("open", began, 0);
    if (needs_model && open_model(f, err) != 0) return -1;
    return open_cross_encoder(f, err);
}

void finder_close(finder *f) {
    lnt_batcher_free(f->pair_batcher);
    lnt_batcher_free(f->batcher);
    session_close(&f->cross_encoder);
    session_close(&f->model);
    lnt_index_close(f->index);
    for (size_t i = 0; i < 2 * f->n_filters; i++) free(f->filter_texts[i]);
    free(f->filter_texts);
    free(f->filters);
    free(f->model_path);
    *f = (finder){0};
}

/* ---- embedding ---- */

typedef struct rows {
    float *vectors;
    size_t dims;
} rows;

static void take_row(void *user, const lnt_text_result *result) {
    const rows *r = user;
    memcpy(r->vectors + result->index * r->dims, result->rows[0], r->dims * sizeof(float));
}

int finder_embed(finder *f, const finder_query *queries, size_t n, float *vectors, lnt_error *err) {
    size_t n_prefix = strlen(f->prefix), dims = f->info.dims, at = 0;
    io_bytes bytes = {0};
    lnt_text *texts = malloc((n + 1) * sizeof *texts);
    int result = texts ? 0 : -1;
    for (size_t i = 0; result == 0 && i < n; i++)
        result = io_append(&bytes, f->prefix, n_prefix) || io_append(&bytes, queries[i].text, queries[i].n_bytes) ? -1 : 0;
    for (size_t i = 0; result == 0 && i < n; at += n_prefix + queries[i++].n_bytes)
        texts[i] = (lnt_text){.text = bytes.data ? bytes.data + at : "", .n_bytes = n_prefix + queries[i].n_bytes};
    if (result != 0) cli_error(err, "out of memory for %zu queries", n);
    else result = lnt_batcher_run(f->batcher, texts, n, take_row, &(rows){vectors, dims}, err);
    for (size_t i = 0; result == 0 && i < n; i++)
        if (text_is_blank(queries[i].text, queries[i].n_bytes)) memset(vectors + i * dims, 0, dims * sizeof *vectors);
    io_bytes_free(&bytes);
    free(texts);
    return result;
}

/* ---- reranking ---- */

typedef struct pairs {
    const finder *f;
    finder_hit **hits; /* [texts] whose pairs they are */
} pairs;

static void take_score(void *user, const lnt_text_result *result) {
    const pairs *p = user;
    finder_hit *h = p->hits[result->index];
    h->rerank = cross_encoder_score(&p->f->cross_encoder, result);
    h->score = (double)h->rerank;
}

static int better(const void *a, const void *b) {
    const finder_hit *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->hit.document > y->hit.document) - (x->hit.document < y->hit.document);
}

/* hits [n][top] of which each query has n_hits. */
static int rerank(finder *f, const finder_query *queries, size_t n, size_t top, finder_hit *hits, const size_t *n_hits, lnt_error *err) {
    size_t all = 0, at = 0, k = 0;
    for (size_t i = 0; i < n; i++) all += n_hits[i];
    io_bytes bytes = {0};
    lnt_text *texts = calloc(all + 1, sizeof *texts);
    finder_hit **whose = calloc(all + 1, sizeof *whose);
    int result = texts && whose ? 0 : cli_error(err, "out of memory for %zu pairs", all);
    for (size_t i = 0; i < n; i++)
        for (size_t h = 0; result == 0 && h < n_hits[i]; h++, k++) {
            lnt_document d;
            whose[k] = &hits[i * top + h];
            result = lnt_index_document(f->index, whose[k]->hit.document, &d, err);
            if (result == 0 && io_append(&bytes, d.text, d.n_bytes) != 0) result = cli_error(err, "out of memory for %zu pairs", all);
            texts[k] = (lnt_text){.text = queries[i].text, .n_bytes = queries[i].n_bytes, .pair = "", .n_pair_bytes = result == 0 ? d.n_bytes : 0};
        }
    for (size_t i = 0; result == 0 && i < all; at += texts[i++].n_pair_bytes)
        if (bytes.data) texts[i].pair = bytes.data + at;
    if (result == 0) result = lnt_batcher_run(f->pair_batcher, texts, all, take_score, &(pairs){f, whose}, err);
    for (size_t i = 0; result == 0 && i < n; i++)
        if (n_hits[i]) qsort(hits + i * top, n_hits[i], sizeof *hits, better);
    io_bytes_free(&bytes);
    free(texts);
    free(whose);
    return result;
}

/* ---- finding ---- */

static int search(finder *f, const char *mode, const finder_query *queries, const float *vectors, size_t n, size_t top,
                  finder_hit *hits, size_t *n_hits, lnt_error *err) {
    lnt_query *asked = malloc((n + 1) * sizeof *asked);
    lnt_hit *found = malloc((n * top + 1) * sizeof *found);
    int result = asked && found ? 0 : cli_error(err, "out of memory for %zu hits", n * top);
    for (size_t i = 0; result == 0 && i < n; i++)
        asked[i] = (lnt_query){queries[i].text, queries[i].n_bytes, vectors ? vectors + i * f->info.dims : NULL};
    lnt_search_options o = {.mode = mode, .top = (uint32_t)top, .candidates = f->candidates, .filters = f->filters, .n_filters = f->n_filters};
    if (result == 0) result = lnt_index_search(f->index, asked, n, &o, found, n_hits, err);
    for (size_t i = 0; result == 0 && i < n; i++) {
        if (text_is_blank(queries[i].text, queries[i].n_bytes)) n_hits[i] = 0;
        for (size_t h = 0; h < n_hits[i]; h++) hits[i * top + h] = (finder_hit){found[i * top + h], NAN, found[i * top + h].score};
    }
    free(asked);
    free(found);
    return result;
}

int finder_find(finder *f, const char *mode, const finder_query *queries, const float *vectors, size_t n, size_t top, finder_hit *hits,
                size_t *n_hits, lnt_error *err) {
    size_t wanted = f->options->rerank_top ? f->options->rerank_top : RERANK_TOP;
    if (!f->pair_batcher) return search(f, mode, queries, vectors, n, top, hits, n_hits, err);
    if (wanted < top) wanted = top;
    finder_hit *more = malloc((n * wanted + 1) * sizeof *more);
    int result = more ? search(f, mode, queries, vectors, n, wanted, more, n_hits, err) : cli_error(err, "out of memory for %zu hits", n * wanted);
    if (result == 0) result = rerank(f, queries, n, wanted, more, n_hits, err);
    for (size_t i = 0; result == 0 && i < n; i++) {
        if (n_hits[i] > top) n_hits[i] = top;
        memcpy(hits + i * top, more + i * wanted, n_hits[i] * sizeof *hits);
    }
    free(more);
    return result;
}

/* ---- what a document is called ---- */

static int append_word(io_bytes *to, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char c = text_is_space(text[i]) || (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '_' : text[i];
        if (io_append(to, &c, 1) != 0) return -1;
    }
    return 0;
}

/* As metadata has it under this name: a text as it is, anything else as JSON. 1: there is none; -1: memory is out. */
static int append_field(io_bytes *to, const char *metadata, const char *name) {
    json_fault fault = {0};
    json_t *object = metadata ? json_read(metadata, strlen(metadata), JSON_ALLOW_NUL, &fault) : NULL, *value = object;
    const json_t *whole = json_object_get(object, name);
    char key[256];
    for (const char *rest = name; !whole && value && *rest; rest += strcspn(rest, "."), rest += *rest == '.') {
        snprintf(key, sizeof key, "%.*s", (int)strcspn(rest, "."), rest);
        value = json_object_get(value, key);
    }
    const json_t *found = whole ? whole : value;
    char *text = found && found != object && !json_is_string(found) ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    int result = fault.memory || (found && found != object) ? -1 : 1;
    if (json_is_string(found)) result = append_word(to, json_string_value(found), json_string_length(found));
    else if (text) result = append_word(to, text, strlen(text));
    free(text);
    json_decref(object);
    return result;
}

int finder_append_id(const finder *f, const lnt_document *d, io_bytes *to) {
    const char *field = f->options->id_field, *path = sources_shown(d->path);
    int got = field && strcmp(field, "path") != 0 ? append_field(to, d->metadata, field) : 1;
    if (got <= 0) return got;
    if (append_word(to, path, strlen(path)) != 0) return -1;
    return field && strcmp(field, "path") == 0 ? 0 : io_appendf(to, ":%" PRIu64, d->line);
}
