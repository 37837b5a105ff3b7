/* Packed floats <-> packed int8 symbols, WebAssembly. In: an integer up to 128 has at most seven bits of
 * fraction, so a float's other bits have to be 0, and sign, exponent and those seven fit sixteen bits. Out:
 * conversions, which are exact. */
#include "../native.h"
#include "../wasm.h"

#ifdef PICO_WASM_SIMD

enum {
    WIDTH = 8,
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
static inline v128_t integers_of(v128_t magnitude, v128_t sign, short_float format, v128_t *bad) {
    const uint16_t one = (uint16_t)(format.bias << FRACTION);
    const v128_t is_fraction = /* 0 < magnitude < 1 */
        wasm_u16x8_lt(wasm_i16x8_sub(magnitude, wasm_u16x8_splat(1)), wasm_u16x8_splat((uint16_t)(one - 1)));
    const v128_t is_large = wasm_u16x8_gt(magnitude, wasm_u16x8_splat(format.largest)); /* or NaN */
    /* There is no shift by another count in every lane: times 2^up, 0 if up is below 0 or above 7. */
    const v128_t powers = wasm_u8x16_const(1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0);
    const v128_t up = wasm_i16x8_sub(wasm_u16x8_shr(magnitude, FRACTION), wasm_u16x8_splat(format.bias));
    const v128_t power = wasm_v128_and(wasm_i8x16_swizzle(powers, up), wasm_u16x8_splat(0xFF));
    const v128_t mantissa = wasm_v128_bitselect(magnitude, wasm_u16x8_splat(0x80), wasm_u16x8_splat(0x7F));
    const v128_t scaled = wasm_i16x8_mul(mantissa, power);
    const v128_t left_over = wasm_v128_and(scaled, wasm_u16x8_splat(0x7F));
    *bad = wasm_v128_or(wasm_v128_or(*bad, left_over), wasm_v128_or(is_fraction, is_large));
    return wasm_i16x8_sub(wasm_v128_xor(wasm_u16x8_shr(scaled, FRACTION), sign), sign);
}

/* The low bytes of eight lanes. */
static inline void store_eight(int8_t *out, v128_t v) {
    const v128_t bytes = wasm_i8x16_shuffle(v, v, 0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14);
    wasm_v128_store64_lane(out, bytes, 0);
}

int wasm_symbols_in_f32(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    if (max > MOST) return scalar_symbols_in_f32(in, n, max, out);
    const short_float format = shortened(FLOAT32, max, REST_OF_F32);
    v128_t bad = wasm_i16x8_splat(0);
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const v128_t a = wasm_v128_load(in + 4 * i), b = wasm_v128_load(in + 4 * i + 16);
        const v128_t high = wasm_i16x8_shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
        bad = wasm_v128_or(bad, wasm_i16x8_shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14));
        store_eight(out + i, integers_of(wasm_v128_and(high, wasm_u16x8_splat(0x7FFF)),
                                         wasm_i16x8_shr(high, 15), format, &bad));
    }
    return scalar_symbols_in_f32(in + 4 * i, n - i, max, out + i) && !wasm_v128_any_true(bad);
}

int wasm_symbols_in_f16(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    if (max > MOST) return scalar_symbols_in_f16(in, n, max, out);
    const short_float format = shortened(FLOAT16, max, REST_OF_F16);
    v128_t bad = wasm_i16x8_splat(0);
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const v128_t bits = wasm_v128_load(in + 2 * i);
        bad = wasm_v128_or(bad, wasm_v128_and(bits, wasm_u16x8_splat((1 << REST_OF_F16) - 1)));
        const v128_t magnitude = wasm_u16x8_shr(wasm_v128_and(bits, wasm_u16x8_splat(0x7FFF)), REST_OF_F16);
        store_eight(out + i, integers_of(magnitude, wasm_i16x8_shr(bits, 15), format, &bad));
    }
    return scalar_symbols_in_f16(in + 2 * i, n - i, max, out + i) && !wasm_v128_any_true(bad);
}

void wasm_symbols_out_f32(const uint32_t table[256], const int8_t *in, size_t n, uint8_t *out) {
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const v128_t v = wasm_i16x8_load8x8(in + i);
        wasm_v128_store(out + 4 * i, wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(v)));
        wasm_v128_store(out + 4 * i + 16, wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(v)));
    }
    scalar_symbols_out_f32(table, in + i, n - i, out + 4 * i);
}

/* Four magnitudes as halves, in int32; that of 0 would be negative. */
static inline v128_t narrowed(v128_t v) {
    const v128_t half = wasm_i32x4_sub(wasm_f32x4_convert_i32x4(v), wasm_i32x4_const_splat(F16_LESS_BIAS));
    return wasm_u32x4_shr(wasm_i32x4_max(half, wasm_i32x4_const_splat(0)), F16_FEWER_BITS);
}

void wasm_symbols_out_f16(const uint16_t table[256], const int8_t *in, size_t n, uint8_t *out) {
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        const v128_t v = wasm_i16x8_load8x8(in + i), magnitude = wasm_i16x8_abs(v);
        const v128_t low = narrowed(wasm_u32x4_extend_low_u16x8(magnitude));
        const v128_t high = narrowed(wasm_u32x4_extend_high_u16x8(magnitude));
        const v128_t sign = wasm_v128_and(v, wasm_u16x8_const_splat(0x8000));
        wasm_v128_store(out + 2 * i, wasm_v128_or(wasm_u16x8_narrow_i32x4(low, high), sign));
    }
    scalar_symbols_out_f16(table, in + i, n - i, out + 2 * i);
}

#endif
