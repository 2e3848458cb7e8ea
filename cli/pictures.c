#include "cli/pictures.h"
#include "cli/cli.h"
#include "cli/profile.h"
#include "cli/text.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MAX_PICTURES = 1024,          /* of a window */
    MAX_PATHS = 4 << 20,          /* bytes of its paths, and one path more */
    PICTURE_COST = 64 << 10,      /* a picture counts as its file's bytes and these: */
    FIRST_COST = 4 * PICTURE_COST /* of the first window; they grow from here */
};

/* "N" or "HxW" */
static bool read_size(const char *text, uint32_t *height, uint32_t *width) {
    char first[16] = "";
    size_t n = strcspn(text, "x");
    uint64_t h, w;
    if (n >= sizeof first) return false;
    memcpy(first, text, n);
    if (!opt_read_u64(first, &h) || !opt_read_u64(text[n] ? text + n + 1 : first, &w)) return false;
    *height = (uint32_t)h;
    *width = (uint32_t)w;
    return h >= 1 && w >= 1 && h <= LNT_IMAGE_MAX_SIDE && w <= LNT_IMAGE_MAX_SIDE;
}

int pictures_check(const char *image_size, size_t n_paths, uint32_t *height, uint32_t *width) {
    *height = *width = 0;
    if (!n_paths) return cli_usage("no pictures: FILES, folders or - (a list of paths from standard input) are needed");
    if (!image_size || read_size(image_size, height, width)) return CLI_OK;
    return cli_usage("--image-size: \"%s\" is not N or HxW, expected pixels from 1 to %u", image_size, LNT_IMAGE_MAX_SIDE);
}

int pictures_render_error(const record *r, const lnt_picture_result *result, io_bytes *out) {
    const char *what = result->err->text;
    if (strncmp(what, r->text, r->n_bytes) == 0 && strncmp(what + r->n_bytes, ": ", 2) == 0) what += r->n_bytes + 2;
    if (record_begin_json(out, r, "error") != 0 || text_append_json(out, what, strlen(what)) != 0) return -1;
    return io_append_text(out, "}\n");
}

/* ---- paths ---- */

/* The next path of a list; empty lines are none. 1; 0: the end; -1 with err. */
static int next_listed(pictures *p, const char **path, size_t *n, lnt_error *err) {
    int got;
    do {
        got = io_lines_next(&p->list, err);
        if (got > 0) *path = io_lines_text(&p->list, n);
    } while (got > 0 && *n == 0);
    if (got > 0 && memchr(*path, 0, *n))
        return cli_error(err, "%s: line %zu holds a zero byte, expected a path", p->list.path, p->list.number);
    return got;
}

/* The next path, *n bytes. 1; 0: the end; -1 with err. */
static int next_path(pictures *p, const char **path, size_t *n, lnt_error *err) {
    while (p->next_file < p->files.n) {
        const input *file = &p->files.items[p->next_file];
        if (strcmp(file->path, "-") != 0) {
            p->next_file++;
            *path = file->path;
            *n = strlen(file->path);
            return 1;
        }
        if (!p->listing && io_lines_open(&p->list, file->path, err) != 0) return -1;
        p->listing = true;
        int got = next_listed(p, path, n, err);
        if (got != 0) return got;
        io_lines_close(&p->list);
        p->listing = false;
        p->next_file++;
    }
    return 0;
}

/* ---- windows ---- */

typedef struct window {
    pictures *p;
    io_bytes paths; /* each ended by a zero; they move while it grows */
    record *records;
    lnt_picture *pictures;
    io_bytes *results;
    lnt_error *errors; /* empty: it could be read */
    size_t n;
    atomic_bool failed;
} window;

static int make_window(window *w, pictures *p, lnt_error *err) {
    *w = (window){.p = p};
    w->records = malloc(MAX_PICTURES * sizeof *w->records);
    w->pictures = malloc(MAX_PICTURES * sizeof *w->pictures);
    w->results = calloc(MAX_PICTURES, sizeof *w->results);
    w->errors = malloc(MAX_PICTURES * sizeof *w->errors);
    if (w->records && w->pictures && w->results && w->errors) return 0;
    return cli_error(err, "out of memory for %d pictures", MAX_PICTURES);
}

static void free_window(window *w) {
    for (size_t i = 0; w->results && i < MAX_PICTURES; i++) io_bytes_free(&w->results[i]);
    io_bytes_free(&w->paths);
    free(w->records);
    free(w->pictures);
    free(w->results);
    free(w->errors);
}

static int add(window *w, const char *path, size_t n, size_t *cost, lnt_error *err) {
    struct stat st;
    size_t at = w->paths.n, size = 0;
    if (io_append(&w->paths, path, n) != 0 || io_append(&w->paths, "", 1) != 0)
        return cli_error(err, "out of memory for the paths of %zu pictures", w->n);
    if (stat(w->paths.data + at, &st) == 0 && S_ISREG(st.st_mode)) size = (size_t)st.st_size;
    w->records[w->n++] = (record){.n_bytes = n};
    *cost += PICTURE_COST + (size < IO_MAX_FILE ? size : IO_MAX_FILE);
    return 0;
}

