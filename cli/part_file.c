#define _GNU_SOURCE
#include "cli/part_file.h"
#include "cli/cli.h"
#include "formats/file.h"
#include "formats/json.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 20 };
#define NOTE_SECONDS 0.1 /* at least between two notes, */
#define NOTE_SHARE 20    /* and this many times as long as the last one took */

static int io_error(const char *path, const char *what, lnt_error *err) {
    return cli_error(err, "%s: cannot be %s: %s", path, what, strerror(errno));
}

static char *with_ending(const char *path, const char *ending) {
    char *name;
    return asprintf(&name, "%s%s", path, ending) < 0 ? NULL : name;
}

static void release(part_file *p) {
    if (p->path && p->fd >= 0) close(p->fd);
    if (p->path && p->journal_fd >= 0) close(p->journal_fd);
    free(p->path);
    free(p->part);
    free(p->journal);
    io_bytes_free(&p->buffer);
    *p = (part_file){.fd = -1, .journal_fd = -1};
}

void part_file_leave_out(const char *path, inputs *files) {
    char *part = with_ending(path, ".part"), *journal = with_ending(path, ".journal");
    inputs_leave_out(files, path);
    if (part) inputs_leave_out(files, part);
    if (journal) inputs_leave_out(files, journal);
    free(part);
    free(journal);
}

/* ---- resuming ---- */

static int differs(const part_file *p, const char *what, lnt_error *err) {
    return cli_error(err, "%s: was begun with %s, expected the same command (without --resume it begins anew)", p->part,
                     what);
}

static int compare_inputs(const part_file *p, const json_t *was, const json_t *is, lnt_error *err) {
    char what[300];
    size_t n = json_array_size(is);
    if (json_array_size(was) != n) return differs(p, "another number of files", err);
    for (size_t i = 0; i < n; i++) {
        json_t *a = json_array_get(was, i), *b = json_array_get(is, i);
        if (json_equal(a, b)) continue;
        const char *path = json_string_value(json_array_get(b, 0));
        if (json_equal(json_array_get(a, 0), json_array_get(b, 0)))
            return cli_error(err, "%s: has changed since %s was begun (without --resume it begins anew)", path, p->part);
        snprintf(what, sizeof what, "other files than %.250s", path);
        return differs(p, what, err);
    }
    return 0;
}

static int compare(const part_file *p, json_t *was, json_t *is, lnt_error *err) {
    const char *key;
    char what[120];
    json_t *value, *old = json_object_get(was, "options");
    if (!json_equal(json_object_get(was, "model"), json_object_get(is, "model")))
        return differs(p, "another model", err);
    if (!json_equal(json_object_get(was, "linnet"), json_object_get(is, "linnet")))
        return differs(p, "another version of linnet", err);
    json_object_foreach(json_object_get(is, "options"), key, value) {
        if (json_equal(value, json_object_get(old, key))) continue;
        snprintf(what, sizeof what, "another --%s", key);
        return differs(p, what, err);
    }
    return compare_inputs(p, json_object_get(was, "inputs"), json_object_get(is, "inputs"), err);
}

static bool read_count(const json_t *line, const char *name, uint64_t *value) {
    const json_t *number = json_object_get(line, name);
    *value = (uint64_t)json_integer_value(number);
    return json_is_integer(number) && json_integer_value(number) >= 0;
}

/* What a line of the journal says. false: it was not written to its end. */
static bool read_note(const char *data, size_t n, flow_counts *counts, uint64_t *bytes) {
    json_t *line = json_read(data, n, 0, NULL);
    bool whole = read_count(line, "inputs", &counts->inputs) && read_count(line, "tokens", &counts->tokens) &&
                 read_count(line, "truncated", &counts->truncated) && read_count(line, "invalid", &counts->invalid) &&
                 read_count(line, "unread", &counts->unread) && read_count(line, "bytes", bytes);
    json_decref(line);
    return whole;
}

/* The last note of the journal, whose first line must say what begin says. 1; 0: there is none; -1 with err. */
static int read_journal(part_file *p, const io_bytes *text, json_t *begin, flow_counts *counts, lnt_error *err) {
    const char *end = text->n ? memchr(text->data, '\n', text->n) : NULL;
    json_fault fault = {0};
    json_t *was = end ? json_read(text->data, (size_t)(end - text->data), 0, &fault) : NULL;
    if (fault.memory) return cli_error(err, "%s: out of memory", p->journal);
    if (!was) return 0;
    int found = compare(p, was, begin, err);
    json_decref(was);
    if (found != 0) return -1;
    while ((size_t)(++end - text->data) < text->n) {
        const char *line = end;
        flow_counts c;
        uint64_t bytes;
        end = memchr(line, '\n', text->n - (size_t)(line - text->data));
        if (!end || !read_note(line, (size_t)(end - line), &c, &bytes)) break;
        *counts = c;
        p->bytes = bytes;
        p->journal_bytes = (uint64_t)(end + 1 - text->data);
        found = 1;
    }
    return found;
}

