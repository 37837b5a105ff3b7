/* What a loaded model does beside coding: the integer network, whole and layer by layer, and pixels. For
 * benchmarks/network.py and benchmarks/pixels.py. */
#include "model.h"
#include "pico_cpu.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT uint32_t bench_cpu(void) {
    return pico_cpu_detect();
}

EXPORT size_t bench_model_size(const uint8_t *entropy_bin, size_t size) {
    size_t memory = 0;
    return pico_model_memory(entropy_bin, size, &memory, NULL) == PICO_OK ? memory : 0;
}

EXPORT const pico_model *bench_model(const uint8_t *entropy_bin, size_t size, uint32_t cpu_flags,
                                     uint8_t *memory, size_t memory_size) {
    const pico_model *model = NULL;
    pico_model_init(entropy_bin, size, cpu_flags, memory, memory_size, &model, NULL);
    return model;
}

EXPORT size_t bench_activation_size(const pico_model *model) {
    return model->activation_size;
}

/* `z` and `index` of several tiles, packed; `buffer` of two activations. */
EXPORT void bench_network(const pico_model *model, uint32_t level, uint32_t tiles, const int8_t *z,
                          uint8_t *index, uint8_t *buffer) {
    for (uint32_t tile = 0; tile < tiles; tile++) {
        network_run(model, level, z + tile * z_elements(model), index + tile * y_elements(model), buffer);
    }
}

/* One layer without its upsampling, on whatever `in` holds. */
EXPORT void bench_layer(const pico_model *model, uint32_t number, uint32_t tiles, const uint8_t *in,
                        uint8_t *out) {
    const network_layer *layer = &model->layer[number];
    const pico_kernels *kernels = model->kernels;
    for (uint32_t tile = 0; tile < tiles; tile++) {
        if (number == 0) {
            kernels->pointwise_first(layer, layer->bias, (const int8_t *)in, out);
        } else if (layer->depthwise) {
            kernels->depthwise(layer, layer->bias, in, out);
        } else {
            kernels->pointwise(layer, layer->bias, in, out);
        }
    }
}

EXPORT void bench_upsample(const pico_model *model, uint32_t number, uint32_t tiles, const uint8_t *in,
                           uint8_t *out) {
    for (uint32_t tile = 0; tile < tiles; tile++) {
        model->kernels->upsample(&model->layer[number], in, out);
    }
}

static pico_tensor tile_of(const pico_model *model, uint32_t element, int channels_last, uint8_t *data) {
    const ptrdiff_t size = element == PICO_FLOAT32 ? 4 : 2, side = (ptrdiff_t)model->info.tile;
    if (channels_last) return (pico_tensor){data, (pico_element)element, size, 3 * side * size, 3 * size};
    return (pico_tensor){data, (pico_element)element, side * side * size, side * size, size};
}

/* Every tile of an image cut out into one tensor, which the next one overwrites: float16 or float32, packed. */
EXPORT int bench_from_pixels(const pico_model *model, uint32_t width, uint32_t height, uint32_t element,
                             int channels_last, uint8_t *pixels, uint8_t *tensor) {
    pico_grid grid;
    pico_status status = pico_grid_init(model, width, height, &grid, NULL);
    const pico_rows rows = {pixels, 0, height, 3 * (ptrdiff_t)width};
    const pico_tensor tile = tile_of(model, element, channels_last, tensor);
    for (uint32_t i = 0; status == PICO_OK && i < grid.tiles; i++) {
        status = pico_tile_from_pixels(model, &grid, i, &rows, &tile, NULL);
    }
    return status == PICO_OK;
}

/* One tensor written as every tile of an image. */
EXPORT int bench_to_pixels(const pico_model *model, uint32_t width, uint32_t height, uint32_t element,
                           int channels_last, uint8_t *pixels, uint8_t *tensor) {
    pico_grid grid;
    pico_status status = pico_grid_init(model, width, height, &grid, NULL);
    const pico_rows rows = {pixels, 0, height, 3 * (ptrdiff_t)width};
    const pico_tensor tile = tile_of(model, element, channels_last, tensor);
    uint64_t nans = 0;
    for (uint32_t i = 0; status == PICO_OK && i < grid.tiles; i++) {
        status = pico_tile_to_pixels(model, &grid, i, &tile, &rows, &nans, NULL);
    }
    return status == PICO_OK;
}
