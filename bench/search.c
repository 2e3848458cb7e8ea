/* The scan beside the memory's read speed, measured in turns in one process.
     linnet-search-bench make VECTORS.f32 ROWS DIMS [SEED]      random vectors of length 1, raw floats
     linnet-search-bench scan VECTORS.f32 DIMS QUERIES.f32 [--type f32|f16|int8|bits] [--queries N] [--top K] [--threads N] [--rounds N]
                              [--seconds S] [--hits FILE]
   scan packs the vectors to VECTORS.f32.TYPE.lnv unless that is there, and prints one line of JSON: medians over the rounds. --queries takes
   that many at once. FILE gets u64 row, f32 score, 4 zero bytes for each hit, `top` of each query (row 2^64 - 1: none). */
#define _GNU_SOURCE
#include "measure/clock.h"
#include "measure/loops.h"
#include "search/scan.h"
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const unsigned char id[VECTORS_ID] = "linnet's bench";

static void *fail(const char *message) {
    fprintf(stderr, "linnet-search-bench: %s\n", message);
    exit(1);
}

/* ---- vectors ---- */

static float *read_floats(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END)) fail("a file of vectors cannot be read");
    const size_t bytes = (size_t)ftell(f);
    float *x = malloc(bytes + 1);
    rewind(f);
    if (!x || fread(x, 1, bytes, f) != bytes) fail("a file of vectors cannot be read");
    fclose(f);
    *n = bytes / sizeof *x;
    return x;
}

/* Sums of four uniform numbers are near enough to a normal distribution for directions that are spread evenly. */
static void draw_unit(uint64_t *state, size_t dims, float *row) {
    double squares = 0;
    for (size_t d = 0; d < dims; d++) {
        float sum = 0;
        for (int i = 0; i < 4; i++) {
            *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
            sum += (float)(*state >> 40) * 0x1p-23f - 1;
        }
        row[d] = sum;
        squares += (double)sum * (double)sum;
    }
    for (size_t d = 0; d < dims; d++) row[d] = (float)((double)row[d] / sqrt(squares));
}

static int make(const char *path, size_t rows, size_t dims, uint64_t seed) {
    FILE *f = fopen(path, "wb");
    float *row = malloc(dims * sizeof *row);
    uint64_t state = 0x9e3779b97f4a7c15u * (seed + 1);
    if (!f || !row) fail("the vectors cannot be made");
    for (size_t r = 0; r < rows; r++) {
        draw_unit(&state, dims, row);
        if (fwrite(row, sizeof *row, dims, f) != dims) fail("the vectors cannot be written");
    }
    if (fclose(f)) fail("the vectors cannot be written");
    return 0;
}

/* The packed file, made if it is not there, and its rows behind the last whole group. */
static unsigned char *open_packed(vectors_file *f, const char *path, vectors_type type, size_t dims, size_t *n_rows) {
    lnt_error err;
    char name[4096];
    size_t n;
    float *x = read_floats(path, &n);
    *n_rows = n / dims;
    const size_t groups = *n_rows / VECTORS_GROUP, rest = *n_rows % VECTORS_GROUP;
    snprintf(name, sizeof name, "%s.%s.lnv", path, vectors_type_name(type));
    if (access(name, F_OK)) {
        if (vectors_create(name, type, (uint32_t)dims, id, &err) || vectors_open(f, name, id, 0, true, &err)) fail(err.text);
        for (size_t g = 0; g < groups; g++)
            if (vectors_write_group(f, g, x + g * VECTORS_GROUP * dims, &err)) fail(err.text);
        if (vectors_sync(f, &err)) fail(err.text);
        posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED); /* to be read again, as after a start of the machine: in large pages */
        vectors_close(f);
    }
    if (vectors_open(f, name, id, groups, false, &err)) fail(err.text);
    unsigned char *tail = NULL;
    if (rest) {
        float *last = calloc(VECTORS_GROUP * dims, sizeof *last);
        if (!last || !(tail = aligned_alloc(64, vectors_group_bytes(type, dims)))) fail("out of memory");
        memcpy(last, x + groups * VECTORS_GROUP * dims, rest * dims * sizeof *last);
        vectors_pack_group(type, dims, groups, last, tail);
        free(last);
    }
    free(x);
    return tail;
}

