#include "formats/json.h"
#include "search/index.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int index_writable(const lnt_index *index, lnt_error *err) {
    if (!index->write) return err_set(err, "%s: is open for reading, expected an index open for writing", index->folder);
    if (index->failed) return err_set(err, "%s: something failed before, expected the index to be closed and opened again", index->folder);
    return 0;
}

/* Whatever fails halfway makes what is not committed worthless. */
static int fail(lnt_index *index) {
    index->failed = true;
    return -1;
}

static int begin(lnt_index *index, lnt_error *err) {
    if (index_writable(index, err)) return -1;
    index->changed = true;
    return store_begin(index->store, err) ? fail(index) : 0;
}

/* ---- vectors ---- */

/* A power of two that brings numbers to where their squares neither vanish nor overflow. */
static float range_of(const float *x, size_t n, bool *finite) {
    float most = 0, scale = 1;
    *finite = true;
    for (size_t i = 0; i < n; i++) {
        *finite = *finite && isfinite(x[i]);
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    }
    if (most > 0x1p40f) scale = 0x1p-80f;
    if (most > 0 && most < 0x1p-40f) scale = 0x1p80f;
    return scale;
}

int index_unit(const lnt_index *index, const float *x, float *y, lnt_error *err) {
    size_t dims = store_get_identity(index->store)->dims, padded = round_up(dims, LANES);
    bool finite;
    float scale = range_of(x, dims, &finite);
    if (!finite) return err_set(err, "an embedding holds numbers that are not finite, expected %zu that are", dims);
    for (size_t i = 0; i < padded; i++) index->unit[i] = i < dims ? x[i] * scale : 0;
    index->kernels->norm(NORM_L2, index->unit, NULL, NULL, 1e-30f, dims, index->unit);
    memcpy(y, index->unit, dims * sizeof(float));
    return 0;
}

static int write_full_group(lnt_index *index, lnt_error *err) {
    for (size_t i = 0; i < index->n_files; i++)
        if (vectors_write_group(&index->files[i], index->now.groups, index->rows, err)) return -1;
    memset(index->rows, 0, VECTORS_GROUP * store_get_identity(index->store)->dims * sizeof(float));
    index->now.groups++;
    return 0;
}

/* ---- sources ---- */

static int check_source(const lnt_source *s, lnt_error *err) {
    if (!s->path || !*s->path) return err_set(err, "a source without a path, expected one");
    if (s->bytes > INT64_MAX || s->n_records > INT64_MAX) return err_set(err, "%s: its numbers are too large", s->path);
    return 0;
}

/* What has been counted of the open source is written when it matters: at its end, and by a commit. */
static int note_source(lnt_index *index, lnt_error *err) {
    return index->source_path ? store_put_source(index->store, &index->source, &index->source_id, err) : 0;
}

static int leave_source(lnt_index *index, lnt_error *err) {
    int rc = note_source(index, err);
    free(index->source_path);
    index->source_path = NULL;
    return rc;
}

static int remove_documents(lnt_index *index, int64_t source, lnt_error *err) {
    uint64_t n;
    if (store_remove_documents(index->store, source, &n, err)) return -1;
    if (n > index->now.n_documents)
        return err_set(err, "%s: is damaged (its number of documents); make the index again, or restore it", index->folder);
    index->now.n_documents -= n;
    return 0;
}

static int open_source(lnt_index *index, const lnt_source *source, lnt_error *err) {
    index->source_path = strdup(source->path);
    if (!index->source_path) return err_memory(err, strlen(source->path), "a path");
    index->source = *source;
    index->source.path = index->source_path;
    index->source.complete = false;
    return note_source(index, err);
}

int lnt_index_begin_source(lnt_index *index, const lnt_source *source, bool continued, lnt_error *err) {
    lnt_source old, begun = *source;
    int64_t id;
    if (check_source(source, err) || begin(index, err)) return -1;
    if (leave_source(index, err)) return fail(index);
    int found = store_find_source(index->store, source->path, &id, &old, err);
    if (found < 0) return fail(index);
    if (continued && !found) return err_set(err, "%s: cannot be continued: nothing of it is in the index", source->path);
    if (found && !continued && remove_documents(index, id, err)) return fail(index);
    begun.n_records = continued ? old.n_records : 0;
    begun.n_documents = continued ? old.n_documents : 0;
    return open_source(index, &begun, err) ? fail(index) : 0;
}

static int check_open_source(const lnt_index *index, const char *path, lnt_error *err) {
    if (!index->source_path) return err_set(err, "%s: no source has been begun, expected lnt_index_begin_source", index->folder);
    if (path && strcmp(path, index->source_path))
        return err_set(err, "%s: is not the source that has been begun, expected %s", path, index->source_path);
    return 0;
}

