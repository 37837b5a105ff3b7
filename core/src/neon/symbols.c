/* Packed floats <-> packed int8 symbols, NEON. In: an integer up to 128 has at most seven bits of fraction,
 * so a float's other bits have to be 0, and sign, exponent and those seven fit sixteen bits. Out:
 * conversions, which are exact. */
#include "../arm.h"
#include "../native.h"

#ifdef PICO_NEON

enum {
    WIDTH = 16,
    FRACTION = 7,     /* bits that are kept */
    MOST = 128,       /* what they can hold */
    REST_OF_F32 = 16, /* bits that are not */
    REST_OF_F16 = 3
};

/* A format's magnitudes with seven bits of fraction. */
typedef struct short_float {
    uint16_t bias, largest; /* largest: the one that is `max` */
} short_float;

static inline short_float shortened(float_format format, uint32_t max, uint32_t rest) {
    return (short_float){(uint16_t)format.bias, (uint16_t)(float_from_integer(format, (int32_t)max) >> rest)};
}

/* Eight integers; lanes of `bad` are set where there is none in range. `sign`: 0 or -1. */
static inline int16x8_t integers_of(uint16x8_t magnitude, int16x8_t sign, short_float format,
                                    uint16x8_t *bad) {
    const uint16_t one = (uint16_t)(format.bias << FRACTION);
    const uint16x8_t is_fraction = /* 0 < magnitude < 1 */
        vcltq_u16(vsubq_u16(magnitude, vdupq_n_u16(1)), vdupq_n_u16((uint16_t)(one - 1)));
    const uint16x8_t is_large = vcgtq_u16(magnitude, vdupq_n_u16(format.largest)); /* or NaN */
    const int16x8_t up =
        vsubq_s16(vreinterpretq_s16_u16(vshrq_n_u16(magnitude, FRACTION)), vdupq_n_s16((int16_t)format.bias));
    const uint16x8_t mantissa = vbslq_u16(vdupq_n_u16(0x7F), magnitude, vdupq_n_u16(0x80));
    const uint16x8_t scaled = vshlq_u16(mantissa, up); /* 0 for a zero, whose exponent is that far down */
    const uint16x8_t left_over = vandq_u16(scaled, vdupq_n_u16(0x7F));
    *bad = vorrq_u16(vorrq_u16(*bad, left_over), vorrq_u16(is_fraction, is_large));
    const int16x8_t v = vreinterpretq_s16_u16(vshrq_n_u16(scaled, FRACTION));
    return vsubq_s16(veorq_s16(v, sign), sign);
}

static inline int16x8_t eight_of_f32(const uint8_t *in, short_float format, uint16x8_t *bad) {
    const uint16x8_t a = vreinterpretq_u16_u8(vld1q_u8(in)), b = vreinterpretq_u16_u8(vld1q_u8(in + 16));
    const uint16x8_t high = vuzp2q_u16(a, b);
    *bad = vorrq_u16(*bad, vuzp1q_u16(a, b));
    return integers_of(vandq_u16(high, vdupq_n_u16(0x7FFF)), vshrq_n_s16(vreinterpretq_s16_u16(high), 15),
                       format, bad);
}

static inline int16x8_t eight_of_f16(const uint8_t *in, short_float format, uint16x8_t *bad) {
    const uint16x8_t bits = vreinterpretq_u16_u8(vld1q_u8(in));
    *bad = vorrq_u16(*bad, vandq_u16(bits, vdupq_n_u16((1 << REST_OF_F16) - 1)));
    const uint16x8_t magnitude = vshrq_n_u16(vandq_u16(bits, vdupq_n_u16(0x7FFF)), REST_OF_F16);
    return integers_of(magnitude, vshrq_n_s16(vreinterpretq_s16_u16(bits), 15), format, bad);
}

static inline void store_sixteen(int8_t *out, int16x8_t low, int16x8_t high) {
    vst1q_s8(out, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
}

int neon_symbols_in_f32(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    if (max > MOST) return scalar_symbols_in_f32(in, n, max, out);
    const short_float format = shortened(FLOAT32, max, REST_OF_F32);
    uint16x8_t bad = vdupq_n_u16(0);
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const int16x8_t low = eight_of_f32(in + 4 * i, format, &bad);
        store_sixteen(out + i, low, eight_of_f32(in + 4 * i + 32, format, &bad));
    }
    return scalar_symbols_in_f32(in + 4 * i, n - i, max, out + i) && vmaxvq_u16(bad) == 0;
}

int neon_symbols_in_f16(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    if (max > MOST) return scalar_symbols_in_f16(in, n, max, out);
    const short_float format = shortened(FLOAT16, max, REST_OF_F16);
    uint16x8_t bad = vdupq_n_u16(0);
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const int16x8_t low = eight_of_f16(in + 2 * i, format, &bad);
        store_sixteen(out + i, low, eight_of_f16(in + 2 * i + 16, format, &bad));
    }
    return scalar_symbols_in_f16(in + 2 * i, n - i, max, out + i) && vmaxvq_u16(bad) == 0;
}

/* Four integers as floats. */
static inline float32x4_t floats_of(int16x4_t v) {
    return vcvtq_f32_s32(vmovl_s16(v));
}

void neon_symbols_out_f32(const uint32_t table[256], const int8_t *in, size_t n, uint8_t *out) {
    size_t i = 0;
    for (; n - i >= WIDTH / 2; i += WIDTH / 2) {
        const int16x8_t v = vmovl_s8(vld1_s8(in + i));
        vst1q_u8(out + 4 * i, vreinterpretq_u8_f32(floats_of(vget_low_s16(v))));
        vst1q_u8(out + 4 * i + 16, vreinterpretq_u8_f32(floats_of(vget_high_s16(v))));
    }
    scalar_symbols_out_f32(table, in + i, n - i, out + 4 * i);
}

void neon_symbols_out_f16(const uint16_t table[256], const int8_t *in, size_t n, uint8_t *out) {
    size_t i = 0;
    for (; n - i >= WIDTH / 2; i += WIDTH / 2) {
        const int16x8_t v = vmovl_s8(vld1_s8(in + i));
        const float16x4_t low = vcvt_f16_f32(floats_of(vget_low_s16(v)));
        vst1q_u8(out + 2 * i, vreinterpretq_u8_f16(vcvt_high_f16_f32(low, floats_of(vget_high_s16(v)))));
    }
    scalar_symbols_out_f16(table, in + i, n - i, out + 2 * i);
}

#endif
