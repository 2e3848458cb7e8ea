/* 16 rows of 16 floats, those at x[r] + at, into 16 columns, in blocks of 8 rows by 4 */
INLINE __m256 two_quads(const float *low, const float *high) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* 4 floats of rows x[0 .. 7] into halves of 4 columns */
INLINE void transpose_quads(const float *const *x, size_t at, float *to) {
    const __m256 r0 = two_quads(x[0] + at, x[4] + at), r1 = two_quads(x[1] + at, x[5] + at);
    const __m256 r2 = two_quads(x[2] + at, x[6] + at), r3 = two_quads(x[3] + at, x[7] + at);
    const __m256 a = _mm256_unpacklo_ps(r0, r1), b = _mm256_unpackhi_ps(r0, r1), c = _mm256_unpacklo_ps(r2, r3), d = _mm256_unpackhi_ps(r2, r3);
    _mm256_storeu_ps(to, _mm256_shuffle_ps(a, c, 0x44));
    _mm256_storeu_ps(to + LANES, _mm256_shuffle_ps(a, c, 0xee));
    _mm256_storeu_ps(to + 2 * LANES, _mm256_shuffle_ps(b, d, 0x44));
    _mm256_storeu_ps(to + 3 * LANES, _mm256_shuffle_ps(b, d, 0xee));
}

static void transpose(const float *const *x, size_t at, float *to) {
    for (size_t i = 0; i < LANES; i += 4) {
        transpose_quads(x, at + i, to + i * LANES);
        transpose_quads(x + 8, at + i, to + i * LANES + 8);
    }
}
