/* Included by the networks of SSE4.1 and AVX2, which define ISA, SET(name), VECTOR and OP(name): the same
 * code over vectors of 16 or 32 bytes. Two taps at a time, as int16: a product of bytes and the sum of two
 * fit int32 exactly (the instruction for bytes would saturate). Widening and interleaving permutes the
 * pixels, and packing the sums permutes them back. */

enum {
    BLOCK = sizeof(VECTOR), /* pixels */
    TAPS = 2,
    OUTPUTS = 2,
    MAX_INPUTS = 256,     /* what fits the stack comfortably; more go the scalar way */
    MAX_RESULT_SHIFT = 8, /* so that no ceiling is above what an int16 holds; nor does a codec have more */
    MAX_PIXELS = 1024,    /* of a depthwise plane, */
    MAX_SIDE = MAX_PIXELS / 4 /* so that a plane and its rim fit */
};

typedef struct block {
    VECTOR part[4];
} block;

ISA static inline VECTOR load(const void *at) {
    return OP_WHOLE(loadu)((const VECTOR *)at);
}

/* Two rows of bytes as pairs of int16. */
ISA static inline block interleave(VECTOR a, VECTOR b, int is_signed) {
    const VECTOR zero = OP_WHOLE(setzero)();
    const VECTOR low = OP(unpacklo_epi8)(a, b), high = OP(unpackhi_epi8)(a, b);
    const VECTOR low_sign = is_signed ? OP(cmpgt_epi8)(zero, low) : zero;
    const VECTOR high_sign = is_signed ? OP(cmpgt_epi8)(zero, high) : zero;
    const block taps = {{OP(unpacklo_epi8)(low, low_sign), OP(unpackhi_epi8)(low, low_sign),
                         OP(unpacklo_epi8)(high, high_sign), OP(unpackhi_epi8)(high, high_sign)}};
    return taps;
}

/* `pair`: two weights as int16, the first one low. */
ISA static inline void add_products(block *sums, const block *taps, uint32_t pair) {
    const VECTOR w = OP(set1_epi32)((int32_t)pair);
    for (int i = 0; i < 4; i++) {
        sums->part[i] = OP(add_epi32)(sums->part[i], OP(madd_epi16)(taps->part[i], w));
    }
}

static inline uint32_t pair_of(int32_t first, int32_t second) {
    return (uint32_t)second << 16 | ((uint32_t)first & 0xFFFF);
}

ISA static inline block nothing(void) {
    const VECTOR zero = OP_WHOLE(setzero)();
    const block sums = {{zero, zero, zero, zero}};
    return sums;
}

/* In int32 up to the shift, which the bound of a layer that is not wide allows; then in int16, whose
 * saturation changes nothing that the clamp would not. Rounding before the clamp instead of after it is the
 * same, because the ceiling is a multiple of the last step. */
ISA static inline VECTOR requantise(const network_layer *layer, const block *sums, int32_t multiplier,
                                    int32_t bias) {
    const int32_t half = layer->shift > 0 ? 1 << (layer->shift - 1) : 0;
    const __m128i shift = _mm_cvtsi32_si128((int)layer->shift);
    const VECTOR m = OP(set1_epi32)(multiplier), offset = OP(set1_epi32)(bias + half);
    VECTOR v[4];
    for (int i = 0; i < 4; i++) {
        v[i] = OP(sra_epi32)(OP(add_epi32)(OP(mullo_epi32)(sums->part[i], m), offset), shift);
    }
    VECTOR low = OP(packs_epi32)(v[0], v[1]), high = OP(packs_epi32)(v[2], v[3]);
    if (layer->result_shift > 0) {
        const VECTOR result_half = OP(set1_epi16)((int16_t)(1 << (layer->result_shift - 1)));
        const __m128i result_shift = _mm_cvtsi32_si128((int)layer->result_shift);
        low = OP(sra_epi16)(OP(adds_epi16)(low, result_half), result_shift);
        high = OP(sra_epi16)(OP(adds_epi16)(high, result_half), result_shift);
    }
    const VECTOR ceiling = OP(set1_epi8)((char)(layer->ceiling >> layer->result_shift));
    return OP(min_epu8)(OP(packus_epi16)(low, high), ceiling);
}

/* A block of pixels of which `count` exist. */
ISA static inline VECTOR load_some(const uint8_t *at, size_t count) {
    if (count >= BLOCK) return load(at);
    uint8_t bytes[BLOCK];
    for (size_t i = 0; i < BLOCK; i++) bytes[i] = i < count ? at[i] : 0;
    return load(bytes);
}

ISA static inline void store_some(uint8_t *at, size_t count, VECTOR v) {
    if (count >= BLOCK) {
        OP_WHOLE(storeu)((VECTOR *)(void *)at, v);
        return;
    }
    uint8_t bytes[BLOCK];
    OP_WHOLE(storeu)((VECTOR *)(void *)bytes, v);
    for (size_t i = 0; i < count; i++) at[i] = bytes[i];
}

/* Weights of one output as int16, 0 beyond the last. */
typedef struct wide_weights {
    int16_t tap[MAX_INPUTS + 1];
} wide_weights;

ISA static inline void widen(const int8_t *weight, size_t inputs, wide_weights *to) {
    for (size_t i = 0; i < inputs; i++) to->tap[i] = weight[i];
    to->tap[inputs] = 0;
}

