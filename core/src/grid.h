/* Tile geometry shared by reading, writing and pixels. */
#ifndef PICO_GRID_H
#define PICO_GRID_H

#include "bytes.h"

static inline uint32_t divide_up(uint32_t a, uint32_t b) {
    return (a + b - 1) / b;
}

/* Rows (or columns) of a tile's plane of `stride` that touch an image of `length` pixels; `tile` counts along
 * the axis. */
static inline uint32_t valid_along(uint32_t length, uint32_t payload, uint32_t border, uint32_t tile,
                                   uint32_t stride) {
    uint32_t side = (payload + 2 * border) / stride;
    uint32_t reach = divide_up(length - payload * tile + border, stride);
    return reach < side ? reach : side;
}

/* Checks width, height and the number of tiles, and fills in columns, rows and tiles. */
pico_status grid_count(uint32_t width, uint32_t height, uint32_t payload, uint32_t *columns, uint32_t *rows,
                       uint32_t *tiles, pico_fault *fault);

#endif
