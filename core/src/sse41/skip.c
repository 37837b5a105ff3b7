/* Index skip, SSE4.1: eight elements a step, moved by a byte shuffle out of a table. AVX2 has nothing to add:
 * its byte shuffle does not cross halves. */
#include "../skip_step.h"
#include "../x86.h"

#ifdef PICO_X86

enum { WIDTH = 16 };

/* All ones in byte i: index[i] <= threshold. */
SSE41 static inline __m128i skipped_of(__m128i index, __m128i threshold) {
    return _mm_cmpeq_epi8(_mm_min_epu8(index, threshold), index);
}

/* Bit i: index[i] > threshold, for sixteen elements. */
SSE41 static inline uint32_t active_of(__m128i index, __m128i threshold) {
    return (uint32_t)_mm_movemask_epi8(skipped_of(index, threshold)) ^ 0xFFFF;
}

SSE41 static inline __m128i shuffle_of(const uint64_t table[256], uint32_t mask) {
    return _mm_loadl_epi64((const __m128i *)&table[mask & 0xFF]);
}

/* Writes eight bytes, of which those that are active are kept. */
SSE41 static inline void keep(uint8_t *out, __m128i block, uint32_t mask) {
    _mm_storel_epi64((__m128i *)out, _mm_shuffle_epi8(block, shuffle_of(set_bits_of, mask)));
}

SSE41 size_t sse41_compact(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index) {
    const __m128i limit = _mm_set1_epi8((char)threshold);
    size_t kept = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) { /* kept <= i: whatever is written past the kept ones fits */
        const __m128i block = _mm_loadu_si128((const __m128i *)(index + i));
        const uint32_t active = active_of(block, limit);
        keep(out_index + kept, block, active);
        kept += (size_t)_mm_popcnt_u32(active & 0xFF);
        keep(out_index + kept, _mm_srli_si128(block, 8), active >> 8);
        kept += (size_t)_mm_popcnt_u32(active >> 8);
    }
    return kept + scalar_compact(index + i, n - i, threshold, out_index + kept);
}

/* The skipped elements of a block that are not 0; `skipped` of them came before the block. */
SSE41 static inline uint32_t list_exceptions(uint32_t active, uint32_t found, const int8_t *values,
                                             size_t skipped, uint32_t *entries) {
    uint32_t count = 0;
    for (; found != 0; found &= found - 1) {
        const uint32_t bit = (uint32_t)__builtin_ctz(found);
        const size_t before = (size_t)_mm_popcnt_u32(~active & ((1u << bit) - 1));
        entries[count++] = (uint32_t)(skipped + before) << 8 | (uint8_t)values[bit];
    }
    return count;
}

SSE41 skip_split sse41_split(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                             uint8_t *out_index, int8_t *out_values, uint32_t *entries) {
    const __m128i limit = _mm_set1_epi8((char)threshold), zero = _mm_setzero_si128();
    skip_split found = {0, 0};
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const __m128i block = _mm_loadu_si128((const __m128i *)(index + i));
        const __m128i value = _mm_loadu_si128((const __m128i *)(values + i));
        const uint32_t active = active_of(block, limit);
        const uint32_t exceptions = ~active & ~(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(value, zero)) & 0xFFFF;
        if (exceptions != 0) { /* rare */
            found.exceptions += list_exceptions(active, exceptions, values + i, i - found.active,
                                                entries + found.exceptions);
        }
        for (int half = 0; half < 2; half++) {
            const uint32_t mask = active >> 8 * half & 0xFF;
            keep(out_index + found.active, half == 0 ? block : _mm_srli_si128(block, 8), mask);
            keep((uint8_t *)out_values + found.active, half == 0 ? value : _mm_srli_si128(value, 8), mask);
            found.active += (size_t)_mm_popcnt_u32(mask);
        }
    }
    return split_end(index, values, i, n, threshold, out_index, out_values, entries, found);
}

SSE41 void sse41_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                        int8_t *out) {
    const __m128i limit = _mm_set1_epi8((char)threshold);
    size_t taken = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const __m128i block = _mm_loadu_si128((const __m128i *)(index + i));
        const __m128i skipped = skipped_of(block, limit);
        const uint32_t active = (uint32_t)_mm_movemask_epi8(skipped) ^ 0xFFFF;
        const __m128i low = _mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)(values + taken)),
                                             shuffle_of(bits_below, active));
        taken += (size_t)_mm_popcnt_u32(active & 0xFF);
        const __m128i high = _mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)(values + taken)),
                                              shuffle_of(bits_below, active >> 8));
        taken += (size_t)_mm_popcnt_u32(active >> 8);
        _mm_storeu_si128((__m128i *)(out + i), _mm_andnot_si128(skipped, _mm_unpacklo_epi64(low, high)));
    }
    scalar_expand(index + i, values + taken, n - i, threshold, out + i);
}

/* How many of the 64 elements from `index` on are skipped: every byte of the sum counts up to four. */
SSE41 static inline uint64_t skipped_of_64(const uint8_t *index, __m128i limit) {
    __m128i sum = _mm_setzero_si128();
    for (size_t i = 0; i < 64; i += WIDTH) {
        const __m128i block = _mm_loadu_si128((const __m128i *)(index + i));
        sum = _mm_sub_epi8(sum, skipped_of(block, limit));
    }
    const __m128i halves = _mm_sad_epu8(sum, _mm_setzero_si128());
    return (uint64_t)_mm_cvtsi128_si64(halves) + (uint64_t)_mm_extract_epi64(halves, 1);
}

SSE41 size_t sse41_pass_skipped(const uint8_t *index, size_t n, uint32_t threshold, size_t from,
                                uint64_t *gap) {
    const __m128i limit = _mm_set1_epi8((char)threshold);
    for (; n - from >= 64; from += 64) {
        const uint64_t count = skipped_of_64(index + from, limit);
        if (count > *gap) break;
        *gap -= count;
    }
    return scalar_pass_skipped(index, n, threshold, from, gap);
}

#endif
