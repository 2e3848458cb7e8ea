#include "formats/error.h"
#include <stdarg.h>
#include <stdio.h>

static void fill(lnt_error *err, const char *format, va_list args) {
    if (!err) return;
    vsnprintf(err->text, sizeof err->text, format, args);
    for (char *p = err->text; *p; p++) { /* no orders to a terminal: C0, DEL, and C1 in UTF-8 */
        if (*p == '\xc2' && (p[1] & 0xe0) == 0x80) p[0] = p[1] = '?';
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = '?';
    }
}

int (err_set)(lnt_error *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, format, args);
    va_end(args);
    return -1;
}

void *err_null(lnt_error *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, format, args);
    va_end(args);
    return NULL;
}

int (err_memory)(lnt_error *err, size_t bytes, const char *what) {
    return err_set(err, "out of memory: %zu bytes for %s", bytes, what);
}
