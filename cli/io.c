#include "cli/io.h"
#include "cli/cli.h"
#include "cli/flow.h"
#include "formats/file.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 16 }; /* bytes read at a time */

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

int io_append_text(io_bytes *to, const char *text) {
    return io_append(to, text, strlen(text));
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

static int read_error(const char *shown, lnt_error *err) {
    return cli_error(err, "%s: cannot be read: %s, expected a text file", shown, strerror(errno));
}

/* Handlers of signals let all calls go on but poll, so that nothing that is being written is cut short. */
ssize_t io_read_some(int fd, void *bytes, size_t n) {
    ssize_t got;
    do {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        got = poll(&p, 1, -1) < 0 ? -1 : read(fd, bytes, n);
    } while (got < 0 && errno == EINTR && !flow_interrupted);
    return got;
}

/* 0: the file has ended. */
static ssize_t read_block(int fd, const char *shown, io_bytes *to, lnt_error *err) {
    if (io_extend(to, BLOCK) != 0) return cli_error(err, "%s: out of memory after %zu bytes", shown, to->n);
    to->n -= BLOCK;
    ssize_t got = io_read_some(fd, to->data + to->n, BLOCK);
    if (got < 0) return read_error(shown, err);
    if (to->n + (size_t)got > IO_MAX_FILE)
        return cli_error(err, "%s: longer than %zu bytes, expected at most that in one text", shown, IO_MAX_FILE);
    to->n += (size_t)got;
    return got;
}

int io_read(const char *path, io_bytes *to, lnt_error *err) {
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : file_open(path, O_RDONLY);
    if (fd < 0) return cli_error(err, "%s: cannot be opened: %s, expected a readable file", path, strerror(errno));
    ssize_t got = 1;
    while (got > 0) got = read_block(fd, standard ? "standard input" : path, to, err);
    if (!standard) close(fd);
    return got < 0 ? -1 : 0;
}

int io_lines_open(io_lines *lines, const char *path, lnt_error *err) {
    bool standard = strcmp(path, "-") == 0;
    *lines = (io_lines){.path = standard ? "standard input" : path};
    lines->fd = standard ? STDIN_FILENO : file_open(path, O_RDONLY);
    if (lines->fd < 0)
        return cli_error(err, "%s: cannot be opened: %s, expected a readable file", path, strerror(errno));
    lines->block = malloc(BLOCK);
    if (lines->block) return 0;
    io_lines_close(lines);
    return cli_error(err, "%s: out of memory", path);
}

/* The rest of the block up to a newline: *piece, *n without it. 1: it ends a line; 0: more of it follows; -1: the end of
   the file; -2: it cannot be read. */
static int next_piece(io_lines *lines, const char **piece, size_t *n) {
    if (lines->at == lines->end) {
        ssize_t got = io_read_some(lines->fd, lines->block, BLOCK);
        if (got <= 0) return got == 0 ? -1 : -2;
        lines->at = 0;
        lines->end = (size_t)got;
    }
    *piece = lines->block + lines->at;
    const char *newline = memchr(*piece, '\n', lines->end - lines->at);
    *n = newline ? (size_t)(newline - *piece) : lines->end - lines->at;
    lines->at += *n + (newline != NULL);
    lines->bytes += *n + (newline != NULL);
    return newline != NULL;
}

int io_lines_next(io_lines *lines, lnt_error *err) {
    const char *piece;
    size_t n;
    int got = lines->inside ? 0 : 1;
    while (got == 0) got = next_piece(lines, &piece, &n);
    lines->too_long = lines->inside = false;
    lines->line.n = 0;
    lines->number++;
    bool any = false;
    while (got >= 0 && (got = next_piece(lines, &piece, &n)) >= 0) {
        any = true;
        if (n > IO_MAX_LINE - lines->line.n) {
            lines->too_long = true;
            lines->inside = got == 0;
            return cli_error(err, "%s: line %zu is longer than %zu bytes", lines->path, lines->number, IO_MAX_LINE);
        }
        if (io_append(&lines->line, piece, n) != 0)
            return cli_error(err, "%s: out of memory at line %zu", lines->path, lines->number);
        if (got == 1) return 1;
    }
    return got == -2 ? read_error(lines->path, err) : any;
}

char *io_lines_text(io_lines *lines, size_t *n) {
    static char nothing[1];
    char *data = lines->line.n ? lines->line.data : nothing;
    *n = lines->line.n;
    if (*n && data[*n - 1] == '\r') --*n;
    if (lines->number > 1 || *n < 3 || memcmp(data, "\xEF\xBB\xBF", 3) != 0) return data;
    *n -= 3;
    return data + 3;
}

bool io_lines_ready(const io_lines *lines, int milliseconds) {
    struct pollfd p = {.fd = lines->fd, .events = POLLIN};
    return lines->at < lines->end || poll(&p, 1, milliseconds) != 0;
}

void io_lines_close(io_lines *lines) {
    if (lines->fd > STDIN_FILENO) close(lines->fd);
    free(lines->block);
    lines->block = NULL;
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

bool io_watched(void) {
    static int terminal = -1;
    if (terminal < 0) terminal = isatty(STDERR_FILENO);
    return terminal;
}

void io_progress(void *unused, double done, const char *what) {
    (void)unused;
    if (!io_watched()) return;
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
    if (io_watched()) fputs("\r\033[K", stderr);
}
