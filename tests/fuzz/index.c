/* fuzz: max_len=4800 weight=2 */
/* A file of vectors: its header, its groups, their check, and a scan of them. An input is a byte of choices, the header's 64 bytes and the
   groups; the page that the header fills and, if chosen, the hashes are made here, since no input would find them. */
#define _GNU_SOURCE
#include "search/scan.h"
#include "tests/fuzz/fuzz.h"
#include <math.h>
#include <xxhash.h>

enum { HEADER = 64, HASH_AT = HEADER - VECTORS_HASH, ROOM = VECTORS_HEADER + (1 << 16), TOP = 4, QUERIES = 2 };
enum { WRONG_HASHES = 1, SOME_ALIVE = 2, WITH_TAIL = 4, MORE_GROUPS = 8 };

static pool *threads;
static const unsigned char ID[VECTORS_ID] = "sixteen bytes id";

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    lnt_error err;
    (void)argc, (void)argv;
    if (!(threads = pool_new(1, &err))) fprintf(stderr, "%s\n", err.text), exit(1);
    return 0;
}

static uint32_t number(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static void seal(uint8_t *out, const uint8_t *bytes, size_t n) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, n));
    memcpy(out, canonical.digest, VECTORS_HASH);
}

/* The file that an input stands for; 0 if it is none. */
static size_t make_file(uint8_t *file, const uint8_t *data, size_t size, bool hashes) {
    uint32_t type = number(data + 12), dims = number(data + 16);
    memset(file, 0, VECTORS_HEADER);
    memcpy(file, data, HEADER);
    memcpy(file + VECTORS_HEADER, data + HEADER, size - HEADER);
    if (!hashes) return VECTORS_HEADER + size - HEADER;
    memset(file + HASH_AT, 0, VECTORS_HASH);
    seal(file + HASH_AT, file, VECTORS_HEADER);
    if (type < VECTORS_TYPES && dims && dims <= VECTORS_MAX_DIMS) {
        size_t group = vectors_group_bytes((vectors_type)type, dims), n = (size - HEADER) / group;
        for (size_t i = 0; i < n; i++) vectors_seal_group((vectors_type)type, dims, i, file + VECTORS_HEADER + i * group);
    }
    return VECTORS_HEADER + size - HEADER;
}

static void check_hits(const scan_hit *hits, const size_t *n, size_t n_queries, uint64_t n_rows) {
    for (size_t q = 0; q < n_queries; q++) {
        FUZZ_CHECK(n[q] <= TOP);
        for (size_t i = 0; i < n[q]; i++) {
            const scan_hit *h = &hits[q * TOP + i];
            FUZZ_CHECK(h->row < n_rows && !isnan(h->score));
            FUZZ_CHECK(!i || h[-1].score > h->score || (h[-1].score == h->score && h[-1].row < h->row));
        }
    }
}

/* The rows of bits once more, as they are scored again. */
static unsigned char *make_int8(const vectors_file *bits, vectors_file *out) {
    size_t group = vectors_group_bytes(VECTORS_INT8, bits->dims);
    unsigned char *file = NULL;
    float *rows = malloc(VECTORS_GROUP * bits->dims * sizeof *rows);
    if (!rows || posix_memalign((void **)&file, 64, VECTORS_HEADER + bits->groups * group)) exit(1);
    for (uint64_t g = 0; g < bits->groups; g++) {
        for (size_t r = 0; r < VECTORS_GROUP; r++) vectors_row(VECTORS_BITS, bits->dims, vectors_group(bits, g), r, rows + r * bits->dims);
        vectors_pack_group(VECTORS_INT8, bits->dims, g, rows, file + VECTORS_HEADER + g * group);
    }
    free(rows);
    *out = (vectors_file){.type = VECTORS_INT8, .dims = bits->dims, .groups = bits->groups, .map = file};
    return file;
}

static void search(const vectors_file *f, unsigned choices) {
    static uint64_t alive[ROOM / VECTORS_GROUP];
    size_t group = vectors_group_bytes(f->type, f->dims), n_hits[QUERIES];
    unsigned char *tail = NULL, *again = NULL;
    scan_hit hits[QUERIES * TOP];
    vectors_file rescore;
    float *queries = malloc(QUERIES * f->dims * sizeof *queries);
    lnt_error err;
    if (!queries) exit(1);
    for (size_t i = 0; i < QUERIES * f->dims; i++) queries[i] = (float)((int)(i * 7 % 19) - 9) / 8;
    memset(alive, 0x92, sizeof alive);
    scan_rows rows = {.file = f, .n_rows = f->groups * VECTORS_GROUP, .alive = choices & SOME_ALIVE ? alive : NULL};
    if (f->type == VECTORS_BITS) {
        again = make_int8(f, &rescore);
        rows.rescore = &rescore;
    } else if (choices & WITH_TAIL && f->groups && !posix_memalign((void **)&tail, 64, group)) {
        rows.tail = memcpy(tail, vectors_group(f, 0), group);
        rows.n_rows += 5;
    }
    if (rows.n_rows && !scan(kernels_best(), threads, &rows, queries, QUERIES, TOP, 1, hits, n_hits, &err)) check_hits(hits, n_hits, QUERIES, rows.n_rows);
    for (uint64_t g = 0; g < f->groups; g++)
        for (size_t r = 0; r < VECTORS_GROUP; r += 37) vectors_row(f->type, f->dims, vectors_group(f, g), r, queries);
    free(queries);
    free(tail);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t file[ROOM];
    vectors_file f;
    lnt_error err = {""};
    if (size < 1 + HEADER || size > ROOM - VECTORS_HEADER) return -1;
    unsigned choices = *data;
    size_t n = make_file(file, data + 1, size - 1, !(choices & WRONG_HASHES));
    uint32_t type = number(data + 13), dims = number(data + 17);
    uint64_t groups = type < VECTORS_TYPES && dims && dims <= VECTORS_MAX_DIMS ? (n - VECTORS_HEADER) / vectors_group_bytes((vectors_type)type, dims) : 1;
    if (choices & MORE_GROUPS) groups += (uint64_t)choices << 4 * (choices >> 4);
    if (vectors_open(&f, fuzz_path(file, n), ID, groups, choices & 0x80, &err)) {
        FUZZ_CHECK(*err.text && !strchr(err.text, '\n'));
        return 0;
    }
    if (vectors_check(&f, &err)) FUZZ_CHECK(*err.text && choices & WRONG_HASHES);
    search(&f, choices);
    vectors_close(&f);
    return 0;
}