/* Sums of two outputs stay in registers while the inputs of a block, widened once for all outputs, go by. */
ISA static inline void two_outputs(const network_layer *layer, const int32_t *bias, const block *packed,
                                   const size_t output[OUTPUTS], VECTOR result[OUTPUTS]) {
    const size_t inputs = layer->inputs;
    wide_weights weights[OUTPUTS];
    block sums[OUTPUTS];
    for (size_t q = 0; q < OUTPUTS; q++) {
        widen(layer->weight + output[q] * inputs, inputs, &weights[q]);
        sums[q] = nothing();
    }
    for (size_t i = 0; i < inputs; i += TAPS) {
        for (size_t q = 0; q < OUTPUTS; q++) {
            add_products(&sums[q], &packed[i / TAPS], load_u32((const uint8_t *)&weights[q].tap[i]));
        }
    }
    for (size_t q = 0; q < OUTPUTS; q++) {
        const size_t o = output[q];
        result[q] = requantise(layer, &sums[q], layer->multiplier[o], bias[o]);
    }
}

ISA static inline void pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                                 uint8_t *out, int is_signed) {
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    block packed[(MAX_INPUTS + 1) / TAPS];
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const size_t count = pixels - first;
        for (size_t i = 0; i < inputs; i += TAPS) {
            const size_t second = i + 1 < inputs ? i + 1 : i; /* the weight of one too many is 0 */
            packed[i / TAPS] = interleave(load_some(in + i * pixels + first, count),
                                          load_some(in + second * pixels + first, count), is_signed);
        }
        for (size_t o = 0; o < layer->outputs; o += OUTPUTS) {
            const size_t last = o + 1 < layer->outputs ? o + 1 : o; /* the last one may be made twice */
            const size_t output[OUTPUTS] = {o, last};
            VECTOR result[OUTPUTS];
            two_outputs(layer, bias, packed, output, result);
            store_some(out + o * pixels + first, count, result[0]);
            store_some(out + last * pixels + first, count, result[1]);
        }
    }
}

/* A plane between two rims of zeros, and masks that are 0 where a pixel has no neighbour to the left, or to
 * the right: then every tap is one load. */
typedef struct window {
    uint8_t plane[MAX_PIXELS + 2 * (MAX_SIDE + 1) + BLOCK];
    uint8_t left[MAX_PIXELS + BLOCK], right[MAX_PIXELS + BLOCK];
} window;

ISA static inline VECTOR tap_of(const window *w, size_t side, size_t pixel, size_t tap) {
    const VECTOR v = load(w->plane + pixel + tap / 3 * side + tap % 3);
    switch (tap % 3) {
    case 0: return OP_WHOLE(and)(v, load(w->left + pixel));
    case 1: return v;
    default: return OP_WHOLE(and)(v, load(w->right + pixel));
    }
}

ISA static inline void depthwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                                 uint8_t *out, int is_signed) {
    const size_t side = layer->side, pixels = side * side;
    window w;
    fill_bytes(w.plane, 0, sizeof w.plane);
    for (size_t i = 0; i < pixels + BLOCK; i++) {
        w.left[i] = i % side == 0 ? 0 : 0xFF;
        w.right[i] = i % side == side - 1 ? 0 : 0xFF;
    }
    for (size_t c = 0; c < layer->outputs; c++) {
        const int8_t *weight = layer->weight + 9 * c;
        copy_bytes(w.plane + side + 1, in + c * pixels, pixels);
        for (size_t first = 0; first < pixels; first += BLOCK) {
            block sums = nothing();
            for (size_t tap = 0; tap < 8; tap += TAPS) {
                const block taps =
                    interleave(tap_of(&w, side, first, tap), tap_of(&w, side, first, tap + 1), is_signed);
                add_products(&sums, &taps, pair_of(weight[tap], weight[tap + 1]));
            }
            const block last = interleave(tap_of(&w, side, first, 8), OP_WHOLE(setzero)(), is_signed);
            add_products(&sums, &last, pair_of(weight[8], 0));
            store_some(out + c * pixels + first, pixels - first,
                       requantise(layer, &sums, layer->multiplier[c], bias[c]));
        }
    }
}

static int is_suitable(const network_layer *layer) {
    if (layer->wide || layer->result_shift > MAX_RESULT_SHIFT) return 0;
    return layer->depthwise ? (size_t)layer->side * layer->side <= MAX_PIXELS : layer->inputs <= MAX_INPUTS;
}

ISA void SET(pointwise_first)(const network_layer *layer, const int32_t *bias, const int8_t *in,
                              uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, (const uint8_t *)in, out, 1);
    } else {
        scalar_pointwise_first(layer, bias, in, out);
    }
}

ISA void SET(pointwise)(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, in, out, 0);
    } else {
        scalar_pointwise(layer, bias, in, out);
    }
}

ISA void SET(depthwise_first)(const network_layer *layer, const int32_t *bias, const int8_t *in,
                              uint8_t *out) {
    if (is_suitable(layer)) {
        depthwise(layer, bias, (const uint8_t *)in, out, 1);
    } else {
        scalar_depthwise_first(layer, bias, in, out);
    }
}

ISA void SET(depthwise)(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out) {
    if (is_suitable(layer)) {
        depthwise(layer, bias, in, out, 0);
    } else {
        scalar_depthwise(layer, bias, in, out);
    }
}
