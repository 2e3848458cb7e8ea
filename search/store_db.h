/* What the files of the store share: the connection, its statements, and how what goes wrong with them is told. */
#ifndef LNT_SEARCH_STORE_DB_H
#define LNT_SEARCH_STORE_DB_H
#include "search/store.h"
#include "search/text_query.h"
#include <sqlite3.h>
#include <sys/types.h>
#include <time.h>

typedef enum store_sql {
    SQL_BEGIN,
    SQL_BEGIN_READING,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_IDENTITY,
    SQL_SET_IDENTITY,
    SQL_STATE,
    SQL_SET_STATE,
    SQL_FIND_SOURCE,
    SQL_NEXT_SOURCE,
    SQL_COUNT_SOURCES,
    SQL_PUT_SOURCE,
    SQL_REMOVE_WORDS_OF_SOURCE,
    SQL_REMOVE_DOCUMENTS,
    SQL_REMOVE_SOURCE,
    SQL_ADD_DOCUMENT,
    SQL_ADD_WORDS,
    SQL_MOVE_ROW,
    SQL_OPTIMIZE,
    SQL_DOCUMENT,
    SQL_DOCUMENT_OF_ROW,
    SQL_TEXT,
    SQL_COUNT_WORD,
    SQL_AVERAGE_LENGTH,
    SQLS
} store_sql;

enum { STORE_COUNTS = 4096 };

struct store {
    sqlite3 *db;
    char *path; /* FOLDER/documents.db */
    bool write, immutable, in_transaction;
    off_t opened_bytes; /* immutable: what the file was */
    struct timespec opened_time;
    sqlite3_stmt *statements[SQLS]; /* prepared when first needed */
    text_tokenizer words;
    struct store_count {
        uint64_t hash, documents; /* of a word; 0: none */
    } counts[STORE_COUNTS];       /* by hash; until the next commit or snapshot */
    store_identity identity;
    store_state state;
    uint64_t worked; /* since store_work_anew: about as many instructions of SQLite's machine, and bytes of metadata */
};

/* What SQLite says of the last call, and what was being done: "FILE: the disk is full (adding a document) ...". -1. */
int store_failed(const store *s, const char *doing, lnt_error *err);
/* "FILE: is damaged (...); make the index again, or restore it". -1. */
int store_damaged(const store *s, const char *what, lnt_error *err);

#ifdef __clang_analyzer__ /* which cannot see that they never return anything else */
#define store_failed(...) ((void)store_failed(__VA_ARGS__), -1)
#define store_damaged(...) ((void)store_damaged(__VA_ARGS__), -1)
#endif

/* What follows may cost SQLite as much as the file's bytes can justify: pages of a damaged one can stand for more rows than any time is
   enough for. */
void store_work_anew(store *s);

/* A statement ready to be bound, for work anew; NULL with err. */
sqlite3_stmt *store_statement(store *s, store_sql which, lnt_error *err);
/* 1: a row; 0: no more, and the statement is at its beginning again, as after -1. */
int store_step(const store *s, sqlite3_stmt *q, const char *doing, lnt_error *err);
/* A statement that gives no rows. */
int store_run(store *s, store_sql which, const char *doing, lnt_error *err);
/* SQL that is needed once, without rows. */
int store_execute(const store *s, const char *sql, const char *doing, lnt_error *err);

/* Columns, NULL allowed nowhere: 0 .. most; text and blobs until the next step. */
int store_number(const store *s, sqlite3_stmt *q, int column, uint64_t most, uint64_t *value, lnt_error *err);
int store_text(const store *s, sqlite3_stmt *q, int column, const char **text, size_t *n, lnt_error *err);
int store_blob(const store *s, sqlite3_stmt *q, int column, const void **blob, size_t *n, lnt_error *err);

/* ---- store_schema.c ---- */
/* 1: it is an index of this version; 0: an empty database; -1: something else, and err says what. */
int store_check_schema(const store *s, lnt_error *err);
int store_make_schema(const store *s, lnt_error *err);

/* ---- store_filter.c ---- */
/* SQL's functions fits(metadata, field, value) and among(set, document). */
int store_add_filters(store *s, lnt_error *err);
/* Documents that fit filters (are of a set, unless it is NULL) and the query that is parameter 1, with their bm25(), ascending; to
   be finalized. */
sqlite3_stmt *store_prepare_search(const store *s, const lnt_filter *filters, size_t n_filters, const store_set *set, lnt_error *err);

/* ---- store_rank.c ---- */
/* FTS5's function average_length(words). */
int store_add_ranking(store *s, lnt_error *err);
#endif
