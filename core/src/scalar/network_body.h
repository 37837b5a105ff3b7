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
            requantise(layer, o, bias[o], acc, count, out + o * pixels + first);
        }
    }
}

/* A row in blocks of columns, a tap at a time; taps outside the tile are left out: padding is zero. */
void DEPTHWISE(const network_layer *layer, const int32_t *bias, const INPUT *in, uint8_t *out) {
    const size_t side = layer->side;
    for (size_t c = 0; c < layer->outputs; c++) {
        const int8_t *weight = layer->weight + 9 * c;
        const INPUT *plane = in + c * side * side;
        for (size_t row = 0; row < side; row++) {
            for (size_t first = 0; first < side; first += BLOCK) {
                const size_t end = side - first < BLOCK ? side : first + BLOCK;
                int32_t acc[BLOCK] = {0};
                for (size_t tap = 0; tap < 9; tap++) {
                    const size_t a = tap / 3, b = tap % 3; /* the neighbour at (a - 1, b - 1) */
                    if (row + a < 1 || row + a > side) continue;
                    const INPUT *line = plane + (row + a - 1) * side;
                    const size_t from = first + b < 1 ? 1 : first, to = end + b > side + 1 ? side - 1 : end;
                    for (size_t j = from; j < to; j++) {
                        acc[j - first] += (int16_t)(weight[tap] * line[j + b - 1]);
                    }
                }
                requantise(layer, c, bias[c], acc, end - first, out + (c * side + row) * side + first);
            }
        }
    }
}
