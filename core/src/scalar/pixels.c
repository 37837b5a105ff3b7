/* Samples between 8-bit pixels and float tensors, the reference kernels: in through a table of bit patterns,
 * back by integer operations on the bits, so no rounding mode, flush-to-zero setting or FPU can make a
 * difference. */
#include "../kernels.h"
#include "../native.h"

/* For each distance of pixels, which then is a constant. */
#define FOR_EACH_SAMPLE(work)                                                                                \
    do {                                                                                                     \
        if (apart == 3) {                                                                                    \
            SAMPLES(3, work);                                                                                \
        } else {                                                                                             \
            SAMPLES(1, work);                                                                                \
        }                                                                                                    \
    } while (0)

#define SAMPLES(distance, work)                                                                              \
    for (size_t i = 0; i < n; i++, in += (distance), out += step) (work)
void scalar_pixels_in_f32(const uint32_t table[256], const uint8_t *in, size_t apart, size_t n, uint8_t *out,
                          ptrdiff_t step) {
    FOR_EACH_SAMPLE(store_u32(out, table[*in]));
}

void scalar_pixels_in_f16(const uint16_t table[256], const uint8_t *in, size_t apart, size_t n, uint8_t *out,
                          ptrdiff_t step) {
    FOR_EACH_SAMPLE(store_u16(out, table[*in]));
}
#undef SAMPLES

/* floor(255 * mantissa / 2^down + 1/2). With down >= 33 the product, below 2^32, is less than a half. */
static inline uint8_t scale_to_byte(uint32_t mantissa, uint32_t down) {
    if (down > 32) return 0;
    return (uint8_t)((255 * (uint64_t)mantissa + ((uint64_t)1 << (down - 1))) >> down);
}

static inline uint8_t byte_of_f32(uint32_t bits, size_t *nan_count) {
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) {
        (*nan_count)++;
        return 0;
    }
    if (bits > 0x7FFFFFFFu) return 0;     /* negative */
    if (bits >= 0x3F800000u) return 255;  /* 1 and above */
    const uint32_t exponent = bits >> 23; /* 0 ... 126; subnormals are shifted away like all small ones */
    return scale_to_byte((bits & 0x7FFFFFu) | 0x800000u, 150 - exponent);
}

static inline uint8_t byte_of_f16(uint32_t bits, size_t *nan_count) {
    if ((bits & 0x7FFFu) > 0x7C00u) {
        (*nan_count)++;
        return 0;
    }
    if (bits > 0x7FFFu) return 0;
    if (bits >= 0x3C00u) return 255;
    const uint32_t exponent = bits >> 10; /* 0 ... 14; a subnormal has no implicit bit and is below a half */
    return scale_to_byte((bits & 0x3FFu) | 0x400u, 25 - exponent);
}

#define SAMPLES(distance, work)                                                                              \
    for (size_t i = 0; i < n; i++, in += step, out += (distance)) (work)
size_t scalar_pixels_out_f32(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart) {
    size_t nan_count = 0;
    FOR_EACH_SAMPLE(*out = byte_of_f32(load_u32(in), &nan_count));
    return nan_count;
}

size_t scalar_pixels_out_f16(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart) {
    size_t nan_count = 0;
    FOR_EACH_SAMPLE(*out = byte_of_f16(load_u16(in), &nan_count));
    return nan_count;
}
