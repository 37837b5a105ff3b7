/* Tiles of float samples <-> rows of 8-bit pixels. */
#include "grid.h"
#include "model.h"
#include "native.h"

/* Where a tile lies: its top-left pixel, border included, may be outside the image. */
typedef struct tile_place {
    int64_t left, top;
    uint32_t side;
} tile_place;

static tile_place place_of(const pico_grid *grid, uint32_t tile) {
    tile_place place = {(int64_t)(tile % grid->columns) * grid->payload - (int64_t)grid->border,
                        (int64_t)(tile / grid->columns) * grid->payload - (int64_t)grid->border,
                        grid->payload + 2 * grid->border};
    return place;
}

static uint32_t clamp_to(int64_t v, uint32_t length) {
    return v < 0 ? 0 : v >= (int64_t)length ? length - 1 : (uint32_t)v;
}

static pico_status check_arguments(const pico_model *model, const pico_grid *grid, uint32_t tile,
                                   const pico_rows *rows, const pico_tensor *tensor, pico_fault *fault) {
    if (model == NULL || grid == NULL || rows == NULL || rows->data == NULL || tensor == NULL ||
        tensor->data == NULL) {
        return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    }
    if (tile >= grid->tiles) return fail(fault, PICO_E_ARGUMENT, "tile", 0, tile, grid->tiles - 1);
    if (tensor->element != PICO_FLOAT16 && tensor->element != PICO_FLOAT32) {
        return fail(fault, PICO_E_ARGUMENT, "type of a pixel tensor", 0, tensor->element, PICO_FLOAT32);
    }
    return PICO_OK;
}

/* Rows [first, last] of the image have to be in the window. */
static pico_status check_window(const pico_rows *rows, uint32_t first, uint32_t last, pico_fault *fault) {
    if (first < rows->first_row)
        return fail(fault, PICO_E_ARGUMENT, "first row given", 0, rows->first_row, first);
    if ((uint64_t)rows->first_row + rows->rows <= last) {
        return fail(fault, PICO_E_ARGUMENT, "last row given", 0, (int64_t)rows->first_row + rows->rows - 1,
                    last);
    }
    return PICO_OK;
}

static uint8_t *row_of(const pico_rows *rows, uint32_t row) {
    return rows->data + (ptrdiff_t)(row - rows->first_row) * rows->stride;
}

static void store_repeated(const pico_model *model, const pico_tensor *tensor, uint8_t *at, uint32_t count,
                           uint8_t value) {
    for (uint32_t j = 0; j < count; j++, at += tensor->column) {
        if (tensor->element == PICO_FLOAT32) {
            store_u32(at, model->pixel_f32[value]);
        } else {
            store_u16(at, model->pixel_f16[value]);
        }
    }
}

/* How samples of a row are passed to kernels: each channel, or, where a tensor has them side by side as
 * pixels do, all at once. */
typedef struct run_of_samples {
    uint32_t channels; /* to be passed one by one */
    uint32_t each;     /* samples of a pixel in each */
    size_t apart;      /* bytes in the pixels */
    ptrdiff_t step;    /* and in the tensor */
} run_of_samples;

static run_of_samples run_of(const pico_tensor *tensor) {
    const ptrdiff_t size = tensor->element == PICO_FLOAT32 ? 4 : 2;
    if (tensor->channel == size && tensor->column == 3 * size) return (run_of_samples){1, 3, 1, size};
    return (run_of_samples){3, 1, 3, tensor->column};
}

/* One tile row: the part inside the image, and its ends repeated outside. */
static void load_row(const pico_model *model, const pico_grid *grid, const tile_place *place,
                     const uint8_t *row, const pico_tensor *out, uint8_t *at) {
    uint32_t before = place->left < 0 ? (uint32_t)-place->left : 0; /* at most the border, since tiles begin
    inside */
    uint32_t from = clamp_to(place->left, grid->width);
    uint32_t inside = grid->width - from < place->side - before ? grid->width - from : place->side - before;
    uint32_t after = place->side - before - inside;
    uint8_t *first = at + (ptrdiff_t)before * out->column, *last = first + (ptrdiff_t)inside * out->column;
    for (uint32_t c = 0; c < 3; c++) {
        const ptrdiff_t channel = (ptrdiff_t)c * out->channel;
        store_repeated(model, out, at + channel, before, row[c]);
        store_repeated(model, out, last + channel, after, row[3 * (size_t)(grid->width - 1) + c]);
    }
    const run_of_samples run = run_of(out);
    const uint8_t *pixels = row + 3 * (size_t)from;
    for (uint32_t c = 0; c < run.channels; c++, pixels++, first += out->channel) {
        const size_t n = (size_t)inside * run.each;
        if (out->element == PICO_FLOAT32) {
            model->kernels->pixels_in_f32(model->pixel_f32, pixels, run.apart, n, first, run.step);
        } else {
            model->kernels->pixels_in_f16(model->pixel_f16, pixels, run.apart, n, first, run.step);
        }
    }
}

pico_status pico_tile_from_pixels(const pico_model *model, const pico_grid *grid, uint32_t tile,
                                  const pico_rows *source, const pico_tensor *out, pico_fault *fault) {
    pico_status status = check_arguments(model, grid, tile, source, out, fault);
    if (status != PICO_OK) return status;
    const tile_place place = place_of(grid, tile);
    status = check_window(source, clamp_to(place.top, grid->height),
                          clamp_to(place.top + place.side - 1, grid->height), fault);
    if (status != PICO_OK) return status;
    for (uint32_t i = 0; i < place.side; i++) {
        const uint8_t *row = row_of(source, clamp_to(place.top + i, grid->height));
        load_row(model, grid, &place, row, out, (uint8_t *)out->data + (ptrdiff_t)i * out->row);
    }
    return PICO_OK;
}

pico_status pico_tile_to_pixels(const pico_model *model, const pico_grid *grid, uint32_t tile,
                                const pico_tensor *in, const pico_rows *target, uint64_t *nan_count,
                                pico_fault *fault) {
    pico_status status = check_arguments(model, grid, tile, target, in, fault);
    if (status != PICO_OK) return status;
    if (nan_count == NULL) return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    const uint32_t left = tile % grid->columns * grid->payload, top = tile / grid->columns * grid->payload;
    const uint32_t width = grid->width - left < grid->payload ? grid->width - left : grid->payload;
    const uint32_t height = grid->height - top < grid->payload ? grid->height - top : grid->payload;
    status = check_window(target, top, top + height - 1, fault);
    if (status != PICO_OK) return status;
    const run_of_samples run = run_of(in);
    const size_t n = (size_t)width * run.each;
    uint64_t nans = 0;
    for (uint32_t i = 0; i < height; i++) {
        uint8_t *row = row_of(target, top + i) + 3 * (size_t)left;
        const uint8_t *at = (const uint8_t *)in->data + (ptrdiff_t)(i + grid->border) * in->row +
                            (ptrdiff_t)grid->border * in->column;
        for (uint32_t c = 0; c < run.channels; c++, row++, at += in->channel) {
            nans += in->element == PICO_FLOAT32
                        ? model->kernels->pixels_out_f32(at, run.step, n, row, run.apart)
                        : model->kernels->pixels_out_f16(at, run.step, n, row, run.apart);
        }
    }
    *nan_count = nans;
    return PICO_OK;
}
