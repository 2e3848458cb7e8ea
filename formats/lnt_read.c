#include "formats/lnt.h"
#include "formats/lnt_bytes.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MAX_TENSORS = 1 << 20, MAX_SECTIONS = 64, MAX_COPIED = 1 << 30 };

static const char *const SECTION_NAMES[SECTIONS] = {"metadata", "tokenizer", "graph", "tensors", "data"};
const char *lnt_section_name(lnt_section section) { return SECTION_NAMES[section]; }

static bool hash_equals(const void *bytes, size_t n, const unsigned char *hash) {
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits(bytes, n));
    return !memcmp(c.digest, hash, LNT_HASH_BYTES);
}

static int check_header(const lnt_file *f, const lnt_header *h, lnt_error *err) {
    size_t size = f->mapped.size;
    if (memcmp(h->magic, LNT_MAGIC, 8)) return err_set(err, "%s: is not a .lnt file (wrong magic bytes at its start)", f->path);
    if (h->version != LNT_FORMAT_VERSION)
        return err_set(err, "%s: format version %u, expected %d", f->path, h->version, LNT_FORMAT_VERSION);
    if (h->features)
        return err_set(err, "%s: needs features 0x%llx that this version of Linnet has not got", f->path, (unsigned long long)h->features);
    if (h->file_bytes != size)
        return err_set(err, "%s: has %zu bytes, its header says %llu: cut off or damaged", f->path, size, (unsigned long long)h->file_bytes);
    if (h->header_bytes != sizeof *h || h->entry_bytes != sizeof(lnt_section_entry))
        return err_set(err, "%s: header sizes %u and %u, expected %zu and %zu", f->path, h->header_bytes, h->entry_bytes, sizeof *h,
                       sizeof(lnt_section_entry));
    if (h->reserved) return err_set(err, "%s: header: the reserved field is %llu, expected 0", f->path, (unsigned long long)h->reserved);
    if (h->n_sections == 0 || h->n_sections > MAX_SECTIONS || h->n_sections * sizeof(lnt_section_entry) > size - sizeof *h)
        return err_set(err, "%s: header says %u sections, expected at most %d inside the file", f->path, h->n_sections, MAX_SECTIONS);
    return 0;
}

/* Copies the header, and the table behind it once the header says how long that is. */
static int read_header(lnt_file *f, lnt_error *err) {
    lnt_header *h = f->header = malloc(sizeof *h + MAX_SECTIONS * sizeof(lnt_section_entry));
    if (!h) return err_memory(err, MAX_SECTIONS * sizeof(lnt_section_entry), "a section table");
    memcpy(h, f->mapped.bytes, sizeof *h);
    if (check_header(f, h, err)) return -1;
    memcpy(h + 1, f->mapped.bytes + sizeof *h, h->n_sections * sizeof(lnt_section_entry));
    XXH3_state_t *state = XXH3_createState();
    if (!state) return err_memory(err, 1024, "hashing");
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, h, offsetof(lnt_header, hash));
    XXH3_128bits_update(state, h + 1, h->n_sections * sizeof(lnt_section_entry));
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    if (memcmp(c.digest, h->hash, sizeof h->hash)) return err_set(err, "%s: header or section table is damaged (hash differs)", f->path);
    return 0;
}

static int copy_section(lnt_file *f, int which, const lnt_section_entry *e, lnt_error *err) {
    if (e->bytes > MAX_COPIED)
        return err_set(err, "%s: section '%s' has %llu bytes, expected at most %d", f->path, SECTION_NAMES[which], (unsigned long long)e->bytes, MAX_COPIED);
    unsigned char *copy = malloc((size_t)e->bytes + 1);
    if (!copy) return err_memory(err, (size_t)e->bytes, "a section");
    memcpy(copy, f->mapped.bytes + e->offset, (size_t)e->bytes);
    f->sections[which] = (lnt_bytes){copy, (size_t)e->bytes};
    if (!hash_equals(copy, (size_t)e->bytes, e->hash)) return err_set(err, "%s: section '%s' is damaged (hash differs)", f->path, SECTION_NAMES[which]);
    return 0;
}

