/* Included by network.c once for each type of input; defines POINTWISE and DEPTHWISE over INPUT. */

void POINTWISE(const network_layer *layer, const int32_t *bias, const INPUT *in, uint8_t *out) {
    const size_t pixels = (size_t)layer->side * layer->side;
    for (size_t first = 0; first < pixels; first += BLOCK) {
        const size_t count = pixels - first < BLOCK ? pixels - first : BLOCK;
        for (size_t o = 0; o < layer->outputs; o++) {
            int32_t acc[BLOCK] = {0};
            const int8_t *weight = layer->weight + o * layer->inputs;
            for (size_t i = 0; i < layer->inputs; i++) {
                const int16_t w =
                    weight[i]; /* |w * x| <= 128 * 255 fits int16: narrow products, more a vector */
                const INPUT *x = in + i * pixels + first;
                if (count == BLOCK) { /* a constant count, which the compiler turns into vectors */
                    for (size_t p = 0; p < BLOCK; p++) acc[p] += (int16_t)(w * x[p]);
                } else {
                    for (size_t p = 0; p < count; p++) acc[p] += (int16_t)(w * x[p]);
                }
            }
            const int64_t offset = offset_of(layer, bias[o]);
            for (size_t p = 0; p < count; p++) {
                out[o * pixels + first + p] = requantise(layer, acc[p], layer->multiplier[o], offset);
            }
        }
    }
}

void DEPTHWISE(const network_layer *layer, const int32_t *bias, const INPUT *in, uint8_t *out) {
    const size_t side = layer->side;
    for (size_t c = 0; c < layer->outputs; c++) {
        const int8_t *weight = layer->weight + 9 * c;
        const INPUT *plane = in + c * side * side;
        const int64_t offset = offset_of(layer, bias[c]);
        for (size_t row = 0; row < side; row++) {
            for (size_t column = 0; column < side; column++) {
                int32_t acc = 0; /* taps outside the tile are left out: padding is zero */
                for (size_t a = row == 0; a < 3 && row + a <= side; a++) {
                    const INPUT *line = plane + (row + a - 1) * side;
                    for (size_t b = column == 0; b < 3 && column + b <= side; b++) {
                        acc += weight[3 * a + b] * line[column + b - 1];
                    }
                }
                out[(c * side + row) * side + column] = requantise(layer, acc, layer->multiplier[c], offset);
            }
        }
    }
}
