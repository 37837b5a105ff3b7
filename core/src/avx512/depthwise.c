/* The depthwise 3x3 layers, AVX-512 VNNI. Taps outside the tile are masked out of their loads. */
#include "network.h"

#ifdef PICO_X86

enum {
    WINDOW = 9,
    MAX_PIXELS = 1024,
    MAX_SIDE = MAX_PIXELS / 4 /* so that a plane and its rim fit */
};

/* A plane between two rims of zeros, and masks of the pixels of each block that have a neighbour to the left,
 * or to the right: then every tap is one load. */
typedef struct window {
    uint8_t plane[MAX_PIXELS + 2 * (MAX_SIDE + 1) + BLOCK];
    __mmask64 left[MAX_PIXELS / BLOCK], right[MAX_PIXELS / BLOCK];
} window;

static inline void prepare(window *w, size_t side) {
    fill_bytes(w, 0, sizeof *w);
    for (size_t i = 0; i < side * side; i++) {
        w->left[i / BLOCK] |= (__mmask64)(i % side != 0) << i % BLOCK;
        w->right[i / BLOCK] |= (__mmask64)(i % side != side - 1) << i % BLOCK;
    }
}

/* Three rows of taps of a column and, as the fourth, nothing. */
AVX512 static inline block column(const uint8_t *at, size_t side, __mmask64 there) {
    const __m512i row[TAPS] = {_mm512_maskz_mov_epi8(there, _mm512_loadu_si512(at)),
                               _mm512_maskz_mov_epi8(there, _mm512_loadu_si512(at + side)),
                               _mm512_maskz_mov_epi8(there, _mm512_loadu_si512(at + 2 * side)),
                               _mm512_setzero_si512()};
    return interleave(row);
}

AVX512 static inline void depthwise(const network_layer *layer, const int32_t *bias, const uint8_t *in,
                                    uint8_t *out, const int is_signed) {
    const size_t side = layer->side, pixels = side * side;
    window w;
    prepare(&w, side);
    for (size_t c = 0; c < layer->outputs; c++) {
        const int8_t *weight = layer->weight + WINDOW * c;
        uint32_t quad[3];
        for (size_t b = 0; b < 3; b++) {
            const int8_t taps[3] = {weight[b], weight[3 + b], weight[6 + b]};
            quad[b] = partial_weights(taps, 3);
        }
        copy_bytes(w.plane + side + 1, in + c * pixels, pixels);
        for (size_t first = 0; first < pixels; first += BLOCK) {
            const uint8_t *at = w.plane + first;
            const block left = column(at, side, w.left[first / BLOCK]);
            const block middle = column(at + 1, side, ~(__mmask64)0);
            const block right = column(at + 2, side, w.right[first / BLOCK]);
            block sums = zeros();
            if (is_signed) {
                subtract_offset(&sums, &left);
                subtract_offset(&sums, &middle);
                subtract_offset(&sums, &right);
            }
            add_products(&sums, &left, quad[0], is_signed);
            add_products(&sums, &middle, quad[1], is_signed);
            add_products(&sums, &right, quad[2], is_signed);
            _mm512_mask_storeu_epi8(out + c * pixels + first, first_lanes(pixels - first),
                                    requantise(layer, &sums, layer->multiplier[c], bias[c]));
        }
    }
}

static int is_suitable(const network_layer *layer) {
    return !layer->wide && layer->result_shift <= MAX_RESULT_SHIFT && layer->side * layer->side <= MAX_PIXELS;
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
