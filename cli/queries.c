#define _GNU_SOURCE
#include "cli/queries.h"
#include "cli/cli.h"
#include "cli/text.h"
#include <stdlib.h>
#include <string.h>

enum { PIECES = 3 }; /* of a document that are looked at for each that is wanted, where pieces count once */

int queries_open(queries *q, finder *f, const char *path, size_t top, lnt_error *err) {
    *q = (queries){.f = f, .top = top, .fetch = f->options->id_field ? PIECES * top : top};
    f->candidates = (uint32_t)(top < 10 ? 100 : 10 * top);
    if (io_lines_open(&q->lines, path, err) != 0) return -1;
    q->open = true;
    q->vectors = malloc(QUERIES_BLOCK * (size_t)f->info.dims * sizeof *q->vectors);
    q->hits = malloc(QUERIES_BLOCK * q->fetch * sizeof *q->hits);
    q->documents = malloc(q->fetch * sizeof *q->documents);
    q->begins = malloc(q->fetch * sizeof *q->begins);
    q->scores = malloc(q->fetch * sizeof *q->scores);
    if (q->vectors && q->hits && q->documents && q->begins && q->scores) return 0;
    return cli_error(err, "out of memory for the hits of %d queries", QUERIES_BLOCK);
}

void queries_close(queries *q) {
    if (q->open) io_lines_close(&q->lines);
    io_bytes_free(&q->bytes);
    io_bytes_free(&q->names);
    free(q->vectors);
    free(q->hits);
    free(q->documents);
    free(q->begins);
    free(q->scores);
    *q = (queries){0};
}

/* A line as id, zero byte, text, zero byte; *text: where that begins. */
static int append_query(queries *q, const char *line, size_t n, size_t *text) {
    const char *tab = n ? memchr(line, '\t', n) : NULL;
    size_t n_id = tab ? (size_t)(tab - line) : 0;
    for (size_t i = 0; i < n_id; i++)
        if (io_append(&q->bytes, text_is_space(line[i]) || !line[i] ? "_" : line + i, 1) != 0) return -1;
    if (!n_id && io_appendf(&q->bytes, "%zu", q->lines.number) != 0) return -1;
    if (io_append(&q->bytes, "", 1) != 0) return -1;
    *text = q->bytes.n;
    if (tab) line += n_id + 1, n -= n_id + 1;
    return io_append(&q->bytes, line, n) != 0 || io_append(&q->bytes, "", 1) != 0 ? -1 : 0;
}

int queries_next(queries *q, lnt_error *err) {
    size_t ids[QUERIES_BLOCK], texts[QUERIES_BLOCK], n, count = 0;
    int got = 1;
    q->n = q->bytes.n = 0;
    while (count < QUERIES_BLOCK && (got = io_lines_next(&q->lines, err)) > 0) {
        const char *line = io_lines_text(&q->lines, &n);
        if (n == 0) continue;
        size_t i = count++;
        ids[i] = texts[i] = q->bytes.n;
        if (append_query(q, line, n, &texts[i]) != 0) return cli_error(err, "%s: out of memory at line %zu", q->lines.path, q->lines.number);
        q->texts[i].n_bytes = q->bytes.n - 1 - texts[i];
    }
    if (got < 0) return -1;
    q->n = count;
    for (size_t i = 0; i < count; i++) {
        q->ids[i] = q->bytes.data + ids[i];
        q->texts[i].text = q->bytes.data + texts[i];
    }
    if (count == 0) return 0;
    return q->f->batcher && finder_embed(q->f, q->texts, q->n, q->vectors, err) != 0 ? -1 : 1;
}

int queries_find(queries *q, const char *mode, lnt_error *err) {
    return finder_find(q->f, mode, q->texts, q->f->batcher ? q->vectors : NULL, q->n, q->fetch, q->hits, q->n_hits, err);
}

/* Whether one of the documents is called so already. */
static bool is_known(const queries *q, size_t n, size_t name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(q->names.data + q->begins[i], q->names.data + name) == 0) return true;
    return false;
}

int queries_found(queries *q, size_t i, size_t *n, lnt_error *err) {
    *n = q->names.n = 0;
    for (size_t h = 0; h < q->n_hits[i] && *n < q->top; h++) {
        const finder_hit *hit = &q->hits[i * q->fetch + h];
        size_t at = q->names.n;
        lnt_document d;
        if (lnt_index_document(q->f->index, hit->hit.document, &d, err) != 0) return -1;
        if (finder_append_id(q->f, &d, &q->names) != 0 || io_append(&q->names, "", 1) != 0) return cli_error(err, "out of memory for names");
        if (is_known(q, *n, at)) {
            q->names.n = at;
            continue;
        }
        q->begins[*n] = at;
        q->scores[(*n)++] = hit->score;
    }
    for (size_t k = 0; k < *n; k++) q->documents[k] = q->names.data + q->begins[k];
    return 0;
}
