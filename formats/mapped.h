/* A whole file mapped read-only: how every container is read. The file must stay as it is while it is mapped. */
#ifndef LNT_FORMATS_MAPPED_H
#define LNT_FORMATS_MAPPED_H
#include "formats/error.h"

typedef struct mapped_file {
    const unsigned char *bytes;
    size_t size;
} mapped_file;

/* Regular files of at least `least` (>= 1) bytes only; what ("a .lnt file") is what errors expect. */
int mapped_open(mapped_file *m, const char *path, const char *what, size_t least, lnt_error *err);
void mapped_close(mapped_file *m);
#endif