static int read_section(lnt_file *f, const lnt_section_entry *e, uint64_t *end, lnt_error *err) {
    const mapped_file *m = &f->mapped;
    int which = -1;
    for (int s = 0; s < SECTIONS; s++)
        if (kv_field_is(e->name, sizeof e->name, SECTION_NAMES[s])) which = s;
    if (which < 0) return err_set(err, "%s: section '%.16s' is not known to this version of Linnet", f->path, e->name);
    if (f->sections[which].bytes) return err_set(err, "%s: section '%s' stands twice", f->path, SECTION_NAMES[which]);
    uint64_t align = which == SECTION_DATA ? LNT_DATA_ALIGN : LNT_SECTION_ALIGN;
    if (e->offset % align || e->offset < *end || e->offset - *end >= align || e->offset > m->size || e->bytes > m->size - e->offset)
        return err_set(err, "%s: section '%s' lies at %llu + %llu, expected the next multiple of %llu from %llu on, inside %zu", f->path,
                       SECTION_NAMES[which], (unsigned long long)e->offset, (unsigned long long)e->bytes, (unsigned long long)align,
                       (unsigned long long)*end, m->size);
    for (uint64_t at = *end; at < e->offset; at++)
        if (m->bytes[at]) return err_set(err, "%s: byte %llu before section '%s' is not zero", f->path, (unsigned long long)at, SECTION_NAMES[which]);
    *end = e->offset + e->bytes;
    f->hashes[which] = e->hash;
    if (which != SECTION_DATA) return copy_section(f, which, e, err);
    f->sections[which] = (lnt_bytes){m->bytes + e->offset, (size_t)e->bytes};
    return 0;
}

