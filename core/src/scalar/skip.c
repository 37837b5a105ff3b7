/* Index skip, the reference kernels: eight elements are one 64-bit word, without branches on what is noise. */
#include "../bytes.h"
#include "../kernels.h"
#include "skip_moves.h"

enum { WIDTH = 8, BLOCK = 32 };
#define EACH_BYTE(v) ((v) * UINT64_C(0x0101010101010101))

/* The top bit of byte j if index[j] > threshold; both are below 128, so nothing carries. */
static inline uint64_t active_of(uint64_t index, uint32_t threshold) {
    return (index + EACH_BYTE((uint64_t)127 - threshold)) & EACH_BYTE(0x80);
}

/* Whether any element of a block is active. Those that are skipped lie together, so asking first saves time. */
static inline int any_active(const uint8_t *index, uint32_t threshold) {
    uint64_t active = 0;
    for (size_t i = 0; i < BLOCK; i += WIDTH) active |= active_of(read_u64(index + i), threshold);
    return active != 0;
}

/* The row of the tables: bit j is the top bit of byte j. */
static inline size_t row_of(uint64_t active) {
    return active * UINT64_C(0x0002040810204081) >> 56;
}

/* The bytes that are kept go to the front, in order; what follows them does not matter. */
static inline uint64_t squeeze(uint64_t word, const uint64_t fill[3]) {
    word ^= (word ^ word >> 8) & fill[0];
    word ^= (word ^ word >> 16) & fill[1];
    return word ^ ((word ^ word >> 32) & fill[2]);
}

/* The inverse; the bytes between them become 0. */
static inline uint64_t spread(uint64_t word, const moves_back *back) {
    word ^= (word ^ word << 32) & back->fill[2];
    word ^= (word ^ word << 16) & back->fill[1];
    return (word ^ ((word ^ word << 8) & back->fill[0])) & back->kept;
}

/* Writes a whole word, and returns how many of its bytes are kept. */
static inline size_t compact_word(const uint8_t *index, uint32_t threshold, uint8_t *out) {
    const uint64_t word = read_u64(index);
    const moves *move = &moves_of[row_of(active_of(word, threshold))];
    write_u64(out, squeeze(word, move->fill));
    return move->kept;
}

size_t scalar_compact(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index) {
    size_t kept = 0, i = 0; /* kept <= i: whatever is written past the kept ones fits */
    for (; n - i >= BLOCK; i += BLOCK) {
        if (!any_active(index + i, threshold)) continue;
        for (size_t j = i; j < i + BLOCK; j += WIDTH) {
            kept += compact_word(index + j, threshold, out_index + kept);
        }
    }
    for (; n - i >= WIDTH; i += WIDTH) kept += compact_word(index + i, threshold, out_index + kept);
    for (; i < n; i++) {
        out_index[kept] = index[i];
        kept += index[i] > threshold;
    }
    return kept;
}

static inline uint32_t list_exceptions(uint64_t active, const int8_t *values, size_t skipped, size_t n,
                                       uint32_t *entries) {
    uint32_t count = 0;
    for (size_t j = 0; j < n; j++, active >>= 8) {
        if ((active & 0x80) != 0) continue;
        if (values[j] != 0) entries[count++] = (uint32_t)skipped << 8 | (uint8_t)values[j];
        skipped++;
    }
    return count;
}

skip_split scalar_split(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                        uint8_t *out_index, int8_t *out_values, uint32_t *entries) {
    skip_split found = {0, 0};
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const uint64_t word = read_u64(index + i), value = read_u64((const uint8_t *)values + i);
        const uint64_t active = active_of(word, threshold);
        const moves *move = &moves_of[row_of(active)];
        if ((value & ~((active >> 7) * 255)) != 0) { /* rare */
            found.exceptions += list_exceptions(active, values + i, i - found.active, WIDTH,
                                                entries + found.exceptions);
        }
        write_u64(out_index + found.active, squeeze(word, move->fill));
        write_u64((uint8_t *)out_values + found.active, squeeze(value, move->fill));
        found.active += move->kept;
    }
    for (; i < n; i++) {
        const uint64_t active = active_of(index[i], threshold);
        found.exceptions += list_exceptions(active, values + i, i - found.active, 1,
                                            entries + found.exceptions);
        out_index[found.active] = index[i];
        out_values[found.active] = values[i];
        found.active += (active & 0x80) != 0;
    }
    return found;
}

/* Reads a whole word of what was kept, and returns how many of its bytes were. */
static inline size_t expand_word(const uint8_t *index, const uint8_t *kept, uint32_t threshold, uint8_t *out) {
    const size_t row = row_of(active_of(read_u64(index), threshold));
    write_u64(out, spread(read_u64(kept), &moves_back_of[row]));
    return kept_of[row];
}

void scalar_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold, int8_t *out) {
    const uint8_t *next = (const uint8_t *)values;
    uint8_t *to = (uint8_t *)out;
    size_t i = 0;
    for (; n - i >= BLOCK; i += BLOCK) {
        if (!any_active(index + i, threshold)) {
            for (size_t j = i; j < i + BLOCK; j += WIDTH) write_u64(to + j, 0);
            continue;
        }
        for (size_t j = i; j < i + BLOCK; j += WIDTH) next += expand_word(index + j, next, threshold, to + j);
    }
    for (; n - i >= WIDTH; i += WIDTH) next += expand_word(index + i, next, threshold, to + i);
    for (; i < n; i++) {
        const int active = index[i] > threshold;
        out[i] = (int8_t)(*next & -active);
        next += active;
    }
}

/* How many of the elements in eight words are active: at most eight in each byte of the sum, 64 in all of them. */
static inline uint64_t active_of_64(const uint8_t *index, uint32_t threshold) {
    uint64_t sum = 0;
    for (size_t i = 0; i < 64; i += WIDTH) sum += active_of(read_u64(index + i), threshold) >> 7;
    return EACH_BYTE(sum) >> 56;
}

size_t scalar_pass_skipped(const uint8_t *index, size_t n, uint32_t threshold, size_t from, uint64_t *gap) {
    for (; n - from >= 64; from += 64) {
        const uint64_t skipped = 64 - active_of_64(index + from, threshold);
        if (skipped > *gap) break;
        *gap -= skipped;
    }
    for (; n - from >= WIDTH; from += WIDTH) {
        const uint64_t skipped = WIDTH - kept_of[row_of(active_of(read_u64(index + from), threshold))];
        if (skipped > *gap) break;
        *gap -= skipped;
    }
    for (; from < n; from++) {
        if (index[from] > threshold) continue;
        if (*gap == 0) return from;
        *gap -= 1;
    }
    return n;
}
