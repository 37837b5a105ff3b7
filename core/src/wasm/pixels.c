/* Pixels and packed tensors, WebAssembly: in as in ratio.h, out by the reference's integer operations. */
#include "../ratio.h"
#include "../wasm.h"

#ifdef PICO_WASM_SIMD

enum { WIDTH = 8 };

/* v / 255 of four samples; `offset` also says which format. */
static inline v128_t ratios_of(const uint8_t *in, v128_t thrice, int32_t offset) {
    const v128_t bits = wasm_f32x4_convert_i32x4(wasm_i8x16_swizzle(wasm_v128_load(in), thrice));
    return wasm_i32x4_max(wasm_i32x4_add(bits, wasm_i32x4_splat(offset)), wasm_i32x4_const_splat(0));
}

void wasm_pixels_in_f32(const uint32_t table[256], const uint8_t *in, size_t apart, size_t n, uint8_t *out,
                        ptrdiff_t step) {
    const v128_t thrice = wasm_v128_load(ratio_bytes(apart));
    const size_t needed = 4 + beyond_ratio(apart);
    size_t i = 0;
    for (; step == 4 && n - i >= needed; i += 4)
        wasm_v128_store(out + 4 * i, ratios_of(in + apart * i, thrice, RATIO_TO_F32));
    scalar_pixels_in_f32(table, in + apart * i, apart, n - i, out + (ptrdiff_t)i * step, step);
}

void wasm_pixels_in_f16(const uint16_t table[256], const uint8_t *in, size_t apart, size_t n, uint8_t *out,
                        ptrdiff_t step) {
    const v128_t thrice = wasm_v128_load(ratio_bytes(apart));
    const size_t needed = WIDTH + beyond_ratio(apart);
    size_t i = 0;
    for (; step == 2 && n - i >= needed; i += WIDTH) {
        const v128_t low = ratios_of(in + apart * i, thrice, RATIO_TO_F16);
        const v128_t high = ratios_of(in + apart * (i + 4), thrice, RATIO_TO_F16);
        wasm_v128_store(out + 2 * i, wasm_u16x8_narrow_i32x4(wasm_u32x4_shr(low, F16_FEWER_BITS),
                                                             wasm_u32x4_shr(high, F16_FEWER_BITS)));
    }
    scalar_pixels_in_f16(table, in + apart * i, apart, n - i, out + (ptrdiff_t)i * step, step);
}

/* floor(255 * v + 1/2) of four floats in 0 ... 1, as int32. There is no shift by another count in every lane,
 * so 255 * mantissa, of 32 bits, is multiplied by 2^k and the upper half of the product taken, k being so
 * that below k = 0 everything rounds to 0. */
static inline v128_t bytes_of(v128_t bits) {
    const v128_t mantissa = wasm_v128_bitselect(bits, wasm_i32x4_splat(0x800000), wasm_i32x4_splat(0x7FFFFF));
    const v128_t scaled = wasm_i32x4_sub(wasm_i32x4_shl(mantissa, 8), mantissa);
    const v128_t k = wasm_i32x4_max(wasm_i32x4_sub(wasm_u32x4_shr(bits, 23), wasm_i32x4_splat(118)),
                                    wasm_i32x4_splat(-1)); /* ... 9 */
    /* 2^k, byte by byte: the first from k, the second from k - 8, the others 0, like all that is out of
     * range. */
    const v128_t powers = wasm_u8x16_const(1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0);
    const v128_t bytes =
        wasm_i32x4_add(wasm_i32x4_add(k, wasm_i32x4_shl(k, 8)), wasm_u32x4_splat(0x8080F800u));
    const v128_t power = wasm_i8x16_swizzle(powers, bytes), half = wasm_i64x2_splat((int64_t)1 << 31);
    const v128_t low = wasm_i64x2_add(wasm_u64x2_extmul_low_u32x4(scaled, power), half);
    const v128_t high = wasm_i64x2_add(wasm_u64x2_extmul_high_u32x4(scaled, power), half);
    return wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
}

/* Eight samples; what is between them stays. */
static inline void store_eight(uint8_t *out, size_t apart, v128_t low, v128_t high) {
    uint8_t bytes[16];
    const v128_t words = wasm_i16x8_narrow_i32x4(low, high), values = wasm_u8x16_narrow_i16x8(words, words);
    if (apart == 1) {
        wasm_v128_store64_lane(out, values, 0);
        return;
    }
    wasm_v128_store(bytes, values);
    for (size_t i = 0; i < WIDTH; i++) out[3 * i] = bytes[i];
}

/* A float's bits clamped to 0 ... 1, NaN to 0; counts the NaNs, negated, in the lanes. */
static inline v128_t clamp_f32(v128_t bits, v128_t *nans) {
    const v128_t is_nan = wasm_u32x4_gt(wasm_i32x4_shl(bits, 1), wasm_u32x4_splat(0xFF000000u));
    *nans = wasm_i32x4_add(*nans, is_nan);
    const v128_t clamped =
        wasm_i32x4_min(wasm_i32x4_max(bits, wasm_i32x4_splat(0)), wasm_i32x4_splat(0x3F800000));
    return wasm_v128_andnot(clamped, is_nan);
}

static inline size_t sum_of(v128_t nans) {
    return (size_t)-(wasm_i32x4_extract_lane(nans, 0) + wasm_i32x4_extract_lane(nans, 1) +
                     wasm_i32x4_extract_lane(nans, 2) + wasm_i32x4_extract_lane(nans, 3));
}

size_t wasm_pixels_out_f32(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart) {
    v128_t nans = wasm_i32x4_splat(0);
    size_t i = 0;
    for (; step == 4 && n - i >= WIDTH; i += WIDTH) {
        const v128_t low = clamp_f32(wasm_v128_load(in + 4 * i), &nans);
        const v128_t high = clamp_f32(wasm_v128_load(in + 4 * i + 16), &nans);
        store_eight(out + apart * i, apart, bytes_of(low), bytes_of(high));
    }
    return sum_of(nans) +
           scalar_pixels_out_f32(in + (ptrdiff_t)i * step, step, n - i, out + apart * i, apart);
}

/* Four halves to the bits of single precision: subnormal ones, far below half a step, become something else
 * as small. */
static inline v128_t widen(v128_t halves) {
    return wasm_i32x4_add(wasm_i32x4_shl(halves, F16_FEWER_BITS), wasm_i32x4_splat(F16_LESS_BIAS));
}

size_t wasm_pixels_out_f16(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart) {
    v128_t nans = wasm_i32x4_splat(0);
    size_t i = 0;
    for (; step == 2 && n - i >= WIDTH; i += WIDTH) {
        const v128_t bits = wasm_v128_load(in + 2 * i);
        const v128_t is_nan = wasm_u16x8_gt(wasm_i16x8_shl(bits, 1), wasm_u16x8_splat(0xF800));
        nans = wasm_i32x4_add(nans, wasm_i32x4_extadd_pairwise_i16x8(is_nan));
        const v128_t clamped =
            wasm_i16x8_min(wasm_i16x8_max(bits, wasm_i16x8_splat(0)), wasm_i16x8_splat(0x3C00));
        const v128_t good = wasm_v128_andnot(clamped, is_nan);
        store_eight(out + apart * i, apart, bytes_of(widen(wasm_u32x4_extend_low_u16x8(good))),
                    bytes_of(widen(wasm_u32x4_extend_high_u16x8(good))));
    }
    return sum_of(nans) +
           scalar_pixels_out_f16(in + (ptrdiff_t)i * step, step, n - i, out + apart * i, apart);
}

#endif
