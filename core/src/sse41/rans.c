/* Interleaved rANS, SSE4.1: four lanes a vector, table entries by scalar loads. There is no shift by a different
 * count in every lane: the encoder multiplies by a power of two, and shifts all lanes alike. */
#include "../rans_step.h"
#include "../x86_rans.h"

#ifdef PICO_X86

enum { WIDTH = 4, MAX_VECTORS = PICO_MAX_LANES / WIDTH };

SSE41 static inline __m128i take_words(__m128i x, const uint8_t **word) {
    const __m128i low = _mm_cmpgt_epi32(_mm_set1_epi32(RANS_STATE_LOW), x);
    const uint32_t mask = (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(low));
    const __m128i words = _mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)*word),
                                           _mm_loadu_si128((const __m128i *)words_to_lanes[mask]));
    *word += 2 * _mm_popcnt_u32(mask);
    return _mm_blendv_epi8(x, _mm_or_si128(_mm_slli_epi32(x, 16), words), low);
}

SSE41 static inline __m128i look_up(const uint32_t *table, const uint8_t *rows, __m128i x) {
    const __m128i slot = _mm_and_si128(x, _mm_set1_epi32(RANS_SLOTS - 1));
    const __m128i row = _mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)read_u32(rows)));
    return load_four(table, _mm_or_si128(_mm_slli_epi32(row, 12), slot));
}

SSE41 static inline __m128i step(__m128i x, __m128i entry) {
    const __m128i frequency = _mm_and_si128(_mm_srli_epi32(entry, 8), _mm_set1_epi32(0xFFF));
    return _mm_add_epi32(_mm_mullo_epi32(frequency, _mm_srli_epi32(x, 12)), _mm_srli_epi32(entry, 20));
}

SSE41 static inline int decode_lanes(rans_reader *reader, const coding_tables *tables, const uint8_t *rows,
                                     size_t n, int8_t *out, const size_t vectors) {
    const size_t lanes = vectors * WIDTH;
    const __m128i escape = _mm_set1_epi8(RANS_ESCAPE_SYMBOL);
    const __m128i pick = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 12, 8, 4, 0);
    __m128i x[MAX_VECTORS];
    for (size_t v = 0; v < vectors; v++) x[v] = _mm_loadu_si128((const __m128i *)(reader->state + v * WIDTH));
    const uint8_t *word = reader->word;

    size_t k = 0;
    for (; n - k >= lanes && (size_t)(reader->word_end - word) >= 2 * lanes; k += lanes) {
        __m128i escapes = _mm_setzero_si128();
        for (size_t v = 0; v < vectors; v++) {
            const __m128i entry = look_up(tables->decode, rows + k + v * WIDTH, x[v]);
            const __m128i values = _mm_shuffle_epi8(entry, pick);
            write_u32((uint8_t *)out + k + v * WIDTH, (uint32_t)_mm_cvtsi128_si32(values));
            escapes = _mm_or_si128(escapes, _mm_cmpeq_epi8(values, escape));
            x[v] = step(x[v], entry);
        }
        for (size_t v = 0; v < vectors; v++) x[v] = take_words(x[v], &word);
        if (!_mm_testz_si128(escapes, escapes) && !take_escapes(reader, tables, rows + k, lanes, out + k)) {
            return 0;
        }
    }
    for (size_t v = 0; v < vectors; v++) _mm_storeu_si128((__m128i *)(reader->state + v * WIDTH), x[v]);
    reader->word = word;
    return decode_end(reader, tables, rows, k, n, out);
}

SSE41 int sse41_rans_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                            int8_t *out) {
    switch (reader->lanes) {
    case 16: return decode_lanes(reader, tables, rows, n, out, 4);
    case 32: return decode_lanes(reader, tables, rows, n, out, 8);
    default: return scalar_rans_decode(reader, tables, rows, n, out);
    }
}

/* The low words of the lanes in `mask`. Writes eight bytes: four symbols have room for them. */
SSE41 static inline void put_words(__m128i x, uint32_t mask, uint8_t **word) {
    const __m128i shuffle = _mm_loadl_epi64((const __m128i *)words_of_lanes[mask]);
    _mm_storel_epi64((__m128i *)(*word - 8), _mm_shuffle_epi8(x, shuffle));
    *word -= 2 * _mm_popcnt_u32(mask);
}

