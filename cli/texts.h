/* Many texts through a model: read in windows, computed by a batcher, results out in the order of the input. A window has
   at most a few thousand texts or a few megabytes, so that memory stays bounded. */
#ifndef LNT_CLI_TEXTS_H
#define LNT_CLI_TEXTS_H
#include "cli/flow.h"
#include "cli/profile.h"
#include "cli/records.h"
#include "cli/session.h"

/* The first member of the settings of every verb that takes many texts. */
typedef struct texts_settings {
    record_options in;
    uint32_t threads, max_tokens, batch_tokens;
    bool profile;
} texts_settings;

#define TEXTS_OPTIONS \
    RECORD_OPTIONS(texts_settings, in), \
    {.name = "max-tokens", .kind = OPT_U32, .argument = "N", .offset = offsetof(texts_settings, max_tokens), .min = 8, \
     .max = 1e9, .subject = OPT_TEXTS, \
     .help = "texts are cut off behind N tokens, special ones included (default: as the model says)"}, \
    {.name = "batch-tokens", .kind = OPT_U32, .argument = "N", .offset = offsetof(texts_settings, batch_tokens), \
     .min = 16, .max = 65536, .help = "tokens computed together by a thread (default: what runs fastest)"}, \
    {.name = "threads", .kind = OPT_U32, .argument = "N", .offset = offsetof(texts_settings, threads), .min = 1, \
     .max = 1024, .help = "(default: what linnet cpu shows)"}, \
    PROFILE_OPTION(texts_settings, profile)

/* In the notes of their --help. */
#define TEXTS_NOTE \
    "Every line of a file is a text, or every record of a .jsonl, .csv or .tsv file, or every file of a folder.\n"

/* Appends the result of a record to out. Called from any thread, several at a time. 0, or -1: memory is out. */
typedef int texts_render(void *user, const record *r, const lnt_text_result *result, io_bytes *out);

/* Takes the result of a record, in the order of the input, instead of the sink. As flow_sink.write. */
typedef int texts_take(void *user, const record *r, const char *data, size_t n, lnt_error *err);

/* Where records come from, if not from the files that texts_open is given. */
typedef struct texts_reader {
    int (*next)(void *user, record *out, lnt_error *err);             /* as records_next */
    bool (*ready)(void *user, int milliseconds);                      /* as records_ready */
    void (*progress)(void *user, uint64_t *done, uint64_t *all);      /* in bytes; all 0: not known */
} texts_reader;

typedef struct texts {
    /* the caller's */
    const texts_settings *settings;
    const session *model;
    const char *prefix; /* put before each text; NULL: nothing */
    const char *from, *to; /* from NULL, or in every text replaced by to */
    const char *query;  /* every text is the second of a pair whose first is this; NULL: texts as they are */
    texts_render *render;
    texts_take *take;   /* NULL: results go to sink->write */
    const texts_reader *reader; /* NULL: the files */
    const flow_sink *sink;
    void *user;           /* of render, take, reader and sink */
    size_t result_bytes;  /* about, of a text's result; 0: few */
    flow_counts counts;  /* 0 or those of an earlier run, whose texts are passed over */

    records in;
    lnt_batcher *batcher;
} texts;

/* Makes the batcher, with what the settings say added to options, and opens the input. The model's session must be open
   for text. 0, or -1 with err; texts_close must follow either way. */
int texts_open(texts *t, const lnt_batcher_options *options, const char *const *paths, size_t n_paths, lnt_error *err);
/* Tokens that a piece of a text may have beside a prefix (or NULL) and the special ones. 0, or -1 with err. */
int texts_room(const session *model, const char *prefix, uint32_t max_tokens, size_t *room, lnt_error *err);
/* All of the input, with a progress bar. 0; 1: stopped by an interrupt or the sink; -1 with err. Results of whole
   windows have been written, whatever happens. */
int texts_run(texts *t, lnt_error *err);
/* On standard error: how many texts were truncated, not UTF-8, or skipped, if any. */
void texts_report(const texts *t);
void texts_close(texts *t);

/* All of that for a verb whose results go to standard output: the exit status. */
int texts_print(texts *t, const lnt_batcher_options *options, const char *const *paths, size_t n_paths);
#endif
