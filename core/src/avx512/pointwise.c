/* The 1x1 layers, AVX-512 VNNI: the sums of four outputs stay in registers while the inputs of a block,
 * interleaved once for all outputs, go by. A result that is to be shuffled is not stored in between: the four
 * outputs are chosen so that they are neighbours after the shuffle. */
#include "network.h"

#ifdef PICO_X86

enum {
    OUTPUTS = 4, /* at a time */
    UNIT = 16,   /* bytes of a shuffled row that are stored at once */
    MAX_UNITS = 16
};

typedef struct inputs {
    block packed[MAX_INPUTS / TAPS];
    block start; /* of every sum */
} inputs;

AVX512 static inline void load_inputs(inputs *x, const uint8_t *in, size_t channels, size_t pixels,
                                      __mmask64 there, const int is_signed) {
    x->start = zeros();
    for (size_t i = 0; i < channels; i += TAPS) {
        __m512i row[TAPS];
        for (size_t j = 0; j < TAPS; j++) {
            const size_t channel = i + j < channels ? i + j : i; /* weights beyond the last are 0 */
            row[j] = _mm512_maskz_loadu_epi8(there, in + channel * pixels);
        }
        x->packed[i / TAPS] = interleave(row);
        if (is_signed) subtract_offset(&x->start, &x->packed[i / TAPS]);
    }
}

/* The group that is not whole comes first: nothing but the loop is then between the sums and their use, and
 * compilers keep them in registers. */
AVX512 static inline void four_outputs(const network_layer *layer, const int32_t *bias, const inputs *x,
                                       const size_t output[OUTPUTS], const int is_signed,
                                       __m512i result[OUTPUTS]) {
    const size_t whole = layer->inputs / TAPS, rest = layer->inputs % TAPS;
    const int8_t *weight[OUTPUTS];
    block sums[OUTPUTS];
    for (size_t q = 0; q < OUTPUTS; q++) {
        weight[q] = layer->weight + output[q] * layer->inputs;
        sums[q] = x->start;
        if (rest > 0) {
            const uint32_t last = partial_weights(weight[q] + TAPS * whole, rest);
            add_products(&sums[q], &x->packed[whole], last, is_signed);
        }
    }
    for (size_t g = 0; g < whole; g++) {
        for (size_t q = 0; q < OUTPUTS; q++) {
            add_products(&sums[q], &x->packed[g], read_u32((const uint8_t *)weight[q] + TAPS * g), is_signed);
        }
    }
    for (size_t q = 0; q < OUTPUTS; q++) {
        const size_t o = output[q];
        result[q] = requantise(layer, &sums[q], layer->multiplier[o], bias[o]);
    }
}

AVX512 static inline void pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                                    uint8_t *out, const int is_signed) {
    const size_t pixels = (size_t)layer->side * layer->side;
    inputs x;
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const __mmask64 there = first_lanes(pixels - first);
        load_inputs(&x, in + first, layer->inputs, pixels, there, is_signed);
        for (size_t o = 0; o < layer->outputs; o += OUTPUTS) {
            size_t output[OUTPUTS];
            __m512i result[OUTPUTS];
            for (size_t q = 0; q < OUTPUTS; q++) { /* the last one may be made more than once */
                output[q] = o + q < layer->outputs ? o + q : layer->outputs - 1;
            }
            four_outputs(layer, bias, &x, output, is_signed, result);
            for (size_t q = 0; q < OUTPUTS; q++) {
                _mm512_mask_storeu_epi8(out + output[q] * pixels + first, there, result[q]);
            }
        }
    }
}

/* Where each unit of a block goes in the first of the rows that a row of the input becomes. */
typedef struct places {
    size_t at[MAX_UNITS];
    size_t count;
} places;

static inline places places_of(size_t first, size_t side, size_t factor) {
    const size_t pixels_of_unit = UNIT / factor, there = (side * side - first) / pixels_of_unit;
    places units = {{0}, there < 4 * factor ? there : 4 * factor};
    for (size_t u = 0; u < units.count; u++) {
        const size_t pixel = first + u * pixels_of_unit;
        units.at[u] = factor * factor * side * (pixel / side) + factor * (pixel % side);
    }
    return units;
}

