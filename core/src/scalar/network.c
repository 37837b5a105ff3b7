/* The integer network, the reference kernels. int32 sums; requantisation in int32, or int64 in a wide layer.
 * That none overflows is proved from the weights when the model is loaded (model_check.c), so nothing is
 * checked here. */
#include "../bytes.h"
#include "../kernels.h"

enum { BLOCK = 64 }; /* pixels whose sums stay in registers or L1 while the channels go by */

/* Right shift of a negative value is arithmetic, a floor, on every compiler that is supported, and the
 * comparison with the NumPy reference says so. */
static inline uint8_t clamp_and_round(const network_layer *layer, int32_t v) {
    const int32_t ceiling = (int32_t)layer->ceiling;
    v = v < 0 ? 0 : v > ceiling ? ceiling : v;
    uint32_t half = layer->result_shift > 0 ? 1u << (layer->result_shift - 1) : 0;
    return (uint8_t)(((uint32_t)v + half) >> layer->result_shift);
}

/* One output's sums. In a layer that is not wide int32 holds everything. */
static inline void requantise(const network_layer *layer, size_t output, int32_t bias, const int32_t *acc,
                              size_t count, uint8_t *out) {
    const int32_t multiplier = layer->multiplier[output];
    const int64_t offset = bias + (layer->shift > 0 ? (int64_t)1 << (layer->shift - 1) : 0);
    if (layer->wide) {
        for (size_t p = 0; p < count; p++) {
            const int64_t v = ((int64_t)acc[p] * multiplier + offset) >> layer->shift;
            out[p] = clamp_and_round(layer, v < 0 ? 0 : v > INT32_MAX ? INT32_MAX : (int32_t)v);
        }
    } else {
        const int32_t narrow = (int32_t)offset;
        for (size_t p = 0; p < count; p++) {
            out[p] = clamp_and_round(layer, (acc[p] * multiplier + narrow) >> layer->shift);
        }
    }
}

/* The first layer takes int8, the later ones uint8: one source for both. */
#define INPUT     int8_t
#define POINTWISE scalar_pointwise_first
#define DEPTHWISE scalar_depthwise_first
#include "network_body.h"
#undef INPUT
#undef POINTWISE
#undef DEPTHWISE

#define INPUT     uint8_t
#define POINTWISE scalar_pointwise
#define DEPTHWISE scalar_depthwise
#include "network_body.h"
#undef INPUT
#undef POINTWISE
#undef DEPTHWISE

void scalar_upsample(const network_layer *layer, const uint8_t *in, uint8_t *out) {
    const size_t side = layer->side, factor = layer->factor, wide = side * factor;
    const int shuffle = layer->upsample == UPSAMPLE_SHUFFLE;
    const size_t channels = shuffle ? layer->outputs / (factor * factor) : layer->outputs;
    for (size_t c = 0; c < channels; c++) {
        for (size_t a = 0; a < factor; a++) { /* all rows of the same planes, while those are in the cache */
            for (size_t i = 0; i < side; i++) {
                uint8_t *to = out + (c * wide + i * factor + a) * wide;
                for (size_t b = 0; b < factor; b++) {
                    const size_t from_channel = shuffle ? (a * factor + b) * channels + c : c;
                    const uint8_t *from = in + (from_channel * side + i) * side;
                    for (size_t j = 0; j < side; j++) to[j * factor + b] = from[j];
                }
            }
        }
    }
}
