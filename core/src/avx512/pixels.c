/* Pixels to tensors, AVX-512: a table of 256 halves lies in eight registers, one of float32 in twice as many,
 * its upper and lower halves apart. */
#include "../x86.h"

#ifdef PICO_X86

enum { WIDTH = 32, TABLE = 8 };

/* One channel of sixteen pixels, widened. Reads two bytes beyond the last sample. */
AVX512 static inline __m256i sixteen(const uint8_t *in) {
    const __m128i a = _mm_setr_epi8(0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m128i b = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14, -1, -1, -1, -1, -1);
    const __m128i c = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 4, 7, 10, 13);
    const __m128i *at = (const __m128i *)(const void *)in;
    const __m128i first = _mm_shuffle_epi8(_mm_loadu_si128(at), a);
    const __m128i second = _mm_shuffle_epi8(_mm_loadu_si128(at + 1), b);
    const __m128i third = _mm_shuffle_epi8(_mm_loadu_si128(at + 2), c);
    return _mm256_cvtepu8_epi16(_mm_or_si128(_mm_or_si128(first, second), third));
}

AVX512 static inline __m512i look_up(const __m512i table[TABLE], __m512i v) {
    const __mmask32 odd = _mm512_test_epi16_mask(v, _mm512_set1_epi16(64));
    const __mmask32 upper = _mm512_test_epi16_mask(v, _mm512_set1_epi16(128));
    const __m512i a = _mm512_permutex2var_epi16(table[0], v, table[1]);
    const __m512i b = _mm512_permutex2var_epi16(table[2], v, table[3]);
    const __m512i c = _mm512_permutex2var_epi16(table[4], v, table[5]);
    const __m512i d = _mm512_permutex2var_epi16(table[6], v, table[7]);
    return _mm512_mask_blend_epi16(upper, _mm512_mask_blend_epi16(odd, a, b),
                                   _mm512_mask_blend_epi16(odd, c, d));
}

/* The lower halves of 32 double words. */
AVX512 static inline __m512i halves(__m512i a, __m512i b) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(a)), _mm512_cvtepi32_epi16(b), 1);
}

/* One channel of 32 pixels. */
AVX512 static inline __m512i thirty_two(const uint8_t *in) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(sixteen(in)), sixteen(in + 48), 1);
}

AVX512 void avx512_pixels_in_f32(const uint32_t table[256], const uint8_t *in, size_t n, uint8_t *out,
                                 ptrdiff_t step) {
    const __m512i interleaved =
        _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7); /* so that unpacking puts in order */
    size_t i = 0;
    if (step == 4) {
        __m512i upper[TABLE], lower[TABLE];
        for (size_t t = 0; t < TABLE; t++) {
            const __m512i a = _mm512_loadu_si512(table + 32 * t), b = _mm512_loadu_si512(table + 32 * t + 16);
            lower[t] = halves(a, b);
            upper[t] = halves(_mm512_srli_epi32(a, 16), _mm512_srli_epi32(b, 16));
        }
        for (; n - i > WIDTH; i += WIDTH) {
            const __m512i v = _mm512_permutexvar_epi64(interleaved, thirty_two(in + 3 * i));
            const __m512i low = look_up(lower, v), high = look_up(upper, v);
            _mm512_storeu_si512(out + 4 * i, _mm512_unpacklo_epi16(low, high));
            _mm512_storeu_si512(out + 4 * i + 64, _mm512_unpackhi_epi16(low, high));
        }
    }
    scalar_pixels_in_f32(table, in + 3 * i, n - i, out + (ptrdiff_t)i * step, step);
}

AVX512 void avx512_pixels_in_f16(const uint16_t table[256], const uint8_t *in, size_t n, uint8_t *out,
                                 ptrdiff_t step) {
    size_t i = 0;
    if (step == 2) {
        __m512i entries[TABLE];
        for (size_t t = 0; t < TABLE; t++) entries[t] = _mm512_loadu_si512(table + 32 * t);
        for (; n - i > WIDTH; i += WIDTH) {
            const __m512i v =
                _mm512_inserti64x4(_mm512_castsi256_si512(sixteen(in + 3 * i)), sixteen(in + 3 * i + 48), 1);
            _mm512_storeu_si512(out + 2 * i, look_up(entries, v));
        }
    }
    scalar_pixels_in_f16(table, in + 3 * i, n - i, out + (ptrdiff_t)i * step, step);
}

#endif
