/* Text on its way out: UTF-8, JSON strings, stop strings. Bytes from a model may be anything; what is printed is
   always valid UTF-8. */
#ifndef LNT_CLI_TEXT_H
#define LNT_CLI_TEXT_H
#include "cli/io.h"

typedef enum text_unit { TEXT_CHARACTER, TEXT_INVALID, TEXT_INCOMPLETE } text_unit;

/* What data begins with and its length: a whole UTF-8 character, bytes that cannot become one (the longest beginning
   of a character, or one byte: the Unicode standard's "maximal subpart"), or a beginning that more bytes may
   complete. n > 0. */
text_unit text_next(const char *data, size_t n, size_t *length);

/* ASCII white space. */
bool text_is_space(char c);
/* Nothing but white space. */
bool text_is_blank(const char *text, size_t n);

/* A JSON string with quotes to standard output; invalid bytes become U+FFFD. */
void text_json(const char *data, size_t n);
/* The same at the end of to. This and those below: 0, or -1 if memory is out. */
int text_append_json(io_bytes *to, const char *data, size_t n);
/* A JSON number that gives the same float again; null for what is none. */
int text_append_number(io_bytes *to, float value);
/* Bytes as valid UTF-8 in one line: tabs, newlines and the like become spaces, other control characters U+FFFD. */
int text_append_line(io_bytes *to, const char *data, size_t n);
/* Bytes as valid UTF-8: what cannot be a character becomes U+FFFD, and *any true. */
int text_replace_invalid(io_bytes *to, const char *data, size_t n, bool *any);
/* Characters; each sequence of bytes that becomes a U+FFFD counts as one. */
size_t text_length(const char *data, size_t n);
/* Bytes to standard output: as they are, but if it is a terminal, without what it would take for orders. */
void text_print(const char *data, size_t n);
/* Bytes to standard output as valid UTF-8, in one line: newline, return and tab as \n, \r, \t, backslash as \\, other control
   characters as U+FFFD. */
void text_escaped(const char *data, size_t n);
/* Undoes the escapes \n, \r, \t and \\ in place; any other backslash stays. Returns the new length. */
size_t text_unescape(char *data, size_t n);

/* Makes printable text of the bytes of tokens: a character is held back until it is whole, and what could begin a stop
   string until that is decided. */
typedef struct text_stream {
    const char *const *stops; /* none is empty */
    size_t n_stops;
    io_bytes held;  /* not decided yet */
    io_bytes ready; /* valid UTF-8, all of it so far */
} text_stream;

/* 1: a stop string has come, and the text before its first occurrence is ready; 0: go on; -1: out of memory. */
int text_stream_put(text_stream *stream, const char *data, size_t n);
/* No more comes: what is held is ready too, half a character as U+FFFD. 0, or -1: out of memory. */
int text_stream_end(text_stream *stream);
void text_stream_free(text_stream *stream);
#endif
