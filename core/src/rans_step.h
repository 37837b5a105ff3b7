/* One symbol of rANS: what the scalar kernels are made of, and the vector ones for their ends and escapes. */
#ifndef PICO_RANS_STEP_H
#define PICO_RANS_STEP_H

#include "bytes.h"
#include "kernels.h"

/* The value of an escaped symbol, or RANS_ESCAPE_SYMBOL if there is none or it needed no escape. */
static inline int8_t take_escape(rans_reader *reader, uint32_t escape_entry) {
    if (reader->escape == reader->escape_end) return RANS_ESCAPE_SYMBOL;
    uint32_t byte = *reader->escape++;
    int32_t value = byte < 128 ? (int32_t)byte : (int32_t)byte - 256;
    if (value == RANS_ESCAPE_SYMBOL || zigzag(value) < escape_entry) return RANS_ESCAPE_SYMBOL;
    return (int8_t)value;
}

/* Replaces the escapes among `n` decoded symbols, in order. Returns 0 if one is missing or is none. */
static inline int take_escapes(rans_reader *reader, const coding_tables *tables, const uint8_t *rows,
                               size_t n, int8_t *out) {
    for (size_t k = 0; k < n; k++) {
        if (out[k] != RANS_ESCAPE_SYMBOL) continue;
        out[k] = take_escape(reader, tables->escape_entry[rows[k]]);
        if (out[k] == RANS_ESCAPE_SYMBOL) return 0;
    }
    return 1;
}

/* One decoding step. x < 2^31 and f <= 4095, so f * (x >> 12) + slot < 2^12 * 2^19 = 2^31: no overflow, and
 * the invariant holds. x >= L = 2^15 makes the result at least 8, so one 16-bit word always lifts it above L
 * again. */
static inline uint32_t decode_step(uint32_t x, uint32_t entry) {
    return (entry >> 8 & 0xFFF) * (x >> 12) + (entry >> 20);
}

/* What state x says of the next symbol, if `row` is its table. */
static inline uint32_t entry_of(const uint32_t *table, uint32_t row, uint32_t x) {
    return table[(size_t)row * RANS_SLOTS + (x & (RANS_SLOTS - 1))];
}

/* Symbols k ... n - 1 with every word checked; k is a multiple of the lanes. */
static inline int decode_end(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t k,
                             size_t n, int8_t *out) {
    uint32_t *x = reader->state;
    for (uint32_t lane = 0; k < n; k++) {
        uint32_t entry = entry_of(tables->decode, rows[k], x[lane]);
        uint32_t next = decode_step(x[lane], entry);
        if (next < RANS_STATE_LOW) {
            if (reader->word == reader->word_end) return 0;
            next = next << 16 | read_u16(reader->word);
            reader->word += 2;
        }
        x[lane] = next;
        out[k] = (int8_t)(uint8_t)entry;
        if (out[k] == RANS_ESCAPE_SYMBOL) {
            out[k] = take_escape(reader, tables->escape_entry[rows[k]]);
            if (out[k] == RANS_ESCAPE_SYMBOL) return 0;
        }
        lane = lane + 1 == reader->lanes ? 0 : lane + 1;
    }
    return 1;
}

static inline const rans_entry *entry_at(const rans_entry *table, uint32_t row, int8_t value) {
    return &table[(ptrdiff_t)row * ROW_VALUES + 128 + value];
}

/* 1 if a word has to go out before the symbol comes in, so that x stays below 2^31; else 0. */
static inline uint32_t word_goes_out(uint32_t x, uint32_t complement) {
    return (x + complement) >> 31;
}

/* One encoding step: (x / f) * 4096 + x mod f + start. `complement` is fields & ENTRY_COMPLEMENT, which the
 * caller has already; x has 64 bits, because it is multiplied as such. */
static inline uint32_t encode_step(uint64_t x, uint32_t reciprocal, uint32_t fields, uint32_t complement) {
    const uint32_t quotient = (uint32_t)(x * reciprocal >> 32) >> (fields & ENTRY_SHIFT);
    return (uint32_t)x + (fields >> ENTRY_BIAS_AT & ENTRY_BIAS_MASK) +
           quotient * (complement >> ENTRY_COMPLEMENT_AT);
}

/* The values of the lanes in the mask `lanes`, sixteen at most and hardly ever one; the last lane first. */
static inline void put_escapes(rans_writer *writer, uint32_t lanes, const int8_t *values) {
    for (uint32_t lane = 16; lanes != 0;) {
        lane--;
        if ((lanes >> lane & 1) == 0) continue;
        *--writer->escape = (uint8_t)values[lane];
        lanes ^= UINT32_C(1) << lane;
    }
}

/* There is room for one more word: each symbol has brought room for one. */
static inline void encode_one(rans_writer *writer, uint32_t *state, const coding_tables *tables, uint32_t row,
                              int8_t value) {
    const rans_entry *entry = entry_at(tables->encode, row, value);
    const uint32_t complement = entry->fields & ENTRY_COMPLEMENT;
    if (entry->fields & ENTRY_ESCAPE) *--writer->escape = (uint8_t)value;
    if (word_goes_out(*state, complement)) {
        writer->word -= 2;
        write_u16(writer->word, *state & 0xFFFF);
        *state >>= 16;
    }
    *state = encode_step(*state, entry->reciprocal, entry->fields, complement);
}

#endif
