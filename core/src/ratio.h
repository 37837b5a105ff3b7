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
    RATIO_TO_F16 = RATIO_TO_F32 - F16_LESS_BIAS + (1 << (F16_FEWER_BITS - 1)), /* before they are shifted */
    BEYOND = 1 /* pixels that have to follow the last ones: 16 bytes are loaded where four take ten */
};

#endif
