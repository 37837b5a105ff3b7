/* Interleaved rANS, the reference kernels. Symbol k belongs to lane k mod lanes, so the recurrences of
 * `lanes` symbols are independent and overlap in the pipeline; words are taken in symbol order, so any width
 * of SIMD gives the same bytes. */
#include "../rans_step.h"

static inline int decode_lanes(rans_reader *reader, const coding_tables *tables, const uint8_t *rows,
                               size_t n, int8_t *out, const uint32_t lanes) {
    const uint32_t *table = tables->decode;
    uint32_t x[PICO_MAX_LANES];
    for (uint32_t lane = 0; lane < lanes; lane++) x[lane] = reader->state[lane];
    const uint8_t *word = reader->word, *const word_end = reader->word_end;

    size_t k = 0;
    /* Whole turns of the lanes, as long as each could take a word and has a symbol in the next turn: the entry
     * of that one is loaded now, because the tables exceed the first cache and a wrong guess at a word would
     * wait for it. */
    if (n >= 2 * (size_t)lanes) {
        uint32_t entries[PICO_MAX_LANES];
        for (uint32_t lane = 0; lane < lanes; lane++) entries[lane] = entry_of(table, rows[lane], x[lane]);
        while (n - k >= 2 * (size_t)lanes && (size_t)(word_end - word) >= 2 * (size_t)lanes) {
            for (uint32_t lane = 0; lane < lanes; lane++, k++) {
                const uint32_t entry = entries[lane];
                uint32_t next = decode_step(x[lane], entry);
                if (next < RANS_STATE_LOW) {
                    next = next << 16 | read_u16(word);
                    word += 2;
                }
                x[lane] = next;
                entries[lane] = entry_of(table, rows[k + lanes], next);
                int8_t value = (int8_t)(uint8_t)entry;
                if (value == RANS_ESCAPE_SYMBOL) {
                    value = take_escape(reader, tables->escape_entry[rows[k]]);
                    if (value == RANS_ESCAPE_SYMBOL) return 0;
                }
                out[k] = value;
            }
        }
    }
    for (uint32_t lane = 0; lane < lanes; lane++) reader->state[lane] = x[lane];
    reader->word = word;
    return decode_end(reader, tables, rows, k, n, out);
}

int scalar_rans_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                       int8_t *out) {
    switch (reader->lanes) { /* constants, so that each gets its own unrolled loop */
    case 4: return decode_lanes(reader, tables, rows, n, out, 4);
    case 16: return decode_lanes(reader, tables, rows, n, out, 16);
    default: return decode_lanes(reader, tables, rows, n, out, 32);
    }
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
