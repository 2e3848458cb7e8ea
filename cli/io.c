#include "cli/io.h"
#include "cli/cli.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int io_extend(io_bytes *to, size_t n) {
    size_t need;
    if (__builtin_add_overflow(to->n, n, &need)) return -1;
    if (need > to->capacity) {
        size_t capacity = to->capacity < 64 ? 64 : to->capacity;
        while (capacity < need && capacity < SIZE_MAX / 2) capacity += capacity / 2;
        char *bigger = realloc(to->data, capacity > need ? capacity : need);
        if (!bigger) return -1;
        to->data = bigger;
        to->capacity = capacity > need ? capacity : need;
    }
    to->n = need;
    return 0;
}

int io_append(io_bytes *to, const char *data, size_t n) {
    size_t before = to->n;
    if (n == 0) return 0;
    if (io_extend(to, n) != 0) return -1;
    memcpy(to->data + before, data, n);
    return 0;
}

int io_appendf(io_bytes *to, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return n < 0 || (size_t)n >= sizeof text ? -1 : io_append(to, text, (size_t)n);
}

void io_bytes_free(io_bytes *bytes) {
    free(bytes->data);
    *bytes = (io_bytes){0};
}

static FILE *open_text(const char *path, const char **shown, lnt_error *err) {
    bool standard = strcmp(path, "-") == 0;
    *shown = standard ? "standard input" : path;
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (!file) cli_error(err, "%s: cannot be opened: %s, expected a readable file", path, strerror(errno));
    return file;
}

static int read_error(const char *shown, lnt_error *err) {
    return cli_error(err, "%s: cannot be read: %s, expected a text file", shown, strerror(errno));
}

int io_read(const char *path, io_bytes *to, lnt_error *err) {
    const char *shown;
    FILE *file = open_text(path, &shown, err);
    if (!file) return -1;
    int result = 0;
    char chunk[65536];
    size_t n;
    while (result == 0 && (n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        if (to->n + n > IO_MAX_FILE)
            result = cli_error(err, "%s: longer than %zu bytes, expected at most that in one text", shown, IO_MAX_FILE);
        else if (io_append(to, chunk, n) != 0)
            result = cli_error(err, "%s: out of memory after %zu bytes", shown, to->n);
    }
    if (result == 0 && ferror(file)) result = read_error(shown, err);
    if (file != stdin) fclose(file);
    return result;
}

int io_lines_open(io_lines *lines, const char *path, lnt_error *err) {
    *lines = (io_lines){0};
    lines->file = open_text(path, &lines->path, err);
    return lines->file ? 0 : -1;
}

static int too_long(io_lines *lines, lnt_error *err) {
    lines->too_long = true;
    return cli_error(err, "%s: line %zu is longer than %zu bytes", lines->path, lines->number, IO_MAX_LINE);
}

int io_lines_next(io_lines *lines, lnt_error *err) {
    io_bytes *line = &lines->line;
    FILE *file = lines->file;
    int c;
    while (lines->too_long && (c = getc_unlocked(file)) != EOF && ++lines->bytes) lines->too_long = c != '\n';
    lines->too_long = false;
    line->n = 0;
    lines->number++;
    c = getc_unlocked(file);
    bool any = c != EOF;
    for (; c != EOF && c != '\n'; c = getc_unlocked(file)) {
        char byte = (char)c;
        lines->bytes++;
        if (line->n == IO_MAX_LINE) return too_long(lines, err);
        if (line->n < line->capacity)
            line->data[line->n++] = byte;
        else if (io_append(line, &byte, 1) != 0)
            return cli_error(err, "%s: out of memory at line %zu", lines->path, lines->number);
    }
    lines->bytes += c == '\n';
    if (ferror(file)) return read_error(lines->path, err);
    return any;
}

void io_lines_close(io_lines *lines) {
    if (lines->file && lines->file != stdin) fclose(lines->file);
    io_bytes_free(&lines->line);
}

void io_put_int(int32_t value) {
    char digits[12];
    int n = 0;
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    do digits[n++] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0) digits[n++] = '-';
    while (n) putc_unlocked(digits[--n], stdout);
}

static int first_error;

int io_flush(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    if (!first_error) first_error = errno ? errno : EIO;
    return -1;
}

int io_flush_error(void) {
    return first_error;
}

void io_progress(void *unused, double done, const char *what) {
    (void)unused;
    static int terminal = -1;
    if (terminal < 0) terminal = isatty(STDERR_FILENO);
    if (!terminal) return;
    if (done < 0) {
        fprintf(stderr, "\r\033[K%.90s", what ? what : "");
        fflush(stderr);
        return;
    }
    enum { WIDTH = 30 };
    int filled = done < 0 ? 0 : done > 1 ? WIDTH : (int)(done * WIDTH);
    char bar[WIDTH + 1];
    memset(bar, '.', WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[WIDTH] = 0;
    fprintf(stderr, "\r\033[K[%s] %3.0f %% %.60s", bar, 100.0 * (filled == WIDTH ? 1 : done), what ? what : "");
    fflush(stderr);
}

void io_progress_end(void) {
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
}
