#include "formats/lnt.h"
#include "formats/atomic_file.h"
#include "formats/lnt_bytes.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { WRITE_BUFFER = 1 << 20 };

struct lnt_writer {
    atomic_file file;
    lnt_section_entry table[SECTIONS];
    uint32_t n_sections;
    buffer small[SECTION_DATA]; /* copies of the sections before the data */
    lnt_tensor_entry *tensors;  /* without names */
    size_t n_tensors, current;  /* the tensor being written */
    uint64_t written;           /* bytes of the data section so far */
    uint64_t data_bytes;
    XXH3_state_t *section_hash, *tensor_hash;
    unsigned char *pending;
    size_t n_pending;
};

static uint64_t up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

static void write_hash(unsigned char *out, XXH128_hash_t h) {
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, h);
    memcpy(out, c.digest, LNT_HASH_BYTES);
}

/* The directory's records with the names from specs; offsets are final, hashes come with the data. */
static int make_directory(lnt_writer *w, const lnt_tensor_spec *specs, lnt_error *err) {
    buffer *b = &w->small[SECTION_TENSORS];
    uint64_t at = 0;
    for (size_t i = 0; i < w->n_tensors; i++) {
        tensor_planes planes;
        if (!tensor_layout_planes(specs[i].type, specs[i].layout, specs[i].n, specs[i].k, &planes))
            return err_set(err, "%s: tensor '%s' of %llu x %llu cannot be stored", w->file.path, specs[i].name,
                           (unsigned long long)specs[i].n, (unsigned long long)specs[i].k);
        size_t name = strlen(specs[i].name);
        lnt_tensor_entry e = {.entry_bytes = (uint32_t)(sizeof e + up(name + 1, 8)), .name_bytes = (uint32_t)name,
                              .n = specs[i].n, .k = specs[i].k, .offset = at, .bytes = planes.bytes};
        strcpy(e.type, tensor_type_name(specs[i].type));
        strcpy(e.layout, tensor_layout_name(specs[i].layout));
        w->tensors[i] = e;
        buffer_append(b, &e, sizeof e);
        buffer_append(b, specs[i].name, name + 1);
        buffer_align(b, 8);
        at += planes.bytes;
    }
    w->data_bytes = at;
    return b->failed ? err_memory(err, b->size, "the tensor directory") : 0;
}

static void lay_out_sections(lnt_writer *w) {
    w->n_sections = w->small[SECTION_TOKENIZER].size ? SECTIONS : SECTIONS - 1;
    uint64_t at = sizeof(lnt_header) + w->n_sections * sizeof(lnt_section_entry);
    for (int s = 0, i = 0; s < SECTIONS; s++) {
        if (s == SECTION_TOKENIZER && !w->small[s].size) continue;
        lnt_section_entry *e = &w->table[i++];
        strcpy(e->name, lnt_section_name((lnt_section)s));
        e->offset = at = up(at, s == SECTION_DATA ? LNT_DATA_ALIGN : LNT_SECTION_ALIGN);
        e->bytes = s == SECTION_DATA ? w->data_bytes : w->small[s].size;
        at += e->bytes;
    }
}

static lnt_section_entry *data_entry(lnt_writer *w) { return &w->table[w->n_sections - 1]; }

lnt_writer *lnt_writer_new(const char *path, const buffer *metadata, const buffer *tokenizer, const buffer *graph,
                           const lnt_tensor_spec *tensors, size_t n_tensors, lnt_error *err) {
    lnt_writer *w = calloc(1, sizeof *w);
    if (!w) return err_memory(err, sizeof *w, "a writer"), NULL;
    w->n_tensors = n_tensors;
    w->tensors = calloc(n_tensors + 1, sizeof *w->tensors);
    w->pending = malloc(WRITE_BUFFER);
    w->section_hash = XXH3_createState();
    w->tensor_hash = XXH3_createState();
    const buffer *parts[] = {metadata, tokenizer, graph};
    for (int s = 0; s < 3; s++)
        if (parts[s]) buffer_append(&w->small[s], parts[s]->bytes, parts[s]->size);
    if (!w->tensors || !w->pending || !w->section_hash || !w->tensor_hash || w->small[0].failed || w->small[1].failed || w->small[2].failed)
        err_memory(err, WRITE_BUFFER, "a writer");
    else if (!atomic_file_create(&w->file, path, err) && !make_directory(w, tensors, err)) {
        lay_out_sections(w);
        XXH3_128bits_reset(w->section_hash);
        XXH3_128bits_reset(w->tensor_hash);
        return w;
    }
    lnt_writer_abandon(w);
    return NULL;
}