/* 1: *p and *counts are where the earlier run was; 0: there is nothing to resume; -1 with err. */
static int resume_from(part_file *p, json_t *begin, flow_counts *counts, lnt_error *err) {
    struct stat st;
    io_bytes text = {0};
    if (fstat(p->journal_fd, &st) != 0) return io_error(p->journal, "read", err);
    if (st.st_size == 0) return 0;
    if (io_read(p->journal, &text, err) != 0) return -1;
    int found = read_journal(p, &text, begin, counts, err);
    io_bytes_free(&text);
    if (found <= 0) return found;
    p->fd = file_open(p->part, O_RDWR);
    if (p->fd >= 0 && fstat(p->fd, &st) == 0 && (uint64_t)st.st_size >= p->bytes) {
        if (file_shorten(p->fd, p->part, p->bytes, err) || file_shorten(p->journal_fd, p->journal, p->journal_bytes, err)) return -1;
        p->kept = true;
        return 1;
    }
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
    *counts = (flow_counts){0};
    return 0;
}

/* ---- beginning ---- */

static int begin_anew(part_file *p, json_t *begin, size_t n_header, lnt_error *err) {
    char *line = json_dumps(begin, JSON_COMPACT);
    if (!line) return cli_error(err, "out of memory for the journal of %s", p->path);
    size_t n = strlen(line);
    line[n] = '\n'; /* in place of the end, which is not written */
    int result = file_shorten(p->journal_fd, p->journal, 0, err);
    if (result == 0) p->fd = file_open(p->part, O_RDWR | O_CREAT | O_TRUNC);
    if (result == 0 && p->fd < 0) result = io_error(p->part, "created", err);
    if (result == 0) result = file_write(p->journal_fd, p->journal, line, n + 1, 0, err);
    free(line);
    p->journal_bytes = n + 1;
    p->bytes = n_header;
    return result;
}

static int open_names(part_file *p, const char *path, lnt_error *err) {
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return cli_error(err, "%s: is not a regular file, expected a name to write to", path);
    p->path = strdup(path);
    p->part = with_ending(path, ".part");
    p->journal = with_ending(path, ".journal");
    if (!p->path || !p->part || !p->journal) return cli_error(err, "out of memory for a path");
    p->journal_fd = file_open(p->journal, O_RDWR | O_CREAT);
    if (p->journal_fd < 0) return io_error(path, "created", err);
    bool locked = flock(p->journal_fd, LOCK_EX | LOCK_NB) == 0; /* and not removed by who had the lock before */
    if (locked && fstat(p->journal_fd, &st) == 0 && st.st_nlink > 0) return 0;
    return cli_error(err, "%s: is being written by another process", path);
}

int part_file_open(part_file *p, const char *path, json_t *begin, bool resume, size_t n_header, flow_counts *counts,
                   lnt_error *err) {
    *p = (part_file){.fd = -1, .journal_fd = -1, .synced = cli_seconds()};
    *counts = (flow_counts){0};
    int result = open_names(p, path, err);
    if (result == 0 && resume) result = resume_from(p, begin, counts, err);
    if (result < 0) release(p);
    if (result != 0) return result < 0 ? -1 : 0;
    result = begin_anew(p, begin, n_header, err);
    if (result != 0) part_file_leave(p);
    return result;
}

/* ---- going on ---- */

static int flush(part_file *p, lnt_error *err) {
    lnt_error own;
    int failed = file_write(p->fd, p->part, p->buffer.data, p->buffer.n, p->bytes - p->buffer.n, &own);
    p->buffer.n = 0;
    if (!failed) return 0;
    return cli_error(err, "%s%s", own.text, p->kept ? " (then the same command with --resume goes on)" : "");
}

int part_file_append(part_file *p, const char *data, size_t n, lnt_error *err) {
    if (io_append(&p->buffer, data, n) != 0) return cli_error(err, "%s: out of memory", p->path);
    p->bytes += n;
    return p->buffer.n < BUFFER ? 0 : flush(p, err);
}

int part_file_note(part_file *p, const flow_counts *counts, bool now, lnt_error *err) {
    char line[300];
    double began = cli_seconds();
    if (!now && began - p->synced < NOTE_SECONDS + NOTE_SHARE * p->cost) return 0;
    int n = snprintf(line, sizeof line,
                     "{\"inputs\": %" PRIu64 ", \"tokens\": %" PRIu64 ", \"truncated\": %" PRIu64
                     ", \"invalid\": %" PRIu64 ", \"unread\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n",
                     counts->inputs, counts->tokens, counts->truncated, counts->invalid, counts->unread, p->bytes);
    if (flush(p, err) != 0) return -1;
    if (file_sync(p->fd, p->part, false, err) != 0) return -1;
    if (file_write(p->journal_fd, p->journal, line, (size_t)n, p->journal_bytes, err) != 0) return -1;
    if (file_sync(p->journal_fd, p->journal, false, err) != 0) return -1;
    p->journal_bytes += (uint64_t)n;
    p->synced = cli_seconds();
    p->cost = p->synced - began;
    p->kept = true;
    return 0;
}

int part_file_finish(part_file *p, const void *header, size_t n_header, lnt_error *err) {
    int result = flush(p, err);
    if (result == 0) result = file_write(p->fd, p->part, header, n_header, 0, err);
    if (result == 0) result = file_sync(p->fd, p->part, true, err);
    if (result == 0 && rename(p->part, p->path) != 0) result = io_error(p->path, "renamed to", err);
    if (result == 0) {
        if (unlink(p->journal) != 0) result = io_error(p->journal, "removed", err);
        if (result == 0) result = file_sync_folder_of(p->path, err);
        release(p);
    } else {
        part_file_leave(p);
    }
    return result;
}

void part_file_leave(part_file *p) {
    if (p->path && !p->kept) {
        unlink(p->part);
        unlink(p->journal);
    }
    release(p);
}
