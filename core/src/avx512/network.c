/* The integer network, AVX-512 VNNI: 64 pixels at a time, four taps (channels, or places of a 3x3 window) in
 * one instruction, which multiplies unsigned by signed bytes and adds four products to an int32 without
 * saturating. Interleaving four rows of bytes for it, and packing its sums back into bytes, permute in opposite
 * ways, so pixels come out in order.
 *
 * The first layer's int8 become unsigned by adding 128; 128 times the sum of the weights is taken off again. */
#include "../bytes.h"
#include "../x86.h"

#ifdef PICO_X86

enum {
    BLOCK = 64,
    TAPS = 4,         /* a group */
    OUTPUTS = 4,      /* at a time */
    MAX_INPUTS = 512, /* what fits the stack comfortably; more, which no codec has, go the scalar way */
    GROUPS_3X3 = 3
};

typedef struct block {
    __m512i part[4]; /* 64 pixels: four taps each, or a sum each */
} block;

AVX512 static inline block interleave(const __m512i row[TAPS]) {
    const __m512i a = _mm512_unpacklo_epi8(row[0], row[1]), b = _mm512_unpackhi_epi8(row[0], row[1]);
    const __m512i c = _mm512_unpacklo_epi8(row[2], row[3]), d = _mm512_unpackhi_epi8(row[2], row[3]);
    const block taps = {{_mm512_unpacklo_epi16(a, c), _mm512_unpackhi_epi16(a, c),
                         _mm512_unpacklo_epi16(b, d), _mm512_unpackhi_epi16(b, d)}};
    return taps;
}

AVX512 static inline void add_products(block *sums, const block *taps, uint32_t weights) {
    const __m512i w = _mm512_set1_epi32((int)weights);
    for (int i = 0; i < 4; i++) sums->part[i] = _mm512_dpbusd_epi32(sums->part[i], taps->part[i], w);
}

AVX512 static inline block all(int32_t value) {
    const __m512i v = _mm512_set1_epi32(value);
    const block sums = {{v, v, v, v}};
    return sums;
}

/* In int32 throughout, which the bound of a layer that is not wide allows. */
AVX512 static inline __m512i requantise(const network_layer *layer, const block *sums, int32_t multiplier,
                                        int32_t bias) {
    const int32_t half = layer->shift > 0 ? 1 << (layer->shift - 1) : 0;
    const int32_t result_half = layer->result_shift > 0 ? 1 << (layer->result_shift - 1) : 0;
    const __m128i shift = _mm_cvtsi32_si128((int)layer->shift);
    const __m128i result_shift = _mm_cvtsi32_si128((int)layer->result_shift);
    __m512i v[4];
    for (int i = 0; i < 4; i++) {
        v[i] = _mm512_mullo_epi32(sums->part[i], _mm512_set1_epi32(multiplier));
        v[i] = _mm512_sra_epi32(_mm512_add_epi32(v[i], _mm512_set1_epi32(bias + half)), shift);
        v[i] = _mm512_max_epi32(v[i], _mm512_setzero_si512());
        v[i] = _mm512_min_epi32(v[i], _mm512_set1_epi32((int32_t)layer->ceiling));
        v[i] = _mm512_srl_epi32(_mm512_add_epi32(v[i], _mm512_set1_epi32(result_half)), result_shift);
    }
    return _mm512_packus_epi16(_mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3]));
}

static inline __mmask64 first_lanes(size_t count) {
    return count >= BLOCK ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
}

/* What the offset of the inputs adds to every sum, negated. */
static inline int32_t offset_sum(const int8_t *weight, size_t taps, int is_signed) {
    int32_t sum = 0;
    for (size_t i = 0; i < taps; i++) sum += weight[i];
    return is_signed ? -128 * sum : 0;
}

static inline uint32_t partial_weights(const int8_t *weight, size_t count) {
    uint32_t weights = 0;
    for (size_t i = 0; i < count; i++) weights |= (uint32_t)(uint8_t)weight[i] << 8 * i;
    return weights;
}

/* `outputs` rows of one block of pixels. */
AVX512 static inline void pointwise_outputs(const network_layer *layer, const int32_t *bias,
                                            const block *packed, size_t o, const size_t outputs,
                                            int is_signed, uint8_t *out, __mmask64 there) {
    const size_t inputs = layer->inputs, whole = inputs / TAPS, rest = inputs % TAPS;
    const size_t pixels = (size_t)layer->side * layer->side;
    const int8_t *weight = layer->weight + o * inputs;
    block sums[OUTPUTS];
    for (size_t q = 0; q < outputs; q++) sums[q] = all(offset_sum(weight + q * inputs, inputs, is_signed));
    for (size_t g = 0; g < whole; g++) {
        for (size_t q = 0; q < outputs; q++) {
            add_products(&sums[q], &packed[g], read_u32((const uint8_t *)weight + q * inputs + TAPS * g));
        }
    }
    if (rest > 0) {
        for (size_t q = 0; q < outputs; q++) {
            const int8_t *last = weight + q * inputs + TAPS * whole;
            add_products(&sums[q], &packed[whole], partial_weights(last, rest));
        }
    }
    for (size_t q = 0; q < outputs; q++) {
        _mm512_mask_storeu_epi8(out + q * pixels, there,
                                requantise(layer, &sums[q], layer->multiplier[o + q], bias[o + q]));
    }
}

