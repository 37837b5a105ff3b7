/* Expanding the frequencies of a table into what the kernels look up. Integers only. */
#include "bytes.h"
#include "model.h"

/* 2048 * log2(4096 / f), 1 <= f <= 4095, rounded down in log2(f): bit by bit, by squaring. */
static uint32_t cost_of(uint32_t frequency) {
    uint32_t exponent = 0;
    while (frequency >> (exponent + 1) != 0) exponent++;
    uint32_t mantissa = frequency << (15 - exponent); /* in [2^15, 2^16) */
    uint32_t log2 = exponent;
    for (int bit = 0; bit < COST_BITS; bit++) {
        mantissa = mantissa * mantissa >> 15; /* below 2^32 before, 2^17 after the shift */
        log2 <<= 1;
        if (mantissa >> 16 != 0) {
            mantissa >>= 1;
            log2 |= 1;
        }
    }
    return (12u << COST_BITS) - log2;
}

/* The reciprocal of Alverson, as ryg_rans uses it: with shift = ceil(log2 f) - 1 and r = ceil(2^(shift + 32)
 * / f), x * r >> 32 >> shift is x / f for every x < 2^31. For f = 1, r would need 33 bits; r = 2^32 - 1 makes
 * the quotient x - 1, and a bias of start + 4095 makes up for it: x + start + 4095 + (x - 1) * 4095 = 4096 *
 * x + start. */
static rans_entry encode_entry(uint32_t start, uint32_t frequency, uint32_t flags) {
    uint32_t shift = 0, reciprocal = UINT32_MAX, bias = start + RANS_SLOTS - 1;
    if (frequency > 1) {
        while (frequency > 1u << (shift + 1)) shift++;
        reciprocal = (uint32_t)((((uint64_t)1 << (shift + 32)) + frequency - 1) / frequency);
        bias = start;
    }
    const uint32_t complement = RANS_SLOTS - frequency;
    const rans_entry entry = {reciprocal,
                              shift | bias << ENTRY_BIAS_AT | complement << ENTRY_COMPLEMENT_AT | flags};
    return entry;
}

void build_table(const uint8_t *frequencies, uint32_t entries, uint32_t *decode, rans_entry *encode,
                 uint16_t *cost) {
    uint32_t start = 0;
    for (uint32_t s = 0; s < entries; s++) {
        uint32_t frequency = read_u16(frequencies + 2 * s);
        int escape = s + 1 == entries;
        int32_t value = escape ? RANS_ESCAPE_SYMBOL : unzigzag(s);
        uint32_t slot = (uint8_t)value | frequency << 8;
        for (uint32_t i = 0; i < frequency; i++) decode[start + i] = slot | i << 20;
        encode[value + 128] = encode_entry(start, frequency, escape ? ENTRY_ESCAPE : 0);
        cost[s] = (uint16_t)(cost_of(frequency) + (escape ? 8u << COST_BITS : 0u));
        start += frequency;
    }
    for (int32_t value = -127; value <= 127; value++) { /* so that an encoder needs no comparison */
        if (zigzag(value) >= entries - 1) encode[value + 128] = encode[RANS_ESCAPE_SYMBOL + 128];
    }
}
