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

/* 0: this set, or this layer, does it in two steps. */
static int run_shuffled(const pico_kernels *kernels, const network_layer *layer, const int32_t *bias,
                        const int8_t *z, const uint8_t *in, uint8_t *out) {
    if (kernels->shuffled == NULL || layer->depthwise || layer->upsample != UPSAMPLE_SHUFFLE) return 0;
    return z != NULL ? kernels->shuffled_first(layer, bias, z, out) : kernels->shuffled(layer, bias, in, out);
}

void network_run(const pico_model *model, uint32_t level, const int8_t *z, uint8_t *index, uint8_t *buffer) {
    uint8_t *in = buffer, *spare = buffer + model->activation_size;
    for (uint32_t i = 0; i < model->info.layers; i++) {
        const network_layer *layer = &model->layer[i];
        const int32_t *bias = layer->bias + (size_t)level * layer->outputs;
        const int8_t *first = i == 0 ? z : NULL;
        const int last = i + 1 == model->info.layers;
        uint8_t *out = last ? index : spare;
        if (layer->upsample == UPSAMPLE_NONE) {
            run_layer(model->kernels, layer, bias, first, in, out);
        } else if (!run_shuffled(model->kernels, layer, bias, first, in, out)) {
            run_layer(model->kernels, layer, bias, first, in, spare);
            out = last ? index : in; /* which nothing needs any more */
            model->kernels->upsample(layer, spare, out);
        }
        if (out == spare) {
            spare = in;
            in = out;
        }
    }
}
