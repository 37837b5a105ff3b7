#include "symbols.h"

#include "bytes.h"
#include "native.h"

static ptrdiff_t element_size(pico_element element) {
    return element == PICO_INT8 ? 1 : element == PICO_FLOAT16 ? 2 : 4;
}

static size_t plane_size(const plane_shape *shape) {
    return (size_t)shape->channels * shape->side * shape->side;
}

static int is_whole(const plane_shape *shape) {
    return shape->valid.rows == shape->side && shape->valid.columns == shape->side;
}

static int row_is_packed(const pico_tensor *tensor) {
    return tensor->column == element_size(tensor->element);
}

static int is_packed(const pico_tensor *tensor, const plane_shape *shape) {
    const ptrdiff_t row = element_size(tensor->element) * (ptrdiff_t)shape->side;
    return row_is_packed(tensor) && tensor->row == row && tensor->channel == row * (ptrdiff_t)shape->side;
}

int8_t *packed_symbols(const pico_tensor *tensor, const plane_shape *shape) {
    return tensor->element == PICO_INT8 && is_packed(tensor, shape) ? tensor->data : NULL;
}

static uint8_t *row_at(const pico_tensor *tensor, size_t channel, size_t row) {
    return (uint8_t *)tensor->data + (ptrdiff_t)channel * tensor->channel + (ptrdiff_t)row * tensor->row;
}

/* Channels last, as TFLite has them. */
static int channels_are_packed(const pico_tensor *tensor) {
    return tensor->channel == element_size(tensor->element) && !row_is_packed(tensor);
}

/* ---- Channels last: a few channels of a few columns at a time, in a block of bytes ---- */

enum { COLUMNS = 8, CHANNELS = 128 };

/* 8 x 8 bytes: first those of neighbours are swapped across the diagonal, then pairs, then fours. */
static void transpose_eight(const int8_t *from, size_t from_step, int8_t *to, size_t to_step) {
    uint64_t row[8];
    for (size_t r = 0; r < 8; r++) row[r] = read_u64((const uint8_t *)from + r * from_step);
    for (uint32_t distance = 1; distance <= 4; distance *= 2) {
        const uint32_t bits = 8 * distance;
        const uint64_t lower = UINT64_MAX / ((UINT64_C(1) << bits) + 1); /* every other run of so many bits */
        for (size_t r = 0; r < 8; r++) {
            if ((r & distance) != 0) continue;
            const uint64_t swap = (row[r] >> bits ^ row[r + distance]) & lower;
            row[r] ^= swap << bits;
            row[r + distance] ^= swap;
        }
    }
    for (size_t c = 0; c < 8; c++) write_u64((uint8_t *)to + c * to_step, row[c]);
}

static void transpose(const int8_t *from, size_t from_step, size_t height, size_t width, int8_t *to,
                      size_t to_step) {
    for (size_t first = 0; first < height; first += 8) {
        const size_t end = height - first < 8 ? height : first + 8;
        size_t x = 0;
        for (; end - first == 8 && width - x >= 8; x += 8)
            transpose_eight(from + first * from_step + x, from_step, to + x * to_step + first, to_step);
        for (; x < width; x++) {
            for (size_t y = first; y < end; y++) to[x * to_step + y] = from[y * from_step + x];
        }
    }
}

static size_t at_most(size_t n, size_t limit) {
    return n < limit ? n : limit;
}

/* ---- In ---- */

int symbols_in_range(const int8_t *v, size_t n, uint32_t bound) {
    /* A bound is at most 127. Raised by it, modulo 256, a symbol outside is more than twice the bound, and
     * one inside is not: bytes compared with bytes, which compilers turn into vectors. */
    uint8_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t raised = (uint8_t)((uint32_t)(uint8_t)v[i] + bound);
        largest = raised > largest ? raised : largest;
    }
    return largest <= 2 * bound;
}

static int load_packed(const pico_kernels *kernels, pico_element element, const uint8_t *at, size_t n,
                       uint32_t max, int8_t *out) {
    switch (element) {
    case PICO_INT8: copy_bytes(out, at, n); return symbols_in_range(out, n, max);
    case PICO_FLOAT16: return kernels->symbols_in_f16(at, n, max, out);
    default: return kernels->symbols_in_f32(at, n, max, out);
    }
}

