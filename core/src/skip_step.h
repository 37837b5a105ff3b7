/* What the skip kernels of every set share: the end of a split, after whole vectors. */
#ifndef PICO_SKIP_STEP_H
#define PICO_SKIP_STEP_H

#include "kernels.h"

/* Elements i ... n - 1, after the first i gave `done`. Of those, i - done.active were skipped. */
static inline skip_split split_end(const uint8_t *index, const int8_t *values, size_t i, size_t n,
                                   uint32_t threshold, uint8_t *out_index, int8_t *out_values,
                                   uint32_t *entries, skip_split done) {
    const uint32_t skipped = (uint32_t)(i - done.active);
    entries += done.exceptions;
    const skip_split rest = scalar_split(index + i, values + i, n - i, threshold, out_index + done.active,
                                         out_values + done.active, entries);
    for (uint32_t e = 0; e < rest.exceptions; e++) entries[e] += skipped << 8;
    return (skip_split){done.active + rest.active, done.exceptions + rest.exceptions};
}

#endif
