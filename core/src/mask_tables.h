/* Tables that turn a mask into a byte shuffle, in which numbers above 15 stand for zero. */
#ifndef PICO_MASK_TABLES_H
#define PICO_MASK_TABLES_H

#include <stdint.h>

/* Bytes of [mask], least significant first: the positions of the bits that are set, in order; then 7. */
extern const uint64_t set_bits_of[256];
/* Byte j of [mask]: how many bits below bit j are set. */
extern const uint64_t bits_below[256];

/* For a mask of four lanes: a byte shuffle that gives each lane in it one of the 16-bit words that follow
 * each other, zero-extended; what the other lanes get is zero. */
extern const uint8_t words_to_lanes[16][16];
/* The inverse, of eight bytes: the low words of the lanes in the mask, in order, the last of them at the end.
 */
extern const uint8_t words_of_lanes[16][8];

#endif
