/* How an index was made, so that its next run and its queries do the same: JSON among the settings of the index; and where
   its model was, in a file beside it that says no more than a path. */
#ifndef LNT_CLI_RECIPE_H
#define LNT_CLI_RECIPE_H
#include "cli/session.h"
#include <jansson.h>

typedef struct recipe {
    uint32_t chunk_tokens, overlap, max_tokens;
    const char *format, *field, *column; /* as record_options */
    bool no_header;
    const char *prompt;  /* put before each document */
    const char *pooling; /* NULL: as the model says */
} recipe;

/* A setting as JSON, null for NULL; bytes that are not UTF-8 become U+FFFD. NULL: memory is out. */
json_t *recipe_json(const char *text);
/* JSON, to be freed; NULL: memory is out. */
char *recipe_write(const recipe *r);
/* 0; -1 with err, which names the first thing in which an index in that folder was made otherwise. */
int recipe_compare(const char *folder, const char *stored, const char *wanted, lnt_error *err);
/* The pooling that settings tell of, to be freed; NULL: the model's own. -1: memory is out. */
int recipe_pooling(const char *stored, char **pooling);

/* -1 with err: the index in that folder was made with another model. */
int recipe_check_model(const char *folder, const lnt_index_info *info, const session *model, lnt_error *err);
/* FOLDER/model: the model's absolute path, and in a second line what the last run added and how long it took. */
typedef struct recipe_note {
    char *model; /* to be freed; NULL: not known */
    uint64_t documents;
    double seconds;
} recipe_note;
/* Zeros where there is none. -1 with err: memory is out. */
int recipe_read_note(recipe_note *note, const char *folder, lnt_error *err);
/* Where the model is now, with these figures. -1 with err: it could not be written. */
int recipe_write_note(const char *folder, const char *model, uint64_t documents, double seconds, lnt_error *err);

/* The batcher's name of a --pooling. */
const char *recipe_pooling_name(const char *pooling);
/* What stands before a text: the text given, or the model's prompt of that name, or if name is NULL the first of names (the
   last is NULL) that the model has, or its default one. NULL with err: there is none of that name. */
const char *recipe_prompt(const session *model, const char *text, const char *name, const char *const *names, lnt_error *err);
#endif
