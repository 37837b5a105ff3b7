/* The depthwise 3x3 layers, AVX-512 VNNI. Taps outside the tile are masked out of their loads. */
#include "network.h"

#ifdef PICO_X86

enum { WINDOW = 9, GROUPS = 3 };

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
                                    uint8_t *out, const int is_signed) {
    const size_t side = layer->side, pixels = side * side;
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const __mmask64 there = first_lanes(pixels - first);
        __mmask64 inside[WINDOW];
        ptrdiff_t offset[WINDOW];
        for (size_t tap = 0; tap < WINDOW; tap++) {
            inside[tap] = neighbours(first, side, tap / 3, tap % 3);
            offset[tap] = ((ptrdiff_t)(tap / 3) - 1) * (ptrdiff_t)side + (ptrdiff_t)(tap % 3) - 1;
        }
        for (size_t c = 0; c < layer->outputs; c++) {
            const int8_t *weight = layer->weight + WINDOW * c;
            const uint8_t *at = in + c * pixels + first;
            block sums = zeros();
            for (size_t g = 0; g < GROUPS; g++) {
                const size_t count = g + 1 < GROUPS ? TAPS : WINDOW % TAPS;
                __m512i row[TAPS] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                                     _mm512_setzero_si512()};
                for (size_t j = 0; j < count; j++) { /* lanes that are masked out are not touched */
                    row[j] = _mm512_maskz_loadu_epi8(inside[TAPS * g + j], at + offset[TAPS * g + j]);
                }
                const block taps = interleave(row);
                add_products(&sums, &taps, partial_weights(weight + TAPS * g, count), is_signed);
                if (is_signed) subtract_offset(&sums, &taps);
            }
            _mm512_mask_storeu_epi8(out + c * pixels + first, there,
                                    requantise(layer, &sums, layer->multiplier[c], bias[c]));
        }
    }
}

static int is_suitable(const network_layer *layer) {
    return !layer->wide && layer->result_shift <= MAX_RESULT_SHIFT;
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
