/* Interleaved rANS, AVX2: eight lanes a vector. */
#include "../rans_step.h"
#include "../x86_rans.h"

#ifdef PICO_X86

enum { WIDTH = 8, MAX_VECTORS = PICO_MAX_LANES / WIDTH };

/* Bit i: the top bit of lane i. */
AVX2 static inline uint32_t top_bits(__m256i v) {
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(v));
}

AVX2 static inline __m256i load_bytes_as_lanes(const void *eight) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)eight));
}

/* One word for each state below L, in lane order. Reads eight words, which a whole turn made sure of. */
AVX2 static inline __m256i take_words(__m256i x, const uint8_t **word) {
    const __m256i low = _mm256_cmpgt_epi32(_mm256_set1_epi32(RANS_STATE_LOW), x);
    const uint32_t mask = top_bits(low);
    const __m256i words = _mm256_permutevar8x32_epi32(
        _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)*word)),
        load_bytes_as_lanes(&bits_below[mask]));
    *word += 2 * _mm_popcnt_u32(mask);
    return _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), words), low);
}

AVX2 static inline __m256i look_up(const uint32_t *table, const uint8_t *rows, __m256i x) {
    const __m256i slot = _mm256_and_si256(x, _mm256_set1_epi32(RANS_SLOTS - 1));
    return load_eight(table, _mm256_or_si256(_mm256_slli_epi32(load_bytes_as_lanes(rows), 12), slot));
}

AVX2 static inline __m256i step(__m256i x, __m256i entry) {
    const __m256i frequency = _mm256_and_si256(_mm256_srli_epi32(entry, 8), _mm256_set1_epi32(0xFFF));
    return _mm256_add_epi32(_mm256_mullo_epi32(frequency, _mm256_srli_epi32(x, 12)),
                            _mm256_srli_epi32(entry, 20));
}

/* The lowest byte of each lane. */
AVX2 static inline __m128i values_of(__m256i entry) {
    const __m128i pick = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 12, 8, 4, 0);
    return _mm_unpacklo_epi32(_mm_shuffle_epi8(_mm256_castsi256_si128(entry), pick),
                              _mm_shuffle_epi8(_mm256_extracti128_si256(entry, 1), pick));
}

AVX2 static inline int decode_lanes(rans_reader *reader, const coding_tables *tables, const uint8_t *rows,
                                    size_t n, int8_t *out, const size_t vectors) {
    const size_t lanes = vectors * WIDTH;
    const __m128i escape = _mm_set1_epi8(RANS_ESCAPE_SYMBOL);
    __m256i x[MAX_VECTORS];
    for (size_t v = 0; v < vectors; v++)
        x[v] = _mm256_loadu_si256((const __m256i *)(reader->state + v * WIDTH));
    const uint8_t *word = reader->word;

    size_t k = 0;
    for (; n - k >= lanes && (size_t)(reader->word_end - word) >= 2 * lanes; k += lanes) {
        __m128i escapes = _mm_setzero_si128();
        for (size_t v = 0; v < vectors; v++) {
            const __m256i entry = look_up(tables->decode, rows + k + v * WIDTH, x[v]);
            const __m128i values = values_of(entry);
            _mm_storel_epi64((__m128i *)(out + k + v * WIDTH), values);
            escapes = _mm_or_si128(escapes, _mm_cmpeq_epi8(values, escape));
            x[v] = step(x[v], entry);
        }
        for (size_t v = 0; v < vectors; v++) x[v] = take_words(x[v], &word);
        if (!_mm_testz_si128(escapes, escapes) && !take_escapes(reader, tables, rows + k, lanes, out + k)) {
            return 0;
        }
    }
    for (size_t v = 0; v < vectors; v++) _mm256_storeu_si256((__m256i *)(reader->state + v * WIDTH), x[v]);
    reader->word = word;
    return decode_end(reader, tables, rows, k, n, out);
}

AVX2 int avx2_rans_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                          int8_t *out) {
    switch (reader->lanes) {
    case 16: return decode_lanes(reader, tables, rows, n, out, 2);
    case 32: return decode_lanes(reader, tables, rows, n, out, 4);
    default: return scalar_rans_decode(reader, tables, rows, n, out);
    }
}