int lnt_index_end_source(lnt_index *index, const lnt_source *source, lnt_error *err) {
    if (check_source(source, err) || index_writable(index, err) || check_open_source(index, source->path, err) || begin(index, err)) return -1;
    lnt_source *s = &index->source;
    s->bytes = source->bytes;
    s->modified = source->modified;
    memcpy(s->hash, source->hash, sizeof s->hash);
    if (source->n_records > s->n_records) s->n_records = source->n_records;
    s->complete = source->complete;
    return leave_source(index, err) ? fail(index) : 0;
}

int lnt_index_remove_source(lnt_index *index, const char *path, lnt_error *err) {
    lnt_source source;
    int64_t id;
    if (begin(index, err)) return -1;
    if (index->source_path && !strcmp(path, index->source_path) && leave_source(index, err)) return fail(index);
    int found = store_find_source(index->store, path, &id, &source, err);
    if (found <= 0) return found ? fail(index) : 0;
    return remove_documents(index, id, err) || store_remove_source(index->store, id, err) ? fail(index) : 0;
}

int lnt_index_touch_source(lnt_index *index, const lnt_source *source, lnt_error *err) {
    lnt_source old;
    int64_t id;
    if (check_source(source, err) || begin(index, err)) return -1;
    int found = store_find_source(index->store, source->path, &id, &old, err);
    if (found < 0) return fail(index);
    if (!found) return err_set(err, "%s: is not in the index, expected a source that is", source->path);
    old.path = source->path;
    old.bytes = source->bytes;
    old.modified = source->modified;
    memcpy(old.hash, source->hash, sizeof old.hash);
    return store_put_source(index->store, &old, &id, err) ? fail(index) : 0;
}

/* ---- documents ---- */

static int check_metadata(const lnt_document *d, const char *path, lnt_error *err) {
    if (!d->metadata) return 0;
    if (strlen(d->metadata) > STORE_MAX_TEXT)
        return err_set(err, "%s: metadata of %zu bytes, expected at most %d", path, strlen(d->metadata), STORE_MAX_TEXT);
    json_fault fault;
    json_t *json = json_read(d->metadata, strlen(d->metadata), JSON_ALLOW_NUL, &fault);
    bool object = json_is_object(json);
    json_decref(json);
    if (fault.memory) return err_memory(err, strlen(d->metadata), "metadata");
    return object ? 0 : err_set(err, "%s: metadata is not a JSON object: %.100s", path, d->metadata);
}

static int check_document(const lnt_index *index, const lnt_document *d, lnt_error *err) {
    const char *path = index->source_path;
    if (d->n_bytes > STORE_MAX_TEXT) return err_set(err, "%s: a document of %zu bytes, expected at most %d", path, d->n_bytes, STORE_MAX_TEXT);
    if (d->line > INT64_MAX || d->begin > INT64_MAX || d->end > INT64_MAX) return err_set(err, "%s: a document's place is too large", path);
    return check_metadata(d, path, err);
}

int lnt_index_add(lnt_index *index, const lnt_document *document, const float *vector, uint64_t n_records, lnt_error *err) {
    size_t dims = store_get_identity(index->store)->dims;
    store_state *now = &index->now;
    if (index_writable(index, err) || check_open_source(index, document->path, err) || check_document(index, document, err)) return -1;
    if (n_records > INT64_MAX) return err_set(err, "%s: too many records", index->source_path);
    if (index_unit(index, vector, index->rows + now->n_rows % VECTORS_GROUP * dims, err) || begin(index, err)) return -1;
    if (store_add_document(index->store, (int64_t)now->next_document, index->source_id, now->n_rows, document, err)) return fail(index);
    now->next_document++;
    now->n_documents++;
    now->n_rows++;
    index->source.n_records = n_records;
    index->source.n_documents++;
    return now->n_rows % VECTORS_GROUP == 0 && write_full_group(index, err) ? fail(index) : 0;
}

/* ---- committing ---- */

static int commit(lnt_index *index, lnt_error *err) {
    if (note_source(index, err)) return -1;
    bool grown = index->now.groups > store_get_state(index->store)->groups;
    for (size_t i = 0; grown && i < index->n_files; i++)
        if (vectors_sync(&index->files[i], err)) return -1;
    if (store_commit(index->store, &index->now, err)) return -1;
    for (size_t i = 0; grown && i < index->n_files; i++)
        if (vectors_commit(&index->files[i], index->now.groups, err)) return -1;
    return 0;
}

int lnt_index_commit(lnt_index *index, lnt_error *err) {
    if (index_writable(index, err)) return -1;
    if (!index->changed) return 0;
    index_forget(index);
    if (commit(index, err)) return fail(index);
    index->changed = false;
    return 0;
}
