/* A text file of any size in parts of a few megabytes, each but the last ended by a line if lines are shorter than that. */
#ifndef LNT_CLI_PARTS_H
#define LNT_CLI_PARTS_H
#include "cli/io.h"

typedef struct parts {
    const char *path;
    int fd;
    io_bytes bytes; /* the part, and behind it what has been read of the next one */
    size_t n;       /* of the part */
    uint64_t begin; /* of the part in the file */
    size_t line;    /* in which it begins, from 1 */
    bool ended;     /* all of the file has been read */
} parts;

/* 0, or -1 with err. */
int parts_open(parts *p, const char *path, lnt_error *err);
/* 1: *text and *n are the next part, without the byte order mark of the first one; 0: the end; -1 with err. */
int parts_next(parts *p, const char **text, size_t *n, lnt_error *err);
void parts_close(parts *p);
#endif
