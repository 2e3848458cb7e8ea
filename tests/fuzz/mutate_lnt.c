#include "tests/fuzz/mutate_lnt.h"
#include "formats/lnt.h"
#include "formats/lnt_bytes.h"
#include "tests/handmade.h"

enum { MOST_SECTIONS = 8, MOST_TENSORS = 64, MOST_ZEROS = 1 << 18 };

/* A file in pieces; the data as much as is there, data_bytes as much as there should be. */
typedef struct container {
    lnt_section_entry table[MOST_SECTIONS];
    buffer sections[MOST_SECTIONS];
    uint32_t n_sections;
    uint64_t data_bytes;
} container;

static container file;
static const uint8_t ZEROS[MOST_ZEROS];

static bool is_named(const lnt_section_entry *e, lnt_section section) { return kv_field_is(e->name, sizeof e->name, lnt_section_name(section)); }

bool mutate_lnt_is_cut(const uint8_t *data, size_t size, size_t most, size_t *at, size_t *whole) {
    lnt_header h;
    lnt_section_entry e;
    if (size < sizeof h) return false;
    memcpy(&h, data, sizeof h);
    if (h.file_bytes <= size || h.file_bytes > most || !h.n_sections || h.n_sections * sizeof e > size - sizeof h) return false;
    memcpy(&e, data + sizeof h + (h.n_sections - 1) * sizeof e, sizeof e);
    if (!is_named(&e, SECTION_DATA) || e.offset > size) return false;
    *at = (size_t)e.offset, *whole = (size_t)h.file_bytes;
    return true;
}

static bool parse(const uint8_t *data, size_t size) {
    lnt_header h;
    if (size < sizeof h) return false;
    memcpy(&h, data, sizeof h);
    if (h.n_sections > MOST_SECTIONS || h.n_sections * sizeof *file.table > size - sizeof h) return false;
    memcpy(file.table, data + sizeof h, h.n_sections * sizeof *file.table);
    file.n_sections = h.n_sections;
    file.data_bytes = 0;
    for (uint32_t i = 0; i < h.n_sections; i++) {
        const lnt_section_entry *e = &file.table[i];
        size_t at = e->offset < size ? (size_t)e->offset : size, n = e->bytes < size - at ? (size_t)e->bytes : size - at;
        file.sections[i].size = 0;
        buffer_append(&file.sections[i], data + at, n);
        if (is_named(e, SECTION_DATA)) file.data_bytes = e->bytes;
    }
    return true;
}

static size_t find(lnt_section section) {
    size_t i = 0;
    while (i < file.n_sections && !is_named(&file.table[i], section)) i++;
    return i;
}

/* Where the sections would lie, their hashes, and the header: the bytes' number, 0 if there are more than max_size. */
static size_t build(uint8_t *out, size_t max_size) {
    lnt_header h = {.version = LNT_FORMAT_VERSION, .n_sections = file.n_sections, .header_bytes = sizeof h, .entry_bytes = sizeof *file.table};
    size_t end = sizeof h + file.n_sections * sizeof *file.table, size = end;
    memcpy(h.magic, LNT_MAGIC, sizeof h.magic);
    if (end > max_size) return 0;
    for (uint32_t i = 0; i < file.n_sections; i++) {
        lnt_section_entry *e = &file.table[i];
        const buffer *s = &file.sections[i];
        bool data = is_named(e, SECTION_DATA);
        e->offset = round_up(end, data ? LNT_DATA_ALIGN : LNT_SECTION_ALIGN);
        e->bytes = data ? file.data_bytes : s->size;
        if (e->offset > max_size || s->size > max_size - e->offset || e->offset + e->bytes < e->offset) return 0;
        memset(out + end, 0, e->offset - end);
        if (s->size) memcpy(out + e->offset, s->bytes, s->size);
        size = e->offset + s->size;
        end = e->offset + e->bytes;
        if (end > size && i + 1 < file.n_sections) return 0; /* the data is cut off and not the last */
        bool zeros = data && !s->size && e->bytes <= MOST_ZEROS;
        write_hash(e->hash, zeros ? ZEROS : s->bytes, zeros ? e->bytes : s->size, NULL, 0);
    }
    h.file_bytes = end;
    memcpy(out, &h, sizeof h);
    if (file.n_sections) memcpy(out + sizeof h, file.table, file.n_sections * sizeof *file.table);
    write_hash(out + offsetof(lnt_header, hash), out, offsetof(lnt_header, hash), out + sizeof h, file.n_sections * sizeof *file.table);
    return size;
}

