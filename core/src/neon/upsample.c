/* Upsampling, NEON: the stores that interleave two or four registers are all of it. */
#include "../arm.h"

#ifdef PICO_NEON

enum { WIDTH = 16 };

/* One row of the result from `factor` rows, which are the same one when the nearest pixel is repeated. */
static inline void interleave(const uint8_t *const *row, size_t side, size_t factor, uint8_t *to) {
    size_t j = 0;
    for (; side - j >= WIDTH; j += WIDTH) {
        const uint8x16_t first = vld1q_u8(row[0] + j), second = vld1q_u8(row[1] + j);
        if (factor == 2) {
            const uint8x16x2_t two = {{first, second}};
            vst2q_u8(to + 2 * j, two);
        } else {
            const uint8x16x4_t four = {{first, second, vld1q_u8(row[2] + j), vld1q_u8(row[3] + j)}};
            vst4q_u8(to + 4 * j, four);
        }
    }
    for (; side - j >= WIDTH / 2; j += WIDTH / 2) {
        const uint8x8_t first = vld1_u8(row[0] + j), second = vld1_u8(row[1] + j);
        if (factor == 2) {
            const uint8x8x2_t two = {{first, second}};
            vst2_u8(to + 2 * j, two);
        } else {
            const uint8x8x4_t four = {{first, second, vld1_u8(row[2] + j), vld1_u8(row[3] + j)}};
            vst4_u8(to + 4 * j, four);
        }
    }
    for (; j < side; j++) {
        for (size_t b = 0; b < factor; b++) to[j * factor + b] = row[b][j];
    }
}

void neon_upsample(const network_layer *layer, const uint8_t *in, uint8_t *out) {
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
