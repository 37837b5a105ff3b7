/* Symbols between the caller's tensors and packed int8 in coding order. */
#ifndef PICO_SYMBOLS_H
#define PICO_SYMBOLS_H

#include "model.h"

/* A tensor's logical shape and which part of it is not void. */
typedef struct plane_shape {
    uint32_t channels, side;
    pico_extent valid;
    uint32_t max; /* symbols lie in +-max */
} plane_shape;

static inline plane_shape z_shape(const pico_model *model, const pico_grid *grid, uint32_t tile) {
    plane_shape shape = {model->info.z_channels, model->info.z_side, pico_z_valid(grid, tile),
                         model->info.z_max};
    return shape;
}

static inline plane_shape y_shape(const pico_model *model, const pico_grid *grid, uint32_t tile) {
    plane_shape shape = {model->info.y_channels, model->info.y_side, pico_y_valid(grid, tile),
                         model->info.y_max};
    return shape;
}

static inline size_t valid_count(const plane_shape *shape) {
    return (size_t)shape->channels * shape->valid.rows * shape->valid.columns;
}

/* Read a tensor into [channels][side][side], void elements included, which must be 0. Anything but an exact
 * integer in range is a fault whose index is the channel. */
pico_status load_symbols(const pico_tensor *tensor, const plane_shape *shape, int8_t *out, pico_fault *fault);

/* [channels][side][side] -> the elements that are not void, in coding order; and back, void elements 0. */
void gather_valid(const plane_shape *shape, const int8_t *plane, int8_t *packed);
void gather_valid_index(const plane_shape *shape, const uint8_t *plane, uint8_t *packed);
void scatter_valid(const plane_shape *shape, const int8_t *packed, int8_t *plane);

void store_symbols(const pico_model *model, const pico_tensor *tensor, const plane_shape *shape,
                   const int8_t *plane);

#endif
