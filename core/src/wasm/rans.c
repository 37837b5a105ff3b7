/* Interleaved rANS, WebAssembly: four lanes a vector, table entries by scalar loads. There is no shift by a
 * different count in every lane: the encoder multiplies by a power of two, and shifts all lanes alike. */
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

/* The low words of the lanes in `mask`. Writes eight bytes: four symbols have room for them. */
static inline void put_words(v128_t x, uint32_t mask, uint8_t **word) {
    const v128_t words = wasm_i8x16_swizzle(x, wasm_v128_load64_zero(words_of_lanes[mask]));
    wasm_v128_store64_lane(*word - 8, words, 0);
    *word -= 2 * (size_t)__builtin_popcount(mask);
}

/* 2^(12 - shift) of every lane; a shift is at most 11. */
static inline v128_t power_of_shift(v128_t fields) {
    const v128_t low = wasm_u8x16_const(0, 0, 0, 0, 0, 128, 64, 32, 16, 8, 4, 2, 0, 0, 0, 0);
    const v128_t high = wasm_u8x16_const(16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const v128_t none = wasm_i32x4_const_splat((int32_t)0xFFFFFF00); /* a swizzle makes 0 of these bytes */
    const v128_t at = wasm_v128_or(wasm_v128_and(fields, wasm_i32x4_const_splat(ENTRY_SHIFT)), none);
    return wasm_v128_or(wasm_i8x16_swizzle(low, at), wasm_i32x4_shl(wasm_i8x16_swizzle(high, at), 8));
}

/* x * reciprocal >> 32 >> shift of every lane. */
static inline v128_t quotient_of(v128_t x, v128_t reciprocal, v128_t fields) {
    const v128_t first = wasm_u64x2_extmul_low_u32x4(x, reciprocal);
    const v128_t last = wasm_u64x2_extmul_high_u32x4(x, reciprocal);
    const v128_t whole = wasm_i32x4_shuffle(first, last, 1, 3, 5, 7), power = power_of_shift(fields);
    return wasm_i32x4_shuffle(wasm_u64x2_shr(wasm_u64x2_extmul_low_u32x4(whole, power), 12),
                              wasm_u64x2_shr(wasm_u64x2_extmul_high_u32x4(whole, power), 12), 0, 2, 4, 6);
}

/* Four symbols, last lane first. */
static inline v128_t encode_vector(v128_t x, rans_writer *writer, const rans_entry *table,
                                   const uint8_t *rows, const int8_t *values) {
    v128_t pair[2];
    for (size_t p = 0; p < 2; p++) {
        pair[p] = wasm_v128_load64_zero(entry_at(table, rows[2 * p], values[2 * p]));
        pair[p] = wasm_v128_load64_lane(entry_at(table, rows[2 * p + 1], values[2 * p + 1]), pair[p], 1);
    }
    const v128_t reciprocal = wasm_i32x4_shuffle(pair[0], pair[1], 0, 2, 4, 6);
    const v128_t fields = wasm_i32x4_shuffle(pair[0], pair[1], 1, 3, 5, 7);

    put_escapes(writer, wasm_i32x4_bitmask(fields), values); /* ENTRY_ESCAPE is the sign */

    const v128_t complement = wasm_v128_and(fields, wasm_i32x4_const_splat(ENTRY_COMPLEMENT));
    const v128_t full = wasm_i32x4_add(x, complement); /* the sign says it */
    put_words(x, wasm_i32x4_bitmask(full), &writer->word);
    x = wasm_v128_bitselect(wasm_u32x4_shr(x, 16), x, wasm_i32x4_shr(full, 31));

    const v128_t quotient = quotient_of(x, reciprocal, fields);
    const v128_t bias =
        wasm_v128_and(wasm_u32x4_shr(fields, ENTRY_BIAS_AT), wasm_i32x4_const_splat(ENTRY_BIAS_MASK));
    const v128_t product = wasm_i32x4_mul(quotient, wasm_u32x4_shr(complement, ENTRY_COMPLEMENT_AT));
    return wasm_i32x4_add(wasm_i32x4_add(x, bias), product);
}

SPECIALISED void encode_lanes(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                              const int8_t *values, size_t n, const size_t vectors) {
    const size_t lanes = vectors * WIDTH;
    rans_writer local = *writer;
    size_t k = n;
    while (k % lanes != 0) {
        k--;
        encode_one(&local, &local.state[k % lanes], tables, rows[k], values[k]);
    }
    v128_t x[MAX_VECTORS];
    for (size_t v = 0; v < vectors; v++) x[v] = wasm_v128_load(local.state + v * WIDTH);
    while (k > 0) {
        k -= lanes;
        for (size_t v = vectors; v-- > 0;) {
            const size_t at = k + v * WIDTH;
            x[v] = encode_vector(x[v], &local, tables->encode, rows + at, values + at);
        }
    }
    for (size_t v = 0; v < vectors; v++) wasm_v128_store(local.state + v * WIDTH, x[v]);
    *writer = local;
}

void wasm_rans_encode(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                      const int8_t *values, size_t n) {
    switch (writer->lanes) {
    case 16: encode_lanes(writer, tables, rows, values, n, 4); break;
    case 32: encode_lanes(writer, tables, rows, values, n, 8); break;
    default: scalar_rans_encode(writer, tables, rows, values, n);
    }
}

#endif
