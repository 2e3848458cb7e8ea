/* AVX2 without VNNI. */
#include "simd/x86/avx2_v16.h"

enum { Q8_PANELS = 1, Q8_WIDE = 1 };
#define Q8_PAIRS
#include "simd/generic/linear.h"
#include "simd/x86/avx2_dots.h"
#include "simd/generic/attention.h"
#include "simd/generic/elementwise.h"
#include "simd/generic/norm.h"
#include "simd/generic/pool.h"
#include "simd/generic/quantize.h"
#include "simd/generic/table.h"

/* The ones of each byte, by a table of those of its halves. */
INLINE __m256i ones_of_bytes(__m256i x) {
    const __m256i low = _mm256_set1_epi8(15);
    const __m256i ones = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(x, 4), low);
    return _mm256_add_epi8(_mm256_shuffle_epi8(ones, _mm256_and_si256(x, low)), _mm256_shuffle_epi8(ones, high));
}

/* Sixteen rows at a time, four registers of four: 31 words add up in bytes, then in their 64-bit lanes. */
static void hamming(const uint64_t *x, const uint64_t *rows, size_t words, uint32_t *distances) {
    enum { REGISTERS = 4, ROWS = 4 * REGISTERS, BYTE_WORDS = 31 };
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    for (size_t r = 0; r < HAMMING_ROWS; r += ROWS) {
        __m256i total[REGISTERS];
        UNROLL for (size_t i = 0; i < REGISTERS; i++) total[i] = _mm256_setzero_si256();
        for (size_t w = 0, n; w < words; w += n) {
            __m256i bytes[REGISTERS];
            UNROLL for (size_t i = 0; i < REGISTERS; i++) bytes[i] = _mm256_setzero_si256();
            n = min_size(BYTE_WORDS, words - w);
            for (size_t j = w; j < w + n; j++) {
                const __m256i v = broadcast8(x + j);
                const uint64_t *from = rows + j * HAMMING_ROWS + r;
                UNROLL for (size_t i = 0; i < REGISTERS; i++)
                    bytes[i] = _mm256_add_epi8(bytes[i], ones_of_bytes(_mm256_xor_si256(v, load32(from + 4 * i))));
            }
            UNROLL for (size_t i = 0; i < REGISTERS; i++)
                total[i] = _mm256_add_epi64(total[i], _mm256_sad_epu8(bytes[i], _mm256_setzero_si256()));
        }
        UNROLL for (size_t i = 0; i < REGISTERS; i += 2) {
            const __m256i low = _mm256_permutevar8x32_epi32(total[i], even), high = _mm256_permutevar8x32_epi32(total[i + 1], even);
            store32(distances + r + 4 * i, _mm256_permute2x128_si256(low, high, 0x20));
        }
    }
}

void simd_fill_avx2(kernels *k) {
    fill_table(k);
    k->hamming = hamming;
}
