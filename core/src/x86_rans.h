/* What the x86 kernels of rANS share. */
#ifndef PICO_X86_RANS_H
#define PICO_X86_RANS_H

#include "x86.h"

#ifdef PICO_X86

/* Entries at four places, by scalar loads. */
SSE41 static inline __m128i load_four(const uint32_t *table, __m128i at) {
    const uint64_t low = (uint64_t)_mm_cvtsi128_si64(at), high = (uint64_t)_mm_extract_epi64(at, 1);
    const __m128i a = _mm_insert_epi32(_mm_cvtsi32_si128((int)table[(uint32_t)low]), (int)table[low >> 32], 1);
    const __m128i b = _mm_insert_epi32(_mm_cvtsi32_si128((int)table[(uint32_t)high]), (int)table[high >> 32], 1);
    return _mm_unpacklo_epi64(a, b);
}

/* At eight. Not by a gather: where entries come from beyond the first cache one is no faster than scalar
 * loads, and on AMD's Zen 4 slower. */
AVX2 static inline __m256i load_eight(const uint32_t *table, __m256i at) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load_four(table, _mm256_castsi256_si128(at))),
                                   load_four(table, _mm256_extracti128_si256(at, 1)), 1);
}

SSE41 static inline __m128i load_pair(const rans_entry *first, const rans_entry *second) {
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)first),
                              _mm_loadl_epi64((const __m128i *)second));
}

/* Entries of four symbols, every other one of eight, by scalar loads as well: a gather of them is slower. */
AVX2 static inline __m256i load_alternate(const rans_entry *table, const uint16_t *at) {
    const __m128i low = load_pair(table + at[0], table + at[2]);
    const __m128i high = load_pair(table + at[4], table + at[6]);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

#endif
#endif
