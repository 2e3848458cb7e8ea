/* What becomes of a process that reads a mapped file where the file has no bytes any more: it was made shorter, or its disk
   fails. The system sends SIGBUS. Once lnt_guard_files has been called, pages of zeros take the place of those that are gone,
   everybody reads on, and the mapping is marked: whoever owns it asks before it gives out what was made of it. */
#ifndef LNT_FORMATS_GUARD_H
#define LNT_FORMATS_GUARD_H
#include "formats/error.h"

typedef struct file_guard file_guard;

/* Notes a mapping of a file, until guard_free, which must come before the mapping's end. what names it in errors. */
file_guard *guard_new(const void *begin, size_t bytes, const char *what, lnt_error *err);
void guard_free(file_guard *g);
/* The mapping has been moved or has grown; nobody reads it meanwhile. */
void guard_move(file_guard *g, const void *begin, size_t bytes);
/* Whether zeros have been read in place of the file. */
bool guard_broken(const file_guard *g);
#endif
