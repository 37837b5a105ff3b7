/* The integer network, NEON: pixels widened to int16, each multiplied by a weight out of a lane and added to
 * an int32: the instruction for bytes has no form for unsigned times signed. */
#include "network.h"

#ifdef PICO_NEON

enum {
    TAPS = 8, /* weights in a register */
    MAX_DEPTHWISE_SIDE = 64
};

/* Sixteen pixels. */
typedef struct wide_pixels {
    int16x8_t low, high;
} wide_pixels;

SPECIALISED wide_pixels widen(uint8x16_t v, int is_signed) {
    if (is_signed) {
        const int8x16_t s = vreinterpretq_s8_u8(v);
        return (wide_pixels){vmovl_s8(vget_low_s8(s)), vmovl_high_s8(s)};
    }
    return (wide_pixels){vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(v))),
                         vreinterpretq_s16_u16(vmovl_high_u8(v))};
}

/* A macro, because the number of a lane has to be a constant. */
#define ADD_PRODUCTS(sums, x, weights, lane)                                                                 \
    do {                                                                                                     \
        (sums)->part[0] = vmlal_laneq_s16((sums)->part[0], vget_low_s16((x).low), weights, lane);            \
        (sums)->part[1] = vmlal_high_laneq_s16((sums)->part[1], (x).low, weights, lane);                     \
        (sums)->part[2] = vmlal_laneq_s16((sums)->part[2], vget_low_s16((x).high), weights, lane);           \
        (sums)->part[3] = vmlal_high_laneq_s16((sums)->part[3], (x).high, weights, lane);                    \
    } while (0)

/* Eight weights, of which `count` exist; the others are 0. */
static inline int16x8_t load_some_weights(const int8_t *weight, size_t count) {
    int8_t some[TAPS] = {0};
    copy_bytes(some, weight, count);
    return vmovl_s8(vld1_s8(some));
}

/* Eight inputs into the sums of every output. */
SPECIALISED void add_inputs(block *sums, const wide_pixels *x, const int16x8_t *w, const size_t outputs) {
#define TAP(lane)                                                                                            \
    for (size_t q = 0; q < outputs; q++) ADD_PRODUCTS(&sums[q], x[lane], w[q], lane);
    TAP(0) TAP(1) TAP(2) TAP(3) TAP(4) TAP(5) TAP(6) TAP(7)
#undef TAP
}

/* `outputs` rows of one block of pixels; the pixels of inputs that make up the last eight are 0. */
SPECIALISED void pointwise_outputs(const network_layer *layer, const int32_t *bias, const wide_pixels *x,
                                   size_t o, const size_t outputs, uint8_t *out, size_t count) {
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    const int8_t *weight = layer->weight + o * inputs;
    int16x8_t w[OUTPUTS];
    block sums[OUTPUTS];
    for (size_t q = 0; q < outputs; q++) sums[q] = nothing();
    size_t i = 0;
    for (; inputs - i >= TAPS; i += TAPS) {
        for (size_t q = 0; q < outputs; q++) w[q] = vmovl_s8(vld1_s8(weight + q * inputs + i));
        add_inputs(sums, x + i, w, outputs);
    }
    if (i < inputs) {
        for (size_t q = 0; q < outputs; q++) w[q] = load_some_weights(weight + q * inputs + i, inputs - i);
        add_inputs(sums, x + i, w, outputs);
    }
    for (size_t q = 0; q < outputs; q++) {
        store_some(out + q * pixels, count,
                   requantise(layer, &sums[q], layer->multiplier[o + q], bias[o + q]));
    }
}

SPECIALISED void pointwise(const network_layer *given, const int32_t *bias, const uint8_t *in, uint8_t *out,
                           int is_signed) {
    const network_layer copy = *given, *layer = &copy; /* which no store of a byte can alias */
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    wide_pixels x[MAX_INPUTS];
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const size_t count = pixels - first;
        for (size_t i = 0; i < inputs; i++)
            x[i] = widen(load_some(in + i * pixels + first, count), is_signed);
        for (size_t i = inputs; i % TAPS != 0; i++) x[i] = widen(vdupq_n_u8(0), is_signed);
        size_t o = 0;
        for (; layer->outputs - o >= OUTPUTS; o += OUTPUTS) {
            pointwise_outputs(layer, bias, x, o, OUTPUTS, out + o * pixels + first, count);
        }
        for (; o < layer->outputs; o++) {
            pointwise_outputs(layer, bias, x, o, 1, out + o * pixels + first, count);
        }
    }
}

/* Sixteen pixels of a row; `at` is the tap at the top left of the first one. */
static inline block sums_of_window(const uint8_t *at, size_t stride, const int8_t *weight, int is_signed) {
    const int16x8_t first = vmovl_s8(vld1_s8(weight)), last = vdupq_n_s16(weight[TAPS]);
    block sums = nothing();
#define TAP(tap, weights, lane)                                                                              \
    ADD_PRODUCTS(&sums, widen(vld1q_u8(at + tap / 3 * stride + tap % 3), is_signed), weights, lane)
    TAP(0, first, 0);
    TAP(1, first, 1);
    TAP(2, first, 2);
    TAP(3, first, 3);
    TAP(4, first, 4);
    TAP(5, first, 5);
    TAP(6, first, 6);
    TAP(7, first, 7);
    TAP(8, last, 0);
#undef TAP
    return sums;
}

SPECIALISED void depthwise(const network_layer *given, const int32_t *bias, const uint8_t *in, uint8_t *out,
                           int is_signed) {
    const network_layer copy = *given, *layer = &copy;
    const size_t side = layer->side, pixels = side * side, stride = side + 2;
    const uint8_t *const end = out + layer->outputs * pixels;
    /* A plane in a rim of zeros, so that every tap is one load. */
    uint8_t plane[(MAX_DEPTHWISE_SIDE + 2) * (MAX_DEPTHWISE_SIDE + 2) + BLOCK];
    fill_bytes(plane, 0, sizeof plane);
    for (size_t c = 0; c < layer->outputs; c++) {
        for (size_t row = 0; row < side; row++) {
            copy_bytes(plane + (row + 1) * stride + 1, in + c * pixels + row * side, side);
        }
        for (size_t row = 0; row < side; row++) {
            for (size_t column = 0; column < side; column += BLOCK) {
                const block sums =
                    sums_of_window(plane + row * stride + column, stride, layer->weight + 9 * c, is_signed);
                /* What is written past the row is overwritten by the next one. */
                uint8_t *to = out + c * pixels + row * side + column;
                store_some(to, (size_t)(end - to), requantise(layer, &sums, layer->multiplier[c], bias[c]));
            }
        }
    }
}

static int is_suitable(const network_layer *layer) {
    if (!is_narrow(layer)) return 0;
    return layer->depthwise ? layer->side <= MAX_DEPTHWISE_SIDE : layer->inputs <= MAX_INPUTS;
}

void neon_pointwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, (const uint8_t *)in, out, 1);
    } else {
        scalar_pointwise_first(layer, bias, in, out);
    }
}

void neon_pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, in, out, 0);
    } else {
        scalar_pointwise(layer, bias, in, out);
    }
}

void neon_depthwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        depthwise(layer, bias, (const uint8_t *)in, out, 1);
    } else {
        scalar_depthwise_first(layer, bias, in, out);
    }
}

void neon_depthwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        depthwise(layer, bias, in, out, 0);
    } else {
        scalar_depthwise(layer, bias, in, out);
    }
}

#endif
