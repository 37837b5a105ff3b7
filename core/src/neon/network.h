/* What the two NEON networks share: blocks of sixteen pixels, and requantisation. */
#ifndef PICO_NEON_NETWORK_H
#define PICO_NEON_NETWORK_H

#include "../arm.h"
#include "../bytes.h"

#ifdef PICO_NEON

enum {
    BLOCK = 16,      /* pixels */
    OUTPUTS = 4,     /* at a time: sixteen registers of sums */
    MAX_INPUTS = 512 /* what fits the stack comfortably; more, which no codec has, go the scalar way */
};

typedef struct block {
    int32x4_t part[4]; /* the sums of sixteen pixels */
} block;

static inline block nothing(void) {
    const int32x4_t zero = vdupq_n_s32(0);
    const block sums = {{zero, zero, zero, zero}};
    return sums;
}

/* In int32 throughout, which the bound of a layer that is not wide allows. Rounding shifts add the half. */
static inline uint8x16_t requantise(const network_layer *layer, const block *sums, int32_t multiplier,
                                    int32_t bias) {
    const int32x4_t shift = vdupq_n_s32(-(int32_t)layer->shift);
    const int32x4_t result_shift = vdupq_n_s32(-(int32_t)layer->result_shift);
    uint16x4_t narrow[4];
    for (int i = 0; i < 4; i++) {
        int32x4_t v = vmlaq_s32(vdupq_n_s32(bias), sums->part[i], vdupq_n_s32(multiplier));
        v = vmaxq_s32(vrshlq_s32(v, shift), vdupq_n_s32(0));
        v = vminq_s32(v, vdupq_n_s32((int32_t)layer->ceiling));
        narrow[i] = vmovn_u32(vrshlq_u32(vreinterpretq_u32_s32(v), result_shift));
    }
    return vcombine_u8(vmovn_u16(vcombine_u16(narrow[0], narrow[1])),
                       vmovn_u16(vcombine_u16(narrow[2], narrow[3])));
}

/* A block of pixels of which `count` exist; the others are 0. */
static inline uint8x16_t load_some(const uint8_t *at, size_t count) {
    if (count >= BLOCK) return vld1q_u8(at);
    uint8_t bytes[BLOCK] = {0};
    copy_bytes(bytes, at, count);
    return vld1q_u8(bytes);
}

static inline void store_some(uint8_t *at, size_t count, uint8x16_t v) {
    if (count >= BLOCK) {
        vst1q_u8(at, v);
        return;
    }
    uint8_t bytes[BLOCK];
    vst1q_u8(bytes, v);
    copy_bytes(at, bytes, count);
}

#endif
#endif
