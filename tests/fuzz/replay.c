/* Runs a fuzz target without a fuzzer, under any compiler: every file that the arguments name (of folders all), then random
   changes of them, the same in every run. LINNET_TEST_CASES: how many, else what the target's first line says; LINNET_FUZZ_KEEP: a file that holds each input while it runs. */
#include "tests/fuzz/fuzz.h"
#include <dirent.h>
#include <sys/stat.h>

#pragma weak LLVMFuzzerInitialize
#pragma weak LLVMFuzzerCustomMutator

typedef struct sample {
    uint8_t *bytes;
    size_t n;
} sample;

static sample *samples;
static size_t n_samples;
static uint64_t state = 88172645463325252u;

static size_t draw(size_t below) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (size_t)((state * 0x2545f4914f6cdd1du >> 32) % below);
}

static void run(const uint8_t *bytes, size_t n) {
    const char *keep = getenv("LINNET_FUZZ_KEEP");
    FILE *f = keep ? fopen(keep, "wb") : NULL;
    if (f) fwrite(bytes, 1, n, f), fclose(f);
    uint8_t *copy = malloc(n ? n : 1); /* of its exact size, so that a sanitizer sees its end */
    if (!copy) abort();
    memcpy(copy, bytes, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static void read_sample(const char *path, size_t size) {
    samples = realloc(samples, (n_samples + 1) * sizeof *samples);
    uint8_t *bytes = malloc(size + 1);
    FILE *f = fopen(path, "rb");
    if (!samples || !bytes || !f || fread(bytes, 1, size, f) != size) perror(path), exit(1);
    fclose(f);
    samples[n_samples++] = (sample){bytes, size};
}

static void add(const char *path);

static void add_folder(const char *path) {
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char inside[4096];
        snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
        if (*entries[i]->d_name != '.') add(inside);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

static void add(const char *path) {
    struct stat st;
    if (stat(path, &st)) return;
    if (S_ISDIR(st.st_mode)) add_folder(path);
    else read_sample(path, (size_t)st.st_size);
}

/* One change: what fuzzers do without knowing anything. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) {
    static const uint64_t VALUES[] = {0, 1, 2, 16, 127, 128, 255, 256, 32767, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff, (uint64_t)1 << 40, UINT64_MAX};
    size_t width = (size_t)1 << draw(4), at = size ? draw(size) : 0, n = size ? 1 + draw(size - at < 64 ? size - at : 64) : 0;
    switch (size ? draw(8) : 6) {
    case 0: data[at] ^= (uint8_t)(1 << draw(8)); return size;
    case 1: data[at] = (uint8_t)draw(256); return size;
    case 2: data[at] = (uint8_t)(data[at] + draw(9) - 4); return size;
    case 3: memcpy(data + at, &VALUES[draw(sizeof VALUES / sizeof *VALUES)], width <= size - at ? width : 1); return size;
    case 4: memmove(data + at, data + at + n, size - at - n); return size - n;
    case 5: memmove(data + draw(size - n + 1), data + at, n); return size;
    default:
        n = 1 + draw(8);
        if (n > max_size - size) return size;
        memmove(data + at + n, data + at, size - at);
        for (size_t i = 0; i < n; i++) data[at + i] = (uint8_t)draw(256);
        return size + n;
    }
}

static void run_changed(size_t max_len, uint8_t *room) {
    const sample *s = &samples[draw(n_samples)];
    size_t n = s->n < max_len ? s->n : max_len;
    memcpy(room, s->bytes, n);
    for (size_t changes = 1 + draw(4); changes; changes--)
        n = LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(room, n, max_len, (unsigned)draw(UINT32_MAX)) : LLVMFuzzerMutate(room, n, max_len);
    run(room, n);
}

int main(int argc, char **argv) {
    const char *text = getenv("LINNET_TEST_CASES");
    size_t cases = text ? strtoul(text, NULL, 10) : FUZZ_CASES;
    if (LLVMFuzzerInitialize) LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) add(argv[i]);
    if (!n_samples) return fprintf(stderr, "usage: %s FILES AND FOLDERS, of which one must be there\n", argv[0]), 1;
    for (size_t i = 0; i < n_samples; i++) run(samples[i].bytes, samples[i].n);
    uint8_t *room = malloc(FUZZ_MAX_LEN);
    if (!room) abort();
    for (size_t i = 0; i < cases; i++) run_changed(FUZZ_MAX_LEN, room);
    free(room);
    for (size_t i = 0; i < n_samples; i++) free(samples[i].bytes);
    free(samples);
    printf("%zu inputs and %zu changes of them\n", n_samples, cases);
    return 0;
}
