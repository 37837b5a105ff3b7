#include "grid.h"

#include "model.h"

pico_status grid_count(uint32_t width, uint32_t height, uint32_t payload, uint32_t *columns, uint32_t *rows,
                       uint32_t *tiles, pico_fault *fault) {
    if (width < 1 || width > PICO_MAX_SIDE)
        return fail(fault, PICO_E_OVER_LIMIT, "width", 0, width, PICO_MAX_SIDE);
    if (height < 1 || height > PICO_MAX_SIDE) {
        return fail(fault, PICO_E_OVER_LIMIT, "height", 0, height, PICO_MAX_SIDE);
    }
    uint64_t pixels = (uint64_t)width * height;
    if (pixels > PICO_MAX_PIXELS)
        return fail(fault, PICO_E_OVER_LIMIT, "pixels", 0, (int64_t)pixels, PICO_MAX_PIXELS);
    *columns = divide_up(width, payload);
    *rows = divide_up(height, payload);
    *tiles = *columns * *rows; /* each at most 2^12 */
    if (*tiles > PICO_MAX_TILES) return fail(fault, PICO_E_OVER_LIMIT, "tiles", 0, *tiles, PICO_MAX_TILES);
    return PICO_OK;
}

pico_status pico_grid_init(const pico_model *model, uint32_t width, uint32_t height, pico_grid *grid,
                           pico_fault *fault) {
    if (model == NULL || grid == NULL) return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    grid->width = width;
    grid->height = height;
    grid->payload = model->info.payload;
    grid->border = model->info.border;
    grid->y_stride = model->info.y_stride;
    grid->z_stride = model->info.z_stride;
    return grid_count(width, height, grid->payload, &grid->columns, &grid->rows, &grid->tiles, fault);
}

static pico_extent valid(const pico_grid *grid, uint32_t tile, uint32_t stride) {
    uint32_t row = tile / grid->columns, column = tile % grid->columns;
    pico_extent extent = {valid_along(grid->height, grid->payload, grid->border, row, stride),
                          valid_along(grid->width, grid->payload, grid->border, column, stride)};
    return extent;
}

pico_extent pico_y_valid(const pico_grid *grid, uint32_t tile) {
    return valid(grid, tile, grid->y_stride);
}

pico_extent pico_z_valid(const pico_grid *grid, uint32_t tile) {
    return valid(grid, tile, grid->z_stride);
}

pico_layout pico_layout_default(uint32_t tiles) {
    pico_layout layout = {tiles <= 4 ? 4u : tiles <= 16 ? 16u : 32u, 8};
    return layout;
}

uint32_t pico_stream_count(const pico_grid *grid, const pico_layout *layout) {
    return divide_up(grid->tiles, layout->tiles_per_stream);
}
