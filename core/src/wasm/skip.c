/* Index skip, WebAssembly: sixteen elements a step, eight of them moved by a swizzle out of a table. */
#include "../wasm.h"

#ifdef PICO_WASM_SIMD

enum { WIDTH = 16 };

/* Bit i: element i of the byte masks. */
static inline uint32_t bits_of(v128_t bytes) {
    return wasm_i8x16_bitmask(bytes);
}

static inline size_t count_of(uint32_t mask) {
    return (size_t)__builtin_popcount(mask);
}

static inline v128_t eight(const void *at) {
    return wasm_v128_load64_zero(at);
}

static inline v128_t shuffle_of(const uint64_t table[256], uint32_t mask) {
    return eight(&table[mask & 0xFF]);
}

/* Writes eight bytes, of which those that are active are kept. */
static inline void keep(void *out, const void *in, uint32_t mask) {
    wasm_v128_store64_lane(out, wasm_i8x16_swizzle(eight(in), shuffle_of(set_bits_of, mask)), 0);
}

static inline v128_t active_of(const uint8_t *index, v128_t threshold) {
    return wasm_u8x16_gt(wasm_v128_load(index), threshold);
}

size_t wasm_compact(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index) {
    const v128_t limit = wasm_u8x16_splat((uint8_t)threshold);
    size_t kept = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) { /* kept <= i: whatever is written past the kept ones fits */
        const uint32_t active = bits_of(active_of(index + i, limit));
        keep(out_index + kept, index + i, active);
        kept += count_of(active & 0xFF);
        keep(out_index + kept, index + i + 8, active >> 8);
        kept += count_of(active >> 8);
    }
    return kept + scalar_compact(index + i, n - i, threshold, out_index + kept);
}

size_t wasm_compact_values(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                           uint8_t *out_index, int8_t *out_values) {
    const v128_t limit = wasm_u8x16_splat((uint8_t)threshold);
    size_t kept = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const uint32_t active = bits_of(active_of(index + i, limit));
        keep(out_index + kept, index + i, active);
        keep(out_values + kept, values + i, active);
        kept += count_of(active & 0xFF);
        keep(out_index + kept, index + i + 8, active >> 8);
        keep(out_values + kept, values + i + 8, active >> 8);
        kept += count_of(active >> 8);
    }
    return kept + scalar_compact_values(index + i, values + i, n - i, threshold, out_index + kept,
                                        out_values + kept);
}

void wasm_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold, int8_t *out) {
    const v128_t limit = wasm_u8x16_splat((uint8_t)threshold);
    size_t taken = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const v128_t active = active_of(index + i, limit);
        const uint32_t mask = bits_of(active);
        const v128_t low = wasm_i8x16_swizzle(eight(values + taken), shuffle_of(bits_below, mask));
        taken += count_of(mask & 0xFF);
        const v128_t high = wasm_i8x16_swizzle(eight(values + taken), shuffle_of(bits_below, mask >> 8));
        taken += count_of(mask >> 8);
        wasm_v128_store(out + i, wasm_v128_and(active, wasm_i64x2_shuffle(low, high, 0, 2)));
    }
    scalar_expand(index + i, values + taken, n - i, threshold, out + i);
}

uint32_t wasm_find_skipped(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                           uint32_t *entries) {
    const v128_t limit = wasm_u8x16_splat((uint8_t)threshold), zero = wasm_i8x16_splat(0);
    uint32_t count = 0;
    size_t rank = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const uint32_t skipped = bits_of(active_of(index + i, limit)) ^ 0xFFFF;
        uint32_t found = skipped & bits_of(wasm_i8x16_ne(wasm_v128_load(values + i), zero));
        for (; found != 0; found &= found - 1) { /* rare */
            const uint32_t bit = (uint32_t)__builtin_ctz(found);
            const size_t before = count_of(skipped & ((1u << bit) - 1));
            entries[count++] = (uint32_t)(rank + before) << 8 | (uint8_t)values[i + bit];
        }
        rank += count_of(skipped);
    }
    const uint32_t more = scalar_find_skipped(index + i, values + i, n - i, threshold, entries + count);
    for (uint32_t e = count; e < count + more; e++) entries[e] += (uint32_t)rank << 8;
    return count + more;
}

size_t wasm_pass_skipped(const uint8_t *index, size_t n, uint32_t threshold, size_t from, uint64_t *gap) {
    const v128_t limit = wasm_u8x16_splat((uint8_t)threshold);
    for (; n - from >= WIDTH; from += WIDTH) {
        const uint64_t skipped = WIDTH - count_of(bits_of(active_of(index + from, limit)));
        if (skipped > *gap) break;
        *gap -= skipped;
    }
    return scalar_pass_skipped(index, n, threshold, from, gap);
}

#endif
