/* A free text into words, and these into a query for FTS5. The words are those that FTS5's unicode61 makes of documents:
   runs of letters, digits and private use characters, in lower case and without diacritics. */
#ifndef LNT_SEARCH_TEXT_QUERY_H
#define LNT_SEARCH_TEXT_QUERY_H
#include "formats/error.h"
#include <sqlite3.h>

/* As in the table's declaration. */
#define TEXT_TOKENIZER "unicode61 remove_diacritics 2"
enum { TEXT_WORDS = 1000, /* most different words of a query, its first ones */ TEXT_SLOTS = 4 * TEXT_WORDS };

typedef struct text_tokenizer {
    fts5_tokenizer functions;
    Fts5Tokenizer *tokenizer; /* NULL: not open */
} text_tokenizer;

/* FTS5's own interface; NULL: this SQLite has none. */
fts5_api *text_fts5(sqlite3 *db);
int text_tokenizer_open(text_tokenizer *t, sqlite3 *db, lnt_error *err);
void text_tokenizer_close(text_tokenizer *t);

/* Each different word of a text once, in the order in which they come first. */
typedef struct text_words {
    size_t n;
    struct text_word {
        size_t at, n; /* in text */
    } words[TEXT_WORDS];
    char *text;
    size_t n_text, room;
    uint16_t slots[TEXT_SLOTS]; /* words by their hash, from 1; 0: free */
} text_words;

/* The words of any bytes; NULL with err. */
text_words *text_words_new(const text_tokenizer *t, const char *text, size_t n_bytes, lnt_error *err);
void text_words_free(text_words *words);
/* A word's number; -1: it is none of them. */
int text_words_find(const text_words *words, const char *word, size_t n);
/* A query for any of the words chosen, "a" OR "b" .., to be freed; NULL: memory is out. */
char *text_words_query(const text_words *words, const size_t *chosen, size_t n, lnt_error *err);
#endif
