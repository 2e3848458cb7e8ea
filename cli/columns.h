/* Records of CSV and TSV files: lines of fields. */
#ifndef LNT_CLI_COLUMNS_H
#define LNT_CLI_COLUMNS_H
#include "cli/io.h"

typedef struct column {
    const char *data; /* inside the line that was split */
    size_t n;
} column;

typedef struct columns {
    column *items;
    size_t n, capacity;
} columns;

/* Whether a CSV record goes on in the next line: a quoted field is still open. {0} is the state at its beginning. */
typedef struct columns_quotes {
    bool open;   /* inside quotes */
    bool closed; /* just behind a quote that may be the end, or the first of two */
    bool inside; /* of a field, not at its beginning */
} columns_quotes;
void columns_scan(columns_quotes *state, const char *data, size_t n);

/* Splits a record at commas as RFC 4180 has it, undoing quotes in place; a quote in a field that does not begin with
   one is a character like any other. NULL, or what is wrong. */
const char *columns_split_csv(columns *out, char *data, size_t n);
/* Splits at tabs and nothing else. */
const char *columns_split_tsv(columns *out, const char *data, size_t n);
void columns_free(columns *c);
#endif
