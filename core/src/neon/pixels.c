/* Pixels and packed tensors, NEON: in as in ratio.h, out by the reference's integer operations. */
#include "../arm.h"
#include "../ratio.h"

#ifdef PICO_NEON

enum {
    WIDTH = 16,
    FAR_ENOUGH = -40 /* shifted right by that much, everything is 0 */
};

/* v / 255 of four samples; `offset` also says which format. */
static inline uint32x4_t ratios_of(const uint8_t *in, uint8x16_t thrice, int32_t offset) {
    const uint32x4_t v = vreinterpretq_u32_u8(vqtbl1q_u8(vld1q_u8(in), thrice));
    const int32x4_t bits = vreinterpretq_s32_f32(vcvtq_f32_u32(v));
    return vreinterpretq_u32_s32(vmaxq_s32(vaddq_s32(bits, vdupq_n_s32(offset)), vdupq_n_s32(0)));
}

SPECIALISED void pixels_in_f32(const uint32_t table[256], const uint8_t *in, const size_t apart, size_t n,
                               uint8_t *out, ptrdiff_t step) {
    const uint8x16_t thrice = vld1q_u8(ratio_bytes(apart));
    size_t i = 0;
    for (; step == 4 && n - i >= WIDTH + beyond_ratio(apart); i += WIDTH) {
        const uint8_t *from = in + apart * i;
        uint8_t *to = out + 4 * i;
        for (size_t q = 0; q < WIDTH; q += 4)
            vst1q_u8(to + 4 * q, vreinterpretq_u8_u32(ratios_of(from + apart * q, thrice, RATIO_TO_F32)));
    }
    scalar_pixels_in_f32(table, in + apart * i, apart, n - i, out + (ptrdiff_t)i * step, step);
}

SPECIALISED void pixels_in_f16(const uint16_t table[256], const uint8_t *in, const size_t apart, size_t n,
                               uint8_t *out, ptrdiff_t step) {
    const uint8x16_t thrice = vld1q_u8(ratio_bytes(apart));
    size_t i = 0;
    for (; step == 2 && n - i >= WIDTH + beyond_ratio(apart); i += WIDTH) {
        const uint8_t *from = in + apart * i;
        uint8_t *to = out + 2 * i;
        for (size_t q = 0; q < WIDTH; q += 8) {
            const uint32x4_t low = ratios_of(from + apart * q, thrice, RATIO_TO_F16);
            const uint32x4_t high = ratios_of(from + apart * (q + 4), thrice, RATIO_TO_F16);
            const uint16x4_t first = vshrn_n_u32(low, F16_FEWER_BITS);
            vst1q_u8(to + 2 * q, vreinterpretq_u8_u16(vshrn_high_n_u32(first, high, F16_FEWER_BITS)));
        }
    }
    scalar_pixels_in_f16(table, in + apart * i, apart, n - i, out + (ptrdiff_t)i * step, step);
}

void neon_pixels_in_f32(const uint32_t table[256], const uint8_t *in, size_t apart, size_t n, uint8_t *out,
                        ptrdiff_t step) {
    if (apart == 3) {
        pixels_in_f32(table, in, 3, n, out, step);
    } else {
        pixels_in_f32(table, in, 1, n, out, step);
    }
}

void neon_pixels_in_f16(const uint16_t table[256], const uint8_t *in, size_t apart, size_t n, uint8_t *out,
                        ptrdiff_t step) {
    if (apart == 3) {
        pixels_in_f16(table, in, 3, n, out, step);
    } else {
        pixels_in_f16(table, in, 1, n, out, step);
    }
}

/* One channel of sixteen pixels, the others stay: written back as they are, so there have to be more than
 * sixteen pixels left, for what follows the last one may belong to another thread. */
static inline void store_sixteen(uint8_t *out, size_t apart, uint8x16_t values) {
    if (apart == 1) {
        vst1q_u8(out, values);
        return;
    }
    uint8x16x3_t pixels = vld3q_u8(out);
    pixels.val[0] = values;
    vst3q_u8(out, pixels);
}