/* ---- what is measured ---- */

typedef struct roof {
    const char *buffer;
    size_t bytes;
    uint32_t n_threads;
    uint64_t found[64];
} roof;

static void read_part(void *arg, uint32_t thread) {
    roof *r = arg;
    const size_t part = r->bytes / r->n_threads / 4096 * 4096;
    r->found[thread % 64] += loops_read_ahead()(r->buffer + thread * part, part);
}

static roof make_roof(size_t bytes, pool *threads) {
    char *buffer = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) fail("out of memory");
    madvise(buffer, bytes, MADV_HUGEPAGE);
    memset(buffer, 1, bytes);
    return (roof){.buffer = buffer, .bytes = bytes, .n_threads = pool_threads(threads)};
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *x, size_t n) {
    qsort(x, n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

typedef struct options {
    vectors_type type;
    size_t queries, top, rounds;
    uint32_t threads;
    double seconds;
    const char *hits;
} options;

static options parse(int argc, char **argv) {
    static const struct option names[] = {{"type", 1, NULL, 't'}, {"queries", 1, NULL, 'q'}, {"top", 1, NULL, 'k'}, {"threads", 1, NULL, 'n'},
                                          {"rounds", 1, NULL, 'r'}, {"seconds", 1, NULL, 's'}, {"hits", 1, NULL, 'o'}, {NULL, 0, NULL, 0}};
    options o = {.type = VECTORS_INT8, .queries = 1, .top = 10, .rounds = 7, .threads = lnt_default_threads(), .seconds = 0.3};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (c) {
        case 't': if (!vectors_type_from_name(optarg, &o.type)) fail("--type is f32, f16, int8 or bits"); break;
        case 'q': o.queries = strtoul(optarg, NULL, 10); break;
        case 'k': o.top = strtoul(optarg, NULL, 10); break;
        case 'n': o.threads = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'r': o.rounds = strtoul(optarg, NULL, 10); break;
        case 's': o.seconds = strtod(optarg, NULL); break;
        case 'o': o.hits = optarg; break;
        default: exit(2);
        }
    if (!o.queries || !o.top || !o.rounds || !o.threads) fail("numbers are at least 1");
    return o;
}

/* Every query in batches, for at least so many seconds: seconds a batch. */
static double time_scans(const options *o, pool *threads, const scan_rows *rows, const float *queries, size_t n_queries, size_t dims, scan_hit *hits,
                         size_t *n_hits, double seconds) {
    lnt_error err;
    size_t runs = 0;
    const double begin = measure_seconds();
    do {
        const size_t q = runs++ * o->queries % n_queries;
        const size_t n = n_queries - q < o->queries ? n_queries - q : o->queries;
        if (scan(kernels_best(), threads, rows, queries + q * dims, n, o->top, 4, hits + q * o->top, n_hits + q, &err)) fail(err.text);
    } while (measure_seconds() - begin < seconds);
    return (measure_seconds() - begin) / (double)runs;
}

static double time_roof(const roof *r, pool *threads, double seconds) {
    roof copy = *r;
    size_t runs = 0;
    const double begin = measure_seconds();
    do {
        pool_run(threads, read_part, &copy);
        runs++;
    } while (measure_seconds() - begin < seconds);
    return (measure_seconds() - begin) / (double)runs;
}

static void write_hits(const options *o, const scan_hit *hits, const size_t *n_hits, size_t n_queries) {
    FILE *f = fopen(o->hits, "wb");
    if (!f) fail("the hits cannot be written");
    for (size_t q = 0; q < n_queries; q++)
        for (size_t i = 0; i < o->top; i++) {
            struct { uint64_t row; float score; uint32_t zero; } hit = {UINT64_MAX, 0, 0};
            if (i < n_hits[q]) hit.row = hits[q * o->top + i].row, hit.score = hits[q * o->top + i].score;
            fwrite(&hit, sizeof hit, 1, f);
        }
    if (fclose(f)) fail("the hits cannot be written");
}

static int measure(int argc, char **argv) {
    const char *path = argv[0];
    const size_t dims = strtoul(argv[1], NULL, 10);
    const options o = parse(argc - 2, argv + 2);
    size_t n_queries, n_rows;
    if (dims < 1 || dims > VECTORS_MAX_DIMS) fail("DIMS is 1 to 65536");
    float *queries = read_floats(argv[2], &n_queries);
    n_queries /= dims;
    if (!n_queries) fail("there is no query");

    vectors_file file, exact;
    scan_rows rows = {.file = &file};
    rows.tail = open_packed(&file, path, o.type, dims, &n_rows);
    if (o.type == VECTORS_BITS) rows.rescore_tail = open_packed(&exact, path, VECTORS_INT8, dims, &n_rows), rows.rescore = &exact;
    rows.n_rows = n_rows;
    pool *threads = pool_new(o.threads, NULL);
    scan_hit *hits = calloc(n_queries * o.top, sizeof *hits);
    size_t *n_hits = calloc(n_queries, sizeof *n_hits);
    double *scans = calloc(o.rounds, sizeof *scans), *reads = calloc(o.rounds, sizeof *reads), *shares = calloc(o.rounds, sizeof *shares);
    if (!threads || !hits || !n_hits || !scans || !reads || !shares) fail("out of memory");

    const roof memory = make_roof((size_t)1 << 30, threads);
    const double bytes = (double)(file.groups + (rows.tail != NULL)) * (double)vectors_group_bytes(o.type, dims);
    const double first = time_scans(&o, threads, &rows, queries, n_queries, dims, hits, n_hits, 0);
    time_roof(&memory, threads, 0);
    for (size_t r = 0; r < o.rounds; r++) {
        reads[r] = (double)memory.bytes / time_roof(&memory, threads, o.seconds / 2);
        scans[r] = time_scans(&o, threads, &rows, queries, n_queries, dims, hits, n_hits, o.seconds);
        reads[r] = reads[r] / 2 + (double)memory.bytes / time_roof(&memory, threads, o.seconds / 2) / 2;
        shares[r] = bytes / scans[r] / reads[r];
    }
    if (o.hits) {
        lnt_error err;
        for (size_t q = 0; q < n_queries; q += o.queries)
            if (scan(kernels_best(), threads, &rows, queries + q * dims, n_queries - q < o.queries ? n_queries - q : o.queries, o.top, 4, hits + q * o.top, n_hits + q, &err))
                fail(err.text);
        write_hits(&o, hits, n_hits, n_queries);
    }
    const double scanned = median(scans, o.rounds), read = median(reads, o.rounds);
    const size_t batch = o.queries < n_queries ? o.queries : n_queries;
    printf("{\"type\": \"%s\", \"level\": \"%s\", \"threads\": %u, \"rows\": %zu, \"dims\": %zu, \"queries\": %zu, \"top\": %zu, \"milliseconds\": %.3f, "
           "\"first\": %.3f, \"per_second\": %.1f, \"gbs\": %.2f, \"roof_gbs\": %.2f, \"share\": %.3f}\n",
           vectors_type_name(o.type), kernels_best()->level, pool_threads(threads), n_rows, dims, batch, o.top, scanned * 1e3, first * 1e3,
           (double)batch / scanned, bytes / scanned * 1e-9, read * 1e-9, median(shares, o.rounds));
    return 0;
}

int main(int argc, char **argv) {
    if (!kernels_best()) fail("LINNET_CPU names no level");
    if (argc >= 5 && !strcmp(argv[1], "make"))
        return make(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10), argc > 5 ? strtoul(argv[5], NULL, 10) : 1);
    if (argc >= 5 && !strcmp(argv[1], "scan")) return measure(argc - 2, argv + 2);
    fail("make VECTORS.f32 ROWS DIMS [SEED], or scan VECTORS.f32 DIMS QUERIES.f32 [options]");
}