/* Lane l of part i is unit l * parts + i. */
AVX512 static inline void store_units(uint8_t *out, const places *units, const __m512i *part,
                                      const size_t parts) {
    for (size_t i = 0; i < parts; i++) {
        const __m128i lane[4] = {_mm512_extracti32x4_epi32(part[i], 0), _mm512_extracti32x4_epi32(part[i], 1),
                                 _mm512_extracti32x4_epi32(part[i], 2),
                                 _mm512_extracti32x4_epi32(part[i], 3)};
        for (size_t l = 0; l < 4; l++) {
            const size_t u = l * parts + i;
            if (u < units->count) _mm_storeu_si128((__m128i *)(void *)(out + units->at[u]), lane[l]);
        }
    }
}

/* The four outputs of one channel and, if the factor is 4, of one row `a` of the four it becomes. */
AVX512 static inline void shuffle_four(const network_layer *layer, const int32_t *bias, const inputs *x,
                                       const places *units, size_t channel, size_t a, const int is_signed,
                                       uint8_t *out) {
    const size_t factor = layer->factor, channels = layer->outputs / (factor * factor);
    const size_t wide = layer->side * factor;
    size_t output[OUTPUTS];
    __m512i row[OUTPUTS];
    for (size_t q = 0; q < OUTPUTS; q++) output[q] = (a * factor + q) * channels + channel;
    four_outputs(layer, bias, x, output, is_signed, row);
    uint8_t *const at = out + (channel * wide + a) * wide;
    if (factor == 4) {
        const block taps = interleave(row);
        store_units(at, units, taps.part, 4);
    } else {
        const __m512i upper[2] = {_mm512_unpacklo_epi8(row[0], row[1]), _mm512_unpackhi_epi8(row[0], row[1])};
        const __m512i lower[2] = {_mm512_unpacklo_epi8(row[2], row[3]), _mm512_unpackhi_epi8(row[2], row[3])};
        store_units(at, units, upper, 2);
        store_units(at + wide, units, lower, 2);
    }
}

AVX512 static inline void pointwise_shuffled(const network_layer *layer, const int32_t *bias,
                                             const uint8_t *in, uint8_t *out, const int is_signed) {
    const size_t factor = layer->factor, pixels = (size_t)layer->side * layer->side;
    const size_t channels = layer->outputs / (factor * factor), rows = factor == 4 ? 4 : 1;
    inputs x;
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const places units = places_of(first, layer->side, factor);
        load_inputs(&x, in + first, layer->inputs, pixels, first_lanes(pixels - first), is_signed);
        for (size_t c = 0; c < channels; c++) {
            for (size_t a = 0; a < rows; a++) shuffle_four(layer, bias, &x, &units, c, a, is_signed, out);
        }
    }
}

static int is_suitable(const network_layer *layer) {
    return !layer->wide && layer->result_shift <= MAX_RESULT_SHIFT && layer->inputs <= MAX_INPUTS;
}

static int is_shuffle(const network_layer *layer) {
    return is_suitable(layer) && layer->upsample == UPSAMPLE_SHUFFLE &&
           (layer->factor == 2 || layer->factor == 4) && layer->side * layer->factor % UNIT == 0;
}

AVX512 void avx512_pointwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in,
                                   uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, (const uint8_t *)in, out, 1);
    } else {
        scalar_pointwise_first(layer, bias, in, out);
    }
}

AVX512 void avx512_pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                             uint8_t *out) {
    if (is_suitable(layer)) {
        pointwise(layer, bias, in, out, 0);
    } else {
        scalar_pointwise(layer, bias, in, out);
    }
}

AVX512 int avx512_shuffled_first(const network_layer *layer, const int32_t *bias, const int8_t *in,
                                 uint8_t *out) {
    if (!is_shuffle(layer)) return 0;
    pointwise_shuffled(layer, bias, (const uint8_t *)in, out, 1);
    return 1;
}

AVX512 int avx512_shuffled(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out) {
    if (!is_shuffle(layer)) return 0;
    pointwise_shuffled(layer, bias, in, out, 0);
    return 1;
}

#endif
