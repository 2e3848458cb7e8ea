#define _GNU_SOURCE
#include "search/index.h"
#include "engine/model.h"
#include "formats/json.h"
#include "formats/file.h"
#include "formats/lnt_bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SNAPSHOTS = 20 };

/* ---- the folder ---- */

static int make_folder(const char *folder, lnt_error *err) {
    if (!mkdir(folder, 0777)) return file_sync_folder_of(folder, err);
    struct stat st;
    if (errno != EEXIST) return err_set(err, "%s: cannot be made: %s", folder, strerror(errno));
    if (!stat(folder, &st) && S_ISDIR(st.st_mode)) return 0;
    return err_set(err, "%s: is not a folder, expected one for an index", folder);
}

static int take_lock(lnt_index *index, lnt_error *err) {
    char *path;
    if (asprintf(&path, "%s/lock", index->folder) < 0) return err_set(err, "out of memory for a path");
    index->lock = file_open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
    int rc = 0;
    if (index->lock < 0) rc = err_set(err, "%s: cannot be opened: %s, expected a folder that can be written to", path, strerror(errno));
    else if (flock(index->lock, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK) rc = err_set(err, "%s: another process is writing to this index; try again when it has ended", index->folder);
        else rc = err_set(err, "%s: cannot be locked: %s", path, strerror(errno));
    }
    free(path);
    return rc;
}

/* ---- what it is ---- */

static void model_hash(const lnt_model *model, char out[33]) {
    for (int i = 0; i < LNT_HASH_BYTES; i++) snprintf(out + 2 * i, 3, "%02x", model->file.header->hash[i]);
}

static int check_vectors_name(const char *name, lnt_error *err) {
    vectors_type type;
    if (!strcmp(name, "binary") || (vectors_type_from_name(name, &type) && type != VECTORS_BITS)) return 0;
    return err_set(err, "vectors '%s' are not known, expected f32, f16, int8 or binary", name);
}

/* 1 or 0; -1: memory is out. */
static int same_settings(const char *a, const char *b, lnt_error *err) {
    json_fault first, second;
    json_t *x = json_read(a, strlen(a), 0, &first), *y = json_read(b, strlen(b), 0, &second);
    bool same = x && y ? json_equal(x, y) : !strcmp(a, b);
    json_decref(x);
    json_decref(y);
    return first.memory || second.memory ? err_memory(err, strlen(a), "settings") : same;
}

static int check_options(const lnt_index *index, const lnt_index_options *o, lnt_error *err) {
    const store_identity *i = store_get_identity(index->store);
    char hash[33];
    if (check_vectors_name(i->vectors, err))
        return err_set(err, "%s: is damaged (its kind of vectors); make the index again, or restore it", index->folder);
    if (o->model && (model_hash(o->model, hash), strcmp(hash, i->model)))
        return err_set(err, "%s: was made with the model %s (%.8s), not with %s (%.8s), expected that one or another folder", index->folder,
                       i->model_name, i->model, o->model->file.path, hash);
    if (o->vectors && strcmp(o->vectors, i->vectors))
        return err_set(err, "%s: holds %s vectors, not %s, expected the same or another folder", index->folder, i->vectors, o->vectors);
    if (o->dims && o->dims != i->dims)
        return err_set(err, "%s: holds vectors of %u numbers, not %u, expected the same or another folder", index->folder, i->dims, o->dims);
    int same = o->settings ? same_settings(o->settings, i->settings, err) : 1;
    if (same < 0) return -1;
    if (!same)
        return err_set(err, "%s: its documents were made with %.150s, not with %.150s, expected the same or another folder", index->folder,
                       i->settings, o->settings);
    return 0;
}

static int make_identity(const lnt_index_options *o, store_identity *i, lnt_error *err) {
    const lnt_info *info = &o->model->info;
    const char *vectors = o->vectors ? o->vectors : "int8", *settings = o->settings ? o->settings : "{}";
    uint32_t dims = info->embedding_width ? info->embedding_width : info->width;
    *i = (store_identity){.dims = o->dims ? o->dims : dims};
    if (check_vectors_name(vectors, err)) return -1;
    if (i->dims > dims || i->dims > VECTORS_MAX_DIMS)
        return err_set(err, "%s: gives embeddings of %u numbers, expected at least %u and at most %d", o->model->file.path, dims, i->dims,
                       VECTORS_MAX_DIMS);
    if (strlen(settings) > STORE_MAX_TEXT) return err_set(err, "settings of %zu bytes, expected at most %d", strlen(settings), STORE_MAX_TEXT);
    if (getentropy(i->id, sizeof i->id)) return err_set(err, "no random numbers for a new index: %s", strerror(errno));
    model_hash(o->model, i->model);
    const char *name = *info->name ? info->name : o->model->file.path;
    snprintf(i->model_name, sizeof i->model_name, "%s", name);
    snprintf(i->vectors, sizeof i->vectors, "%s", vectors);
    i->settings = strdup(settings);
    return i->settings ? 0 : err_memory(err, strlen(settings), "settings");
}

/* ---- opening ---- */

static void count_files(lnt_index *index) { index->n_files = strcmp(store_get_identity(index->store)->vectors, "binary") ? 1 : 2; }

static int make_index(lnt_index *index, const lnt_index_options *o, lnt_error *err) {
    store_identity identity;
    if (make_identity(o, &identity, err) || store_create(index->store, &identity, err)) return -1;
    count_files(index);
    if (index_remove_others(index, 0, err) || index_create_files(index, 1, err)) return -1;
    return store_commit(index->store, &(store_state){.generation = 1, .next_document = 1}, err);
}

