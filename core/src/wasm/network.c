/* The integer network, WebAssembly: sixteen pixels at a time, two taps (channels, or places of a 3x3 window)
 * in one instruction, which multiplies pairs of int16 and adds the two products. */
#include "../bytes.h"
#include "../wasm.h"

#ifdef PICO_WASM_SIMD

enum {
    BLOCK = 16, /* pixels */
    TAPS = 2,
    WEIGHTS = 8, /* in a vector: four pairs */
    OUTPUTS = 2,
    MAX_INPUTS = 512, /* what fits the stack comfortably; more, which no codec has, go the scalar way */
    MAX_DEPTHWISE_SIDE = 64
};

/* Sixteen pixels: two taps each, or a sum each. */
typedef struct block {
    v128_t part[4];
} block;

static inline block nothing(void) {
    const v128_t zero = wasm_i32x4_splat(0);
    const block sums = {{zero, zero, zero, zero}};
    return sums;
}

/* Two rows of bytes as pairs of int16. */
SPECIALISED block interleave(v128_t a, v128_t b, int is_signed) {
    const v128_t low = wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const v128_t high =
        wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    if (is_signed) {
        return (block){{wasm_i16x8_extend_low_i8x16(low), wasm_i16x8_extend_high_i8x16(low),
                        wasm_i16x8_extend_low_i8x16(high), wasm_i16x8_extend_high_i8x16(high)}};
    }
    return (block){{wasm_u16x8_extend_low_u8x16(low), wasm_u16x8_extend_high_u8x16(low),
                    wasm_u16x8_extend_low_u8x16(high), wasm_u16x8_extend_high_u8x16(high)}};
}

static inline void add_products(block *sums, const block *taps, v128_t pair) {
    for (int i = 0; i < 4; i++) {
        sums->part[i] = wasm_i32x4_add(sums->part[i], wasm_i32x4_dot_i16x8(taps->part[i], pair));
    }
}

/* Eight weights, of which `count` exist; the others are 0. */
static inline v128_t load_weights(const int8_t *weight, size_t count) {
    if (count >= WEIGHTS) return wasm_i16x8_load8x8(weight);
    int8_t some[WEIGHTS] = {0};
    copy_bytes(some, weight, count);
    return wasm_i16x8_load8x8(some);
}

/* Pair number `lane` of eight weights, in every lane. A macro, because the number has to be a constant. */
#define PAIR(weights, lane) wasm_i32x4_shuffle(weights, weights, lane, lane, lane, lane)

/* In int32 throughout, which the bound of a layer that is not wide allows. */
static inline v128_t requantise(const network_layer *layer, const block *sums, int32_t multiplier,
                                int32_t bias) {
    const int32_t half = layer->shift > 0 ? 1 << (layer->shift - 1) : 0;
    const int32_t result_half = layer->result_shift > 0 ? 1 << (layer->result_shift - 1) : 0;
    v128_t v[4];
    for (int i = 0; i < 4; i++) {
        v[i] = wasm_i32x4_mul(sums->part[i], wasm_i32x4_splat(multiplier));
        v[i] = wasm_i32x4_shr(wasm_i32x4_add(v[i], wasm_i32x4_splat(bias + half)), layer->shift);
        v[i] = wasm_i32x4_max(v[i], wasm_i32x4_splat(0));
        v[i] = wasm_i32x4_min(v[i], wasm_i32x4_splat((int32_t)layer->ceiling));
        v[i] = wasm_u32x4_shr(wasm_i32x4_add(v[i], wasm_i32x4_splat(result_half)), layer->result_shift);
    }
    return wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(v[0], v[1]), wasm_i16x8_narrow_i32x4(v[2], v[3]));
}

/* A block of pixels of which `count` exist; the others are 0. */
static inline v128_t load_some(const uint8_t *at, size_t count) {
    if (count >= BLOCK) return wasm_v128_load(at);
    uint8_t bytes[BLOCK] = {0};
    copy_bytes(bytes, at, count);
    return wasm_v128_load(bytes);
}

