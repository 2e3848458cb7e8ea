#define _GNU_SOURCE
#include "cli/inputs.h"
#include "cli/cli.h"
#include <errno.h>
#include <fts.h>
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

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int unreadable(inputs *list, const FTSENT *entry, const inputs_rules *rules, lnt_error *err) {
    cli_error(err, "%s: cannot be read: %s, expected a folder or file", entry->fts_path, strerror(entry->fts_errno));
    if (!rules->lenient) return -1;
    list->n_unreadable++;
    cli_fail(err);
    return 0;
}

static int add_entry(inputs *list, FTS *tree, FTSENT *entry, const inputs_rules *rules, lnt_error *err) {
    struct stat followed;
    const char *endings = rules->endings;
    bool file = entry->fts_info == FTS_F || entry->fts_info == FTS_SL;
    if (entry->fts_level > 0 && entry->fts_name[0] == '.') {
        fts_set(tree, entry, FTS_SKIP);
        return 0;
    }
    if (file && endings && !has_ending(entry->fts_name, endings)) return 0;
    switch (entry->fts_info) {
    case FTS_F:
        return add(list, entry->fts_path, entry->fts_statp, true, err);
    case FTS_SL:
        if (stat(entry->fts_accpath, &followed) != 0 || !S_ISREG(followed.st_mode)) return 0;
        return add(list, entry->fts_path, &followed, true, err);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return unreadable(list, entry, rules, err);
    default:
        return 0;
    }
}

static int add_folder(inputs *list, const char *path, const inputs_rules *rules, lnt_error *err) {
    char *copy = strdup(path);
    if (!copy) return cli_error(err, "out of memory for a path");
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) copy[n - 1] = 0;
    size_t before = list->n;
    int result = 0;
    FTS *tree = fts_open((char *[]){copy, NULL}, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (!tree) result = cli_error(err, "%s: cannot be read: %s, expected a folder", path, strerror(errno));
    for (FTSENT *entry; result == 0 && (entry = fts_read(tree));) result = add_entry(list, tree, entry, rules, err);
    if (tree) fts_close(tree);
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
