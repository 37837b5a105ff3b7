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
            const uint8_t *const next_rows = rows + k + lanes;
            int8_t *const to = out + k;
#pragma GCC unroll 4
            for (uint32_t lane = 0; lane < lanes; lane++) {
                const uint32_t entry = entries[lane];
                uint32_t next = decode_step(x[lane], entry);
                if (next < RANS_STATE_LOW) {
                    next = next << 16 | read_u16(word);
                    word += 2;
                }
                x[lane] = next;
                entries[lane] = entry_of(table, next_rows[lane], next);
                int8_t value = (int8_t)(uint8_t)entry;
                if (value == RANS_ESCAPE_SYMBOL) {
                    value = take_escape(reader, tables->escape_entry[rows[k + lane]]);
                    if (value == RANS_ESCAPE_SYMBOL) return 0;
                }
                to[lane] = value;
            }
            k += lanes;
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
    const rans_entry *const table = tables->encode, *const middle = table + 128;
    rans_writer local = *writer; /* neither can be among the bytes that are written */
    size_t k = n;
    while (k % lanes != 0) {
        k--;
        encode_one(&local, &local.state[k % lanes], tables, rows[k], values[k]);
    }
    /* There is room for k words. One is written in any case and kept if it has to go out: a branch would often
     * be guessed wrong. Counted, because compilers make one store of it then. */
    uint8_t *const words = local.word - 2 * k;
    size_t room = k;
    while (k > 0) {
        for (uint32_t group = lanes; group > 0; group -= 4) {
            uint32_t all_fields = 0;
#pragma GCC unroll 4
            for (uint32_t i = 1; i <= 4; i++) {
                const uint32_t lane = group - i;
                const ptrdiff_t at = ((ptrdiff_t)rows[k - i] << 8) + values[k - i];
                const rans_entry *entry = middle + at;
                const uint32_t x = local.state[lane], fields = entry->fields;
                const uint32_t complement = fields & ENTRY_COMPLEMENT;
                all_fields |= fields;
                write_u16(words + 2 * (room - 1), x);
                const uint32_t goes_out = word_goes_out(x, complement);
                room -= goes_out;
                local.state[lane] = encode_step((uint64_t)x >> 16 * goes_out, entry->reciprocal, fields, complement);
            }
            for (uint32_t i = 1; (all_fields & ENTRY_ESCAPE) != 0 && i <= 4; i++) {
                if (entry_at(table, rows[k - i], values[k - i])->fields & ENTRY_ESCAPE)
                    *--local.escape = (uint8_t)values[k - i];
            }
            k -= 4;
        }
    }
    local.word = words + 2 * room;
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
