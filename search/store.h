/* The documents of an index in SQLite (documents.db, WAL): sources (files), documents (pieces of them) with their full text
   (FTS5) and metadata, which row of the vectors is whose, and how much of the vectors has been committed. One transaction of
   it decides about everything: what is not in it never happened. docs/index.md, "The documents", has the tables.

   Functions return 0, or -1 with err; those that look for something return 1 if it is there, 0 if not. What is read from the
   file is checked: numbers and types that no index has are errors, "... is damaged ...". */
#ifndef LNT_SEARCH_STORE_H
#define LNT_SEARCH_STORE_H
#include "formats/error.h"
#include "search/vectors.h"

typedef struct store store;

/* What does not change in an index. */
typedef struct store_identity {
    unsigned char id[VECTORS_ID];
    char model[33];      /* hash of the model's file, hexadecimal */
    char model_name[256];
    uint32_t dims;
    char vectors[16];    /* "f32", "f16", "int8", "binary" */
    char *settings;      /* how documents are made of files, JSON; owned by the store once it has been created or read */
} store_identity;

/* What a transaction has committed of the vectors. */
typedef struct store_state {
    uint64_t generation;    /* which files the vectors are in: vectors-GENERATION.lnv */
    uint64_t groups;        /* in these files: n_rows / 64 */
    uint64_t n_rows;        /* with those of the tail */
    uint64_t n_documents;
    uint64_t next_document; /* the id of the next one: an id is never given twice */
    float *tail;            /* [n_rows - groups * 64][dims], owned by the store */
} store_state;

enum { STORE_MAX_TEXT = 64 << 20 }; /* bytes of a document's text, of its metadata, of the settings */

/* Opens FOLDER/documents.db. write: makes the file if there is none; *fresh says that it holds nothing yet, and store_create
   comes next. Otherwise a snapshot is taken that lasts until store_refresh or store_close. */
store *store_open(const char *folder, bool write, bool *fresh, lnt_error *err);
void store_close(store *s); /* what is not committed is gone */
/* Makes the tables; a transaction is open then. Takes identity->settings over. */
int store_create(store *s, const store_identity *identity, lnt_error *err);

const store_identity *store_get_identity(const store *s);
/* As committed last, or as in the snapshot. */
const store_state *store_get_state(const store *s);
uint64_t store_bytes(const store *s); /* on disk */
/* A new snapshot: another process may have committed. */
int store_refresh(store *s, lnt_error *err);
/* -1 if a snapshot that SQLite cannot guard (of a folder that only others can write to) has been overtaken. */
int store_still(const store *s, lnt_error *err);

/* ---- writing: store_begin before anything else, harmless in a transaction ---- */
int store_begin(store *s, lnt_error *err);
/* With the state from now on, whose tail is copied. */
int store_commit(store *s, const store_state *state, lnt_error *err);

/* A source by its path; *id and *source (path: the store's, until the next call). */
int store_find_source(store *s, const char *path, int64_t *id, lnt_source *source, lnt_error *err);
int store_next_source(store *s, const char *path, int64_t *id, lnt_source *source, lnt_error *err);
int store_count_sources(store *s, uint64_t *n, lnt_error *err);
/* Makes it, or overwrites all that is known of it but its documents. */
int store_put_source(store *s, const lnt_source *source, int64_t *id, lnt_error *err);
/* *n_removed: of its documents. */
int store_remove_documents(store *s, int64_t source, uint64_t *n_removed, lnt_error *err);
int store_remove_source(store *s, int64_t source, lnt_error *err);

int store_add_document(store *s, int64_t id, int64_t source, uint64_t row, const lnt_document *document, lnt_error *err);
/* The document of row `from`, if there is one, gets row `to`. */
int store_move_row(store *s, uint64_t from, uint64_t to, lnt_error *err);
/* Joins what the full text has been written to in pieces. */
int store_optimize(store *s, lnt_error *err);

/* ---- reading ---- */
/* The strings are the store's until its next call. */
int store_get_document(store *s, int64_t id, lnt_document *document, lnt_error *err);
int store_document_of_row(store *s, uint64_t row, int64_t *id, lnt_error *err);

/* Documents that fit filters. */
typedef struct store_set {
    uint64_t *rows;      /* a bit for each row, [n_rows / 64 + 1] */
    uint64_t *documents; /* a bit for each id, NULL: not wanted */
    uint64_t n_ids;      /* bits of documents */
    uint64_t n;          /* how many they are */
} store_set;
/* Adds to a set all documents that fit all filters. */
int store_find(store *s, const lnt_filter *filters, size_t n_filters, uint64_t n_rows, store_set *set, lnt_error *err);

typedef struct store_text_hit {
    int64_t document;
    double bm25; /* higher is better */
} store_text_hit;
/* The `top` best documents for any of a text's words (the rarest of many), of equal ones the lower first. They fit all filters; the
   set, unless it is NULL, has been found with the same ones. */
int store_search_text(store *s, const char *text, size_t n_bytes, const lnt_filter *filters, size_t n_filters, const store_set *set, size_t top,
                      store_text_hit *hits, size_t *n_hits, lnt_error *err);

/* SQLite's own check, the full text against the documents, sources, rows and counts against each other. */
int store_check(store *s, lnt_error *err);
#endif
