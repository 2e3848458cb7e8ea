#define _GNU_SOURCE
#include "cli/sources.h"
#include "cli/cli.h"
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */

static char *joined(const char *folder, const char *name) {
    char *path;
    const char *slash = *folder && folder[strlen(folder) - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", folder, slash, name) < 0 ? NULL : path;
}

char *sources_absolute(const char *path) {
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (!there && errno != ENOENT && errno != ENOTDIR) return NULL;
    if (there && S_ISDIR(st.st_mode)) return realpath(path, NULL);
    char *whole = NULL, *copy = strdup(path), *other = strdup(path), *above = NULL;
    if (copy && other) {
        const char *parent = dirname(copy);
        above = realpath(parent, NULL);
        bool no_parent = !above && (errno == ENOENT || errno == ENOTDIR);
        if (above) whole = joined(above, basename(other));
        else if (no_parent && *path == '/') whole = strdup(path);
        else if (no_parent && (above = getcwd(NULL, 0))) whole = joined(above, path);
    }
    free(copy);
    free(other);
    free(above);
    return whole;
}

const char *sources_shown(const char *path) {
    static char here[PATH_MAX];
    if (!*here && !getcwd(here, sizeof here)) snprintf(here, sizeof here, "/");
    size_t n = strlen(here);
    bool below = *path == '/' && n > 1 && strncmp(path, here, n) == 0 && path[n] == '/' && path[n + 1];
    return below ? path + n + 1 : path;
}

static bool is_below(const char *path, const char *folder) {
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || (n && folder[n - 1] == '/'));
}

/* ---- the list ---- */

static int add_root(sources *s, const char *path, bool missing, lnt_error *err) {
    struct sources_root *bigger = realloc(s->roots, (s->n_roots + 1) * sizeof *bigger);
    if (bigger) s->roots = bigger;
    char *copy = bigger ? strdup(path) : NULL;
    if (!copy) return cli_error(err, "out of memory for a path");
    s->roots[s->n_roots++] = (struct sources_root){copy, missing};
    return 0;
}

/* Takes the path over. */
static int add_source(sources *s, const input *file, char *path, lnt_error *err) {
    bool room = path;
    if (path && (s->n & (s->n - 1)) == 0) {
        source *bigger = realloc(s->items, (s->n ? 2 * s->n : 1) * sizeof *bigger);
        if (bigger) s->items = bigger;
        room = bigger;
    }
    char *shown = room ? strdup(file->path) : NULL;
    if (!shown) {
        free(path);
        return cli_error(err, "out of memory for %zu files", s->n + 1);
    }
    source *one = &s->items[s->n++];
    *one = (source){.file = *file, .path = path};
    one->file.path = shown;
    return 0;
}

/* The files that one operand names; root is its absolute path. */
static int add_files(sources *s, const inputs *list, const char *operand, const char *root, const char *except, lnt_error *err) {
    size_t n = strlen(operand);
    while (n > 1 && operand[n - 1] == '/') n--;
    for (size_t i = 0; i < list->n; i++) {
        const input *file = &list->items[i];
        const char *rest = file->in_folder ? file->path + n + (n > 1 || *operand != '/') : "";
        char *path = file->in_folder ? joined(root, rest) : strdup(file->regular ? root : operand);
        if (path && except && is_below(path, except)) free(path);
        else if (add_source(s, file, path, err) != 0) return -1;
    }
    return 0;
}

static int add_operand(sources *s, const char *operand, const char *except, lnt_error *err) {
    struct stat st;
    inputs list = {0};
    bool standard = strcmp(operand, "-") == 0, missing = !standard && stat(operand, &st) != 0;
    if (missing && errno != ENOENT && errno != ENOTDIR) {
        s->n_unreadable++;
        cli_failf("%s: cannot be opened: %s, expected a readable file", operand, strerror(errno));
        return 0;
    }
    char *root = standard ? strdup("-") : sources_absolute(operand);
    int result = root ? 0 : cli_error(err, "%s: cannot be found: %s", operand, strerror(errno));
    if (root && except && (strcmp(root, except) == 0 || is_below(root, except)))
        result = cli_error(err, "%s: is the folder of the index, expected another one to index or for -o", operand);
    if (result == 0 && !standard) result = add_root(s, root, missing, err);
    if (result == 0 && !missing) {
        result = inputs_list(&list, &operand, 1, &(inputs_rules){.what = "files", .lenient = true}, err);
        if (result == 0) result = add_files(s, &list, operand, root, except, err);
        s->n_unreadable += list.n_unreadable;
    }
    inputs_free(&list);
    free(root);
    return result;
}

