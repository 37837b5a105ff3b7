/* Leaving elements out of the stream and putting them back. Branch-free: whether an element is active is
 * unpredictable. */
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