/* ---- the directory ---- */

typedef struct record {
    lnt_tensor_entry entry;
    uint8_t name[64];
} record;

static record records[MOST_TENSORS + 1];

static size_t parse_records(const buffer *s) {
    size_t n = 0;
    for (size_t at = 0; n < MOST_TENSORS && s->size - at >= sizeof(lnt_tensor_entry); n++) {
        record *t = &records[n];
        memcpy(&t->entry, s->bytes + at, sizeof t->entry);
        size_t name = t->entry.entry_bytes - sizeof t->entry;
        if (t->entry.entry_bytes <= sizeof t->entry || name > sizeof t->name || t->entry.entry_bytes > s->size - at) break;
        memcpy(t->name, s->bytes + at + sizeof t->entry, name);
        at += t->entry.entry_bytes;
    }
    return n;
}

/* Bytes and places that fit sizes and types, with a gap of 64 bytes between them, and the hashes of zeros. */
static void lay_out(size_t n) {
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        lnt_tensor_entry *e = &records[i].entry;
        char type[9] = {0}, layout[9] = {0};
        tensor_type t;
        tensor_layout l;
        tensor_planes planes;
        memcpy(type, e->type, sizeof e->type);
        memcpy(layout, e->layout, sizeof e->layout);
        if (!tensor_type_from_name(type, &t) || !tensor_layout_from_name(layout, &l) || !tensor_layout_planes(t, l, e->n, e->k, &planes)) continue;
        e->bytes = planes.bytes;
        e->offset = at;
        if (e->bytes <= MOST_ZEROS) write_hash(e->hash, ZEROS, e->bytes, NULL, 0);
        at += e->bytes;
        if (i + 1 < n) at += LNT_TENSOR_ALIGN;
    }
    file.data_bytes = at;
}

static void write_records(size_t n, buffer *s) {
    s->size = 0;
    for (size_t i = 0; i < n; i++) {
        buffer_append(s, &records[i].entry, sizeof records[i].entry);
        buffer_append(s, records[i].name, records[i].entry.entry_bytes - sizeof records[i].entry);
    }
}

static void change_record(mutate_random *r, lnt_tensor_entry *e, const lnt_tensor_entry *other) {
    static const char *const TYPES[] = {"f32", "f16", "q8", "q4", "q6"}, *const LAYOUTS[] = {"rows", "panels", "tiles"};
    switch (mutate_draw(r, 8)) {
    case 0: memset(e->type, 0, sizeof e->type), strcpy(e->type, TYPES[mutate_draw(r, 5)]); break;
    case 1: memset(e->layout, 0, sizeof e->layout), strcpy(e->layout, LAYOUTS[mutate_draw(r, 3)]); break;
    case 2: e->n = mutate_number(r, e->n); break;
    case 3: e->k = mutate_number(r, e->k); break;
    case 4: e->n = mutate_draw(r, 2) ? other->n : other->k; break;
    case 5: e->k = mutate_draw(r, 2) ? other->n : other->k; break;
    case 6: e->bytes = mutate_number(r, e->bytes); break;
    default: e->offset = mutate_number(r, e->offset);
    }
}

