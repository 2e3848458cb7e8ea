#define _GNU_SOURCE
#include "cli/parts.h"
#include "cli/cli.h"
#include "formats/file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PART = 8 << 20, BLOCK = 1 << 18 };

int parts_open(parts *p, const char *path, lnt_error *err) {
    *p = (parts){.path = path, .line = 1};
    p->fd = file_open(path, O_RDONLY);
    if (p->fd >= 0) return 0;
    return cli_error(err, "%s: cannot be opened: %s, expected a readable file", path, strerror(errno));
}

void parts_close(parts *p) {
    if (p->fd >= 0) close(p->fd);
    io_bytes_free(&p->bytes);
    p->fd = -1;
}

/* The part that has been given goes. */
static void pass(parts *p) {
    io_bytes *b = &p->bytes;
    if (!p->n) return;
    for (const char *at = b->data, *end = b->data + p->n; (at = memchr(at, '\n', (size_t)(end - at))); at++) p->line++;
    p->begin += p->n;
    b->n -= p->n;
    memmove(b->data, b->data + p->n, b->n);
    p->n = 0;
}

static int fill(parts *p, lnt_error *err) {
    while (!p->ended && p->bytes.n < PART) {
        if (io_extend(&p->bytes, BLOCK) != 0) return cli_error(err, "%s: out of memory", p->path);
        p->bytes.n -= BLOCK;
        ssize_t got = io_read_some(p->fd, p->bytes.data + p->bytes.n, BLOCK);
        if (got < 0) return cli_error(err, "%s: cannot be read: %s, expected a text file", p->path, strerror(errno));
        p->bytes.n += (size_t)got;
        p->ended = got == 0;
    }
    return 0;
}

/* Where a part ends: behind the last line, or before a character. */
static size_t choose_end(const parts *p) {
    const char *data = p->bytes.data;
    size_t n = p->bytes.n;
    if (p->ended) return n;
    const char *newline = memrchr(data, '\n', n);
    if (newline) return (size_t)(newline - data) + 1;
    for (size_t i = 0; i < 3 && (data[n - 1] & 0xC0) == 0x80; i++) n--;
    return n - ((data[n - 1] & 0xC0) == 0xC0);
}

int parts_next(parts *p, const char **text, size_t *n, lnt_error *err) {
    pass(p);
    if (fill(p, err) != 0) return -1;
    if (p->bytes.n == 0) return 0;
    p->n = choose_end(p);
    *text = p->bytes.data;
    *n = p->n;
    if (p->begin || *n < 3 || memcmp(*text, "\xEF\xBB\xBF", 3) != 0) return 1;
    *text += 3;
    *n -= 3;
    return 1;
}