static int32_t load_one(pico_element element, const uint8_t *at) {
    switch (element) {
    case PICO_INT8: return *at < 128 ? (int32_t)*at : (int32_t)*at - 256;
    case PICO_FLOAT16: return integer_from_float(FLOAT16, load_u16(at));
    default: return integer_from_float(FLOAT32, load_u32(at));
    }
}

static int load_strided(const pico_tensor *tensor, const uint8_t *at, size_t n, int32_t max, int8_t *out) {
    int good = 1;
    for (size_t j = 0; j < n; j++, at += tensor->column) {
        const int32_t v = load_one(tensor->element, at);
        good &= v >= -max && v <= max;
        out[j] = (int8_t)v;
    }
    return good;
}

static int load_channels_last(const pico_kernels *kernels, const pico_tensor *tensor,
                              const plane_shape *shape, int8_t *out) {
    const size_t side = shape->side, plane = side * side;
    int good = 1;
    for (size_t c = 0; c < shape->channels; c += CHANNELS) {
        const size_t channels = at_most(shape->channels - c, CHANNELS);
        for (size_t i = 0; i < side; i++) {
            const uint8_t *at = row_at(tensor, c, i);
            for (size_t j = 0; j < side; j += COLUMNS) {
                const size_t columns = at_most(side - j, COLUMNS);
                int8_t block[COLUMNS][CHANNELS];
                for (size_t k = 0; k < columns; k++, at += tensor->column)
                    good &= load_packed(kernels, tensor->element, at, channels, shape->max, block[k]);
                transpose(block[0], CHANNELS, columns, channels, out + c * plane + i * side + j, plane);
            }
        }
    }
    return good;
}

static int load_plane(const pico_kernels *kernels, const pico_tensor *tensor, const plane_shape *shape,
                      int8_t *out) {
    const size_t side = shape->side;
    if (is_packed(tensor, shape))
        return load_packed(kernels, tensor->element, tensor->data, plane_size(shape), shape->max, out);
    if (channels_are_packed(tensor)) return load_channels_last(kernels, tensor, shape, out);
    int good = 1;
    for (size_t row = 0; row < shape->channels * side; row++, out += side) {
        const uint8_t *at = row_at(tensor, row / side, row % side);
        good &= row_is_packed(tensor) ? load_packed(kernels, tensor->element, at, side, shape->max, out)
                                      : load_strided(tensor, at, side, (int32_t)shape->max, out);
    }
    return good;
}

/* Whether everything that is void is 0. */
static int void_is_zero(const plane_shape *shape, const int8_t *plane) {
    const size_t side = shape->side, columns = shape->valid.columns;
    uint8_t any = 0;
    for (size_t row = 0; row < shape->channels * side; row++, plane += side) {
        for (size_t j = row % side < shape->valid.rows ? columns : 0; j < side; j++) {
            any = (uint8_t)(any | (uint8_t)plane[j]);
        }
    }
    return any == 0;
}

/* What is wrong with the first symbol that cannot be coded. */
static pico_status refuse(const pico_tensor *tensor, const plane_shape *shape, pico_fault *fault) {
    const int32_t max = (int32_t)shape->max;
    for (uint32_t c = 0; c < shape->channels; c++) {
        for (uint32_t i = 0; i < shape->side; i++) {
            const uint8_t *at = row_at(tensor, c, i);
            for (uint32_t j = 0; j < shape->side; j++, at += tensor->column) {
                const int32_t v = load_one(tensor->element, at);
                if (v == NOT_AN_INTEGER)
                    return fail(fault, PICO_E_SYMBOL_NOT_INTEGER, "fraction or NaN in channel", c, 0, 0);
                if (v < -max || v > max)
                    return fail(fault, PICO_E_SYMBOL_OUT_OF_RANGE, "symbol in channel", c, v, max);
                if (v != 0 && (i >= shape->valid.rows || j >= shape->valid.columns))
                    return fail(fault, PICO_E_SYMBOL_IN_VOID, "void element in channel", c, v, 0);
            }
        }
    }
    return fail(fault, PICO_E_ARGUMENT, "symbols that change while they are read", 0, 0, 0);
}