static void mutate_directory(mutate_random *r, buffer *s) {
    size_t n = parse_records(s);
    if (!n) return;
    size_t i = mutate_draw(r, n), j = mutate_draw(r, n);
    record old = records[i];
    switch (mutate_draw(r, 12)) {
    case 0: memmove(records + i, records + i + 1, (--n - i) * sizeof *records); break;
    case 1: records[i] = records[j], records[j] = old; break;
    case 2:
        records[n] = old;
        if (n < MOST_TENSORS) records[n++].name[0] ^= (uint8_t)mutate_draw(r, 16);
        break;
    case 3: records[i].name[mutate_draw(r, sizeof old.name)] ^= (uint8_t)(1 << mutate_draw(r, 8)); break;
    default: change_record(r, &records[i].entry, &records[j].entry);
    }
    if (mutate_draw(r, 8)) lay_out(n);
    write_records(n, s);
}

/* One number becomes another all over the file: another width, say. */
static void change_everywhere(mutate_random *r) {
    size_t graph = find(SECTION_GRAPH), metadata = find(SECTION_METADATA), directory = find(SECTION_TENSORS);
    if (graph == file.n_sections || metadata == file.n_sections || directory == file.n_sections) return;
    size_t n = parse_records(&file.sections[directory]);
    if (!n) return;
    const lnt_tensor_entry *e = &records[mutate_draw(r, n)].entry;
    uint64_t from = mutate_draw(r, 2) ? e->k : e->n, to = 1 + mutate_draw(r, 80);
    if (!from || from > 1 << 20) return;
    for (size_t i = 0; i < n; i++)
        for (uint64_t k = 1; k <= 3; k++) {
            if (records[i].entry.n == from * k) records[i].entry.n = to * k;
            if (records[i].entry.k == from * k) records[i].entry.k = to * k;
        }
    lay_out(n);
    write_records(n, &file.sections[directory]);
    mutate_graph_numbers(&file.sections[graph], from, to);
    mutate_block_numbers(&file.sections[metadata], from, to);
}

/* ---- the file ---- */

static void mutate_bytes(buffer *s) {
    enum { ROOM = 1 << 15 };
    static uint8_t room[ROOM];
    size_t n = s->size < ROOM ? s->size : ROOM;
    if (n) memcpy(room, s->bytes, n);
    s->size = 0;
    buffer_append(s, room, LLVMFuzzerMutate(room, n, n + 64 < ROOM ? n + 64 : ROOM));
}

static void edit(mutate_random *r) {
    size_t i = mutate_draw(r, file.n_sections);
    if (mutate_draw(r, 2) && find(SECTION_GRAPH) < file.n_sections) i = find(SECTION_GRAPH);
    buffer *s = &file.sections[i];
    const lnt_section_entry *e = &file.table[i];
    if (!mutate_draw(r, 12)) change_everywhere(r);
    else if (!s->size || !mutate_draw(r, 12)) mutate_bytes(s);
    else if (is_named(e, SECTION_GRAPH)) mutate_graph(r, s);
    else if (is_named(e, SECTION_TENSORS)) mutate_directory(r, s);
    else if (is_named(e, SECTION_DATA)) s->bytes[0] = (uint8_t)mutate_draw(r, 8); /* what the target fills it up with */
    else mutate_block(r, s);
}

/* A lie in header or table, under a hash that fits. */
static void lie(mutate_random *r, uint8_t *data, size_t size) {
    size_t fields = sizeof(lnt_header) + file.n_sections * sizeof *file.table, at = mutate_draw(r, fields / 8) * 8;
    uint64_t v;
    memcpy(&v, data + at, 8);
    v = mutate_number(r, v);
    memcpy(data + at, &v, 8);
    if (mutate_draw(r, 8)) rehash(data, size);
}

size_t mutate_lnt(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    mutate_random r = {seed * 0x9e3779b97f4a7c15u + 1};
    mutate_draw(&r, 2);
    if (!parse(data, size) || !file.n_sections || !mutate_draw(&r, 64)) {
        size = LLVMFuzzerMutate(data, size, max_size);
        if (mutate_draw(&r, 4)) rehash(data, size);
        return size;
    }
    for (size_t edits = mutate_draw(&r, 4) ? 1 : 3; edits; edits--) edit(&r);
    size_t n = build(data, max_size);
    if (!n) return LLVMFuzzerMutate(data, size, max_size);
    if (!mutate_draw(&r, 24)) lie(&r, data, n);
    return n;
}
