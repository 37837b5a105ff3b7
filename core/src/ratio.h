/* v / 255 of eight bits, as floats and halves, for kernels: integers and one exact conversion, so that no
 * rounding mode matters.
 *
 * v / 255 is 0.vvv... in digits of eight bits. The first three, vvv as an integer, have 24 bits from v's
 * highest one on, but for zeros of the fourth: as a float that is exact, 2^24 times too large, and v / 255
 * cut off. The first bit that is missing is v's highest one again: it rounds up. For 255 that carries, to 1.
 * Nothing is 0 less than 24 in the exponent, so the result of v = 0 is negative, and the larger of it and 0
 * is 0.
 *
 * As halves: of 24 bits those 13 that are too many are rounded off; none of the 256 is a tie. Tests go
 * through all of them. */
#ifndef PICO_RATIO_H
#define PICO_RATIO_H

#include "native.h"

enum {
    RATIO_TO_F32 = 1 - (24 << 23), /* is added to the bits of the float vvv */
    RATIO_TO_F16 = RATIO_TO_F32 - F16_LESS_BIAS + (1 << (F16_FEWER_BITS - 1)) /* before they are shifted */
};

/* For each distance of samples, where a vector of four finds its bytes vvv among sixteen. */
static const uint8_t bytes_of_ratio[2][16] = {
    {0, 0, 0, 255, 1, 1, 1, 255, 2, 2, 2, 255, 3, 3, 3, 255},
    {0, 0, 0, 255, 3, 3, 3, 255, 6, 6, 6, 255, 9, 9, 9, 255},
};

static inline const uint8_t *ratio_bytes(size_t apart) {
    return bytes_of_ratio[apart == 3];
}

/* How many samples have to follow the last four, of which sixteen bytes are loaded. */
static inline size_t beyond_ratio(size_t apart) {
    return apart == 3 ? 2 : 12;
}

#endif
