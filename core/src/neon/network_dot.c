/* Pointwise layers, NEON with the dot product: one instruction multiplies four channels of four pixels by
 * four weights, both signed, and adds to four int32. Later layers' bytes become signed by taking 128 off,
 * which 128 times the sum of the weights makes up for; every sum is taken modulo 2^32, and the result fits. A
 * 3x3 window has nine taps, too few to be worth rearranging: depthwise layers are those of network.c. */
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

/* Four weights, of which `count` exist, four times; the others are 0. */
NEON_DOT static inline int8x16_t load_some_weights(const int8_t *weight, size_t count) {
    uint32_t four = 0;
    if (count >= TAPS) {
        four = read_u32((const uint8_t *)weight);
    } else {
        for (size_t i = 0; i < count; i++) four |= (uint32_t)(uint8_t)weight[i] << 8 * i;
    }
    return vreinterpretq_s8_u32(vdupq_n_u32(four));
}

typedef struct output_sums {
    block products;
    int32x4_t weights; /* together: the sum of all weights so far */
} output_sums;

/* A group into the sums of every output, with the weights in one lane. A macro, because the number of a lane
 * has to be a constant. */
#define ADD_GROUP(sums, x, w, lane, outputs)                                                                 \
    for (int part = 0; part < 4; part++) {                                                                   \
        for (size_t q = 0; q < (outputs); q++) {                                                             \
            int32x4_t *sum = &(sums)[q].products.part[part];                                                 \
            *sum = vdotq_laneq_s32(*sum, (x).part[part], (w)[q], lane);                                      \
        }                                                                                                    \
    }

/* `outputs` rows of one block of pixels. */
NEON_DOT SPECIALISED void pointwise_outputs(const network_layer *layer, const int32_t *bias,
                                            const group *packed, size_t o, const size_t outputs,
                                            int is_signed, uint8_t *out, size_t count) {
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    const int8_t *weight = layer->weight + o * inputs;
    const uint32x4_t first_lane = vsetq_lane_u32(0x01010101u, vdupq_n_u32(0), 0);
    int8x16_t w[OUTPUTS];
    output_sums sums[OUTPUTS];
    for (size_t q = 0; q < outputs; q++) sums[q] = (output_sums){nothing(), vdupq_n_s32(0)};
    size_t i = 0;
    for (; inputs - i >= WEIGHTS; i += WEIGHTS) {
        const group *x = packed + i / TAPS;
        for (size_t q = 0; q < outputs; q++) {
            w[q] = vld1q_s8(weight + q * inputs + i);
            if (!is_signed) sums[q].weights = vdotq_s32(sums[q].weights, w[q], vdupq_n_s8(1));
        }
        ADD_GROUP(sums, x[0], w, 0, outputs)
        ADD_GROUP(sums, x[1], w, 1, outputs)
        ADD_GROUP(sums, x[2], w, 2, outputs)
        ADD_GROUP(sums, x[3], w, 3, outputs)
    }
    for (; i < inputs; i += TAPS) {
        for (size_t q = 0; q < outputs; q++) {
            w[q] = load_some_weights(weight + q * inputs + i, inputs - i);
            /* In the first lane alone, because they are the same in all. */
            if (!is_signed)
                sums[q].weights = vdotq_s32(sums[q].weights, w[q], vreinterpretq_s8_u32(first_lane));
        }
        ADD_GROUP(sums, packed[i / TAPS], w, 0, outputs)
    }
    for (size_t q = 0; q < outputs; q++) {
        const int32_t multiplier = layer->multiplier[o + q];
        const uint32_t offset = 128u * (uint32_t)vaddvq_s32(sums[q].weights) * (uint32_t)multiplier;
        const int32_t corrected = (int32_t)((uint32_t)bias[o + q] + offset);
        store_some(out + q * pixels, count, requantise(layer, &sums[q].products, multiplier, corrected));
    }
}

NEON_DOT SPECIALISED void pointwise(const network_layer *given, const int32_t *bias, const uint8_t *in,
                                    uint8_t *out, int is_signed) {
    const network_layer copy = *given, *layer = &copy; /* which no store of a byte can alias */
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    const uint8x16_t flip = vdupq_n_u8(is_signed ? 0 : 0x80);
    group packed[MAX_INPUTS / TAPS];
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const size_t count = pixels - first;
        for (size_t i = 0; i < inputs; i += TAPS) {
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
    return is_narrow(layer) && layer->inputs <= MAX_INPUTS;
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
