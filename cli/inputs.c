#define _GNU_SOURCE
#include "cli/inputs.h"
#include "cli/cli.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool has_ending(const char *name, const char *endings) {
    const char *ending = strrchr(name, '.');
    size_t length = ending ? strlen(ending) : 0;
    for (size_t n; length && *endings; endings += n + (endings[n] == ' ')) {
        n = strcspn(endings, " ");
        if (n == length && strncasecmp(ending, endings, n) == 0) return true;
    }
    return false;
}

int inputs_add(inputs *list, const input *one, lnt_error *err) {
    if ((list->n & (list->n - 1)) == 0) {
        size_t capacity = list->n ? 2 * list->n : 1;
        input *bigger = realloc(list->items, capacity * sizeof *bigger);
        if (!bigger) return cli_error(err, "out of memory for %zu files", capacity);
        list->items = bigger;
    }
    char *copy = strdup(one->path);
    if (!copy) return cli_error(err, "out of memory for a path");
    input *in = &list->items[list->n++];
    *in = *one;
    in->path = copy;
    list->bytes += in->size;
    list->sized = list->sized && in->regular;
    return 0;
}

static int add(inputs *list, const char *path, const struct stat *st, bool in_folder, lnt_error *err) {
    input in = {.path = (char *)path, .in_folder = in_folder, .regular = st && S_ISREG(st->st_mode)};
    if (in.regular) {
        in.size = (uint64_t)st->st_size;
        in.modified = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
        in.device = st->st_dev;
        in.number = st->st_ino;
    }
    return inputs_add(list, &in, err);
}

/* errno says why. */
static int unreadable(inputs *list, const char *path, const inputs_rules *rules, lnt_error *err) {
    cli_error(err, "%s: cannot be read: %s, expected a folder or file", path, strerror(errno));
    if (!rules->lenient) return -1;
    list->n_unreadable++;
    cli_fail(err);
    return 0;
}

typedef struct names {
    char **items;
    size_t n;
} names;

static int add_name(names *to, const char *name) {
    if ((to->n & (to->n - 1)) == 0) {
        char **bigger = realloc(to->items, (to->n ? 2 * to->n : 1) * sizeof *bigger);
        if (!bigger) return -1;
        to->items = bigger;
    }
    to->items[to->n] = strdup(name);
    return to->items[to->n] ? (to->n++, 0) : -1;
}

static void free_names(names *list) {
    for (size_t i = 0; i < list->n; i++) free(list->items[i]);
    free(list->items);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In their order, without hidden ones. -1 with errno. (fts would take a folder that cannot be read to its end for a short one.) */
static int read_names(const char *folder, names *to) {
    DIR *open = opendir(folder);
    int failed = open ? 0 : errno;
    while (open && !failed) {
        errno = 0;
        const struct dirent *entry = readdir(open);
        if (!entry) {
            failed = errno;
            break;
        }
        if (entry->d_name[0] != '.' && add_name(to, entry->d_name) != 0) failed = ENOMEM;
    }
    if (open) closedir(open);
    if (to->n) qsort(to->items, to->n, sizeof *to->items, by_name);
    errno = failed;
    return failed ? -1 : 0;
}

static int add_below(inputs *list, const char *folder, const inputs_rules *rules, lnt_error *err);

static int add_entry(inputs *list, const char *path, const char *name, const inputs_rules *rules, lnt_error *err) {
    struct stat st;
    if (lstat(path, &st) != 0) return unreadable(list, path, rules, err);
    if (S_ISDIR(st.st_mode)) return add_below(list, path, rules, err);
    if (rules->endings && !has_ending(name, rules->endings)) return 0;
    if (S_ISLNK(st.st_mode) && stat(path, &st) != 0) return errno == ENOENT || errno == ELOOP ? 0 : unreadable(list, path, rules, err);
    return S_ISREG(st.st_mode) ? add(list, path, &st, true, err) : 0;
}

/* As deep as a path can be. */
static int add_below(inputs *list, const char *folder, const inputs_rules *rules, lnt_error *err) {
    names found = {0};
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    int result = read_names(folder, &found) != 0 ? unreadable(list, folder, rules, err) : 0;
    for (size_t i = 0; result == 0 && i < found.n; i++) {
        char *path;
        if (asprintf(&path, "%s%s%s", folder, slash, found.items[i]) < 0) result = cli_error(err, "out of memory for a path");
        else {
            result = add_entry(list, path, found.items[i], rules, err);
            free(path);
        }
    }
    free_names(&found);
    return result;
}

static int add_folder(inputs *list, const char *path, const inputs_rules *rules, lnt_error *err) {
    char *copy = strdup(path);
    if (!copy) return cli_error(err, "out of memory for a path");
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) copy[n - 1] = 0;
    size_t before = list->n;
    int result = add_below(list, copy, rules, err);
    if (result == 0 && list->n == before && !rules->lenient)
        result = cli_error(err, "%s: holds no %s, expected %s%s", path, rules->what,
                           rules->endings ? "names ending in " : "some", rules->endings ? rules->endings : "");
    free(copy);
    return result;
}

static int cannot_open(const char *path, lnt_error *err) {
    return cli_error(err, "%s: cannot be opened: %s, expected a readable file", path, strerror(errno));
}

int inputs_list(inputs *list, const char *const *operands, size_t n, const inputs_rules *rules, lnt_error *err) {
    *list = (inputs){.sized = true};
    bool standard = false;
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        const char *path = operands[i];
        int result;
        if (strcmp(path, "-") == 0) {
            result = standard ? cli_error(err, "standard input is given twice") : add(list, path, NULL, false, err);
            standard = true;
        } else if (stat(path, &st) != 0) {
            result = rules->missing ? add(list, path, NULL, false, err) : cannot_open(path, err);
        } else {
            result = S_ISDIR(st.st_mode) ? add_folder(list, path, rules, err) : add(list, path, &st, false, err);
        }
        if (result != 0) return -1;
    }
    return 0;
}

void inputs_leave_out(inputs *list, const char *path) {
    struct stat st;
    size_t kept = 0;
    bool exists = stat(path, &st) == 0;
    for (size_t i = 0; i < list->n; i++) {
        input *in = &list->items[i];
        if (exists && in->in_folder && in->device == st.st_dev && in->number == st.st_ino) {
            list->bytes -= in->size;
            free(in->path);
        } else {
            list->items[kept++] = *in;
        }
    }
    list->n = kept;
}

void inputs_free(inputs *list) {
    for (size_t i = 0; i < list->n; i++) free(list->items[i].path);
    free(list->items);
    *list = (inputs){0};
}
