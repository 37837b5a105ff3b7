/* Upsampling, SSE4.1: two or four rows of bytes are interleaved, eight pixels a step. It is one pass over
 * bytes that other kernels have just written; wider vectors have nothing to gain. */
#include "../x86.h"

#ifdef PICO_X86

enum { WIDTH = 8 };

SSE41 static inline __m128i eight(const uint8_t *row) {
    return _mm_loadl_epi64((const __m128i *)row);
}

/* One row of the result from `factor` rows, which are the same one when the nearest pixel is repeated. */
SSE41 static inline void interleave(const uint8_t *const *row, size_t side, size_t factor, uint8_t *to) {
    size_t j = 0;
    for (; side - j >= WIDTH; j += WIDTH) {
        __m128i even = eight(row[0] + j), odd = eight(row[1] + j);
        __m128i *at = (__m128i *)(to + j * factor);
        if (factor == 2) {
            _mm_storeu_si128(at, _mm_unpacklo_epi8(even, odd));
        } else {
            even = _mm_unpacklo_epi8(even, odd);
            odd = _mm_unpacklo_epi8(eight(row[2] + j), eight(row[3] + j));
            _mm_storeu_si128(at, _mm_unpacklo_epi16(even, odd));
            _mm_storeu_si128(at + 1, _mm_unpackhi_epi16(even, odd));
        }
    }
    for (; j < side; j++) {
        for (size_t b = 0; b < factor; b++) to[j * factor + b] = row[b][j];
    }
}

SSE41 void sse41_upsample(const network_layer *layer, const uint8_t *in, uint8_t *out) {
    const size_t side = layer->side, factor = layer->factor, wide = side * factor;
    if (factor != 2 && factor != 4) {
        scalar_upsample(layer, in, out);
        return;
    }
    const int shuffle = layer->upsample == UPSAMPLE_SHUFFLE;
    const size_t channels = shuffle ? layer->outputs / (factor * factor) : layer->outputs;
    for (size_t c = 0; c < channels; c++) {
        for (size_t a = 0; a < factor; a++) { /* all rows of the same planes, while those are in the cache */
            for (size_t i = 0; i < side; i++) {
                const uint8_t *row[4] = {in, in, in, in};
                for (size_t b = 0; b < factor; b++) {
                    const size_t from = shuffle ? (a * factor + b) * channels + c : c;
                    row[b] = in + (from * side + i) * side;
                }
                interleave(row, side, factor, out + (c * wide + i * factor + a) * wide);
            }
        }
    }
}

#endif
