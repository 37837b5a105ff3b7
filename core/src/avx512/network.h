/* What the layers of the AVX-512 network share: 64 pixels at a time, four taps (channels, or places of a 3x3
 * window) in one VNNI instruction, which multiplies unsigned by signed bytes and adds four products to an
 * int32 without saturating. Interleaving four rows of bytes for it, and packing its sums back into bytes,
 * permute in opposite ways, so pixels come out in order.
 *
 * Inputs are the unsigned side and weights the signed one. The first layer's int8 trade places with the
 * weights, to which 128 is added; 128 times the sum of the inputs is taken off again, once for all outputs.
 */
#ifndef PICO_AVX512_NETWORK_H
#define PICO_AVX512_NETWORK_H

#include "../bytes.h"
#include "../x86.h"

#ifdef PICO_X86

enum {
    BLOCK = 64,
    TAPS = 4,            /* a group */
    MAX_INPUTS = 512,    /* what fits the stack comfortably; more, which no codec has, go the scalar way */
    MAX_RESULT_SHIFT = 8 /* so that no ceiling is above what an int16 holds; nor does a codec have more */
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

AVX512 static inline block zeros(void) {
    const __m512i zero = _mm512_setzero_si512();
    const block sums = {{zero, zero, zero, zero}};
    return sums;
}

AVX512 static inline void add_products(block *sums, const block *taps, uint32_t weights,
                                       const int is_signed) {
    __m512i w = _mm512_set1_epi32((int)weights);
    if (is_signed) w = _mm512_xor_si512(w, _mm512_set1_epi8(-128));
    for (int i = 0; i < 4; i++) {
        sums->part[i] = is_signed ? _mm512_dpbusd_epi32(sums->part[i], w, taps->part[i])
                                  : _mm512_dpbusd_epi32(sums->part[i], taps->part[i], w);
    }
}

/* Takes off what the offset of the weights of one group adds. */
AVX512 static inline void subtract_offset(block *sums, const block *taps) {
    const __m512i offset = _mm512_set1_epi8(-128); /* as unsigned bytes: 128 */
    for (int i = 0; i < 4; i++) {
        const __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), offset, taps->part[i]);
        sums->part[i] = _mm512_sub_epi32(sums->part[i], sum);
    }
}

/* A group of fewer than four weights. */
static inline uint32_t partial_weights(const int8_t *weight, size_t count) {
    uint32_t weights = 0;
    for (size_t i = 0; i < count; i++) weights |= (uint32_t)(uint8_t)weight[i] << 8 * i;
    return weights;
}

/* In int32 up to the shift, which the bound of a layer that is not wide allows; then in int16, whose
 * saturation changes nothing that the clamp would not. Rounding before the clamp instead of after it is the
 * same, because the ceiling is a multiple of the last step. */
AVX512 static inline __m512i requantise(const network_layer *layer, const block *sums, int32_t multiplier,
                                        int32_t bias) {
    const int32_t half = layer->shift > 0 ? 1 << (layer->shift - 1) : 0;
    const __m128i shift = _mm_cvtsi32_si128((int)layer->shift);
    const __m512i m = _mm512_set1_epi32(multiplier), offset = _mm512_set1_epi32(bias + half);
    __m512i v[4];
    for (int i = 0; i < 4; i++) {
        v[i] = _mm512_add_epi32(_mm512_mullo_epi32(sums->part[i], m), offset);
        v[i] = _mm512_sra_epi32(v[i], shift);
    }
    __m512i low = _mm512_packs_epi32(v[0], v[1]), high = _mm512_packs_epi32(v[2], v[3]);
    if (layer->result_shift > 0) {
        const __m512i result_half = _mm512_set1_epi16((int16_t)(1 << (layer->result_shift - 1)));
        const __m128i result_shift = _mm_cvtsi32_si128((int)layer->result_shift);
        low = _mm512_sra_epi16(_mm512_adds_epi16(low, result_half), result_shift);
        high = _mm512_sra_epi16(_mm512_adds_epi16(high, result_half), result_shift);
    }
    const __m512i ceiling = _mm512_set1_epi8((char)(layer->ceiling >> layer->result_shift));
    return _mm512_min_epu8(_mm512_packus_epi16(low, high), ceiling);
}

static inline __mmask64 first_lanes(size_t count) {
    return count >= BLOCK ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
}

#endif
#endif