/* The products of unsigned 32-bit lanes, shifted right by `shift`; each result fits 32 bits. */
SSE41 static inline __m128i multiply_shift(__m128i a, __m128i b, const int shift) {
    const __m128i even = _mm_srli_epi64(_mm_mul_epu32(a, b), shift);
    const __m128i odd = _mm_srli_epi64(_mm_mul_epu32(_mm_srli_epi64(a, 32), _mm_srli_epi64(b, 32)), shift);
    return _mm_blend_epi16(even, _mm_slli_epi64(odd, 32), 0xCC);
}

/* 2^(12 - shift) of every lane; a shift is at most 11. */
SSE41 static inline __m128i power_of_shift(__m128i fields) {
    const __m128i low = _mm_setr_epi8(0, 0, 0, 0, 0, -128, 64, 32, 16, 8, 4, 2, 0, 0, 0, 0);
    const __m128i high = _mm_setr_epi8(16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i none = _mm_set1_epi32((int)0xFFFFFF00); /* a shuffle makes 0 of these bytes */
    const __m128i at = _mm_or_si128(_mm_and_si128(fields, _mm_set1_epi32(ENTRY_SHIFT)), none);
    return _mm_or_si128(_mm_shuffle_epi8(low, at), _mm_slli_epi32(_mm_shuffle_epi8(high, at), 8));
}

/* Four symbols, last lane first. */
SSE41 static inline __m128i encode_vector(__m128i x, rans_writer *writer, const rans_entry *table,
                                          const uint8_t *rows, const int8_t *values) {
    __m128i pair[2];
    for (size_t p = 0; p < 2; p++) {
        pair[p] = load_pair(entry_at(table, rows[2 * p], values[2 * p]),
                            entry_at(table, rows[2 * p + 1], values[2 * p + 1]));
    }
    const __m128 low = _mm_castsi128_ps(pair[0]), high = _mm_castsi128_ps(pair[1]);
    const __m128i reciprocal = _mm_castps_si128(_mm_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0)));
    const __m128i fields = _mm_castps_si128(_mm_shuffle_ps(low, high, _MM_SHUFFLE(3, 1, 3, 1)));

    const uint32_t escapes = (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(fields)); /* ENTRY_ESCAPE is the sign */
    put_escapes(writer, escapes, values);

    const __m128i complement = _mm_and_si128(fields, _mm_set1_epi32(ENTRY_COMPLEMENT));
    const __m128 full = _mm_castsi128_ps(_mm_add_epi32(x, complement)); /* the sign says it */
    put_words(x, (uint32_t)_mm_movemask_ps(full), &writer->word);
    x = _mm_castps_si128(_mm_blendv_ps(_mm_castsi128_ps(x), _mm_castsi128_ps(_mm_srli_epi32(x, 16)), full));

    const __m128i quotient =
        multiply_shift(multiply_shift(x, reciprocal, 32), power_of_shift(fields), 12);
    const __m128i bias = _mm_and_si128(_mm_srli_epi32(fields, ENTRY_BIAS_AT), _mm_set1_epi32(ENTRY_BIAS_MASK));
    const __m128i product = _mm_mullo_epi32(quotient, _mm_srli_epi32(complement, ENTRY_COMPLEMENT_AT));
    return _mm_add_epi32(_mm_add_epi32(x, bias), product);
}

SSE41 static inline void encode_lanes(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                                      const int8_t *values, size_t n, const size_t vectors) {
    const size_t lanes = vectors * WIDTH;
    rans_writer local = *writer;
    size_t k = n;
    while (k % lanes != 0) {
        k--;
        encode_one(&local, &local.state[k % lanes], tables, rows[k], values[k]);
    }
    __m128i x[MAX_VECTORS];
    for (size_t v = 0; v < vectors; v++) x[v] = _mm_loadu_si128((const __m128i *)(local.state + v * WIDTH));
    while (k > 0) {
        k -= lanes;
        for (size_t v = vectors; v-- > 0;) {
            const size_t at = k + v * WIDTH;
            x[v] = encode_vector(x[v], &local, tables->encode, rows + at, values + at);
        }
    }
    for (size_t v = 0; v < vectors; v++) _mm_storeu_si128((__m128i *)(local.state + v * WIDTH), x[v]);
    *writer = local;
}

SSE41 void sse41_rans_encode(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                             const int8_t *values, size_t n) {
    switch (writer->lanes) {
    case 16: encode_lanes(writer, tables, rows, values, n, 4); break;
    case 32: encode_lanes(writer, tables, rows, values, n, 8); break;
    default: scalar_rans_encode(writer, tables, rows, values, n);
    }
}

#endif
