/* Floats of the caller's tensors as bit patterns, in the machine's own byte order and without alignment.
 * There is no float
 * arithmetic: an exact integer is recognised, and made, from sign, exponent and mantissa. */
#ifndef PICO_NATIVE_H
#define PICO_NATIVE_H

#include "bytes.h"

static inline uint32_t load_u32(const uint8_t *p) {
    uint32_t v;
    copy_bytes(&v, p, sizeof v);
    return v;
}

static inline uint32_t load_u16(const uint8_t *p) {
    uint16_t v;
    copy_bytes(&v, p, sizeof v);
    return v;
}

static inline void store_u32(uint8_t *p, uint32_t v) {
    copy_bytes(p, &v, sizeof v);
}

static inline void store_u16(uint8_t *p, uint16_t v) {
    copy_bytes(p, &v, sizeof v);
}

/* Bit pattern of a float: `mantissa_bits` and the exponent bias say which type. */
typedef struct float_format {
    uint32_t mantissa_bits, bias, sign;
} float_format;

static const float_format FLOAT16 = {10, 15, 0x8000u};
static const float_format FLOAT32 = {23, 127, 0x80000000u};

/* From the bits of a float32 to those of a half: the bias of its exponent, in place, and bits of its
 * fraction. */
enum { F16_LESS_BIAS = (127 - 15) << 23, F16_FEWER_BITS = 23 - 10 };

/* num / den, 0 <= num <= den < 2^9, correctly rounded (to nearest, ties to even) to a float of this format.
 * */
static inline uint32_t float_from_ratio(float_format format, uint32_t numerator, uint32_t denominator) {
    if (numerator == 0) return 0;
    uint32_t down = 0; /* numerator / denominator * 2^down lies in [1, 2) */
    while ((numerator << down) < denominator) down++;
    uint64_t scaled = (uint64_t)(numerator << down) << format.mantissa_bits;
    uint64_t quotient = scaled / denominator, rest = scaled % denominator;
    if (2 * rest > denominator || (2 * rest == denominator && (quotient & 1))) quotient++;
    /* The implicit bit is added to the exponent, so rounding up to 2 carries into it by itself. */
    return ((format.bias - down - 1) << format.mantissa_bits) + (uint32_t)quotient;
}

/* |v| <= 128 as a float of this format. */
static inline uint32_t float_from_integer(float_format format, int32_t v) {
    if (v == 0) return 0;
    uint32_t magnitude = v < 0 ? (uint32_t)-v : (uint32_t)v, up = 0;
    while (magnitude >> up > 1) up++;
    uint32_t fraction = (magnitude << (format.mantissa_bits - up)) & ((1u << format.mantissa_bits) - 1);
    return (v < 0 ? format.sign : 0) | (format.bias + up) << format.mantissa_bits | fraction;
}

enum { NOT_AN_INTEGER = 1 << 20, TOO_LARGE = 1 << 21 };

/* The integer a float holds: |v| < 1024, or NOT_AN_INTEGER (fractions, NaN), or TOO_LARGE (infinities, too).
 * */
static inline int32_t integer_from_float(float_format format, uint32_t bits) {
    uint32_t magnitude = bits & (format.sign - 1);
    if (magnitude == 0) return 0; /* -0 as well: rounding makes it */
    uint32_t exponent = magnitude >> format.mantissa_bits;
    uint32_t infinite = 2 * format.bias + 1;
    uint32_t fraction = magnitude & ((1u << format.mantissa_bits) - 1);
    if (exponent == infinite && fraction != 0) return NOT_AN_INTEGER;
    if (exponent < format.bias) return NOT_AN_INTEGER; /* 0 < |v| < 1 */
    uint32_t up = exponent - format.bias;
    if (up >= 10) return TOO_LARGE;
    uint32_t down = format.mantissa_bits - up;
    uint32_t mantissa = fraction | 1u << format.mantissa_bits;
    if ((mantissa & ((1u << down) - 1)) != 0) return NOT_AN_INTEGER;
    int32_t v = (int32_t)(mantissa >> down);
    return (bits & format.sign) != 0 ? -v : v;
}

#endif