/* The record at p, with `left` bytes up to the directory's end, into *t; *at is where the tensor before it ended. */
static int check_tensor(const lnt_file *f, const unsigned char *p, size_t left, lnt_tensor *t, uint64_t *at, lnt_error *err) {
    const lnt_tensor_entry *e = (const void *)p;
    if (left < sizeof *e || e->entry_bytes > left || e->entry_bytes % 8 || e->entry_bytes < sizeof *e || e->name_bytes == 0 ||
        e->name_bytes >= e->entry_bytes - sizeof *e || e->entry_bytes - sizeof *e - e->name_bytes > 8)
        return err_set(err, "%s: tensor directory: record %zu has a wrong length", f->path, f->n_tensors);
    t->name = (const char *)(e + 1);
    if (t->name[e->name_bytes] || !kv_plain_name(t->name, e->name_bytes))
        return err_set(err, "%s: tensor directory: the name of tensor %zu is not printable characters and a NUL", f->path, f->n_tensors);
    if (e->type[7] || !tensor_type_from_name(e->type, &t->type) || !kv_field_is(e->type, sizeof e->type, tensor_type_name(t->type)))
        return err_set(err, "%s: tensor '%s' has type '%.8s', expected f32, f16, q8 or q4", f->path, t->name, e->type);
    if (e->layout[7] || !tensor_layout_from_name(e->layout, &t->layout) || !kv_field_is(e->layout, sizeof e->layout, tensor_layout_name(t->layout)))
        return err_set(err, "%s: tensor '%s' has layout '%.8s', expected rows or panels", f->path, t->name, e->layout);
    tensor_planes planes;
    if (!tensor_layout_planes(t->type, t->layout, e->n, e->k, &planes) || planes.bytes != e->bytes)
        return err_set(err, "%s: tensor '%s' has %llu bytes, which is not what %llu x %llu of %s %s take", f->path, t->name,
                       (unsigned long long)e->bytes, (unsigned long long)e->n, (unsigned long long)e->k, e->type, e->layout);
    const lnt_bytes *data = &f->sections[SECTION_DATA];
    if (e->offset % LNT_TENSOR_ALIGN || e->offset < *at || e->offset > data->size || e->bytes > data->size - e->offset)
        return err_set(err, "%s: tensor '%s' lies at %llu + %llu, expected a multiple of %d from %llu on, inside the data's %zu", f->path,
                       t->name, (unsigned long long)e->offset, (unsigned long long)e->bytes, LNT_TENSOR_ALIGN,
                       (unsigned long long)*at, data->size);
    *at = e->offset + e->bytes;
    t->n = e->n, t->k = e->k, t->offset = e->offset, t->size = e->bytes, t->hash = e->hash;
    const unsigned char *base = data->bytes + e->offset;
    t->data = base;
    t->scale = planes.sum_at > planes.scale_at ? base + planes.scale_at : NULL;
    t->sum = planes.bytes > planes.sum_at ? base + planes.sum_at : NULL;
    return 0;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int check_unique_names(const lnt_file *f, lnt_error *err) {
    const char **names = malloc((f->n_tensors + 1) * sizeof *names);
    if (!names) return err_memory(err, f->n_tensors * sizeof *names, "tensor names");
    for (size_t i = 0; i < f->n_tensors; i++) names[i] = f->tensors[i].name;
    qsort(names, f->n_tensors, sizeof *names, compare_names);
    int rc = 0;
    for (size_t i = 1; i < f->n_tensors && !rc; i++)
        if (!strcmp(names[i - 1], names[i])) rc = err_set(err, "%s: tensor '%s' stands twice in the directory", f->path, names[i]);
    free(names);
    return rc;
}

static int read_directory(lnt_file *f, lnt_error *err) {
    const lnt_bytes *s = &f->sections[SECTION_TENSORS];
    size_t most = s->size / (sizeof(lnt_tensor_entry) + 8);
    if (most > MAX_TENSORS) return err_set(err, "%s: tensor directory of %zu bytes, expected at most %d tensors", f->path, s->size, MAX_TENSORS);
    f->tensors = calloc(most + 1, sizeof *f->tensors);
    if (!f->tensors) return err_memory(err, most * sizeof *f->tensors, "the tensor directory");
    uint64_t data_at = 0;
    for (size_t at = 0; at < s->size; f->n_tensors++) {
        if (check_tensor(f, s->bytes + at, s->size - at, &f->tensors[f->n_tensors], &data_at, err)) return -1;
        at += ((const lnt_tensor_entry *)(const void *)(s->bytes + at))->entry_bytes;
    }
    return check_unique_names(f, err);
}

static int read_sections(lnt_file *f, lnt_error *err) {
    if (read_header(f, err)) return -1;
    const lnt_section_entry *table = (const void *)(f->header + 1);
    uint64_t end = sizeof *f->header + f->header->n_sections * sizeof *table;
    for (uint32_t i = 0; i < f->header->n_sections; i++)
        if (read_section(f, &table[i], &end, err)) return -1;
    if (end != f->mapped.size)
        return err_set(err, "%s: has %zu bytes, its last section ends at %llu", f->path, f->mapped.size, (unsigned long long)end);
    for (int s = 0; s < SECTIONS; s++)
        if (!f->sections[s].bytes && s != SECTION_TOKENIZER) return err_set(err, "%s: has no section '%s'", f->path, SECTION_NAMES[s]);
    return read_directory(f, err);
}

int lnt_file_open(lnt_file *f, const char *path, lnt_error *err) {
    *f = (lnt_file){.path = strdup(path)};
    if (!f->path) return err_memory(err, strlen(path) + 1, "a path");
    if (!mapped_open(&f->mapped, path, "a .lnt file", sizeof(lnt_header), err)) {
        int rc = read_sections(f, err);
        if (!lnt_file_intact(f, err) && !rc) return 0;
    }
    lnt_file_close(f);
    return -1;
}

void lnt_file_close(lnt_file *f) {
    for (int s = 0; s < SECTION_DATA; s++) free((void *)(uintptr_t)f->sections[s].bytes);
    mapped_close(&f->mapped);
    free(f->header);
    free(f->tensors);
    free(f->path);
    *f = (lnt_file){0};
}

int lnt_file_intact(const lnt_file *f, lnt_error *err) { return mapped_intact(&f->mapped, f->path, err); }

static int check_hashes(const lnt_file *f, lnt_error *err) {
    const lnt_bytes *data = &f->sections[SECTION_DATA];
    for (size_t i = 0; i < f->n_tensors; i++)
        if (!hash_equals(data->bytes + f->tensors[i].offset, (size_t)f->tensors[i].size, f->tensors[i].hash))
            return err_set(err, "%s: tensor '%s' is damaged (hash differs)", f->path, f->tensors[i].name);
    if (!hash_equals(data->bytes, data->size, f->hashes[SECTION_DATA]))
        return err_set(err, "%s: section 'data' is damaged between its tensors (hash differs)", f->path);
    return 0;
}

int lnt_file_verify(const lnt_file *f, lnt_error *err) {
    int rc = check_hashes(f, err);
    return lnt_file_intact(f, err) ? -1 : rc;
}
