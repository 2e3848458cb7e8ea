/* An index with what queries need of it: its model, filters, a cross-encoder that sorts the best again. */
#ifndef LNT_CLI_FINDER_H
#define LNT_CLI_FINDER_H
#include "cli/io.h"
#include "cli/options.h"
#include "cli/profile.h"
#include "cli/session.h"

typedef struct finder_options {
    const char *model, *prompt, *prompt_text, *mode, *rerank, *id_field;
    uint32_t top, rerank_top, threads;
    opt_list filters;
    bool profile;
} finder_options;

#define FINDER_MODEL_OPTIONS(settings, in) \
    {.name = "model", .kind = OPT_TEXT, .argument = "MODEL", .offset = offsetof(settings, in.model), \
     .help = "what the index was made with (default: where it was then)"}, \
    {.name = "prompt", .kind = OPT_TEXT, .argument = "NAME", .offset = offsetof(settings, in.prompt), \
     .help = "put the model's prompt of this name before each query (default: query, or the default one)"}, \
    {.name = "prompt-text", .kind = OPT_TEXT, .argument = "TEXT", .offset = offsetof(settings, in.prompt_text), \
     .help = "put this before each query"}, \
    {.name = "rerank", .kind = OPT_TEXT, .argument = "CROSS_ENCODER", .offset = offsetof(settings, in.rerank), \
     .help = "sort the best again by the scores of this model"}, \
    {.name = "rerank-top", .kind = OPT_U32, .argument = "N", .offset = offsetof(settings, in.rerank_top), .min = 1, .max = 10000, \
     .help = "with --rerank: the N best (default 50)"}, \
    {.name = "filter", .kind = OPT_LIST, .argument = "FIELD=VALUE", .offset = offsetof(settings, in.filters), \
     .help = "only documents with this metadata (a.b is b in a), or path=BEGINNING of their path; repeatable"}, \
    {.name = "id-field", .kind = OPT_TEXT, .argument = "NAME", .offset = offsetof(settings, in.id_field), \
     .help = "the metadata that names a document (path: its path; default: path:line)"}, \
    {.name = "threads", .kind = OPT_U32, .argument = "N", .offset = offsetof(settings, in.threads), .min = 1, .max = 1024, \
     .help = "(default: what linnet cpu shows)"}, \
    PROFILE_OPTION(settings, in.profile)

typedef struct finder {
    const finder_options *options;
    const char *folder;
    lnt_index *index;
    lnt_index_info info;
    lnt_filter *filters;
    char **filter_texts; /* [n_filters] what they point into */
    size_t n_filters;
    session model;       /* not open if all queries are of mode "text" */
    char *model_path;
    lnt_batcher *batcher;
    const char *prefix;
    session cross_encoder;
    lnt_batcher *pair_batcher;
    uint32_t candidates; /* as lnt_search_options */
} finder;

typedef struct finder_query {
    const char *text;
    size_t n_bytes;
} finder_query;

typedef struct finder_hit {
    lnt_hit hit;
    float rerank; /* NAN without --rerank */
    double score; /* what it is sorted by */
} finder_hit;

/* CLI_OK, or CLI_USAGE with the message printed. */
int finder_check(const finder_options *options);
/* modes: whether a model is needed. 0, or -1 with err; finder_close must follow either way. */
int finder_open(finder *f, const char *folder, const finder_options *options, bool needs_model, lnt_error *err);
/* Embeddings of queries [n][dims]; those without text are zeros. 0, or -1 with err. */
int finder_embed(finder *f, const finder_query *queries, size_t n, float *vectors, lnt_error *err);
/* The best of each query, hits [n][top], their number to n_hits [n]; vectors NULL in mode "text". A query without text has
   none. 0, or -1 with err. */
int finder_find(finder *f, const char *mode, const finder_query *queries, const float *vectors, size_t n, size_t top, finder_hit *hits,
                size_t *n_hits, lnt_error *err);
/* Appends what a document is called, without white space. 0, or -1 if memory is out. */
int finder_append_id(const finder *f, const lnt_document *d, io_bytes *to);
void finder_close(finder *f);
#endif
