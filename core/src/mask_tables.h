/* Tables that turn a mask of eight elements into a byte shuffle. */
#ifndef PICO_MASK_TABLES_H
#define PICO_MASK_TABLES_H

#include <stdint.h>

/* Bytes of [mask], least significant first: the positions of the bits that are set, in order; then 7. */
extern const uint64_t set_bits_of[256];
/* Byte j of [mask]: how many bits below bit j are set. */
extern const uint64_t bits_below[256];

#endif
