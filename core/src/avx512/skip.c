/* Index skip, AVX-512 VBMI2: 64 elements a step, the rest through masked loads. Compression goes through a
 * register: compressing straight to memory is microcode on some CPUs. */
#include "../x86.h"

#ifdef PICO_X86

enum { WIDTH = 64 };

/* Elements at and after `i`, at most WIDTH: which exist. */
static inline __mmask64 present(size_t i, size_t n) {
    return n - i >= WIDTH ? ~(__mmask64)0 : ((__mmask64)1 << (n - i)) - 1;
}

AVX512 size_t avx512_compact(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index) {
    const __m512i limit = _mm512_set1_epi8((char)threshold);
    size_t kept = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) { /* kept <= i: a whole vector fits */
        const __m512i block = _mm512_loadu_si512(index + i);
        const __mmask64 active = _mm512_cmpgt_epu8_mask(block, limit);
        _mm512_storeu_si512(out_index + kept, _mm512_maskz_compress_epi8(active, block));
        kept += (size_t)_mm_popcnt_u64(active);
    }
    if (i < n) {
        const __m512i block = _mm512_maskz_loadu_epi8(present(i, n), index + i);
        const __mmask64 active = _mm512_cmpgt_epu8_mask(block, limit); /* the absent are 0, never active */
        _mm512_mask_compressstoreu_epi8(out_index + kept, active, block);
        kept += (size_t)_mm_popcnt_u64(active);
    }
    return kept;
}

AVX512 size_t avx512_compact_values(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                                    uint8_t *out_index, int8_t *out_values) {
    const __m512i limit = _mm512_set1_epi8((char)threshold);
    size_t kept = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const __m512i block = _mm512_loadu_si512(index + i), value = _mm512_loadu_si512(values + i);
        const __mmask64 active = _mm512_cmpgt_epu8_mask(block, limit);
        _mm512_storeu_si512(out_index + kept, _mm512_maskz_compress_epi8(active, block));
        _mm512_storeu_si512(out_values + kept, _mm512_maskz_compress_epi8(active, value));
        kept += (size_t)_mm_popcnt_u64(active);
    }
    if (i < n) {
        const __m512i block = _mm512_maskz_loadu_epi8(present(i, n), index + i);
        const __m512i value = _mm512_maskz_loadu_epi8(present(i, n), values + i);
        const __mmask64 active = _mm512_cmpgt_epu8_mask(block, limit);
        _mm512_mask_compressstoreu_epi8(out_index + kept, active, block);
        _mm512_mask_compressstoreu_epi8(out_values + kept, active, value);
        kept += (size_t)_mm_popcnt_u64(active);
    }
    return kept;
}

AVX512 void avx512_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                          int8_t *out) {
    const __m512i limit = _mm512_set1_epi8((char)threshold);
    size_t taken = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const __mmask64 active = _mm512_cmpgt_epu8_mask(_mm512_loadu_si512(index + i), limit);
        const __m512i next = _mm512_loadu_si512(values + taken);
        _mm512_storeu_si512(out + i, _mm512_maskz_expand_epi8(active, next));
        taken += (size_t)_mm_popcnt_u64(active);
    }
    if (i < n) {
        const __mmask64 there = present(i, n);
        const __mmask64 active =
            _mm512_cmpgt_epu8_mask(_mm512_maskz_loadu_epi8(there, index + i), limit);
        const __m512i next = _mm512_loadu_si512(values + taken);
        _mm512_mask_storeu_epi8(out + i, there, _mm512_maskz_expand_epi8(active, next));
    }
}

AVX512 uint32_t avx512_find_skipped(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                                    uint32_t *entries) {
    const __m512i limit = _mm512_set1_epi8((char)threshold);
    uint32_t count = 0;
    size_t rank = 0;
    for (size_t i = 0; i < n; i += WIDTH) {
        const __mmask64 there = present(i, n);
        const __m512i value = _mm512_maskz_loadu_epi8(there, values + i);
        const __mmask64 skipped =
            _mm512_mask_cmple_epu8_mask(there, _mm512_maskz_loadu_epi8(there, index + i), limit);
        uint64_t found = _mm512_mask_test_epi8_mask(skipped, value, value);
        for (; found != 0; found &= found - 1) { /* rare */
            const uint32_t bit = (uint32_t)__builtin_ctzll(found);
            const uint64_t before = skipped & (((uint64_t)1 << bit) - 1);
            entries[count++] =
                (uint32_t)(rank + (size_t)_mm_popcnt_u64(before)) << 8 | (uint8_t)values[i + bit];
        }
        rank += (size_t)_mm_popcnt_u64(skipped);
    }
    return count;
}

AVX512 size_t avx512_pass_skipped(const uint8_t *index, size_t n, uint32_t threshold, size_t from,
                                  uint64_t *gap) {
    const __m512i limit = _mm512_set1_epi8((char)threshold);
    for (; n - from >= WIDTH; from += WIDTH) {
        const __mmask64 skipped = _mm512_cmple_epu8_mask(_mm512_loadu_si512(index + from), limit);
        const uint64_t count = (uint64_t)_mm_popcnt_u64(skipped);
        if (count > *gap) break;
        *gap -= count;
    }
    return scalar_pass_skipped(index, n, threshold, from, gap);
}

#endif