AVX512 static inline void pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                                    uint8_t *out, int is_signed) {
    const size_t inputs = layer->inputs, pixels = (size_t)layer->side * layer->side;
    const __m512i flip = _mm512_set1_epi8((char)(is_signed ? -128 : 0));
    block packed[MAX_INPUTS / TAPS];
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const __mmask64 there = first_lanes(pixels - first);
        for (size_t i = 0; i < inputs; i += TAPS) {
            __m512i row[TAPS];
            for (size_t j = 0; j < TAPS; j++) {
                const size_t channel = i + j < inputs ? i + j : i; /* weights beyond the last are 0 */
                row[j] = _mm512_maskz_loadu_epi8(there, in + channel * pixels + first);
                row[j] = _mm512_xor_si512(row[j], flip);
            }
            packed[i / TAPS] = interleave(row);
        }
        size_t o = 0;
        for (; layer->outputs - o >= OUTPUTS; o += OUTPUTS) {
            pointwise_outputs(layer, bias, packed, o, OUTPUTS, is_signed, out + o * pixels + first, there);
        }
        for (; o < layer->outputs; o++) {
            pointwise_outputs(layer, bias, packed, o, 1, is_signed, out + o * pixels + first, there);
        }
    }
}

/* Which of the 64 pixels from `first` on have a neighbour at (a - 1, b - 1) inside the tile. */
static inline __mmask64 neighbours(size_t first, size_t side, size_t a, size_t b) {
    const size_t pixels = side * side;
    __mmask64 mask = 0;
    for (size_t j = 0; j < BLOCK && first + j < pixels; j++) {
        const size_t row = (first + j) / side + a, column = (first + j) % side + b; /* both one too large */
        if (row >= 1 && row <= side && column >= 1 && column <= side) mask |= (__mmask64)1 << j;
    }
    return mask;
}

AVX512 static inline void depthwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                                    uint8_t *out, int is_signed) {
    const size_t side = layer->side, pixels = side * side;
    const __m512i flip = _mm512_set1_epi8((char)(is_signed ? -128 : 0));
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const __mmask64 there = first_lanes(pixels - first);
        __mmask64 inside[GROUPS_3X3 * TAPS] = {0};
        ptrdiff_t offset[GROUPS_3X3 * TAPS] = {0};
        for (size_t tap = 0; tap < 9; tap++) {
            inside[tap] = neighbours(first, side, tap / 3, tap % 3);
            offset[tap] = ((ptrdiff_t)(tap / 3) - 1) * (ptrdiff_t)side + (ptrdiff_t)(tap % 3) - 1;
        }
        for (size_t c = 0; c < layer->outputs; c++) {
            const int8_t *weight = layer->weight + 9 * c;
            const uint8_t *at = in + c * pixels + first;
            block sums = all(offset_sum(weight, 9, is_signed));
            for (size_t g = 0; g < GROUPS_3X3; g++) {
                __m512i row[TAPS];
                for (size_t j = 0; j < TAPS; j++) { /* lanes that are masked out are not touched */
                    row[j] = _mm512_maskz_loadu_epi8(inside[TAPS * g + j], at + offset[TAPS * g + j]);
                    row[j] = _mm512_xor_si512(row[j], flip);
                }
                const block taps = interleave(row);
                add_products(&sums, &taps, partial_weights(weight + TAPS * g, g < 2 ? TAPS : 1));
            }
            _mm512_mask_storeu_epi8(out + c * pixels + first, there,
                                    requantise(layer, &sums, layer->multiplier[c], bias[c]));
        }
    }
}

static int is_suitable(const network_layer *layer) {
    return !layer->wide && (layer->depthwise || layer->inputs <= MAX_INPUTS);
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

AVX512 void avx512_depthwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in,
                                   uint8_t *out) {
    if (is_suitable(layer)) {
        depthwise(layer, bias, (const uint8_t *)in, out, 1);
    } else {
        scalar_depthwise_first(layer, bias, in, out);
    }
}

AVX512 void avx512_depthwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                             uint8_t *out) {
    if (is_suitable(layer)) {
        depthwise(layer, bias, in, out, 0);
    } else {
        scalar_depthwise(layer, bias, in, out);
    }
}

#endif
