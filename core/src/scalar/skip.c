/* Index skip, the reference kernels: eight elements are one 64-bit word, without branches on what is noise. */
#include "../bytes.h"
#include "../kernels.h"

enum { WIDTH = 8 };
#define EACH_BYTE(v) ((v) * UINT64_C(0x0101010101010101))

/* A 1 in byte j if index[j] > threshold; both are below 128, so nothing carries. */
static inline uint64_t active_of(uint64_t index, uint32_t threshold) {
    return (index + EACH_BYTE((uint64_t)127 - threshold)) >> 7 & EACH_BYTE(1);
}

/* In byte j the number of ones in bytes 0 ... j. */
static inline uint64_t count_up_to(uint64_t ones) {
    return EACH_BYTE(ones);
}

static inline uint8_t byte_of(uint64_t word, int j) {
    return (uint8_t)(word >> 8 * j);
}

/* Every byte to where it belongs if it is kept; the next kept one overwrites it if it is not. */
static inline void keep(uint8_t *out, uint64_t word, uint64_t kept_before) {
    for (int j = 0; j < WIDTH; j++) out[byte_of(kept_before, j)] = byte_of(word, j);
}

size_t scalar_compact(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index) {
    size_t kept = 0, i = 0;
    for (; n - i >= WIDTH; i += WIDTH) { /* kept <= i: whatever is written past the kept ones fits */
        const uint64_t word = read_u64(index + i), active = active_of(word, threshold);
        if (active == 0) continue; /* whole channels are */
        const uint64_t count = count_up_to(active);
        keep(out_index + kept, word, count - active);
        kept += byte_of(count, WIDTH - 1);
    }
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
        if ((active & 1) != 0) continue;
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
        const uint64_t active = active_of(word, threshold), count = count_up_to(active);
        if ((value & ~(active * 255)) != 0) { /* rare */
            found.exceptions += list_exceptions(active, values + i, i - found.active, WIDTH,
                                                entries + found.exceptions);
        }
        if (active == 0) continue;
        keep(out_index + found.active, word, count - active);
        keep((uint8_t *)out_values + found.active, value, count - active);
        found.active += byte_of(count, WIDTH - 1);
    }
    for (; i < n; i++) {
        const int active = index[i] > threshold;
        found.exceptions += list_exceptions((uint64_t)active, values + i, i - found.active, 1,
                                            entries + found.exceptions);
        out_index[found.active] = index[i];
        out_values[found.active] = values[i];
        found.active += (size_t)active;
    }
    return found;
}

void scalar_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold, int8_t *out) {
    const uint8_t *next = (const uint8_t *)values;
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const uint64_t active = active_of(read_u64(index + i), threshold), count = count_up_to(active);
        const uint64_t before = count - active;
        uint64_t word = 0;
        for (int j = 0; j < WIDTH; j++) word |= (uint64_t)next[byte_of(before, j)] << 8 * j;
        write_u64((uint8_t *)out + i, word & active * 255);
        next += byte_of(count, WIDTH - 1);
    }
    for (; i < n; i++) {
        const int active = index[i] > threshold;
        out[i] = (int8_t)(*next & -active);
        next += active;
    }
}

size_t scalar_pass_skipped(const uint8_t *index, size_t n, uint32_t threshold, size_t from, uint64_t *gap) {
    for (; n - from >= WIDTH; from += WIDTH) {
        const uint64_t active = active_of(read_u64(index + from), threshold);
        const uint64_t skipped = WIDTH - byte_of(count_up_to(active), WIDTH - 1);
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
