/* An open index: documents, vectors and the lock in one hand. docs/index.md tells what a commit is. */
#ifndef LNT_SEARCH_INDEX_H
#define LNT_SEARCH_INDEX_H
#include "engine/pool.h"
#include "search/scan.h"
#include "search/store.h"
#include "search/vectors.h"
#include "simd/kernels.h"

enum { INDEX_FILES = 2 };

struct lnt_index {
    char *folder;
    int lock; /* writing: a file descriptor with the lock; -1 */
    bool write, failed, changed; /* changed: something is not committed yet */
    store *store;
    /* What is scanned, and with "binary" the same rows to score again. */
    vectors_file files[INDEX_FILES];
    size_t n_files;
    const kernels *kernels;

    /* Writing. */
    store_state now; /* what the next commit commits; its tail is `rows` */
    float *rows;     /* [64][dims], zeros behind the last one */
    float *unit;     /* a row as kernels write it */
    char *source_path; /* the source that is open; NULL: none */
    int64_t source_id;
    lnt_source source;

    /* Searching: made when first needed, forgotten by a commit. */
    uint32_t n_threads;
    pool *threads;
    lnt_profile *profile; /* NULL: nothing is measured */
    bool ready;
    uint64_t *alive; /* NULL: all rows */
    unsigned char *tails[INDEX_FILES]; /* packed; NULL: there is no tail */
    char *filters;     /* of the search before: fields and values with their NULs, n_filters bytes; NULL: there was none */
    size_t n_filters;
    store_set fitting; /* what they found */
};

/* FOLDER/vectors-GENERATION.lnv, or of file 0 of "binary" bits-GENERATION.lnv; to be freed. */
char *index_file_name(const lnt_index *index, size_t file, uint64_t generation);
vectors_type index_file_type(const lnt_index *index, size_t file);
int index_open_files(const lnt_index *index, vectors_file *files, uint64_t generation, uint64_t groups, lnt_error *err);
int index_create_files(const lnt_index *index, uint64_t generation, lnt_error *err);
/* Removes files of vectors but those of one generation. */
int index_remove_others(const lnt_index *index, uint64_t generation, lnt_error *err);

/* -1: it is not open for writing, or something failed before. */
int index_writable(const lnt_index *index, lnt_error *err);
/* x [dims] at length 1 to y [dims]; zeros stay zeros. -1: numbers that are not finite. */
int index_unit(const lnt_index *index, const float *x, float *y, lnt_error *err);
/* A bit for each row that has a document, to be freed. */
uint64_t *index_alive_rows(const lnt_index *index, lnt_error *err);
/* What a search keeps is no longer so. */
void index_forget(lnt_index *index);
#endif