/* floor(255 * v + 1/2) of four floats in 0 ... 1; rounding shifts add the half, in enough bits. */
static inline uint16x4_t bytes_of_f32(uint32x4_t bits) {
    const uint32x4_t mantissa = vbslq_u32(vdupq_n_u32(0x7FFFFF), bits, vdupq_n_u32(0x800000));
    const int32x4_t exponent = vreinterpretq_s32_u32(vshrq_n_u32(bits, 23));
    const int32x4_t up = vmaxq_s32(vsubq_s32(exponent, vdupq_n_s32(150)), vdupq_n_s32(FAR_ENOUGH));
    return vmovn_u32(vrshlq_u32(vsubq_u32(vshlq_n_u32(mantissa, 8), mantissa), up));
}

size_t neon_pixels_out_f32(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart) {
    size_t nan_count = 0, i = 0;
    for (; step == 4 && n - i > WIDTH; i += WIDTH) {
        uint16x4_t part[4];
        uint32x4_t nans = vdupq_n_u32(0);
        for (size_t v = 0; v < 4; v++) {
            const uint32x4_t bits = vreinterpretq_u32_u8(vld1q_u8(in + 4 * i + 16 * v));
            const uint32x4_t is_nan = vcgtq_u32(vshlq_n_u32(bits, 1), vdupq_n_u32(0xFF000000u));
            const int32x4_t clamped = vminq_s32(vmaxq_s32(vreinterpretq_s32_u32(bits), vdupq_n_s32(0)),
                                                vdupq_n_s32(0x3F800000)); /* as floats, that is 0 ... 1 */
            part[v] = bytes_of_f32(vbicq_u32(vreinterpretq_u32_s32(clamped), is_nan));
            nans = vsubq_u32(nans, is_nan);
        }
        nan_count += vaddvq_u32(nans);
        store_sixteen(out + apart * i, apart,
                      vcombine_u8(vmovn_u16(vcombine_u16(part[0], part[1])),
                                  vmovn_u16(vcombine_u16(part[2], part[3]))));
    }
    return nan_count + scalar_pixels_out_f32(in + (ptrdiff_t)i * step, step, n - i, out + apart * i, apart);
}

/* The same of four halves, whose product with 255 needs 32 bits. */
static inline uint16x4_t bytes_of_f16(uint16x4_t mantissa, int16x4_t up) {
    return vmovn_u32(vrshlq_u32(vmull_n_u16(mantissa, 255), vmovl_s16(up)));
}

size_t neon_pixels_out_f16(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart) {
    size_t nan_count = 0, i = 0;
    for (; step == 2 && n - i > WIDTH; i += WIDTH) {
        uint8x8_t part[2];
        uint16x8_t nans = vdupq_n_u16(0);
        for (size_t v = 0; v < 2; v++) {
            const uint16x8_t bits = vreinterpretq_u16_u8(vld1q_u8(in + 2 * i + 16 * v));
            const uint16x8_t is_nan = vcgtq_u16(vshlq_n_u16(bits, 1), vdupq_n_u16(0xF800));
            const int16x8_t clamped =
                vminq_s16(vmaxq_s16(vreinterpretq_s16_u16(bits), vdupq_n_s16(0)), vdupq_n_s16(0x3C00));
            const uint16x8_t good = vbicq_u16(vreinterpretq_u16_s16(clamped), is_nan);
            const uint16x8_t mantissa = vbslq_u16(vdupq_n_u16(0x3FF), good, vdupq_n_u16(0x400));
            const int16x8_t up = vsubq_s16(vreinterpretq_s16_u16(vshrq_n_u16(good, 10)), vdupq_n_s16(25));
            part[v] = vmovn_u16(vcombine_u16(bytes_of_f16(vget_low_u16(mantissa), vget_low_s16(up)),
                                             bytes_of_f16(vget_high_u16(mantissa), vget_high_s16(up))));
            nans = vsubq_u16(nans, is_nan);
        }
        nan_count += vaddvq_u16(nans);
        store_sixteen(out + apart * i, apart, vcombine_u8(part[0], part[1]));
    }
    return nan_count + scalar_pixels_out_f16(in + (ptrdiff_t)i * step, step, n - i, out + apart * i, apart);
}

#endif
