/* Interleaved rANS, the reference kernels. Symbol k belongs to lane k mod lanes, so the recurrences of
 * `lanes` symbols are independent and overlap in the pipeline; words are taken in symbol order, so any width
 * of SIMD gives the same bytes. */
#include "../bytes.h"
#include "../kernels.h"

/* The value of an escaped symbol, or RANS_ESCAPE_SYMBOL if there is none or it needed no escape. Outlined: it
 * is rare. */
static int8_t take_escape(rans_reader *reader, uint32_t escape_entry) {
    if (reader->escape == reader->escape_end) return RANS_ESCAPE_SYMBOL;
    uint32_t byte = *reader->escape++;
    int32_t value = byte < 128 ? (int32_t)byte : (int32_t)byte - 256;
    if (value == RANS_ESCAPE_SYMBOL || zigzag(value) < escape_entry) return RANS_ESCAPE_SYMBOL;
    return (int8_t)value;
}

/* One decoding step. x < 2^31 and f <= 4095, so f * (x >> 12) + slot < 2^12 * 2^19 = 2^31: no overflow, and
 * the invariant holds. x >= L = 2^15 makes the result at least 8, so one 16-bit word always lifts it above L
 * again. */
static inline uint32_t decode_step(uint32_t x, uint32_t entry) {
    return (entry >> 8 & 0xFFF) * (x >> 12) + (entry >> 20);
}

static inline int decode_lanes(rans_reader *reader, const coding_tables *tables, const uint8_t *rows,
                               size_t n, int8_t *out, const uint32_t lanes) {
    const uint32_t *table = tables->decode;
    uint32_t x[PICO_MAX_LANES];
    for (uint32_t lane = 0; lane < lanes; lane++) x[lane] = reader->state[lane];
    const uint8_t *word = reader->word, *const word_end = reader->word_end;

    size_t k = 0;
    /* Whole turns of the lanes, as long as each could take a word. */
    while (n - k >= lanes && (size_t)(word_end - word) >= 2 * (size_t)lanes) {
        for (uint32_t lane = 0; lane < lanes; lane++, k++) {
            uint32_t entry = table[(size_t)rows[k] * RANS_SLOTS + (x[lane] & (RANS_SLOTS - 1))];
            uint32_t next = decode_step(x[lane], entry);
            if (next < RANS_STATE_LOW) {
                next = next << 16 | read_u16(word);
                word += 2;
            }
            x[lane] = next;
            int8_t value = (int8_t)(uint8_t)entry;
            if (value == RANS_ESCAPE_SYMBOL) {
                value = take_escape(reader, tables->escape_entry[rows[k]]);
                if (value == RANS_ESCAPE_SYMBOL) return 0;
            }
            out[k] = value;
        }
    }
    for (uint32_t lane = 0; k < n; k++) { /* the rest, every word checked; k is a multiple of lanes here */
        uint32_t entry = table[(size_t)rows[k] * RANS_SLOTS + (x[lane] & (RANS_SLOTS - 1))];
        uint32_t next = decode_step(x[lane], entry);
        if (next < RANS_STATE_LOW) {
            if (word == word_end) return 0;
            next = next << 16 | read_u16(word);
            word += 2;
        }
        x[lane] = next;
        int8_t value = (int8_t)(uint8_t)entry;
        if (value == RANS_ESCAPE_SYMBOL) {
            value = take_escape(reader, tables->escape_entry[rows[k]]);
            if (value == RANS_ESCAPE_SYMBOL) return 0;
        }
        out[k] = value;
        lane = lane + 1 == lanes ? 0 : lane + 1;
    }
    for (uint32_t lane = 0; lane < lanes; lane++) reader->state[lane] = x[lane];
    reader->word = word;
    return 1;
}

int scalar_rans_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                       int8_t *out) {
    switch (reader->lanes) { /* constants, so that each gets its own unrolled loop */
    case 4: return decode_lanes(reader, tables, rows, n, out, 4);
    case 16: return decode_lanes(reader, tables, rows, n, out, 16);
    default: return decode_lanes(reader, tables, rows, n, out, 32);
    }
}

static inline void encode_one(rans_writer *writer, uint32_t *state, const coding_tables *tables, uint32_t row,
                              int8_t value) {
    uint32_t symbol = zigzag(value);
    uint32_t escape = tables->escape_entry[row];
    if (symbol >= escape) {
        *--writer->escape = (uint8_t)value;
        symbol = escape;
    }
    const rans_entry *entry = &tables->encode[row * ROW_ENTRIES + symbol];
    uint32_t x = *state;
    if (x >= entry->renormalise_at) {
        writer->word -= 2;
        write_u16(writer->word, x & 0xFFFF);
        x >>= 16;
    }
    uint32_t quotient = (uint32_t)((uint64_t)x * entry->reciprocal >> 32) >> entry->shift;
    *state = x + entry->bias + quotient * entry->complement; /* = f-step: (x / f) * 4096 + x mod f + start */
}

static inline void encode_lanes(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                                const int8_t *values, size_t n, const uint32_t lanes) {
    rans_writer local = *writer; /* in registers and on the stack: stores through it alias nothing */
    size_t k = n;
    while (k % lanes != 0) {
        k--;
        encode_one(&local, &local.state[k % lanes], tables, rows[k], values[k]);
    }
    while (k > 0) {
        for (uint32_t lane = lanes; lane-- > 0;) {
            k--;
            encode_one(&local, &local.state[lane], tables, rows[k], values[k]);
        }
    }
    *writer = local;
}

void scalar_rans_encode(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                        const int8_t *values, size_t n) {
    switch (writer->lanes) {
    case 4: encode_lanes(writer, tables, rows, values, n, 4); break;
    case 16: encode_lanes(writer, tables, rows, values, n, 16); break;
    default: encode_lanes(writer, tables, rows, values, n, 32); break;
    }
}