pico_status load_symbols(const pico_kernels *kernels, const pico_tensor *tensor, const plane_shape *shape,
                         int8_t *buffer, const int8_t **plane, pico_fault *fault) {
    const int8_t *packed = packed_symbols(tensor, shape);
    *plane = packed != NULL ? packed : buffer;
    const int good = packed != NULL ? symbols_in_range(packed, plane_size(shape), shape->max)
                                    : load_plane(kernels, tensor, shape, buffer);
    if (!good || (!is_whole(shape) && !void_is_zero(shape, *plane))) return refuse(tensor, shape, fault);
    return PICO_OK;
}

const uint8_t *gather_index(const plane_shape *shape, const uint8_t *plane, uint8_t *buffer) {
    if (is_whole(shape)) return plane;
    uint8_t *packed = buffer;
    for (uint32_t c = 0; c < shape->channels; c++) {
        for (uint32_t i = 0; i < shape->valid.rows; i++) {
            copy_bytes(packed, plane + ((size_t)c * shape->side + i) * shape->side, shape->valid.columns);
            packed += shape->valid.columns;
        }
    }
    return buffer;
}

const int8_t *gather_symbols(const plane_shape *shape, const int8_t *plane, int8_t *buffer) {
    return (const int8_t *)gather_index(shape, (const uint8_t *)plane, (uint8_t *)buffer);
}

/* ---- Out ---- */

int8_t *packed_target(const plane_shape *shape, int8_t *plane, int8_t *buffer) {
    return is_whole(shape) ? plane : buffer;
}

void scatter_symbols(const plane_shape *shape, const int8_t *packed, int8_t *plane) {
    if (is_whole(shape)) return; /* they are there */
    fill_bytes(plane, 0, plane_size(shape));
    for (uint32_t c = 0; c < shape->channels; c++) {
        for (uint32_t i = 0; i < shape->valid.rows; i++) {
            copy_bytes(plane + ((size_t)c * shape->side + i) * shape->side, packed, shape->valid.columns);
            packed += shape->valid.columns;
        }
    }
}

static void store_packed(const pico_model *model, pico_element element, const int8_t *from, size_t n,
                         uint8_t *at) {
    switch (element) {
    case PICO_INT8: copy_bytes(at, from, n); break;
    case PICO_FLOAT16: model->kernels->symbols_out_f16(model->symbol_f16, from, n, at); break;
    default: model->kernels->symbols_out_f32(model->symbol_f32, from, n, at);
    }
}

static void store_channels_last(const pico_model *model, const pico_tensor *tensor, const plane_shape *shape,
                                const int8_t *from) {
    const size_t side = shape->side, plane = side * side;
    for (size_t c = 0; c < shape->channels; c += CHANNELS) {
        const size_t channels = at_most(shape->channels - c, CHANNELS);
        for (size_t i = 0; i < side; i++) {
            uint8_t *at = row_at(tensor, c, i);
            for (size_t j = 0; j < side; j += COLUMNS) {
                const size_t columns = at_most(side - j, COLUMNS);
                int8_t block[COLUMNS][CHANNELS];
                transpose(from + c * plane + i * side + j, plane, channels, columns, block[0], CHANNELS);
                for (size_t k = 0; k < columns; k++, at += tensor->column)
                    store_packed(model, tensor->element, block[k], channels, at);
            }
        }
    }
}

void store_symbols(const pico_model *model, const pico_tensor *tensor, const plane_shape *shape,
                   const int8_t *plane) {
    const size_t side = shape->side;
    if (plane == tensor->data) return;
    if (is_packed(tensor, shape)) {
        store_packed(model, tensor->element, plane, plane_size(shape), tensor->data);
        return;
    }
    if (channels_are_packed(tensor)) {
        store_channels_last(model, tensor, shape, plane);
        return;
    }
    for (size_t row = 0; row < shape->channels * side; row++, plane += side) {
        uint8_t *at = row_at(tensor, row / side, row % side);
        if (row_is_packed(tensor)) {
            store_packed(model, tensor->element, plane, side, at);
            continue;
        }
        for (size_t j = 0; j < side; j++, at += tensor->column)
            store_packed(model, tensor->element, plane + j, 1, at);
    }
}
