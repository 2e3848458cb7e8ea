#include "search/index.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

vectors_type index_file_type(const lnt_index *index, size_t file) {
    vectors_type type = VECTORS_INT8;
    if (index->n_files == 1) vectors_type_from_name(store_get_identity(index->store)->vectors, &type);
    return file == 0 && index->n_files == 2 ? VECTORS_BITS : type;
}

char *index_file_name(const lnt_index *index, size_t file, uint64_t generation) {
    size_t n = strlen(index->folder) + 48;
    char *name = malloc(n);
    const char *kind = index_file_type(index, file) == VECTORS_BITS ? "bits" : "vectors";
    if (name) snprintf(name, n, "%s/%s-%llu.lnv", index->folder, kind, (unsigned long long)generation);
    return name;
}

static int open_file(const lnt_index *index, size_t file, vectors_file *f, uint64_t generation, uint64_t groups, lnt_error *err) {
    const store_identity *identity = store_get_identity(index->store);
    char *name = index_file_name(index, file, generation);
    if (!name) return err_memory(err, strlen(index->folder), "a path");
    int rc = vectors_open(f, name, identity->id, groups, index->write, err);
    if (!rc && (f->type != index_file_type(index, file) || f->dims != identity->dims)) {
        vectors_close(f);
        rc = err_set(err, "%s: its vectors are not those that documents.db tells of; make the index again, or restore it", name);
    }
    free(name);
    return rc;
}

int index_open_files(const lnt_index *index, vectors_file *files, uint64_t generation, uint64_t groups, lnt_error *err) {
    for (size_t i = 0; i < index->n_files; i++)
        if (open_file(index, i, &files[i], generation, groups, err)) {
            while (i) vectors_close(&files[--i]);
            return -1;
        }
    return 0;
}

int index_create_files(const lnt_index *index, uint64_t generation, lnt_error *err) {
    const store_identity *identity = store_get_identity(index->store);
    for (size_t i = 0; i < index->n_files; i++) {
        char *name = index_file_name(index, i, generation);
        if (!name) return err_memory(err, strlen(index->folder), "a path");
        int rc = vectors_create(name, index_file_type(index, i), identity->dims, identity->id, err);
        free(name);
        if (rc) return -1;
    }
    return 0;
}

/* "vectors-12.lnv" and "bits-12.lnv", and nothing else. */
static bool is_file_of_vectors(const char *name, uint64_t *generation) {
    unsigned long long g;
    int n = 0;
    char again[64];
    bool bits = !strncmp(name, "bits-", 5);
    if (sscanf(name, bits ? "bits-%llu.lnv%n" : "vectors-%llu.lnv%n", &g, &n) != 1 || !n) return false;
    snprintf(again, sizeof again, bits ? "bits-%llu.lnv" : "vectors-%llu.lnv", g);
    *generation = g;
    return !strcmp(name, again);
}

int index_remove_others(const lnt_index *index, uint64_t generation, lnt_error *err) {
    DIR *folder = opendir(index->folder);
    uint64_t g;
    int rc = 0;
    if (!folder) return err_set(err, "%s: cannot be read: %s", index->folder, strerror(errno));
    for (struct dirent *e; !rc && (e = readdir(folder));)
        if (is_file_of_vectors(e->d_name, &g) && g != generation && unlinkat(dirfd(folder), e->d_name, 0) && errno != ENOENT)
            rc = err_set(err, "%s/%s: cannot be removed: %s", index->folder, e->d_name, strerror(errno));
    closedir(folder);
    return rc;
}