/* The low words of the lanes in `full`, in lane order, below *word. Sixteen bytes are written there, which
 * the eight symbols at hand may take. */
AVX2 static inline void put_words(__m256i x, uint32_t full, uint8_t **word) {
    const uint32_t count = (uint32_t)_mm_popcnt_u32(full);
    /* Those that are set come last; without any, what is stored does not matter. */
    const uint64_t lanes = set_bits_of[full] << ((8 - count) * 8 & 63);
    const __m256i moved =
        _mm256_permutevar8x32_epi32(x, _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)lanes)));
    const __m256i low = _mm256_and_si256(moved, _mm256_set1_epi32(0xFFFF));
    _mm_storeu_si128((__m128i *)(*word - 16),
                     _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
    *word -= 2 * count;
}

/* Eight symbols, last lane first. Entries are fetched as two vectors of four: those of the even lanes and
 * those of the odd ones, which is how 32-bit lanes are multiplied. */
AVX2 static inline __m256i encode_vector(__m256i x, rans_writer *writer, const rans_entry *table,
                                         const uint8_t *rows, const int8_t *values) {
    const __m128i value = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)values), _mm_set1_epi8(-128)); /* + 128 */
    uint16_t at[WIDTH]; /* row << 8 | value */
    _mm_storeu_si128((__m128i *)at, _mm_unpacklo_epi8(value, _mm_loadl_epi64((const __m128i *)rows)));
    const __m256i even = load_alternate(table, at), odd = load_alternate(table, at + 1);
    const __m256i fields = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);

    put_escapes(writer, top_bits(fields), values); /* ENTRY_ESCAPE is the sign */
    const __m256i complement = _mm256_and_si256(fields, _mm256_set1_epi32(ENTRY_COMPLEMENT));
    const __m256i full = _mm256_add_epi32(x, complement); /* the sign says it */
    put_words(x, top_bits(full), &writer->word);
    x = _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(x),
                                             _mm256_castsi256_ps(_mm256_srli_epi32(x, 16)),
                                             _mm256_castsi256_ps(full)));

    const __m256i even_product = _mm256_mul_epu32(x, even);
    const __m256i odd_product = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), odd);
    const __m256i high = _mm256_blend_epi32(_mm256_srli_epi64(even_product, 32), odd_product, 0xAA);
    const __m256i quotient = _mm256_srlv_epi32(high, _mm256_and_si256(fields, _mm256_set1_epi32(ENTRY_SHIFT)));
    const __m256i bias = _mm256_and_si256(_mm256_srli_epi32(fields, ENTRY_BIAS_AT),
                                          _mm256_set1_epi32(ENTRY_BIAS_MASK));
    const __m256i product = _mm256_mullo_epi32(quotient, _mm256_srli_epi32(complement, ENTRY_COMPLEMENT_AT));
    return _mm256_add_epi32(_mm256_add_epi32(x, bias), product);
}

AVX2 static inline void encode_lanes(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                                     const int8_t *values, size_t n, const size_t vectors) {
    const size_t lanes = vectors * WIDTH;
    rans_writer local = *writer;
    size_t k = n;
    while (k % lanes != 0) {
        k--;
        encode_one(&local, &local.state[k % lanes], tables, rows[k], values[k]);
    }
    __m256i x[MAX_VECTORS];
    for (size_t v = 0; v < vectors; v++)
        x[v] = _mm256_loadu_si256((const __m256i *)(local.state + v * WIDTH));
    while (k > 0) {
        k -= lanes;
        for (size_t v = vectors; v-- > 0;) {
            const size_t at = k + v * WIDTH;
            x[v] = encode_vector(x[v], &local, tables->encode, rows + at, values + at);
        }
    }
    for (size_t v = 0; v < vectors; v++) _mm256_storeu_si256((__m256i *)(local.state + v * WIDTH), x[v]);
    *writer = local;
}

AVX2 void avx2_rans_encode(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                           const int8_t *values, size_t n) {
    switch (writer->lanes) {
    case 16: encode_lanes(writer, tables, rows, values, n, 2); break;
    case 32: encode_lanes(writer, tables, rows, values, n, 4); break;
    default: scalar_rans_encode(writer, tables, rows, values, n);
    }
}

#endif
