/* Samples between 8-bit pixels and float tensors, the reference kernels: in through a table of bit patterns,
 * back by integer operations on the bits, so no rounding mode, flush-to-zero setting or FPU can make a
 * difference. */
#include "../kernels.h"
#include "../native.h"

void scalar_pixels_in_f32(const uint32_t table[256], const uint8_t *in, size_t n, uint8_t *out,
                          ptrdiff_t step) {
    for (size_t i = 0; i < n; i++, out += step) store_u32(out, table[in[3 * i]]);
}

void scalar_pixels_in_f16(const uint16_t table[256], const uint8_t *in, size_t n, uint8_t *out,
                          ptrdiff_t step) {
    for (size_t i = 0; i < n; i++, out += step) store_u16(out, table[in[3 * i]]);
}

/* floor(255 * mantissa / 2^down + 1/2). With down >= 33 the product, below 2^32, is less than a half. */
static inline uint8_t scale_to_byte(uint32_t mantissa, uint32_t down) {
    if (down > 32) return 0;
    return (uint8_t)((255 * (uint64_t)mantissa + ((uint64_t)1 << (down - 1))) >> down);
}

size_t scalar_pixels_out_f32(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out) {
    size_t nan_count = 0;
    for (size_t i = 0; i < n; i++, in += step) {
        uint32_t bits = load_u32(in), magnitude = bits & 0x7FFFFFFFu;
        if (magnitude > 0x7F800000u) {
            nan_count++;
            out[3 * i] = 0;
        } else if (bits > 0x7FFFFFFFu) {
            out[3 * i] = 0; /* negative */
        } else if (bits >= 0x3F800000u) {
            out[3 * i] = 255; /* 1 and above */
        } else {
            uint32_t exponent = bits >> 23; /* 0 ... 126; subnormals are shifted away like all small ones */
            out[3 * i] = scale_to_byte((bits & 0x7FFFFFu) | 0x800000u, 150 - exponent);
        }
    }
    return nan_count;
}

size_t scalar_pixels_out_f16(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out) {
    size_t nan_count = 0;
    for (size_t i = 0; i < n; i++, in += step) {
        uint32_t bits = load_u16(in), magnitude = bits & 0x7FFFu;
        if (magnitude > 0x7C00u) {
            nan_count++;
            out[3 * i] = 0;
        } else if (bits > 0x7FFFu) {
            out[3 * i] = 0;
        } else if (bits >= 0x3C00u) {
            out[3 * i] = 255;
        } else {
            uint32_t exponent = bits >> 10; /* 0 ... 14; a subnormal has no implicit bit and is below a half
            anyway */
            out[3 * i] = scale_to_byte((bits & 0x3FFu) | 0x400u, 25 - exponent);
        }
    }
    return nan_count;
}
