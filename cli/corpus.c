#define _GNU_SOURCE
#include "cli/corpus.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "formats/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { SNIFF = 8 << 10, BLOCK = 1 << 18, INVALID_SHARE = 10 };
#define COMMIT_SECONDS 2.0

static int64_t modified(const struct stat *st) {
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* ---- looking at a file ---- */

/* A zero byte, or more than a tenth that is no UTF-8. */
static bool is_binary(const char *data, size_t n) {
    size_t invalid = 0, length;
    if (memchr(data, 0, n)) return true;
    for (size_t i = 0; i < n; i += length)
        if (text_next(data + i, n - i, &length) == TEXT_INVALID) invalid += length;
    return invalid > n / INVALID_SHARE;
}

static int hash_file(int fd, unsigned char hash[16]) {
    char *block = malloc(BLOCK);
    XXH3_state_t *state = XXH3_createState();
    XXH128_canonical_t canonical;
    ssize_t got = -1;
    uint64_t at = 0;
    if (block && state && XXH3_128bits_reset(state) == XXH_OK)
        while ((got = file_read(fd, block, BLOCK, at)) > 0) {
            XXH3_128bits_update(state, block, (size_t)got);
            at += (uint64_t)got;
        }
    if (got == 0) {
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
        memcpy(hash, canonical.digest, sizeof canonical.digest);
    }
    free(block);
    XXH3_freeState(state);
    return got == 0 ? 0 : -1;
}

typedef enum verdict { WANTED, UNCHANGED, BINARY, FAILED } verdict;

static verdict report(corpus *c, const char *path, const char *what) {
    if (c->n_failed++ == 0) io_progress_end();
    cli_failf("%s: cannot be %s: %s, expected a readable file", path, what, strerror(errno));
    return FAILED;
}

static verdict judge_open(corpus *c, source *s, int fd, const lnt_source *old) {
    char head[SNIFF];
    struct stat st;
    ssize_t n = file_read(fd, head, sizeof head, 0);
    if (n < 0 || fstat(fd, &st) != 0) return report(c, s->file.path, "read");
    s->is.bytes = (uint64_t)st.st_size;
    s->is.modified = modified(&st);
    if (old && old->complete && old->bytes == s->is.bytes && old->modified == s->is.modified) return UNCHANGED;
    if (is_binary(head, (size_t)n)) return BINARY;
    if (hash_file(fd, s->is.hash) != 0) return report(c, s->file.path, "read");
    s->continued = old && !old->complete && old->bytes == s->is.bytes && memcmp(old->hash, s->is.hash, sizeof old->hash) == 0;
    if (!old || !old->complete || old->bytes != s->is.bytes || memcmp(old->hash, s->is.hash, sizeof old->hash) != 0) return WANTED;
    return UNCHANGED;
}

static verdict judge(corpus *c, source *s, const lnt_source *old) {
    if (!s->file.regular) return WANTED;
    int fd = file_open(s->file.path, O_RDONLY | O_NONBLOCK);
    if (fd < 0) return report(c, s->file.path, "opened");
    verdict v = judge_open(c, s, fd, old);
    close(fd);
    return v;
}

/* What becomes of a source. 1: it is to be read, from its record *n_done on; 0: no; -1 with err. */
static int consider(corpus *c, source *s, uint64_t *n_done, lnt_error *err) {
    lnt_source old;
    int found = lnt_index_find_source(c->index, s->path, &old, err);
    if (found < 0) return -1;
    *n_done = found ? old.n_records : 0;
    int64_t was = found ? old.modified : 0;
    s->known = found;
    switch (judge(c, s, found ? &old : NULL)) {
    case WANTED:
        if (!found) c->n_new++;
        else if (!s->continued) c->n_changed++;
        s->wanted = true;
        return 1;
    case UNCHANGED:
        c->n_unchanged++;
        return was == s->is.modified ? 0 : lnt_index_touch_source(c->index, &s->is, err);
    case BINARY:
        c->n_binary++;
        c->n_removed += s->known;
        return s->known ? lnt_index_remove_source(c->index, s->path, err) : 0;
    case FAILED:
        return 0;
    }
    return 0;
}

/* ---- reading ---- */

static void fail_reading(corpus *c, const lnt_error *err) {
    if (c->n_failed++ == 0) io_progress_end();
    cli_fail(err);
}

/* It was read to its end, or not. */
static void close_source(corpus *c, int got, const lnt_error *why) {
    source *s = &c->files.items[c->reading++];
    struct stat st;
    if (got < 0) {
        fail_reading(c, why);
    } else if (s->file.regular && (stat(s->file.path, &st) != 0 || (uint64_t)st.st_size != s->is.bytes || modified(&st) != s->is.modified)) {
        if (c->n_failed++ == 0) io_progress_end();
        cli_failf("%s: changed while it was read, expected it to stay (the next run reads it again)", s->file.path);
        memset(s->is.hash, 0, sizeof s->is.hash);
    } else {
        s->whole = true;
    }
    if (c->in.n_bad && c->n_bad == 0) c->first_bad = c->in.first_bad;
    c->n_bad += c->in.n_bad;
    c->read_bytes += s->file.size;
    records_close(&c->in);
    c->open = false;
}

/* Passes over the records that an earlier run has taken. As records_next. */
static int skip(corpus *c, source *s, uint64_t n, lnt_error *err) {
    record unused;
    int got = 1;
    while (s->n_records < n && (got = records_next(&c->in, &unused, err)) > 0) s->n_records++;
    return got;
}

/* 1: a source is open; 0: there is no more; -1 with err. */
static int open_next(corpus *c, lnt_error *err) {
    lnt_error why;
    while (c->reading < c->files.n && !flow_interrupted) {
        source *s = &c->files.items[c->reading];
        uint64_t n_done;
        int wanted = consider(c, s, &n_done, err);
        if (wanted < 0) return -1;
        if (!wanted) {
            c->reading++;
            c->passed_bytes += s->file.size;
            continue;
        }
        if (records_open_file(&c->in, c->options, &s->file, c->tokenizer, c->chunk_tokens, err) != 0) return -1;
        c->open = true;
        int got = skip(c, s, s->continued ? n_done : 0, &why);
        if (got > 0) return 1;
        if (flow_interrupted) return 0;
        close_source(c, got, &why);
    }
    return 0;
}

static int next(void *user, record *out, lnt_error *err) {
    corpus *c = user;
    lnt_error why;
    for (;;) {
        if (!c->open) {
            int more = open_next(c, err);
            if (more <= 0) return more;
        }
        source *s = &c->files.items[c->reading];
        int got = records_next(&c->in, out, &why);
        if (got > 0) {
            out->number = ++s->n_records;
            out->source = c->reading;
            if (!text_is_blank(out->text, out->n_bytes)) return 1;
        } else if (flow_interrupted) {
            return 0;
        } else {
            close_source(c, got, &why);
        }
    }
}

static bool ready(void *user, int milliseconds) {
    const corpus *c = user;
    return !c->open || records_ready(&c->in, milliseconds);
}

static void progress(void *user, uint64_t *done, uint64_t *all) {
    const corpus *c = user;
    *done = c->read_bytes + (c->open ? records_position(&c->in) : 0);
    *all = c->files.sized ? c->files.bytes - c->passed_bytes : 0;
}

const texts_reader corpus_reader = {next, ready, progress};

/* ---- taking ---- */

static int begin(corpus *c, const source *s, lnt_error *err) {
    if (c->begun) return 0;
    c->begun = true;
    return lnt_index_begin_source(c->index, &s->is, s->continued, err);
}

/* Ends the sources before that one. */
static int advance(corpus *c, size_t upto, lnt_error *err) {
    for (; c->taking < upto; c->taking++, c->begun = false) {
        source *s = &c->files.items[c->taking];
        if (!s->wanted) continue;
        if (begin(c, s, err) != 0) return -1;
        s->is.complete = s->whole;
        s->is.n_records = s->n_records;
        if (lnt_index_end_source(c->index, &s->is, err) != 0) return -1;
    }
    return 0;
}

int corpus_render(void *user, const record *r, const lnt_text_result *result, io_bytes *out) {
    const corpus *c = user;
    (void)r;
    return io_append(out, (const char *)result->rows[0], c->dims * sizeof(float));
}

int corpus_take(void *user, const record *r, const char *data, size_t n, lnt_error *err) {
    corpus *c = user;
    const source *s = &c->files.items[r->source];
    bool any;
    (void)n;
    if (advance(c, r->source, err) != 0 || begin(c, s, err) != 0) return -1;
    c->text.n = 0;
    if (text_replace_invalid(&c->text, r->text, r->n_bytes, &any) != 0) return cli_error(err, "%s: out of memory at line %zu", s->file.path, r->line);
    lnt_document d = {.path = s->path, .text = c->text.data, .n_bytes = c->text.n, .line = r->line, .begin = r->begin, .end = r->end,
                      .metadata = r->metadata};
    if (lnt_index_add(c->index, &d, (const float *)(const void *)data, r->number, err) != 0) return -1;
    c->n_documents++;
    return 0;
}

static int commit(corpus *c, lnt_error *err) {
    c->committed = cli_seconds();
    return lnt_index_commit(c->index, err);
}

static int window(void *user, const flow_counts *counts, lnt_error *err) {
    corpus *c = user;
    (void)counts;
    if (advance(c, c->reading, err) != 0) return -1;
    return cli_seconds() - c->committed < COMMIT_SECONDS ? 0 : commit(c, err);
}

static int write_nothing(void *user, const char *data, size_t n, lnt_error *err) {
    (void)user, (void)data, (void)n, (void)err;
    return 0;
}

const flow_sink corpus_sink = {write_nothing, window};

int corpus_finish(corpus *c, bool all, lnt_error *err) {
    return (all && advance(c, c->reading, err) != 0) || commit(c, err) != 0 ? -1 : 0;
}

void corpus_close(corpus *c) {
    if (c->open) records_close(&c->in);
    io_bytes_free(&c->text);
    sources_free(&c->files);
}
