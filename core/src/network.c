/* The integer network: layers in order, between two buffers. */
#include "model.h"

static void run_layer(const pico_kernels *kernels, const network_layer *layer, const int32_t *bias,
                      const int8_t *z, const uint8_t *in, uint8_t *out) {
    if (layer->depthwise) {
        if (z != NULL) {
            kernels->depthwise_first(layer, bias, z, out);
        } else {
            kernels->depthwise(layer, bias, in, out);
        }
    } else if (z != NULL) {
        kernels->pointwise_first(layer, bias, z, out);
    } else {
        kernels->pointwise(layer, bias, in, out);
    }
}

void network_run(const pico_model *model, uint32_t level, const int8_t *z, uint8_t *index, uint8_t *buffer) {
    const uint8_t *in = NULL;
    uint8_t *ping = buffer, *pong = buffer + model->activation_size;
    for (uint32_t i = 0; i < model->info.layers; i++) {
        const network_layer *layer = &model->layer[i];
        const int32_t *bias = layer->bias + (size_t)level * layer->outputs;
        int last = i + 1 == model->info.layers;
        uint8_t *out = last && layer->upsample == UPSAMPLE_NONE ? index : ping;
        run_layer(model->kernels, layer, bias, i == 0 ? z : NULL, in, out);
        if (layer->upsample != UPSAMPLE_NONE) {
            uint8_t *larger = last ? index : pong;
            model->kernels->upsample(layer, out, larger);
            in = larger; /* ping is free again */
        } else {         /* the result stays in ping, so the next one goes to pong */
            in = out;
            uint8_t *swap = ping;
            ping = pong;
            pong = swap;
        }
    }
}
