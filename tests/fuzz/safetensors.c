/* fuzz: max_len=4096 weight=3 seeds=golden/checkpoints/safetensors */
/* A .safetensors file, or an index of shards with its shards, as a checkpoint folder of which every tensor is read. */
#define _GNU_SOURCE
#include "tests/fuzz/checkpoint.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    folder_make();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    checkpoint_try("model.safetensors", data, size);
    return 0;
}

/* Where the JSON object that begins at data[from] ends. */
static size_t end_of_object(const uint8_t *data, size_t size, size_t from) {
    int depth = 0;
    bool quoted = false;
    for (size_t at = from; at < size; at++) {
        if (quoted) {
            if (data[at] == '\\') at++;
            else quoted = data[at] != '"';
            continue;
        }
        quoted = data[at] == '"';
        depth += (data[at] == '{') - (data[at] == '}');
        if (data[at] == '}' && depth <= 0) return at + 1;
    }
    return size;
}

/* The largest end in the header's data_offsets. */
static uint64_t data_bytes(const uint8_t *header, size_t n) {
    static const char KEY[] = "\"data_offsets\"";
    char *text = strndup((const char *)header, n);
    unsigned long long begin, end;
    uint64_t most = 0;
    if (!text) return 0;
    for (const char *at = text; (at = strstr(at, KEY)); at++)
        if (sscanf(at + sizeof KEY - 1, " : [ %llu , %llu", &begin, &end) == 2 && end > most) most = end;
    free(text);
    return most;
}

/* The length of the header is what it is, and the data often as long as the tensors say. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 8 == 0 || size < 10 || data[0] == '/') return size;
    size_t end = end_of_object(data, size, 8);
    memcpy(data, &(uint64_t){end - 8}, 8);
    uint64_t n = data_bytes(data + 8, end - 8);
    if (seed % 8 == 1 || n > max_size - end) return size;
    if (end + n > size) memset(data + size, 0, end + n - size);
    return end + n;
}
