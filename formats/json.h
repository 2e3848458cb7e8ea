/* JSON files whose root is an object, and checked reading of configurations:

       json_file f;
       int64_t layers = 0, inner = 0;                   // defaults: a key that is missing or null leaves them
       if (json_file_open(&f, path, err)) return -1;
       int rc = json_file_require(&f, (const char *const[]){"n_layer", NULL}, err) ||
                json_file_int(&f, "n_layer", 1, 1024, &layers, err) ||
                json_file_int(&f, "n_inner", 1, 1 << 20, &inner, err) ||
                json_file_refuse_unknown(&f, (const char *const[]){"model_type", "task_*", NULL}, err);
       json_file_close(&f);

   Getters give 0, or -1 and "FILE: 'n_layer' is -1, expected a whole number from 1 to 1024". */
#ifndef LNT_FORMATS_JSON_H
#define LNT_FORMATS_JSON_H
#include "formats/error.h"
#include <jansson.h>

/* ---- texts ---- */

/* Why a text is no JSON. */
typedef struct json_fault {
    int line, column; /* in bytes, from 1 */
    bool memory;      /* it may be: memory is out */
    bool overflow;    /* a number does not fit */
    char text[80];
} json_fault;
/* An object or array (RFC 8259), at most 2048 inside each other and 2^20 in all: a new reference, or NULL and *fault, which may be NULL itself.
   flags of jansson: JSON_REJECT_DUPLICATES, JSON_ALLOW_NUL, JSON_DECODE_INT_AS_REAL. */
json_t *json_read(const void *bytes, size_t n, unsigned flags, json_fault *fault);

/* ---- files ---- */

enum { JSON_FILE_MAX = 64 << 20 }; /* bytes; the largest tokenizer.json in use have half */

typedef struct json_file {
    json_t *root; /* an object */
    json_t *read; /* an object too: the keys that have been asked for */
    bool failed;  /* memory: not all of them are there */
    char path[4096];
} json_file;

/* Reads a regular file of at most JSON_FILE_MAX bytes. Keys must be unique. If an integer in it does not fit 64 bits
   (Python writes such), every number is a real; json_file_int reads both. */
int json_file_open(json_file *f, const char *path, lnt_error *err);
void json_file_close(json_file *f);

/* The same for a file whose root is an array: a new reference, or NULL. */
json_t *json_array_open(const char *path, lnt_error *err);

/* The same checks for an object that stands inside another file, whose integers must fit: a new reference, or NULL.
   what names it ("header"). */
json_t *json_parse(const void *bytes, size_t n, const char *path, const char *what, lnt_error *err);

/* A value of the root, borrowed, NULL if it is missing or null; its key counts as known from now on. */
json_t *json_file_get(json_file *f, const char *key);

/* Each reads one key of the root, which counts as known from then on. Missing or null: *out stays as it was. */
int json_file_int(json_file *f, const char *key, int64_t min, int64_t max, int64_t *out, lnt_error *err);
/* min <= value <= max, integers too. */
int json_file_float(json_file *f, const char *key, double min, double max, double *out, lnt_error *err);
int json_file_bool(json_file *f, const char *key, bool *out, lnt_error *err);
/* Points into the root. */
int json_file_string(json_file *f, const char *key, const char **out, lnt_error *err);
/* A string that must be one of choices (NULL at the end): *out is its index. */
int json_file_choice(json_file *f, const char *key, const char *const *choices, size_t *out, lnt_error *err);

/* The same for an object inside a file, whose keys nobody counts; path names the file. */
int json_int(const char *path, const json_t *object, const char *key, int64_t min, int64_t max, int64_t *out, lnt_error *err);
int json_bool(const char *path, const json_t *object, const char *key, bool *out, lnt_error *err);
int json_text(const char *path, const json_t *object, const char *key, const char **out, lnt_error *err);

/* Names the first of the keys (NULL at the end) that is missing or null; those before it count as known. */
int json_file_require(json_file *f, const char *const *keys, lnt_error *err);
/* Names the first key, in the file's order, that is neither known nor one of ignored: NULL at the end, "task_*" stands
   for all that begin with task_. A key whose value is null says nothing and passes. */
int json_file_refuse_unknown(const json_file *f, const char *const *ignored, lnt_error *err);
#endif
