#define _GNU_SOURCE
#include "tests/faults/io_look.h"
#include <dirent.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void look_command(const char *format, ...) {
    char command[6000];
    va_list list;
    va_start(list, format);
    vsnprintf(command, sizeof command, format, list);
    va_end(list);
    if (system(command)) {
        printf("cannot be done: %s\n", command);
        exit(1);
    }
}

static void replace(char *text, const char *word, const char *by) {
    for (char *at; (at = strstr(text, word));) {
        memmove(at + strlen(by), at + strlen(word), strlen(at + strlen(word)) + 1);
        memcpy(at, by, strlen(by));
    }
}

void look_prepare(const char *command, const char *folder, const char *linnet, const char *sources) {
    char text[5000], golden[600], models[600];
    snprintf(golden, sizeof golden, "%s/tests/golden", sources);
    snprintf(models, sizeof models, "%s/models", sources);
    snprintf(text, sizeof text, "%s", command);
    replace(text, "{linnet}", linnet);
    replace(text, "{golden}", golden);
    replace(text, "{models}", models);
    look_command("cd %s && { %s; } >/dev/null", folder, text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st, (void)type, (void)where;
    return remove(path);
}

void look_remove(const char *folder) { nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

char *look_read(const char *path) {
    FILE *f = fopen(path, "rbe");
    char *text = NULL;
    size_t room = 0;
    if (!f || getdelim(&text, &room, -1, f) < 0) {
        free(text);
        text = strdup("");
    }
    if (f) fclose(f);
    return text;
}

static void hash(uint64_t *h, const void *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) *h = (*h ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}

static void hash_file(uint64_t *h, const char *path) {
    static unsigned char block[1 << 16];
    FILE *f = fopen(path, "rbe");
    for (size_t n; f && (n = fread(block, 1, sizeof block, f)) > 0;) hash(h, block, n);
    if (f) fclose(f);
}

static void add_folder(uint64_t *h, const char *folder, bool contents, bool parts) {
    struct dirent **entries;
    struct stat st;
    char path[1000];
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        bool left_out = !strcmp(name, ".") || !strcmp(name, "..") || (!parts && fnmatch("*.part", name, 0) == 0);
        if (!left_out && !lstat(path, &st)) {
            hash(h, name, strlen(name) + 1);
            if (S_ISDIR(st.st_mode)) add_folder(h, path, contents, parts);
            else if (contents) hash_file(h, path);
        }
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

uint64_t look_folder(const char *folder, bool contents, bool parts) {
    uint64_t h = 14695981039346656037u;
    add_folder(&h, folder, contents, parts);
    return h;
}
