/* float32 symbols <-> int8, SSE4.1, sixteen a step. Conversions between int32 and float32 are exact for all that is
 * a symbol; what comes back as other bits is none. Compared as integers, so that no mode of the floating-point unit
 * matters. Wider vectors would wait for memory. */
#include "../x86.h"

#ifdef PICO_X86

enum { WIDTH = 16, PART = 4 };

/* Four floats as int32; `changed` collects the bits that do not come back. The sign is left out: only that of -0
 * is lost. */
SSE41 static inline __m128i whole_numbers(const uint8_t *in, __m128i *changed) {
    const __m128i bits = _mm_loadu_si128((const __m128i *)in);
    const __m128i v = _mm_cvttps_epi32(_mm_castsi128_ps(bits));
    const __m128i difference = _mm_xor_si128(_mm_castps_si128(_mm_cvtepi32_ps(v)), bits);
    *changed = _mm_or_si128(*changed, _mm_add_epi32(difference, difference));
    return v;
}

SSE41 int sse41_symbols_in_f32(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    const __m128i limit = _mm_set1_epi16((short)max);
    __m128i changed = _mm_setzero_si128(), outside = changed;
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        __m128i half[2]; /* int16, saturated: what is too large stays so */
        for (size_t h = 0; h < 2; h++) {
            const uint8_t *at = in + 4 * (i + 2 * PART * h);
            half[h] = _mm_packs_epi32(whole_numbers(at, &changed), whole_numbers(at + 4 * PART, &changed));
            outside = _mm_or_si128(outside, _mm_cmpgt_epi16(half[h], limit));
            outside = _mm_or_si128(outside, _mm_cmpgt_epi16(_mm_sub_epi16(_mm_setzero_si128(), limit), half[h]));
        }
        _mm_storeu_si128((__m128i *)(out + i), _mm_packs_epi16(half[0], half[1]));
    }
    const __m128i bad = _mm_or_si128(changed, outside);
    return scalar_symbols_in_f32(in + 4 * i, n - i, max, out + i) && _mm_testz_si128(bad, bad);
}

SSE41 void sse41_symbols_out_f32(const uint32_t table[256], const int8_t *in, size_t n, uint8_t *out) {
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        __m128i v = _mm_loadu_si128((const __m128i *)(in + i));
        for (size_t p = 0; p < WIDTH / PART; p++, v = _mm_srli_si128(v, PART)) {
            const __m128 four = _mm_cvtepi32_ps(_mm_cvtepi8_epi32(v));
            _mm_storeu_si128((__m128i *)(out + 4 * (i + PART * p)), _mm_castps_si128(four));
        }
    }
    scalar_symbols_out_f32(table, in + i, n - i, out + 4 * i);
}

#endif
