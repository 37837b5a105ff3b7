/* Index skip, AVX-512 VBMI2: 64 elements a step, the rest through masked loads. Compression goes through a
 * register: compressing straight to memory is microcode on some CPUs. */
#include "../skip_step.h"
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

/* The skipped elements of a block that are not 0; `skipped` of them came before the block. */
AVX512 static inline uint32_t list_exceptions(__mmask64 active, __mmask64 found, const int8_t *values,
                                              size_t skipped, uint32_t *entries) {
    uint32_t count = 0;
    for (uint64_t left = found; left != 0; left &= left - 1) {
        const uint32_t bit = (uint32_t)__builtin_ctzll(left);
        const uint64_t before = ~active & (((uint64_t)1 << bit) - 1);
        entries[count++] = (uint32_t)(skipped + (size_t)_mm_popcnt_u64(before)) << 8 | (uint8_t)values[bit];
    }
    return count;
}

AVX512 skip_split avx512_split(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                               uint8_t *out_index, int8_t *out_values, uint32_t *entries) {
    const __m512i limit = _mm512_set1_epi8((char)threshold);
    skip_split found = {0, 0};
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const __m512i block = _mm512_loadu_si512(index + i), value = _mm512_loadu_si512(values + i);
        const __mmask64 active = _mm512_cmpgt_epu8_mask(block, limit);
        const __mmask64 exceptions = _mm512_mask_test_epi8_mask(~active, value, value);
        if (exceptions != 0) { /* rare */
            found.exceptions += list_exceptions(active, exceptions, values + i, i - found.active,
                                                entries + found.exceptions);
        }
        _mm512_storeu_si512(out_index + found.active, _mm512_maskz_compress_epi8(active, block));
        _mm512_storeu_si512(out_values + found.active, _mm512_maskz_compress_epi8(active, value));
        found.active += (size_t)_mm_popcnt_u64(active);
    }
    return split_end(index, values, i, n, threshold, out_index, out_values, entries, found);
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
