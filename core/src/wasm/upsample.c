/* Upsampling, WebAssembly: two or four rows of bytes are interleaved, eight pixels a step. */
#include "../wasm.h"

#ifdef PICO_WASM_SIMD

enum { WIDTH = 8 };

/* The low eight bytes of two vectors, in turns. */
static inline v128_t zip8(v128_t a, v128_t b) {
    return wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/* One row of the result from `factor` rows, which are the same one when the nearest pixel is repeated. */
static inline void interleave(const uint8_t *const *row, size_t side, size_t factor, uint8_t *to) {
    size_t j = 0;
    for (; side - j >= WIDTH; j += WIDTH) {
        const v128_t even = zip8(wasm_v128_load64_zero(row[0] + j), wasm_v128_load64_zero(row[1] + j));
        if (factor == 2) {
            wasm_v128_store(to + 2 * j, even);
        } else {
            const v128_t odd = zip8(wasm_v128_load64_zero(row[2] + j), wasm_v128_load64_zero(row[3] + j));
            wasm_v128_store(to + 4 * j, wasm_i16x8_shuffle(even, odd, 0, 8, 1, 9, 2, 10, 3, 11));
            wasm_v128_store(to + 4 * j + 16, wasm_i16x8_shuffle(even, odd, 4, 12, 5, 13, 6, 14, 7, 15));
        }
    }
    for (; j < side; j++) {
        for (size_t b = 0; b < factor; b++) to[j * factor + b] = row[b][j];
    }
}

void wasm_upsample(const network_layer *layer, const uint8_t *in, uint8_t *out) {
    const size_t side = layer->side, factor = layer->factor, wide = side * factor;
    if (factor != 2 && factor != 4) {
        scalar_upsample(layer, in, out);
        return;
    }
    const int shuffle = layer->upsample == UPSAMPLE_SHUFFLE;
    const size_t channels = shuffle ? layer->outputs / (factor * factor) : layer->outputs;
    for (size_t c = 0; c < channels; c++) {
        for (size_t r = 0; r < wide; r++) {
            const uint8_t *row[4] = {in, in, in, in};
            for (size_t b = 0; b < factor; b++) {
                const size_t from = shuffle ? (r % factor * factor + b) * channels + c : c;
                row[b] = in + (from * side + r / factor) * side;
            }
            interleave(row, side, factor, out + (c * wide + r) * wide);
        }
    }
}

#endif
