/* How every folder fills an lnt_error. */
#ifndef LNT_FORMATS_ERROR_H
#define LNT_FORMATS_ERROR_H
#include "linnet.h"

/* Writes one line (no newline; control bytes from files become '?') and returns -1, so that a failing function says
   `return err_set(err, "%s: ...", path)`. err may be NULL. */
int err_set(lnt_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, for functions that return a pointer. */
void *err_null(lnt_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "out of memory (N bytes for WHAT)". */
int err_memory(lnt_error *err, size_t bytes, const char *what);

#ifdef __clang_analyzer__ /* which cannot see that these never return anything else */
#define err_set(...) ((void)err_set(__VA_ARGS__), -1)
#define err_memory(...) ((void)err_memory(__VA_ARGS__), -1)
#endif
#endif
