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

/* ---- In ---- */

int symbols_in_range(const int8_t *v, size_t n, uint32_t bound) {
    /* A bound is at most 127. Raised by it, modulo 256, a symbol outside is more than twice the bound, and one
     * inside is not: bytes compared with bytes, which compilers turn into vectors. */
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

static int load_plane(const pico_kernels *kernels, const pico_tensor *tensor, const plane_shape *shape,
                      int8_t *out) {
    const size_t side = shape->side;
    if (is_packed(tensor, shape))
        return load_packed(kernels, tensor->element, tensor->data, plane_size(shape), shape->max, out);
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

void store_symbols(const pico_model *model, const pico_tensor *tensor, const plane_shape *shape,
                   const int8_t *plane) {
    const size_t side = shape->side;
    if (plane == tensor->data) return;
    if (is_packed(tensor, shape)) {
        store_packed(model, tensor->element, plane, plane_size(shape), tensor->data);
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
