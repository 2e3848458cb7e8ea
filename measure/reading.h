/* Reading over vectors of READ_BYTES, which the including file defines to what its instruction set loads at once. */
#include <string.h>

enum { READ_CHAINS = 8, READ_STEP = READ_CHAINS * READ_BYTES, READ_AHEAD = 4096 };
typedef uint64_t words __attribute__((vector_size(READ_BYTES)));

static inline __attribute__((always_inline)) uint64_t read_all(const int ahead, const void *p, size_t bytes) {
    words sum[READ_CHAINS] = {{0}};
    const char *from = p;
    for (size_t i = 0; i + READ_STEP <= bytes; i += READ_STEP) {
#pragma GCC unroll 8
        for (size_t j = 0; ahead && j < READ_STEP / 64; j++) __builtin_prefetch(from + i + READ_AHEAD + 64 * j);
#pragma GCC unroll 8
        for (size_t j = 0; j < READ_CHAINS; j++) {
            words w;
            memcpy(&w, from + i + j * sizeof w, sizeof w);
            sum[j] ^= w;
        }
    }
    for (size_t j = 1; j < READ_CHAINS; j++) sum[0] ^= sum[j];
    uint64_t all = 0;
    for (size_t j = 0; j < READ_BYTES / 8; j++) all ^= sum[0][j];
    return all;
}
static uint64_t read_near(const void *p, size_t bytes) { return read_all(0, p, bytes); }
static uint64_t read_ahead(const void *p, size_t bytes) { return read_all(1, p, bytes); }