/* As flow_input.fill. */
static int fill(void *user, size_t budget, size_t *cost, lnt_error *err) {
    window *w = user;
    const char *path;
    size_t n;
    w->n = *cost = w->paths.n = 0;
    while (w->n < MAX_PICTURES && w->paths.n < MAX_PATHS && *cost < budget) {
        if (w->n && w->p->listing && !io_lines_ready(&w->p->list, FLOW_PATIENCE)) return 1;
        if (flow_interrupted) return 0;
        int got = next_path(w->p, &path, &n, err);
        if (flow_interrupted) return 0; /* a read that it broke off is no error */
        if (got <= 0) return got;
        if (add(w, path, n, cost, err) != 0) return -1;
    }
    return 1;
}

/* Now that the paths stay where they are. */
static void place(window *w) {
    const char *path = w->paths.data;
    for (size_t i = 0; i < w->n; i++) {
        w->records[i].text = w->records[i].file = path;
        w->pictures[i] = (lnt_picture){.path = path};
        w->errors[i].text[0] = 0;
        path += w->records[i].n_bytes + 1;
    }
}

static void listen(void *user, const lnt_picture_result *result) {
    window *w = user;
    io_bytes *out = &w->results[result->index];
    out->n = 0;
    if (!result->row) w->errors[result->index] = *result->err;
    if (w->p->render(w->p->user, &w->records[result->index], result, out) != 0) atomic_store(&w->failed, true);
}

/* In the order of the paths. */
static int write_window(window *w, lnt_error *err) {
    pictures *p = w->p;
    uint64_t unread = 0;
    double began = cli_seconds();
    for (size_t i = 0; i < w->n; i++) {
        if (w->errors[i].text[0]) {
            if (unread++ == 0) io_progress_end();
            cli_fail(&w->errors[i]);
        }
        if (p->sink->write(p->user, w->results[i].data, w->results[i].n, err) != 0) return -1;
        io_bytes_free(&w->results[i]);
    }
    p->counts.inputs += w->n;
    p->counts.unread += unread;
    int result = p->sink->window ? p->sink->window(p->user, &p->counts, err) : 0;
    profile_add("write results", began, w->n);
    return result;
}

/* Computes and writes the window. */
static int run_window(void *user, lnt_error *err) {
    window *w = user;
    place(w);
    if (lnt_batcher_run_images(w->p->batcher, w->pictures, w->n, listen, w, err) != 0) return -1;
    if (w->failed) return cli_error(err, "out of memory for the results of %zu pictures", w->n);
    return write_window(w, err);
}

/* ---- all of it ---- */

int pictures_open(pictures *p, const lnt_batcher_options *options, const char *const *paths, size_t n_paths, lnt_error *err) {
    const inputs_rules rules = {.what = "pictures", .endings = PICTURES_ENDINGS, .missing = true};
    return session_batcher(p->model, options, &p->batcher, err) == 0 ? inputs_list(&p->files, paths, n_paths, &rules, err) : -1;
}

/* How many pictures there are, 0: a list says. */
static uint64_t count_all(const pictures *p) {
    for (size_t i = 0; i < p->files.n; i++)
        if (strcmp(p->files.items[i].path, "-") == 0) return 0;
    return p->files.n;
}

static void progress(void *user, uint64_t *done, uint64_t *all) {
    const pictures *p = ((const window *)user)->p;
    *done = p->counts.inputs;
    *all = count_all(p);
}

static int pass(void *user, lnt_error *err) {
    const window *w = user;
    const char *path;
    size_t n;
    return next_path(w->p, &path, &n, err);
}

int pictures_run(pictures *p, lnt_error *err) {
    window w;
    const flow_input in = {.inputs = "pictures", .sink = p->sink, .counts = &p->counts, .user = &w, .pass = pass, .fill = fill, .run = run_window,
                           .progress = progress};
    int result = make_window(&w, p, err) != 0 ? -1 : flow_run(&in, FIRST_COST, err);
    free_window(&w);
    return result;
}

int pictures_report(const pictures *p) {
    if (!p->counts.unread) return CLI_OK;
    return cli_failf("%" PRIu64 " of %" PRIu64 " pictures could not be read", p->counts.unread, p->counts.inputs);
}

void pictures_close(pictures *p) {
    double began = cli_seconds();
    bool opened = p->batcher != NULL;
    lnt_batcher_free(p->batcher);
    if (p->listing) io_lines_close(&p->list);
    inputs_free(&p->files);
    if (opened) profile_add("close", began, 0);
    *p = (pictures){0};
}

int pictures_print(pictures *p, const lnt_batcher_options *options, const char *const *paths, size_t n_paths) {
    lnt_error err;
    p->sink = &flow_stdout;
    flow_catch_interrupt();
    int result = pictures_open(p, options, paths, n_paths, &err);
    if (result == 0) result = pictures_run(p, &err);
    int status = flow_status();
    if (result <= 0) status = result == 0 ? pictures_report(p) : cli_fail(&err);
    pictures_close(p);
    return status;
}
