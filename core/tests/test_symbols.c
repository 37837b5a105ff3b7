/* Tensors of every layout to packed symbols and back, against one element at a time. */
#include "native.h"
#include "pico_cpu.h"
#include "symbols.h"
#include "test.h"

enum { MARGIN = 3 }; /* elements that lie between two rows and are not the tensor's */

typedef enum layout { CHANNELS_FIRST, CHANNELS_LAST, CHANNELS_LAST_APART, REVERSED, LAYOUTS } layout;

static pico_tensor tensor_of(uint8_t *memory, pico_element element, layout kind, uint32_t channels,
                             uint32_t side) {
    const ptrdiff_t size = element == PICO_INT8 ? 1 : element == PICO_FLOAT16 ? 2 : 4;
    const ptrdiff_t n = (ptrdiff_t)side, c = (ptrdiff_t)channels;
    switch (kind) {
    case CHANNELS_FIRST: return (pico_tensor){memory, element, n * n * size, n * size, size};
    case CHANNELS_LAST: return (pico_tensor){memory, element, size, n * c * size, c * size};
    case CHANNELS_LAST_APART:
        return (pico_tensor){memory, element, size, (n * (c + MARGIN) + MARGIN) * size, (c + MARGIN) * size};
    default: return (pico_tensor){memory + (n * n * c - 1) * size, element, -n * n * size, -n * size, -size};
    }
}

static size_t bytes_of(uint32_t channels, uint32_t side) {
    return 4 * (size_t)side * ((size_t)side * (channels + MARGIN) + MARGIN);
}

static uint8_t *element_at(const pico_tensor *tensor, size_t side, size_t i) {
    return (uint8_t *)tensor->data + (ptrdiff_t)(i / (side * side)) * tensor->channel +
           (ptrdiff_t)(i / side % side) * tensor->row + (ptrdiff_t)(i % side) * tensor->column;
}

static void put_element(const pico_tensor *tensor, uint8_t *at, int8_t v) {
    switch (tensor->element) {
    case PICO_INT8: *at = (uint8_t)v; break;
    case PICO_FLOAT16: store_u16(at, (uint16_t)float_from_integer(FLOAT16, v)); break;
    default: store_u32(at, float_from_integer(FLOAT32, v));
    }
}

static int same_both_ways(const pico_model *model, pico_element element, layout kind, uint32_t channels,
                          uint32_t side) {
    const plane_shape shape = {channels, side, {side, side}, 127};
    const size_t n = (size_t)channels * side * side, size = bytes_of(channels, side);
    uint32_t random = 7 + channels;
    uint8_t *expected = exactly(size), *stored = exactly(size);
    int8_t *symbols = exactly(n), *buffer = exactly(n);
    memset(expected, 0x55, size);
    memset(stored, 0x55, size);
    const pico_tensor from = tensor_of(expected, element, kind, channels, side);
    const pico_tensor to = tensor_of(stored, element, kind, channels, side);
    for (size_t i = 0; i < n; i++) {
        symbols[i] = (int8_t)(random_u32(&random) % 255 - 127);
        put_element(&from, element_at(&from, side, i), symbols[i]);
    }
    const int8_t *loaded = NULL;
    int same = load_symbols(model->kernels, &from, &shape, buffer, &loaded, NULL) == PICO_OK &&
               memcmp(loaded, symbols, n) == 0;
    store_symbols(model, &to, &shape, symbols);
    same = same && memcmp(stored, expected, size) == 0; /* and nothing between */
    put_element(&from, element_at(&from, side, n - 1), element == PICO_INT8 ? -128 : 0);
    if (element != PICO_INT8) element_at(&from, side, n - 1)[0] = 1; /* next to nothing, and no integer */
    pico_fault fault;
    same = same && load_symbols(model->kernels, &from, &shape, buffer, &loaded, &fault) != PICO_OK &&
           fault.index == channels - 1;
    free(expected);
    free(stored);
    free(symbols);
    free(buffer);
    return same;
}

static void every_layout_gives_the_same_symbols(void) {
    static const uint32_t shapes[][2] = {{1, 1},  {1, 9},  {3, 8},    {7, 7},    {8, 8},   {9, 5},
                                         {96, 8}, {65, 9}, {128, 16}, {131, 17}, {256, 3}, {300, 8}};
    pico_model model = {.kernels = NULL};
    for (uint32_t v = 0; v < 256; v++) {
        model.symbol_f32[v] = float_from_integer(FLOAT32, (int32_t)v - 256 * (v > 127));
        model.symbol_f16[v] = (uint16_t)float_from_integer(FLOAT16, (int32_t)v - 256 * (v > 127));
    }
    size_t count = 0;
    const kernel_set *sets = kernel_sets(&count);
    for (size_t s = 0; s < count; s++) {
        if ((sets[s].needs & ~pico_cpu_detect()) != 0) continue;
        model.kernels = &sets[s].kernels;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            for (int kind = 0; kind < LAYOUTS; kind++) {
                REQUIRE(same_both_ways(&model, PICO_INT8, (layout)kind, shapes[i][0], shapes[i][1]));
                REQUIRE(same_both_ways(&model, PICO_FLOAT16, (layout)kind, shapes[i][0], shapes[i][1]));
                REQUIRE(same_both_ways(&model, PICO_FLOAT32, (layout)kind, shapes[i][0], shapes[i][1]));
            }
        }
    }
}

const test_case symbol_tests[] = {
    {"every layout gives the same symbols", every_layout_gives_the_same_symbols},
    {NULL, NULL},
};
