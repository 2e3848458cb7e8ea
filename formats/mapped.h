/* A whole file mapped read-only: how every container is read. What is read once through a mapping and checked may be another
   thing the next time, if somebody writes to the file: whoever relies on it reads it once, or keeps a copy, and asks
   mapped_intact before it gives out what was made of it. */
#ifndef LNT_FORMATS_MAPPED_H
#define LNT_FORMATS_MAPPED_H
#include "formats/guard.h"
#include <time.h>

typedef struct mapped_file {
    const unsigned char *bytes;
    size_t size;
    int fd;
    struct timespec modified; /* when it was opened */
    file_guard *guard; /* NULL: bytes that are in no file */
} mapped_file;

/* Regular files of at least `least` (>= 1) bytes only; what ("a .lnt file") is what errors expect. */
int mapped_open(mapped_file *m, const char *path, const char *what, size_t least, lnt_error *err);
/* That the file is as it was when it was opened, by its size and the time of its last change, and that all of it could be
   read. A file that another took the place of (by rename) stays as it is here. */
int mapped_intact(const mapped_file *m, const char *path, lnt_error *err);
void mapped_close(mapped_file *m);
#endif