static inline void store_some(uint8_t *at, size_t count, v128_t v) {
    if (count >= BLOCK) {
        wasm_v128_store(at, v);
        return;
    }
    uint8_t bytes[BLOCK];
    wasm_v128_store(bytes, v);
    copy_bytes(at, bytes, count);
}

/* `outputs` rows of one block of pixels; taps beyond the last input are 0 up to the next eight. */
SPECIALISED void pointwise_outputs(const network_layer *layer, const int32_t *bias, const block *packed,
                                   size_t o, const size_t outputs, uint8_t *out, size_t count) {
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    const int8_t *weight = layer->weight + o * inputs;
    block sums[OUTPUTS];
    for (size_t q = 0; q < outputs; q++) sums[q] = nothing();
    for (size_t i = 0; i < inputs; i += WEIGHTS) {
        const block *taps = packed + i / TAPS;
        for (size_t q = 0; q < outputs; q++) {
            const v128_t w = load_weights(weight + q * inputs + i, inputs - i);
            add_products(&sums[q], &taps[0], PAIR(w, 0));
            add_products(&sums[q], &taps[1], PAIR(w, 1));
            add_products(&sums[q], &taps[2], PAIR(w, 2));
            add_products(&sums[q], &taps[3], PAIR(w, 3));
        }
    }
    for (size_t q = 0; q < outputs; q++) {
        store_some(out + q * pixels, count,
                   requantise(layer, &sums[q], layer->multiplier[o + q], bias[o + q]));
    }
}

SPECIALISED void pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out,
                           int is_signed) {
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    const v128_t zero = wasm_i8x16_splat(0);
    block packed[MAX_INPUTS / TAPS];
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const size_t count = pixels - first;
        for (size_t i = 0; i < inputs || i % WEIGHTS != 0; i += TAPS) {
            const v128_t a = i < inputs ? load_some(in + i * pixels + first, count) : zero;
            const v128_t b = i + 1 < inputs ? load_some(in + (i + 1) * pixels + first, count) : zero;
            packed[i / TAPS] = interleave(a, b, is_signed);
        }
        size_t o = 0;
        for (; layer->outputs - o >= OUTPUTS; o += OUTPUTS) {
            pointwise_outputs(layer, bias, packed, o, OUTPUTS, out + o * pixels + first, count);
        }
        for (; o < layer->outputs; o++) {
            pointwise_outputs(layer, bias, packed, o, 1, out + o * pixels + first, count);
        }
    }
}

/* Sixteen pixels of a row; `at` is the tap at the top left of the first one. */
static inline block sums_of_window(const uint8_t *at, size_t stride, const int8_t *weight, int is_signed) {
    const v128_t w = load_weights(weight, WEIGHTS);
    const v128_t pair[] = {PAIR(w, 0), PAIR(w, 1), PAIR(w, 2), PAIR(w, 3),
                           wasm_i32x4_splat(weight[8] & 0xFFFF)};
    block sums = nothing();
    for (size_t tap = 0; tap < 9; tap += TAPS) {
        const v128_t a = wasm_v128_load(at + tap / 3 * stride + tap % 3);
        const v128_t b =
            tap < 8 ? wasm_v128_load(at + (tap + 1) / 3 * stride + (tap + 1) % 3) : a; /* times 0 */
        const block taps = interleave(a, b, is_signed);
        add_products(&sums, &taps, pair[tap / TAPS]);
    }
    return sums;
}

SPECIALISED void depthwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out,
                           int is_signed) {
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
    if (layer->wide) return 0;
    return layer->depthwise ? layer->side <= MAX_DEPTHWISE_SIDE : layer->inputs <= MAX_INPUTS;
}

void wasm_pointwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, (const uint8_t *)in, out, 1);
    } else {
        scalar_pointwise_first(layer, bias, in, out);
    }
}

void wasm_pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, in, out, 0);
    } else {
        scalar_pointwise(layer, bias, in, out);
    }
}

void wasm_depthwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        depthwise(layer, bias, (const uint8_t *)in, out, 1);
    } else {
        scalar_depthwise_first(layer, bias, in, out);
    }
}

void wasm_depthwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        depthwise(layer, bias, in, out, 0);
    } else {
        scalar_depthwise(layer, bias, in, out);
    }
}

#endif
