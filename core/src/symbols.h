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

/* Symbols of a tensor as [channels][side][side], void elements included, which must be 0: in `buffer`, or in
 * the tensor itself if it is packed int8. Anything but an exact integer in range is a fault whose index is the
 * channel. */
pico_status load_symbols(const pico_kernels *kernels, const pico_tensor *tensor, const plane_shape *shape,
                         int8_t *buffer, const int8_t **plane, pico_fault *fault);

/* Whether n symbols lie in +-bound. */
int symbols_in_range(const int8_t *v, size_t n, uint32_t bound);

/* The elements that are not void, in coding order: in `buffer`, or the plane itself if nothing is void. */
const int8_t *gather_symbols(const plane_shape *shape, const int8_t *plane, int8_t *buffer);
const uint8_t *gather_index(const plane_shape *shape, const uint8_t *plane, uint8_t *buffer);

/* The tensor's own bytes if it is packed int8, else NULL. */
int8_t *packed_symbols(const pico_tensor *tensor, const plane_shape *shape);

/* Where symbols in coding order are to be put so that scatter_symbols, which makes void elements 0, has least
 * to do: in the plane, if nothing is void. */
int8_t *packed_target(const plane_shape *shape, int8_t *plane, int8_t *buffer);
void scatter_symbols(const plane_shape *shape, const int8_t *packed, int8_t *plane);

/* Does nothing if the plane is the tensor's own bytes. */
void store_symbols(const pico_model *model, const pico_tensor *tensor, const plane_shape *shape,
                   const int8_t *plane);

#endif
