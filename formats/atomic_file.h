/* A file that appears whole under its name, or not at all: written without a name where the file system can (O_TMPFILE,
   so that even a kill leaves nothing), else under another one beside it; synced, renamed. */
#ifndef LNT_FORMATS_ATOMIC_FILE_H
#define LNT_FORMATS_ATOMIC_FILE_H
#include "formats/error.h"

typedef struct atomic_file {
    int fd; /* readable too */
    char *path, *temporary; /* the name asked for, and the one it is renamed from */
    bool named;             /* temporary exists */
    char readable[32];      /* "/proc/self/fd/N": opens the file as it is so far */
} atomic_file;

/* path must not exist, or be a regular file, which is replaced at the end. On failure *f needs nothing more. */
int atomic_file_create(atomic_file *f, const char *path, lnt_error *err);
/* n bytes at an offset. */
int atomic_file_write(const atomic_file *f, const void *bytes, size_t n, uint64_t at, lnt_error *err);
/* Once synced, nothing of it is kept in memory: what was written lies in small pages, and whoever maps it for long wants it read
   anew in large ones (formats/mapped.c). -1: it cannot be synced. */
int atomic_file_forget(const atomic_file *f, lnt_error *err);
/* Each ends *f. A commit that fails leaves nothing of the new file, unless all that fails is syncing its
   folder after the rename. Abandoning what is zero or ended is fine. */
int atomic_file_commit(atomic_file *f, lnt_error *err);
void atomic_file_abandon(atomic_file *f);
/* Removes what has a temporary name just now. For a handler of a signal that ends the process. */
void atomic_file_remove_all(void);
#endif