/* What was written behind the last commit is cut off, so that a file's bytes depend on its documents alone. */
static int cut_off(const vectors_file *f, lnt_error *err) {
    uint64_t bytes = VECTORS_HEADER + f->groups * vectors_group_bytes(f->type, f->dims);
    struct stat st;
    if (fstat(f->fd, &st)) return err_set(err, "%s: cannot be read: %s", f->path, strerror(errno));
    return (uint64_t)st.st_size > bytes ? file_shorten(f->fd, f->path, bytes, err) : 0;
}

static int open_for_writing(lnt_index *index, const lnt_index_options *o, lnt_error *err) {
    bool fresh;
    if (!o->model) return err_set(err, "%s: an index is written with its model, expected one", index->folder);
    if (make_folder(index->folder, err) || take_lock(index, err)) return -1;
    index->store = store_open(index->folder, true, &fresh, err);
    if (!index->store || (fresh && make_index(index, o, err)) || check_options(index, o, err)) return -1;
    count_files(index);
    const store_state *state = store_get_state(index->store);
    if (index_open_files(index, index->files, state->generation, state->groups, err)) return -1;
    for (size_t i = 0; i < index->n_files; i++)
        if (cut_off(&index->files[i], err)) return -1;
    return index_remove_others(index, state->generation, err);
}

/* A snapshot may be of a generation whose files a writer has just removed: then there is a newer one. */
static int open_for_reading(lnt_index *index, const lnt_index_options *o, lnt_error *err) {
    bool fresh;
    index->store = store_open(index->folder, false, &fresh, err);
    for (int i = 0; index->store; i++) {
        if (check_options(index, o, err)) return -1;
        count_files(index);
        const store_state *state = store_get_state(index->store);
        uint64_t generation = state->generation;
        if (!index_open_files(index, index->files, generation, state->groups, err)) return 0;
        lnt_error unused;
        if (i == SNAPSHOTS || store_refresh(index->store, &unused) || store_get_state(index->store)->generation == generation) return -1;
    }
    return -1;
}

static int make_rows(lnt_index *index, lnt_error *err) {
    size_t dims = store_get_identity(index->store)->dims, n = round_up(dims, LANES) * sizeof(float);
    index->rows = calloc(VECTORS_GROUP * dims, sizeof(float));
    index->unit = aligned_alloc(64, n);
    if (!index->rows || !index->unit) return err_memory(err, VECTORS_GROUP * dims * sizeof(float), "vectors");
    const store_state *state = store_get_state(index->store);
    memcpy(index->rows, state->tail, (state->n_rows - state->groups * VECTORS_GROUP) * dims * sizeof(float));
    index->now = *state;
    index->now.tail = index->rows;
    return 0;
}

lnt_index *lnt_index_open(const char *folder, const lnt_index_options *options, lnt_error *err) {
    lnt_index_options o = options ? *options : (lnt_index_options){0};
    lnt_index *index = calloc(1, sizeof *index);
    if (!index) return err_null(err, "out of memory for an index");
    index->lock = -1;
    index->write = o.write;
    index->n_threads = o.n_threads ? o.n_threads : lnt_default_threads();
    index->profile = o.profile;
    index->folder = strdup(*folder ? folder : ".");
    index->kernels = model_kernels(err);
    bool failed = !index->kernels || (!index->folder && err_memory(err, strlen(folder) + 1, "a path"));
    if (!failed) failed = (o.write ? open_for_writing(index, &o, err) : open_for_reading(index, &o, err)) || make_rows(index, err);
    if (!failed) return index;
    lnt_index_close(index);
    return NULL;
}

void lnt_index_close(lnt_index *index) {
    if (!index) return;
    index_forget(index);
    pool_free(index->threads);
    for (size_t i = 0; i < index->n_files; i++) vectors_close(&index->files[i]);
    store_close(index->store);
    if (index->lock >= 0) close(index->lock);
    free(index->source_path);
    free(index->rows);
    free(index->unit);
    free(index->folder);
    free(index);
}

/* ---- questions about all of it ---- */

int lnt_index_get_info(lnt_index *index, lnt_index_info *info, lnt_error *err) {
    const store_identity *i = store_get_identity(index->store);
    struct stat st;
    *info = (lnt_index_info){.model = i->model, .model_name = i->model_name, .vectors = i->vectors, .settings = i->settings, .dims = i->dims,
                             .n_documents = index->now.n_documents, .n_rows = index->now.n_rows, .document_bytes = store_bytes(index->store)};
    for (size_t f = 0; f < index->n_files; f++) {
        if (fstat(index->files[f].fd, &st)) return err_set(err, "%s: cannot be read: %s", index->files[f].path, strerror(errno));
        info->vector_bytes += (uint64_t)st.st_size;
    }
    return store_count_sources(index->store, &info->n_sources, err);
}

int lnt_index_check(lnt_index *index, lnt_error *err) {
    if (index->changed) return err_set(err, "%s: has changes that are not committed, expected a commit before it is checked", index->folder);
    for (size_t i = 0; i < index->n_files; i++)
        if (vectors_check(&index->files[i], err)) return -1;
    return store_check(index->store, err) || store_still(index->store, err) ? -1 : 0;
}

int lnt_index_find_source(lnt_index *index, const char *path, lnt_source *source, lnt_error *err) {
    return store_find_source(index->store, path, &(int64_t){0}, source, err);
}

int lnt_index_next_source(lnt_index *index, const char *path, lnt_source *source, lnt_error *err) {
    return store_next_source(index->store, path, &(int64_t){0}, source, err);
}

int lnt_index_document(lnt_index *index, int64_t id, lnt_document *document, lnt_error *err) {
    int rc = store_get_document(index->store, id, document, err);
    if (rc == 0) return err_set(err, "%s: has no document %lld", index->folder, (long long)id);
    return rc < 0 || store_still(index->store, err) ? -1 : 0;
}
