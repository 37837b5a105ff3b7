/* Index skip, NEON: 64 elements a step. Their comparisons are folded into one 64-bit mask by pairwise
 * additions; a multiplication then gives the number of elements kept before each eight, so that the eights,
 * moved by a table lookup each, do not wait for each other. */
#include "../arm.h"
#include "../skip_step.h"

#ifdef PICO_NEON

enum { WIDTH = 64, EIGHTS = WIDTH / 8 };

/* 64 elements. */
typedef uint8x16x4_t block;

static inline block load(const void *at) {
    return vld1q_u8_x4(at);
}

/* Byte masks: index > threshold. */
static inline block active_of(block index, uint8x16_t threshold) {
    block active;
    for (int i = 0; i < 4; i++) active.val[i] = vcgtq_u8(index.val[i], threshold);
    return active;
}

/* Bit i: element i of the byte masks. */
static inline uint8x8_t bits_of(block bytes) {
    const uint8x16_t place = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
    for (int i = 0; i < 4; i++) bytes.val[i] = vandq_u8(bytes.val[i], place);
    const uint8x16_t low = vpaddq_u8(bytes.val[0], bytes.val[1]),
                     high = vpaddq_u8(bytes.val[2], bytes.val[3]);
    const uint8x16_t eights = vpaddq_u8(low, high);
    return vget_low_u8(vpaddq_u8(eights, eights));
}

typedef struct selection {
    uint64_t mask;
    uint64_t up_to; /* byte j: how many of the first 8 * (j + 1) elements are selected, at most 64 */
} selection;

static inline selection selection_of(block bytes) {
    const uint8x8_t bits = bits_of(bytes);
    const selection s = {vget_lane_u64(vreinterpret_u64_u8(bits), 0),
                         vget_lane_u64(vreinterpret_u64_u8(vcnt_u8(bits)), 0) * 0x0101010101010101u};
    return s;
}

static inline uint8x8_t shuffle_of(const uint64_t table[256], selection s, int eight) {
    return vcreate_u8(table[s.mask >> 8 * eight & 0xFF]);
}

static inline size_t selected_before(selection s, int eight) {
    return eight == 0 ? 0 : (size_t)(s.up_to >> 8 * (eight - 1) & 0xFF);
}

static inline size_t selected(selection s) {
    return (size_t)(s.up_to >> 56);
}

static inline uint8x8_t eight_of(const block *elements, int eight) {
    const uint8x16_t both = elements->val[eight / 2];
    return eight % 2 == 0 ? vget_low_u8(both) : vget_high_u8(both);
}

/* The selected elements, in order. Writes eight bytes at the place of each eight. */
static inline void keep(uint8_t *out, const block *elements, selection s) {
    for (int e = 0; e < EIGHTS; e++) {
        vst1_u8(out + selected_before(s, e), vtbl1_u8(eight_of(elements, e), shuffle_of(set_bits_of, s, e)));
    }
}

size_t neon_compact(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index) {
    const uint8x16_t limit = vdupq_n_u8((uint8_t)threshold);
    size_t kept = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) { /* kept <= i: whatever is written past the kept ones fits */
        const block elements = load(index + i);
        const selection active = selection_of(active_of(elements, limit));
        keep(out_index + kept, &elements, active);
        kept += selected(active);
    }
    return kept + scalar_compact(index + i, n - i, threshold, out_index + kept);
}

/* The skipped elements of a block that are not 0; `skipped` of them came before the block. */
static inline uint32_t list_exceptions(uint64_t active, uint64_t found, const int8_t *values, size_t skipped,
                                       uint32_t *entries) {
    uint32_t count = 0;
    for (; found != 0; found &= found - 1) {
        const uint32_t bit = (uint32_t)__builtin_ctzll(found);
        const uint64_t before = ~active & (((uint64_t)1 << bit) - 1);
        const size_t at = skipped + vaddv_u8(vcnt_u8(vcreate_u8(before)));
        entries[count++] = (uint32_t)at << 8 | (uint8_t)values[bit];
    }
    return count;
}

skip_split neon_split(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                      uint8_t *out_index, int8_t *out_values, uint32_t *entries) {
    const uint8x16_t limit = vdupq_n_u8((uint8_t)threshold);
    skip_split found = {0, 0};
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const block elements = load(index + i), value = load(values + i), kept = active_of(elements, limit);
        const selection active = selection_of(kept);
        block exception;
        uint8x16_t any = vdupq_n_u8(0);
        for (int v = 0; v < 4; v++) {
            exception.val[v] = vbicq_u8(vtstq_u8(value.val[v], value.val[v]), kept.val[v]);
            any = vorrq_u8(any, exception.val[v]);
        }
        if (vmaxvq_u8(any) != 0) { /* rare */
            found.exceptions += list_exceptions(active.mask, selection_of(exception).mask, values + i,
                                                i - found.active, entries + found.exceptions);
        }
        keep(out_index + found.active, &elements, active);
        keep((uint8_t *)out_values + found.active, &value, active);
        found.active += selected(active);
    }
    return split_end(index, values, i, n, threshold, out_index, out_values, entries, found);
}

void neon_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold, int8_t *out) {
    const uint8x16_t limit = vdupq_n_u8((uint8_t)threshold);
    size_t taken = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const block active = active_of(load(index + i), limit);
        const selection s = selection_of(active);
        const uint8_t *next = (const uint8_t *)values + taken;
        for (int e = 0; e < EIGHTS; e++) {
            const uint8x8_t moved =
                vtbl1_u8(vld1_u8(next + selected_before(s, e)), shuffle_of(bits_below, s, e));
            vst1_u8((uint8_t *)out + i + 8 * (size_t)e, vand_u8(moved, eight_of(&active, e)));
        }
        taken += selected(s);
    }
    scalar_expand(index + i, values + taken, n - i, threshold, out + i);
}

size_t neon_pass_skipped(const uint8_t *index, size_t n, uint32_t threshold, size_t from, uint64_t *gap) {
    const uint8x16_t limit = vdupq_n_u8((uint8_t)threshold);
    for (; n - from >= WIDTH; from += WIDTH) {
        const block elements = load(index + from);
        uint8x16_t skips = vdupq_n_u8(0);
        for (int v = 0; v < 4; v++) skips = vsubq_u8(skips, vcleq_u8(elements.val[v], limit));
        const uint64_t count = vaddvq_u8(skips);
        if (count > *gap) break;
        *gap -= count;
    }
    return scalar_pass_skipped(index, n, threshold, from, gap);
}

#endif
