/* Reading files and standard input, and what standard error shows while one waits. */
#ifndef LNT_CLI_IO_H
#define LNT_CLI_IO_H
#include "linnet.h"
#include <sys/types.h>

#define IO_MAX_FILE ((size_t)1 << 30)  /* most bytes of a file read as one text */
#define IO_MAX_LINE ((size_t)64 << 20) /* most bytes of one line */

/* Growing bytes. {0} is empty. */
typedef struct io_bytes {
    char *data;
    size_t n, capacity;
} io_bytes;

/* Appends; -1 if memory is out. */
int io_append(io_bytes *to, const char *data, size_t n);
int io_append_text(io_bytes *to, const char *text);
/* Appends n bytes that the caller sets. -1 if memory is out. */
int io_extend(io_bytes *to, size_t n);
/* io_append for at most 255 bytes of formatted text. */
int io_appendf(io_bytes *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void io_bytes_free(io_bytes *bytes);

/* read(), up to n bytes; broken off by a signal only when the run is to stop (cli/flow.h). */
ssize_t io_read_some(int fd, void *bytes, size_t n);
/* All of a file, or of standard input for "-", as it is, up to IO_MAX_FILE bytes. 0, or -1 with err. */
int io_read(const char *path, io_bytes *to, lnt_error *err);

typedef struct io_lines {
    int fd;
    const char *path; /* for messages: "standard input" for "-" */
    io_bytes line;    /* the current line without its newline */
    size_t number;    /* of the current line, from 1 */
    uint64_t bytes;   /* read so far */
    bool too_long;    /* the current line is longer than IO_MAX_LINE; the next call goes on behind it, */
    bool inside;      /* for which it has more of it to pass over */
    char *block;      /* what was read last, of which [at, end) is still to come */
    size_t at, end;
} io_lines;

/* Opens a file, or standard input for "-". 0, or -1 with err. */
int io_lines_open(io_lines *lines, const char *path, lnt_error *err);
/* 1: lines->line is the next line; 0: the end; -1 with err: it cannot be read, or is longer than IO_MAX_LINE. */
int io_lines_next(io_lines *lines, lnt_error *err);
/* The current line without the byte order mark that begins a file and without the return that ends a line, *n bytes. */
char *io_lines_text(io_lines *lines, size_t *n);
/* Whether there is more to read, or the end, within some milliseconds. */
bool io_lines_ready(const io_lines *lines, int milliseconds);
void io_lines_close(io_lines *lines);

/* Writes a decimal number to standard output, quickly. */
void io_put_int(int32_t value);
/* Pushes standard output out. 0, or -1 if any write so far failed (a full disk, a closed pipe). */
int io_flush(void);
/* Of the first write that failed, by errno. */
int io_flush_error(void);

/* A progress bar on standard error, if that is a terminal (done below 0: without the bar); it has the form of
   lnt_convert_options.progress. */
void io_progress(void *unused, double done, const char *what);
/* Whether somebody sees it. */
bool io_watched(void);
/* Wipes the bar away. */
void io_progress_end(void);
#endif
