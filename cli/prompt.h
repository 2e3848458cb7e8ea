/* What the verbs read: a text or ids, from an option, a file or standard input, as ids of the model's vocabulary. */
#ifndef LNT_CLI_PROMPT_H
#define LNT_CLI_PROMPT_H
#include "cli/io.h"

/* Exactly one of text, ids and file is not NULL (prompt_source_check). */
typedef struct prompt_source {
    const char *text; /* -p */
    const char *ids;  /* --ids */
    const char *file; /* a path, "-": standard input */
} prompt_source;

typedef struct prompt {
    int32_t *ids;
    size_t n_ids;
    io_bytes text; /* empty if ids were given */
} prompt;

/* 0, or a usage error's exit status. */
int prompt_source_check(const prompt_source *source);

/* Reads and tokenizes. tokenizer may be NULL if source gives ids. 0, or -1 with err; an empty prompt is an error. */
int prompt_read(prompt *out, const prompt_source *source, const lnt_model *model, lnt_tokenizer *tokenizer,
                lnt_error *err);
/* The same for n bytes of text, or if tokenizer is NULL of decimal ids. shown names it in messages. */
int prompt_from_bytes(prompt *out, const char *bytes, size_t n, const char *shown, const lnt_model *model,
                      lnt_tokenizer *tokenizer, lnt_error *err);
void prompt_free(prompt *p);

/* Decimal ids between white space or commas, each inside the vocabulary: *ids (to be freed) and *n_ids; no ids at all
   are none. 0, or -1 with err, which begins with shown. */
int prompt_parse_ids(const char *text, size_t n, const char *shown, const lnt_model *model, int32_t **ids,
                     size_t *n_ids, lnt_error *err);

/* An array of ids, as JSON or between spaces, to standard output. */
void prompt_print_ids(const int32_t *ids, size_t n, bool json);
#endif