static int flush_pending(lnt_writer *w, lnt_error *err) {
    if (atomic_file_write(&w->file, w->pending, w->n_pending, data_entry(w)->offset + w->written - w->n_pending, err)) return -1;
    w->n_pending = 0;
    return 0;
}

int lnt_writer_append(lnt_writer *w, const void *bytes, size_t n, lnt_error *err) {
    for (const unsigned char *p = bytes; n;) {
        if (w->current == w->n_tensors) return err_set(err, "%s: more tensor data than announced", w->file.path);
        lnt_tensor_entry *t = &w->tensors[w->current];
        size_t take = n, left = (size_t)(t->offset + t->bytes - w->written);
        if (take > left) take = left;
        if (take > WRITE_BUFFER - w->n_pending) take = WRITE_BUFFER - w->n_pending;
        memcpy(w->pending + w->n_pending, p, take);
        XXH3_128bits_update(w->section_hash, p, take);
        XXH3_128bits_update(w->tensor_hash, p, take);
        w->n_pending += take, w->written += take, p += take, n -= take;
        if (w->n_pending == WRITE_BUFFER && flush_pending(w, err)) return -1;
        if (take == left) {
            write_hash(t->hash, XXH3_128bits_digest(w->tensor_hash));
            XXH3_128bits_reset(w->tensor_hash);
            w->current++;
        }
    }
    return 0;
}

static int write_small_sections(lnt_writer *w, lnt_error *err) {
    for (uint32_t i = 0, s = 0; i + 1 < w->n_sections; i++, s++) {
        if (s == SECTION_TOKENIZER && !w->small[s].size) s++;
        write_hash(w->table[i].hash, XXH3_128bits(w->small[s].bytes, w->small[s].size));
        if (atomic_file_write(&w->file, w->small[s].bytes, w->small[s].size, w->table[i].offset, err)) return -1;
    }
    lnt_header h = {.magic = LNT_MAGIC, .version = LNT_FORMAT_VERSION, .n_sections = w->n_sections,
                    .file_bytes = data_entry(w)->offset + data_entry(w)->bytes, .header_bytes = sizeof h,
                    .entry_bytes = sizeof(lnt_section_entry)};
    XXH3_128bits_reset(w->section_hash);
    XXH3_128bits_update(w->section_hash, &h, offsetof(lnt_header, hash));
    XXH3_128bits_update(w->section_hash, w->table, w->n_sections * sizeof *w->table);
    write_hash(h.hash, XXH3_128bits_digest(w->section_hash));
    return atomic_file_write(&w->file, w->table, w->n_sections * sizeof *w->table, sizeof h, err) || atomic_file_write(&w->file, &h, sizeof h, 0, err) ? -1 : 0;
}

int lnt_writer_seal(lnt_writer *w, lnt_error *err) {
    if (w->current != w->n_tensors) return err_set(err, "%s: tensor %zu has not been written whole", w->file.path, w->current);
    if (flush_pending(w, err)) return -1;
    write_hash(data_entry(w)->hash, XXH3_128bits_digest(w->section_hash));
    unsigned char *record = w->small[SECTION_TENSORS].bytes;
    for (size_t i = 0; i < w->n_tensors; record += w->tensors[i++].entry_bytes)
        memcpy(record + offsetof(lnt_tensor_entry, hash), w->tensors[i].hash, LNT_HASH_BYTES);
    return write_small_sections(w, err);
}

const char *lnt_writer_temporary(const lnt_writer *w) { return w->file.readable; }

int lnt_writer_metadata(lnt_writer *w, const buffer *metadata, lnt_error *err) {
    buffer *own = &w->small[SECTION_METADATA];
    if (metadata->failed) return err_memory(err, own->size, "metadata");
    if (metadata->size != own->size)
        return err_set(err, "%s: new metadata of %zu bytes cannot replace %zu", w->file.path, metadata->size, own->size);
    memcpy(own->bytes, metadata->bytes, own->size);
    return write_small_sections(w, err);
}

static void free_writer(lnt_writer *w) {
    for (int s = 0; s < SECTION_DATA; s++) buffer_free(&w->small[s]);
    XXH3_freeState(w->section_hash);
    XXH3_freeState(w->tensor_hash);
    free(w->tensors);
    free(w->pending);
    free(w);
}

int lnt_writer_commit(lnt_writer *w, lnt_error *err) {
    int rc = atomic_file_forget(&w->file, err);
    if (rc) atomic_file_abandon(&w->file);
    else rc = atomic_file_commit(&w->file, err);
    free_writer(w);
    return rc;
}

void lnt_writer_abandon(lnt_writer *w) {
    if (!w) return;
    atomic_file_abandon(&w->file);
    free_writer(w);
}