static int by_path(const void *a, const void *b, void *user) {
    const source *items = user;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(items[x].path, items[y].path);
    return order ? order : (x > y) - (x < y);
}

static int sort(sources *s, lnt_error *err) {
    free(s->by_path);
    s->by_path = malloc((s->n + 1) * sizeof *s->by_path);
    if (!s->by_path) return cli_error(err, "out of memory for %zu files", s->n);
    for (size_t i = 0; i < s->n; i++) s->by_path[i] = i;
    qsort_r(s->by_path, s->n, sizeof *s->by_path, by_path, s->items);
    return 0;
}

static void free_source(source *one) {
    free(one->file.path);
    free(one->path);
    *one = (source){0};
}

/* Of a file that was named twice the first stays. */
static int leave_out_doubles(sources *s, lnt_error *err) {
    size_t kept = 0;
    if (sort(s, err) != 0) return -1;
    for (size_t i = 1, first = 0; i < s->n; i++) {
        source *a = &s->items[s->by_path[first]], *b = &s->items[s->by_path[i]];
        if (strcmp(a->path, b->path) == 0) free_source(b);
        else first = i;
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].path) s->items[kept++] = s->items[i];
    bool any = kept < s->n;
    s->n = kept;
    return any ? sort(s, err) : 0;
}

int sources_list(sources *s, const char *const *operands, size_t n, const char *except, lnt_error *err) {
    *s = (sources){.sized = true};
    char *folder = realpath(except, NULL);
    int result = folder || errno == ENOENT || errno == ENOTDIR ? 0 : cli_error(err, "%s: cannot be found: %s", except, strerror(errno));
    for (size_t i = 0; result == 0 && i < n; i++) result = add_operand(s, operands[i], folder, err);
    free(folder);
    if (result != 0 || leave_out_doubles(s, err) != 0) return -1;
    for (size_t i = 0; i < s->n; i++) {
        s->items[i].is.path = s->items[i].path;
        s->bytes += s->items[i].file.size;
        s->sized = s->sized && s->items[i].file.regular;
    }
    return 0;
}

void sources_free(sources *s) {
    for (size_t i = 0; i < s->n; i++) free_source(&s->items[i]);
    for (size_t i = 0; i < s->n_roots; i++) free(s->roots[i].path);
    free(s->items);
    free(s->by_path);
    free(s->roots);
    *s = (sources){0};
}

bool sources_has(const sources *s, const char *path) {
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, s->items[s->by_path[middle]].path);
        if (order == 0) return true;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return false;
}

/* ---- what is gone ---- */

static bool is_gone(const sources *s, const char *path) {
    struct stat st;
    return !sources_has(s, path) && stat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* One after the other, as removing ends what the index says of the next one. */
static int remove_below(const sources *s, lnt_index *index, const char *root, uint64_t *n_removed, lnt_error *err) {
    lnt_source found;
    char *at = strdup(root);
    int got = at ? lnt_index_find_source(index, root, &found, err) : cli_error(err, "out of memory for a path");
    if (got == 0) got = lnt_index_next_source(index, at, &found, err);
    while (got > 0) {
        int order = strncmp(found.path, root, strlen(root));
        if (order > 0) break;
        free(at);
        at = strdup(found.path);
        if (!at) return cli_error(err, "out of memory for a path");
        bool inside = strcmp(at, root) == 0 || is_below(at, root);
        if (inside && is_gone(s, at)) {
            if (lnt_index_remove_source(index, at, err) != 0) got = -1;
            ++*n_removed;
        }
        if (got > 0) got = lnt_index_next_source(index, at, &found, err);
    }
    free(at);
    return got < 0 ? -1 : 0;
}

int sources_remove_gone(sources *s, lnt_index *index, uint64_t *n_removed, lnt_error *err) {
    *n_removed = 0;
    for (size_t i = 0; i < s->n_roots; i++) {
        uint64_t before = *n_removed;
        if (remove_below(s, index, s->roots[i].path, n_removed, err) != 0) return -1;
        if (!s->roots[i].missing || *n_removed > before) continue;
        s->n_unreadable++;
        cli_failf("%s: is not there, expected a file or folder", sources_shown(s->roots[i].path));
    }
    return 0;
}
