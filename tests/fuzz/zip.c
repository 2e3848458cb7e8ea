/* fuzz: max_len=8192 weight=3 seeds=golden/checkpoints/torch,golden/checkpoints/torch-nested,golden/checkpoints/torch-views,golden/checkpoints/refused */
/* A file of torch.save, or an index of shards with its shards, as a checkpoint folder of which every tensor is read. */
#define _GNU_SOURCE
#include "tests/fuzz/checkpoint.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    folder_make();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    checkpoint_try("pytorch_model.bin", data, size);
    return 0;
}

/* ---- archives whose directory is right again after one of their entries has changed ---- */

enum { ENTRIES = 16, ROOM = 1 << 16, LOCAL = 30, RECORD = 46 };

typedef struct entry {
    uint8_t name[64];
    size_t n_name, at, n; /* data, in bytes[at, n) of the input */
} entry;

typedef struct writer {
    uint8_t bytes[ROOM];
    size_t n;
} writer;

static uint64_t number(const uint8_t *p, size_t n) {
    uint64_t v = 0;
    while (n) v = v << 8 | p[--n];
    return v;
}

static void put(writer *w, uint64_t v, size_t n) {
    for (; n && w->n < ROOM; n--, v >>= 8) w->bytes[w->n++] = (uint8_t)v;
}

static void put_bytes(writer *w, const uint8_t *bytes, size_t n) {
    if (n > ROOM - w->n) n = ROOM - w->n;
    memcpy(w->bytes + w->n, bytes, n);
    w->n += n;
}

/* Local headers one behind the other, as torch.save writes them. */
static size_t read_entries(const uint8_t *data, size_t size, entry *out) {
    size_t n = 0;
    for (size_t at = 0; n < ENTRIES && size - at >= LOCAL && number(data + at, 4) == 0x04034b50;) {
        entry *e = &out[n];
        size_t skip = LOCAL + number(data + at + 26, 2) + number(data + at + 28, 2);
        *e = (entry){.n_name = number(data + at + 26, 2), .at = at + skip, .n = number(data + at + 18, 4)};
        if (e->n_name > sizeof e->name || skip > size - at || e->n > size - at - skip) break;
        memcpy(e->name, data + at + LOCAL, e->n_name);
        at = e->at + e->n;
        n++;
        while (size - at >= 4 && number(data + at, 4) != 0x04034b50 && number(data + at, 4) != 0x02014b50) at++; /* a descriptor */
    }
    return n;
}

static void put_record(writer *w, const entry *e, uint64_t n, uint64_t at, bool wide) {
    put(w, 0x02014b50, 4), put(w, 0, 8), put(w, 0, 8);
    put(w, wide ? UINT32_MAX : n, 4), put(w, wide ? UINT32_MAX : n, 4);
    put(w, e->n_name, 2), put(w, wide ? 28 : 0, 2), put(w, 0, 10), put(w, wide ? UINT32_MAX : at, 4);
    put_bytes(w, e->name, e->n_name);
    if (wide) put(w, 1, 2), put(w, 24, 2), put(w, n, 8), put(w, n, 8), put(w, at, 8);
}

static void put_end(writer *w, size_t n, uint64_t at, bool wide) {
    uint64_t end = w->n, bytes = end - at;
    if (wide) {
        put(w, 0x06064b50, 4), put(w, 44, 8), put(w, 0, 4), put(w, 0, 8), put(w, n, 8), put(w, n, 8), put(w, bytes, 8), put(w, at, 8);
        put(w, 0x07064b50, 4), put(w, 0, 4), put(w, end, 8), put(w, 1, 4);
    }
    put(w, 0x06054b50, 4), put(w, 0, 4), put(w, wide ? UINT16_MAX : n, 2), put(w, wide ? UINT16_MAX : n, 2);
    put(w, wide ? UINT32_MAX : bytes, 4), put(w, wide ? UINT32_MAX : at, 4), put(w, 0, 2);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    static writer w, directory;
    entry entries[ENTRIES];
    size_t n = size > 4 ? read_entries(data, size, entries) : 0, changed = n ? seed / 16 % n : 0;
    bool wide = seed % 16 == 1;
    if (!n || seed % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
    for (size_t i = 0; i < n && seed % 4 > 1; i++) /* the pickle more often than what else there is */
        if (entries[i].n_name > 4 && !memcmp(entries[i].name + entries[i].n_name - 4, ".pkl", 4)) changed = i;
    w.n = directory.n = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[8192];
        entry *e = &entries[i];
        size_t at = w.n, length = e->n < sizeof bytes ? e->n : sizeof bytes;
        memcpy(bytes, data + e->at, length);
        if (i == changed && seed % 64 == 5) e->n_name = LLVMFuzzerMutate(e->name, e->n_name, sizeof e->name);
        else if (i == changed) length = LLVMFuzzerMutate(bytes, length, sizeof bytes);
        put(&w, 0x04034b50, 4), put(&w, 0, 14), put(&w, length, 4), put(&w, length, 4), put(&w, e->n_name, 2), put(&w, 0, 2);
        put_bytes(&w, e->name, e->n_name);
        put_bytes(&w, bytes, length);
        put_record(&directory, e, length, at, wide);
    }
    size_t at = w.n;
    put_bytes(&w, directory.bytes, directory.n);
    put_end(&w, n, at, wide);
    if (w.n > max_size) return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, w.bytes, w.n);
    return w.n;
}
