/* Queries from a file, "id<TAB>text" a line or text alone, whose number is its id then; asked in blocks. */
#ifndef LNT_CLI_QUERIES_H
#define LNT_CLI_QUERIES_H
#include "cli/finder.h"

enum { QUERIES_BLOCK = 64 };

typedef struct queries {
    io_lines lines;
    bool open;
    io_bytes bytes; /* of the block */
    size_t n;
    char *ids[QUERIES_BLOCK]; /* without white space */
    finder_query texts[QUERIES_BLOCK];

    finder *f;
    size_t top, fetch; /* wanted, and looked for: pieces of a document that --id-field names alike count once */
    float *vectors;    /* [QUERIES_BLOCK][dims] */
    finder_hit *hits;  /* [QUERIES_BLOCK][fetch] */
    size_t n_hits[QUERIES_BLOCK];
    io_bytes names;
    size_t *begins;    /* [fetch] in names */
    char **documents;  /* [fetch] ids of what a query found, best first, each once */
    double *scores;    /* [fetch] */
} queries;

/* 0, or -1 with err; queries_close must follow either way. */
int queries_open(queries *q, finder *f, const char *path, size_t top, lnt_error *err);
/* Reads a block and makes its embeddings, if the finder has a model. 1; 0: the end; -1 with err. */
int queries_next(queries *q, lnt_error *err);
/* Asks the block. 0, or -1 with err. */
int queries_find(queries *q, const char *mode, lnt_error *err);
/* What query i found: q->documents and q->scores, *n of them. 0, or -1 with err. */
int queries_found(queries *q, size_t i, size_t *n, lnt_error *err);
void queries_close(queries *q);
#endif
