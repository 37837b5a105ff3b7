/* The integer network, the reference kernels. int32 sums, int64 requantisation; that neither overflows is
 * proved from the weights when the model is loaded (model_check.c), so nothing is checked here. */
#include "../bytes.h"
#include "../kernels.h"

enum { BLOCK = 64 }; /* pixels whose sums stay in registers or L1 while the channels go by */

static inline uint8_t requantise(const network_layer *layer, int32_t acc, int32_t multiplier,
                                 int64_t offset) {
    /* Floor shift: right shift of a negative value is arithmetic on every compiler that is supported, and the
     * comparison with the NumPy reference says so. */
    int64_t v = ((int64_t)acc * multiplier + offset) >> layer->shift;
    v = v<0 ? 0 : v>(int64_t) layer->ceiling ? (int64_t)layer->ceiling : v;
    uint32_t half = layer->result_shift > 0 ? 1u << (layer->result_shift - 1) : 0;
    return (uint8_t)(((uint32_t)v + half) >> layer->result_shift);
}

static inline int64_t offset_of(const network_layer *layer, int32_t bias) {
    return bias + (layer->shift > 0 ? (int64_t)1 << (layer->shift - 1) : 0);
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
        for (size_t row = 0; row < wide; row++) {
            const size_t a = row % factor;
            uint8_t *to = out + (c * wide + row) * wide;
            for (size_t b = 0; b < factor; b++) {
                const size_t from_channel = shuffle ? (a * factor + b) * channels + c : c;
                const uint8_t *from = in + (from_channel * side + row / factor) * side;
                for (size_t j = 0; j < side; j++) to[j * factor + b] = from[j];
            }
        }
    }
}
