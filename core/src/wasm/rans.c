/* Interleaved rANS, WebAssembly: four lanes a vector, table entries by scalar loads. Encoding stays scalar: a
 * vector would need a shift by a different count in every lane. */
#include "../rans_step.h"
#include "../wasm.h"

#ifdef PICO_WASM_SIMD

enum { WIDTH = 4, MAX_VECTORS = PICO_MAX_LANES / WIDTH };

/* One word for each state below L, in lane order. Reads four words, which a whole turn made sure of. */
static inline v128_t take_words(v128_t x, const uint8_t **word) {
    const v128_t low = wasm_i32x4_lt(x, wasm_i32x4_splat(RANS_STATE_LOW));
    const uint32_t mask = wasm_i32x4_bitmask(low);
    const v128_t words =
        wasm_i8x16_swizzle(wasm_v128_load64_zero(*word), wasm_v128_load(words_to_lanes[mask]));
    *word += 2 * (size_t)__builtin_popcount(mask);
    return wasm_v128_bitselect(wasm_v128_or(wasm_i32x4_shl(x, 16), words), x, low);
}

static inline v128_t look_up(const uint32_t *table, const uint8_t *rows, v128_t x) {
    const v128_t row = wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(rows)));
    const v128_t slot = wasm_v128_and(x, wasm_i32x4_splat(RANS_SLOTS - 1));
    const v128_t at = wasm_v128_or(wasm_i32x4_shl(row, 12), slot);
    v128_t entry = wasm_v128_load32_zero(table + wasm_u32x4_extract_lane(at, 0));
    entry = wasm_v128_load32_lane(table + wasm_u32x4_extract_lane(at, 1), entry, 1);
    entry = wasm_v128_load32_lane(table + wasm_u32x4_extract_lane(at, 2), entry, 2);
    return wasm_v128_load32_lane(table + wasm_u32x4_extract_lane(at, 3), entry, 3);
}

static inline v128_t step(v128_t x, v128_t entry) {
    const v128_t frequency = wasm_v128_and(wasm_u32x4_shr(entry, 8), wasm_i32x4_splat(0xFFF));
    return wasm_i32x4_add(wasm_i32x4_mul(frequency, wasm_u32x4_shr(x, 12)), wasm_u32x4_shr(entry, 20));
}

SPECIALISED int decode_lanes(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                             int8_t *out, const size_t vectors) {
    const size_t lanes = vectors * WIDTH;
    const v128_t escape = wasm_i8x16_splat((int8_t)RANS_ESCAPE_SYMBOL);
    v128_t x[MAX_VECTORS];
    for (size_t v = 0; v < vectors; v++) x[v] = wasm_v128_load(reader->state + v * WIDTH);
    const uint8_t *word = reader->word;

    size_t k = 0;
    for (; n - k >= lanes && (size_t)(reader->word_end - word) >= 2 * lanes; k += lanes) {
        v128_t escapes = wasm_i8x16_splat(0);
        for (size_t v = 0; v < vectors; v++) {
            const v128_t entry = look_up(tables->decode, rows + k + v * WIDTH, x[v]);
            const v128_t values =
                wasm_i8x16_shuffle(entry, entry, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
            wasm_v128_store32_lane(out + k + v * WIDTH, values, 0);
            escapes = wasm_v128_or(escapes, wasm_i8x16_eq(values, escape));
            x[v] = step(x[v], entry);
        }
        for (size_t v = 0; v < vectors; v++) x[v] = take_words(x[v], &word);
        if (wasm_v128_any_true(escapes) && !take_escapes(reader, tables, rows + k, lanes, out + k)) return 0;
    }
    for (size_t v = 0; v < vectors; v++) wasm_v128_store(reader->state + v * WIDTH, x[v]);
    reader->word = word;
    return decode_end(reader, tables, rows, k, n, out);
}

int wasm_rans_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                     int8_t *out) {
    switch (reader->lanes) {
    case 16: return decode_lanes(reader, tables, rows, n, out, 4);
    case 32: return decode_lanes(reader, tables, rows, n, out, 8);
    default: return scalar_rans_decode(reader, tables, rows, n, out);
    }
}

#endif
