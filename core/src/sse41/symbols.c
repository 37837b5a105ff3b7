/* Packed floats <-> packed int8 symbols, SSE4.1, sixteen a step. Conversions between int32 and float32 are
 * exact for all that is a symbol; what comes back as other bits is none. Compared as integers, so that no
 * mode of the floating-point unit matters. Halves take the same way, with integer operations between them and
 * float32. Wider vectors would wait for memory. */
#include "../native.h"
#include "../x86.h"

#ifdef PICO_X86

enum { WIDTH = 16, PART = 4 };

SSE41 static inline __m128i load(const void *at) {
    return _mm_loadu_si128((const __m128i *)at);
}

/* Four floats as int32; `changed` collects the bits that do not come back. The sign is left out: only that of
 * -0 is lost. */
SSE41 static inline __m128i whole_numbers(__m128i bits, __m128i *changed) {
    const __m128i v = _mm_cvttps_epi32(_mm_castsi128_ps(bits));
    const __m128i difference = _mm_xor_si128(_mm_castps_si128(_mm_cvtepi32_ps(v)), bits);
    *changed = _mm_or_si128(*changed, _mm_add_epi32(difference, difference));
    return v;
}

/* Eight integers, saturated: what is too large stays so. */
SSE41 static inline __m128i eight_of_f32(const uint8_t *in, __m128i *changed) {
    return _mm_packs_epi32(whole_numbers(load(in), changed), whole_numbers(load(in + 16), changed));
}

/* Magnitudes of halves as float32: infinities and NaNs become large numbers, subnormal ones some fraction. */
SSE41 static inline __m128i widened(__m128i halves) {
    const __m128i bits = _mm_add_epi32(_mm_slli_epi32(halves, F16_FEWER_BITS), _mm_set1_epi32(F16_LESS_BIAS));
    return _mm_and_si128(bits, _mm_cmpgt_epi32(halves, _mm_setzero_si128()));
}

SSE41 static inline __m128i eight_of_f16(const uint8_t *in, __m128i *changed) {
    const __m128i bits = load(in), magnitude = _mm_and_si128(bits, _mm_set1_epi16(0x7FFF));
    const __m128i low = widened(_mm_unpacklo_epi16(magnitude, _mm_setzero_si128()));
    const __m128i high = widened(_mm_unpackhi_epi16(magnitude, _mm_setzero_si128()));
    const __m128i v = _mm_packs_epi32(whole_numbers(low, changed), whole_numbers(high, changed));
    return _mm_sign_epi16(v, _mm_or_si128(bits, _mm_set1_epi16(1)));
}

/* Sixteen symbols; `bad` collects what is out of range. */
SSE41 static inline void store_sixteen(int8_t *out, __m128i low, __m128i high, __m128i limit, __m128i *bad) {
    const __m128i largest = _mm_max_epi16(low, high), smallest = _mm_min_epi16(low, high);
    *bad = _mm_or_si128(*bad, _mm_cmpgt_epi16(largest, limit));
    *bad = _mm_or_si128(*bad, _mm_cmpgt_epi16(_mm_sub_epi16(_mm_setzero_si128(), limit), smallest));
    _mm_storeu_si128((__m128i *)out, _mm_packs_epi16(low, high));
}

SSE41 int sse41_symbols_in_f32(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    const __m128i limit = _mm_set1_epi16((short)max);
    __m128i bad = _mm_setzero_si128();
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const __m128i low = eight_of_f32(in + 4 * i, &bad);
        store_sixteen(out + i, low, eight_of_f32(in + 4 * i + 32, &bad), limit, &bad);
    }
    return scalar_symbols_in_f32(in + 4 * i, n - i, max, out + i) && _mm_testz_si128(bad, bad);
}

SSE41 int sse41_symbols_in_f16(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    const __m128i limit = _mm_set1_epi16((short)max);
    __m128i bad = _mm_setzero_si128();
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const __m128i low = eight_of_f16(in + 2 * i, &bad);
        store_sixteen(out + i, low, eight_of_f16(in + 2 * i + 16, &bad), limit, &bad);
    }
    return scalar_symbols_in_f16(in + 2 * i, n - i, max, out + i) && _mm_testz_si128(bad, bad);
}

SSE41 void sse41_symbols_out_f32(const uint32_t table[256], const int8_t *in, size_t n, uint8_t *out) {
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        __m128i v = load(in + i);
        for (size_t p = 0; p < WIDTH / PART; p++, v = _mm_srli_si128(v, PART)) {
            const __m128 four = _mm_cvtepi32_ps(_mm_cvtepi8_epi32(v));
            _mm_storeu_si128((__m128i *)(out + 4 * (i + PART * p)), _mm_castps_si128(four));
        }
    }
    scalar_symbols_out_f32(table, in + i, n - i, out + 4 * i);
}

/* Four magnitudes as halves, in int32; that of 0 would be negative. */
SSE41 static inline __m128i narrowed(__m128i v) {
    const __m128i bits = _mm_castps_si128(_mm_cvtepi32_ps(v));
    const __m128i half =
        _mm_max_epi32(_mm_sub_epi32(bits, _mm_set1_epi32(F16_LESS_BIAS)), _mm_setzero_si128());
    return _mm_srli_epi32(half, F16_FEWER_BITS);
}

SSE41 void sse41_symbols_out_f16(const uint16_t table[256], const int8_t *in, size_t n, uint8_t *out) {
    size_t i = 0;
    for (; n - i >= WIDTH / 2; i += WIDTH / 2) {
        const __m128i v = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)(in + i)));
        const __m128i magnitude = _mm_abs_epi16(v), sign = _mm_and_si128(v, _mm_set1_epi16(-0x8000));
        const __m128i low = narrowed(_mm_unpacklo_epi16(magnitude, _mm_setzero_si128()));
        const __m128i high = narrowed(_mm_unpackhi_epi16(magnitude, _mm_setzero_si128()));
        _mm_storeu_si128((__m128i *)(out + 2 * i), _mm_or_si128(_mm_packus_epi32(low, high), sign));
    }
    scalar_symbols_out_f16(table, in + i, n - i, out + 2 * i);
}

#endif
