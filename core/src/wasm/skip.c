/* Index skip, WebAssembly: sixteen elements a step, eight of them moved by a swizzle out of a table. */
#include "../skip_step.h"
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

/* The skipped elements of a block that are not 0; `skipped` of them came before the block. */
static inline uint32_t list_exceptions(uint32_t active, uint32_t found, const int8_t *values, size_t skipped,
                                       uint32_t *entries) {
    uint32_t count = 0;
    for (; found != 0; found &= found - 1) {
        const uint32_t bit = (uint32_t)__builtin_ctz(found);
        const size_t before = count_of(~active & ((1u << bit) - 1));
        entries[count++] = (uint32_t)(skipped + before) << 8 | (uint8_t)values[bit];
    }
    return count;
}

skip_split wasm_split(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                      uint8_t *out_index, int8_t *out_values, uint32_t *entries) {
    const v128_t limit = wasm_u8x16_splat((uint8_t)threshold), zero = wasm_i8x16_splat(0);
    skip_split found = {0, 0};
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const v128_t kept = active_of(index + i, limit);
        const uint32_t active = bits_of(kept);
        const uint32_t exceptions =
            bits_of(wasm_v128_andnot(wasm_i8x16_ne(wasm_v128_load(values + i), zero), kept));
        if (exceptions != 0) { /* rare */
            found.exceptions +=
                list_exceptions(active, exceptions, values + i, i - found.active, entries + found.exceptions);
        }
        for (size_t half = 0; half < 2; half++) {
            const uint32_t mask = active >> 8 * half & 0xFF;
            keep(out_index + found.active, index + i + 8 * half, mask);
            keep(out_values + found.active, values + i + 8 * half, mask);
            found.active += count_of(mask);
        }
    }
    return split_end(index, values, i, n, threshold, out_index, out_values, entries, found);
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
