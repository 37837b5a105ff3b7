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

/* In int32 throughout, which the bound of a layer that is not wide allows, then in uint16. Rounding shifts
 * add the half. */
static inline uint8x16_t requantise(const network_layer *layer, const block *sums, int32_t multiplier,
                                    int32_t bias) {
    const int32x4_t shift = vdupq_n_s32(-(int32_t)layer->shift), offset = vdupq_n_s32(bias);
    const int16x8_t result_shift = vdupq_n_s16((int16_t)-(int32_t)layer->result_shift);
    const uint16x8_t ceiling = vdupq_n_u16((uint16_t)layer->ceiling);
    uint8x8_t half[2];
    for (int i = 0; i < 2; i++) {
        const int32x4_t low = vmlaq_n_s32(offset, sums->part[2 * i], multiplier);
        const int32x4_t high = vmlaq_n_s32(offset, sums->part[2 * i + 1], multiplier);
        uint16x8_t v = vqmovun_high_s32(vqmovun_s32(vrshlq_s32(low, shift)), vrshlq_s32(high, shift));
        v = vminq_u16(v, ceiling); /* and not below 0, where it saturated */
        half[i] = vmovn_u16(vrshlq_u16(v, result_shift));
    }
    return vcombine_u8(half[0], half[1]);
}

/* Ceilings above 2^16 - 1 belong to result shifts that no codec has. */
static inline int is_narrow(const network_layer *layer) {
    return !layer->wide && layer->ceiling <= UINT16_MAX;
}

/* Fewer pixels than a block, out of line because it is rare. The others are 0. */
__attribute__((noinline, unused)) static uint8x16_t load_end(const uint8_t *at, size_t count) {
    uint8_t bytes[BLOCK] = {0};
    copy_bytes(bytes, at, count);
    return vld1q_u8(bytes);
}

__attribute__((noinline, unused)) static void store_end(uint8_t *at, size_t count, uint8x16_t v) {
    uint8_t bytes[BLOCK];
    vst1q_u8(bytes, v);
    copy_bytes(at, bytes, count);
}

static inline uint8x16_t load_some(const uint8_t *at, size_t count) {
    return count >= BLOCK ? vld1q_u8(at) : load_end(at, count);
}

static inline void store_some(uint8_t *at, size_t count, uint8x16_t v) {
    if (count >= BLOCK) {
        vst1q_u8(at, v);
    } else {
        store_end(at, count, v);
    }
}

#endif
#endif
