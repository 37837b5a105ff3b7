/* Pointwise layers, NEON with the dot product: one instruction multiplies four channels of four pixels by four
 * weights, both signed, and adds to four int32. Later layers' bytes become signed by taking 128 off, which 128
 * times the sum of the weights makes up for; every sum is taken modulo 2^32, and the result fits. A 3x3 window
 * has nine taps, too few to be worth rearranging: depthwise layers are those of network.c. */
#include "network.h"

#ifdef PICO_NEON

enum { TAPS = 4, WEIGHTS = 16 /* in a register */ };

/* Four channels of sixteen pixels, a pixel's four side by side. */
typedef struct group {
    int8x16_t part[4];
} group;

NEON_DOT static inline group interleave(const uint8x16_t row[TAPS]) {
    const uint8x16x2_t even = vzipq_u8(row[0], row[2]), odd = vzipq_u8(row[1], row[3]);
    const uint8x16x2_t low = vzipq_u8(even.val[0], odd.val[0]), high = vzipq_u8(even.val[1], odd.val[1]);
    return (group){{vreinterpretq_s8_u8(low.val[0]), vreinterpretq_s8_u8(low.val[1]),
                    vreinterpretq_s8_u8(high.val[0]), vreinterpretq_s8_u8(high.val[1])}};
}

/* Sixteen weights, of which `count` exist; the others are 0. */
NEON_DOT static inline int8x16_t load_weights(const int8_t *weight, size_t count) {
    if (count >= WEIGHTS) return vld1q_s8(weight);
    int8_t some[WEIGHTS] = {0};
    copy_bytes(some, weight, count);
    return vld1q_s8(some);
}

/* `outputs` rows of one block of pixels; groups beyond the last are 0 up to the next sixteen channels. */
NEON_DOT static inline void pointwise_outputs(const network_layer *layer, const int32_t *bias,
                                              const group *packed, size_t o, const size_t outputs,
                                              int is_signed, uint8_t *out, size_t count) {
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    const int8_t *weight = layer->weight + o * inputs;
    block sums[OUTPUTS];
    int32x4_t weight_sum[OUTPUTS];
    for (size_t q = 0; q < outputs; q++) {
        sums[q] = nothing();
        weight_sum[q] = vdupq_n_s32(0);
    }
    for (size_t i = 0; i < inputs; i += WEIGHTS) {
        const group *x = packed + i / TAPS;
        int8x16_t w[OUTPUTS];
        for (size_t q = 0; q < outputs; q++) {
            w[q] = load_weights(weight + q * inputs + i, inputs - i);
            if (!is_signed) weight_sum[q] = vdotq_s32(weight_sum[q], w[q], vdupq_n_s8(1));
        }
#define GROUP(lane)                                                                                          \
    for (int part = 0; part < 4; part++) {                                                                   \
        for (size_t q = 0; q < outputs; q++) {                                                               \
            sums[q].part[part] = vdotq_laneq_s32(sums[q].part[part], x[lane].part[part], w[q], lane);        \
        }                                                                                                    \
    }
        GROUP(0) GROUP(1) GROUP(2) GROUP(3)
#undef GROUP
    }
    for (size_t q = 0; q < outputs; q++) {
        const int32_t multiplier = layer->multiplier[o + q];
        const uint32_t offset = 128u * (uint32_t)vaddvq_s32(weight_sum[q]) * (uint32_t)multiplier;
        const int32_t corrected = (int32_t)((uint32_t)bias[o + q] + offset);
        store_some(out + q * pixels, count, requantise(layer, &sums[q], multiplier, corrected));
    }
}

NEON_DOT static inline void pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                                      uint8_t *out, int is_signed) {
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    const uint8x16_t flip = vdupq_n_u8(is_signed ? 0 : 0x80);
    group packed[MAX_INPUTS / TAPS];
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const size_t count = pixels - first;
        for (size_t i = 0; i < inputs || i % WEIGHTS != 0; i += TAPS) {
            uint8x16_t row[TAPS];
            for (size_t j = 0; j < TAPS; j++) {
                row[j] = i + j < inputs ? veorq_u8(load_some(in + (i + j) * pixels + first, count), flip)
                                        : vdupq_n_u8(0);
            }
            packed[i / TAPS] = interleave(row);
        }
        size_t o = 0;
        for (; layer->outputs - o >= OUTPUTS; o += OUTPUTS) {
            pointwise_outputs(layer, bias, packed, o, OUTPUTS, is_signed, out + o * pixels + first, count);
        }
        for (; o < layer->outputs; o++) {
            pointwise_outputs(layer, bias, packed, o, 1, is_signed, out + o * pixels + first, count);
        }
    }
}

static int is_suitable(const network_layer *layer) {
    return !layer->wide && layer->inputs <= MAX_INPUTS;
}

NEON_DOT void neon_dot_pointwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in,
                                       uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, (const uint8_t *)in, out, 1);
    } else {
        scalar_pointwise_first(layer, bias, in, out);
    }
}

NEON_DOT void neon_dot_pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                                 uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, in, out, 0);
    } else {
        scalar_pointwise(layer, bias, in, out);
    }
}

#endif
