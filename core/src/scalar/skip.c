/* Index skip, the reference kernels; without branches on data, because indices are noise. */
#include "../kernels.h"

size_t scalar_compact(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        out_index[kept] = index[i]; /* overwritten by the next one unless kept; kept <= i < n */
        kept += index[i] > threshold;
    }
    return kept;
}

size_t scalar_compact_values(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                             uint8_t *out_index, int8_t *out_values) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        out_index[kept] = index[i];
        out_values[kept] = values[i];
        kept += index[i] > threshold;
    }
    return kept;
}

void scalar_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold, int8_t *out) {
    size_t taken = 0;
    for (size_t i = 0; i < n; i++) {
        int active = index[i] > threshold;
        out[i] = (int8_t)(values[taken] & -active);
        taken += (size_t)active;
    }
}

enum { BLOCK = 64 };

uint32_t scalar_find_skipped(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                             uint32_t *entries) {
    uint32_t count = 0;
    size_t rank = 0;
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t end = n - first < BLOCK ? n : first + BLOCK;
        uint32_t skipped = 0, any = 0; /* most blocks hold none: a loop without branches says so */
        for (size_t i = first; i < end; i++) {
            const uint32_t is_skipped = index[i] <= threshold;
            skipped += is_skipped;
            any |= is_skipped & (uint32_t)(values[i] != 0);
        }
        if (any) {
            size_t at = rank;
            for (size_t i = first; i < end; i++) {
                if (index[i] > threshold) continue;
                if (values[i] != 0) entries[count++] = (uint32_t)at << 8 | (uint8_t)values[i];
                at++;
            }
        }
        rank += skipped;
    }
    return count;
}

size_t scalar_pass_skipped(const uint8_t *index, size_t n, uint32_t threshold, size_t from, uint64_t *gap) {
    while (n - from >= BLOCK) {
        uint32_t skipped = 0;
        for (size_t i = from; i < from + BLOCK; i++) skipped += index[i] <= threshold;
        if (skipped > *gap) break;
        *gap -= skipped;
        from += BLOCK;
    }
    for (; from < n; from++) {
        if (index[from] > threshold) continue;
        if (*gap == 0) return from;
        *gap -= 1;
    }
    return n;
}
