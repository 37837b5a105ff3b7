#include "symbols.h"

#include "bytes.h"
#include "native.h"

static int32_t load_one(pico_element element, const uint8_t *at) {
    switch (element) {
    case PICO_INT8: return *at < 128 ? (int32_t)*at : (int32_t)*at - 256;
    case PICO_FLOAT16: return integer_from_float(FLOAT16, load_u16(at));
    default: return integer_from_float(FLOAT32, load_u32(at));
    }
}

static pico_status refuse(int32_t v, uint32_t channel, uint32_t max, pico_fault *fault) {
    if (v == NOT_AN_INTEGER)
        return fail(fault, PICO_E_SYMBOL_NOT_INTEGER, "fraction or NaN in channel", channel, 0, 0);
    return fail(fault, PICO_E_SYMBOL_OUT_OF_RANGE, "symbol in channel", channel, v, max);
}

pico_status load_symbols(const pico_tensor *tensor, const plane_shape *shape, int8_t *out,
                         pico_fault *fault) {
    const int32_t max = (int32_t)shape->max;
    for (uint32_t c = 0; c < shape->channels; c++) {
        for (uint32_t i = 0; i < shape->side; i++) {
            const uint8_t *at =
                (const uint8_t *)tensor->data + (ptrdiff_t)c * tensor->channel + (ptrdiff_t)i * tensor->row;
            for (uint32_t j = 0; j < shape->side; j++, at += tensor->column) {
                int32_t v = load_one(tensor->element, at);
                if (v < -max || v > max) return refuse(v, c, shape->max, fault);
                if (v != 0 && (i >= shape->valid.rows || j >= shape->valid.columns)) {
                    return fail(fault, PICO_E_SYMBOL_IN_VOID, "void element in channel", c, v, 0);
                }
                *out++ = (int8_t)v;
            }
        }
    }
    return PICO_OK;
}

static int is_whole(const plane_shape *shape) {
    return shape->valid.rows == shape->side && shape->valid.columns == shape->side;
}

void gather_valid_index(const plane_shape *shape, const uint8_t *plane, uint8_t *packed) {
    if (is_whole(shape)) {
        copy_bytes(packed, plane, valid_count(shape));
        return;
    }
    for (uint32_t c = 0; c < shape->channels; c++) {
        for (uint32_t i = 0; i < shape->valid.rows; i++) {
            copy_bytes(packed, plane + ((size_t)c * shape->side + i) * shape->side, shape->valid.columns);
            packed += shape->valid.columns;
        }
    }
}

void gather_valid(const plane_shape *shape, const int8_t *plane, int8_t *packed) {
    gather_valid_index(shape, (const uint8_t *)plane, (uint8_t *)packed);
}

void scatter_valid(const plane_shape *shape, const int8_t *packed, int8_t *plane) {
    if (is_whole(shape)) {
        copy_bytes(plane, packed, valid_count(shape));
        return;
    }
    fill_bytes(plane, 0, (size_t)shape->channels * shape->side * shape->side);
    for (uint32_t c = 0; c < shape->channels; c++) {
        for (uint32_t i = 0; i < shape->valid.rows; i++) {
            copy_bytes(plane + ((size_t)c * shape->side + i) * shape->side, packed, shape->valid.columns);
            packed += shape->valid.columns;
        }
    }
}

void store_symbols(const pico_model *model, const pico_tensor *tensor, const plane_shape *shape,
                   const int8_t *plane) {
    for (uint32_t c = 0; c < shape->channels; c++) {
        for (uint32_t i = 0; i < shape->side; i++, plane += shape->side) {
            uint8_t *at =
                (uint8_t *)tensor->data + (ptrdiff_t)c * tensor->channel + (ptrdiff_t)i * tensor->row;
            switch (tensor->element) {
            case PICO_INT8:
                for (uint32_t j = 0; j < shape->side; j++, at += tensor->column) *at = (uint8_t)plane[j];
                break;
            case PICO_FLOAT16:
                for (uint32_t j = 0; j < shape->side; j++, at += tensor->column) {
                    store_u16(at, model->symbol_f16[(uint8_t)plane[j]]);
                }
                break;
            default:
                for (uint32_t j = 0; j < shape->side; j++, at += tensor->column) {
                    store_u32(at, model->symbol_f32[(uint8_t)plane[j]]);
                }
            }
        }
    }
}
