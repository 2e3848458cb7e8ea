/* Reading, writing and syncing files to the end: what a call leaves over is asked for again, what a signal breaks off is begun
   again. path is what errors name. */
#ifndef LNT_FORMATS_FILE_H
#define LNT_FORMATS_FILE_H
#include "formats/error.h"
#include <sys/types.h>

/* open(), close-on-exec, of files that it makes with mode 0666. -1 with errno. */
int file_open(const char *path, int flags);
/* As many of n bytes from `at` on as there are; -1 with errno. */
ssize_t file_read(int fd, void *bytes, size_t n, uint64_t at);
/* All of a regular file of at most `most` bytes into *bytes, with a NUL behind, to be freed. what ("a picture") is what errors expect. */
int file_read_all(const char *path, const char *what, uint64_t most, char **bytes, size_t *n, lnt_error *err);
int file_write(int fd, const char *path, const void *bytes, size_t n, uint64_t at, lnt_error *err);
/* To so many bytes. */
int file_shorten(int fd, const char *path, uint64_t bytes, lnt_error *err);
/* whole: with what only the file's times need. */
int file_sync(int fd, const char *path, bool whole, lnt_error *err);
/* Whether there is something of that name. -1: that cannot be told. */
int file_exists(const char *path, bool *found, lnt_error *err);
/* The folder that a path lies in, to out [PATH_MAX]. */
void file_folder_of(const char *path, char *out);
/* Syncs it, so that the path's name is as safe as its bytes. Fine where folders cannot be synced. */
int file_sync_folder_of(const char *path, lnt_error *err);
#endif
