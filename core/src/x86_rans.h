/* What the x86 decoders of rANS share. */
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

#endif
#endif
