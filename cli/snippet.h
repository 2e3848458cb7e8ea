/* What a hit shows of a document: about 200 characters around the words of the query. */
#ifndef LNT_CLI_SNIPPET_H
#define LNT_CLI_SNIPPET_H
#include "cli/io.h"

enum { SNIPPET_TERMS = 256 };

/* The words of a query, letters without case and marks, as SQLite's unicode61 sees them (of Latin, Greek and Cyrillic
   letters; of others the characters as they are). */
typedef struct snippet_terms {
    uint64_t hashes[SNIPPET_TERMS];
    uint32_t weights[SNIPPET_TERMS];
    size_t n;
} snippet_terms;

void snippet_take_terms(snippet_terms *terms, const char *query, size_t n);
/* Appends one line of valid UTF-8 without control characters, white space folded; with mark the words of the query are
   bold on a terminal. 0, or -1 if memory is out. */
int snippet_append(io_bytes *to, const snippet_terms *terms, const char *text, size_t n, bool mark);
#endif
