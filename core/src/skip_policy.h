#ifndef PICO_SKIP_POLICY_H
#define PICO_SKIP_POLICY_H

#include "kernels.h"

/* Where the kernel `split` puts what it finds. */
typedef struct tile_split {
    uint8_t *index;
    int8_t *values;
    uint32_t *entries;
} tile_split;

/* Split the n coded elements of a tile's y with the threshold `skip`, or with one chosen here if that is
 * PICO_SKIP_AUTO. Returns the threshold; if it is 0, nothing is skipped and nothing was written to `out`. The
 * choice depends on the tables, indices and values alone, so it is the same everywhere. */
uint32_t split_tile(const pico_kernels *kernels, const coding_tables *tables, uint32_t y_tables, int skip,
                    const uint8_t *index, const int8_t *values, size_t n, const tile_split *out,
                    skip_split *found);

#endif
