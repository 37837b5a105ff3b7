/* Interleaved rANS, AVX-512: sixteen lanes a vector. */
#include "../rans_step.h"
#include "../specialised.h"
#include "../x86_rans.h"

#ifdef PICO_X86

enum { WIDTH = 16, MAX_VECTORS = PICO_MAX_LANES / WIDTH };

/* One word for each state below L, in lane order. Reads sixteen words, which a whole turn made sure of. */
AVX512 static inline __m512i take_words(__m512i x, const uint8_t **word) {
    const __mmask16 low = _mm512_cmplt_epu32_mask(x, _mm512_set1_epi32(RANS_STATE_LOW));
    const __m512i words =
        _mm512_maskz_expand_epi32(low, _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)*word)));
    *word += 2 * _mm_popcnt_u32(low);
    return _mm512_mask_or_epi32(x, low, _mm512_slli_epi32(x, 16), words);
}

AVX512 static inline __m512i both_halves(__m256i low, __m256i high) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* Entries at eight places. Each goes to its lane straight from memory: what waits for them is as long a chain as
 * instructions that cross lanes would make it. */
AVX512 static inline __m256i load_lanes(const uint32_t *table, const uint32_t *at) {
    __m256i half[2];
    for (size_t h = 0; h < 2; h++, at += 4) {
        half[h] = _mm256_set1_epi32((int)table[at[0]]);
        for (int k = 1; k < 4; k++) {
            half[h] = _mm256_mask_set1_epi32(half[h], (__mmask8)(0x11 << k), (int)table[at[k]]);
        }
    }
    return _mm256_blend_epi32(half[0], half[1], 0xF0);
}

/* Where the entries of sixteen symbols are. */
AVX512 static inline __m512i entries_at(const uint8_t *rows, __m512i x) {
    const __m512i row = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)rows));
    const __m512i slot = _mm512_and_si512(x, _mm512_set1_epi32(RANS_SLOTS - 1));
    return _mm512_or_si512(_mm512_slli_epi32(row, 12), slot);
}

AVX512 static inline __m512i look_up(const uint32_t *table, const uint8_t *rows, __m512i x) {
    uint32_t at[WIDTH];
    _mm512_storeu_si512(at, entries_at(rows, x));
    return both_halves(load_lanes(table, at), load_lanes(table, at + 8));
}

/* By one instruction, which takes longer but less of the CPU: for who has something else to do meanwhile. */
AVX512 static inline __m512i gather(const uint32_t *table, const uint8_t *rows, __m512i x) {
    return _mm512_i32gather_epi32(entries_at(rows, x), (const int *)table, 4);
}

AVX512 static inline __m512i step(__m512i x, __m512i entry) {
    const __m512i frequency = _mm512_and_si512(_mm512_srli_epi32(entry, 8), _mm512_set1_epi32(0xFFF));
    return _mm512_add_epi32(_mm512_mullo_epi32(frequency, _mm512_srli_epi32(x, 12)),
                            _mm512_srli_epi32(entry, 20));
}

AVX512 static inline int decode_lanes(rans_reader *reader, const coding_tables *tables, const uint8_t *rows,
                                      size_t n, int8_t *out, const size_t vectors) {
    const size_t lanes = vectors * WIDTH;
    const __m128i escape = _mm_set1_epi8(RANS_ESCAPE_SYMBOL);
    __m512i x[MAX_VECTORS];
    for (size_t v = 0; v < vectors; v++) x[v] = _mm512_loadu_si512(reader->state + v * WIDTH);
    const uint8_t *word = reader->word;

    size_t k = 0;
    for (; n - k >= lanes && (size_t)(reader->word_end - word) >= 2 * lanes; k += lanes) {
        uint32_t escapes = 0;
        for (size_t v = 0; v < vectors; v++) {
            const __m512i entry = look_up(tables->decode, rows + k + v * WIDTH, x[v]);
            const __m128i values = _mm512_cvtepi32_epi8(entry);
            _mm_storeu_si128((__m128i *)(out + k + v * WIDTH), values);
            escapes |= _mm_cmpeq_epi8_mask(values, escape);
            x[v] = step(x[v], entry);
        }
        for (size_t v = 0; v < vectors; v++) x[v] = take_words(x[v], &word);
        if (escapes != 0 && !take_escapes(reader, tables, rows + k, lanes, out + k)) return 0;
    }
    for (size_t v = 0; v < vectors; v++) _mm512_storeu_si512(reader->state + v * WIDTH, x[v]);
    reader->word = word;
    return decode_end(reader, tables, rows, k, n, out);
}

AVX512 int avx512_rans_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                              int8_t *out) {
    switch (reader->lanes) {
    case 16: return decode_lanes(reader, tables, rows, n, out, 1);
    case 32: return decode_lanes(reader, tables, rows, n, out, 2);
    default: return scalar_rans_decode(reader, tables, rows, n, out);
    }
}

/* A segment of one stream does little but wait for its entries: here others go on meanwhile. As long as all have
 * whole turns; returns which are good, and how many symbols of each are done. */
AVX512 SPECIALISED uint32_t decode_turns(rans_reader *const *reader, const coding_tables *tables,
                                         const uint8_t *const *rows, const size_t *n, int8_t *const *out,
                                         size_t *done, const uint32_t count) {
    enum { LANES = PICO_MAX_LANES };
    const uint32_t all = (1u << count) - 1;
    const __m128i escape = _mm_set1_epi8(RANS_ESCAPE_SYMBOL);
    __m512i x[PICO_MAX_TOGETHER][MAX_VECTORS];
    const uint8_t *word[PICO_MAX_TOGETHER];
    size_t shortest = n[0];
    for (uint32_t s = 0; s < count; s++) {
        for (size_t v = 0; v < MAX_VECTORS; v++) x[s][v] = _mm512_loadu_si512(reader[s]->state + v * WIDTH);
        word[s] = reader[s]->word;
        if (n[s] < shortest) shortest = n[s];
    }

    uint32_t good = all;
    size_t k = 0;
    for (;; k += LANES) {
        int words_last = 1;
        for (uint32_t s = 0; s < count; s++) words_last &= reader[s]->word_end - word[s] >= 2 * LANES;
        if (good != all || !words_last || shortest - k < LANES) break;
        uint32_t escapes = 0;
        for (size_t v = 0; v < MAX_VECTORS; v++) {
            for (uint32_t s = 0; s < count; s++) {
                const size_t at = k + v * WIDTH;
                const __m512i entry = gather(tables->decode, rows[s] + at, x[s][v]);
                const __m128i values = _mm512_cvtepi32_epi8(entry);
                _mm_storeu_si128((__m128i *)(out[s] + at), values);
                escapes |= _mm_cmpeq_epi8_mask(values, escape);
                x[s][v] = step(x[s][v], entry);
            }
        }
        for (size_t v = 0; v < MAX_VECTORS; v++) {
            for (uint32_t s = 0; s < count; s++) x[s][v] = take_words(x[s][v], &word[s]);
        }
        for (uint32_t s = 0; escapes != 0 && s < count; s++) {
            if (!take_escapes(reader[s], tables, rows[s] + k, LANES, out[s] + k)) good &= ~(1u << s);
        }
    }
    for (uint32_t s = 0; s < count; s++) {
        for (size_t v = 0; v < MAX_VECTORS; v++) _mm512_storeu_si512(reader[s]->state + v * WIDTH, x[s][v]);
        reader[s]->word = word[s];
    }
    *done = k;
    return good;
}

/* Functions of their own: inlined into one, gcc 12 mixes them up and loses a fifth. */
AVX512 static __attribute__((noinline)) uint32_t
turns_of_two(rans_reader *const *reader, const coding_tables *tables, const uint8_t *const *rows, const size_t *n,
             int8_t *const *out, size_t *done) {
    return decode_turns(reader, tables, rows, n, out, done, 2);
}

AVX512 static __attribute__((noinline)) uint32_t
turns_of_three(rans_reader *const *reader, const coding_tables *tables, const uint8_t *const *rows, const size_t *n,
               int8_t *const *out, size_t *done) {
    return decode_turns(reader, tables, rows, n, out, done, 3);
}

AVX512 uint32_t avx512_rans_decode_together(rans_reader *const *reader, const coding_tables *tables,
                                            const uint8_t *const *rows, const size_t *n, int8_t *const *out,
                                            uint32_t count) {
    uint32_t good = (1u << count) - 1;
    size_t done = 0;
    if (reader[0]->lanes == PICO_MAX_LANES) { /* images of fewer are small */
        good = count == 2 ? turns_of_two(reader, tables, rows, n, out, &done)
                          : turns_of_three(reader, tables, rows, n, out, &done);
    }
    for (uint32_t s = 0; s < count; s++) {
        if ((good >> s & 1) == 0) continue;
        const size_t left = n[s] - done;
        if (!avx512_rans_decode(reader[s], tables, rows[s] + done, left, out[s] + done)) good &= ~(1u << s);
    }
    return good;
}

/* Sixteen symbols, last lane first. Entries are fetched as two vectors of eight: those of the even lanes and
 * those of the odd ones, which is how 32-bit lanes are multiplied. */
AVX512 static inline __m512i encode_vector(__m512i x, rans_writer *writer, const rans_entry *table,
                                           const uint8_t *rows, const int8_t *values) {
    const __m128i value = _mm_xor_si128(_mm_loadu_si128((const __m128i *)values), _mm_set1_epi8(-128)); /* + 128 */
    const __m128i row = _mm_loadu_si128((const __m128i *)rows);
    uint16_t at[WIDTH]; /* row << 8 | value */
    _mm_storeu_si128((__m128i *)at, _mm_unpacklo_epi8(value, row));
    _mm_storeu_si128((__m128i *)(at + 8), _mm_unpackhi_epi8(value, row));
    const __m512i even = both_halves(load_alternate(table, at), load_alternate(table, at + 8));
    const __m512i odd = both_halves(load_alternate(table, at + 1), load_alternate(table, at + 9));
    const __m512i fields = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);

    put_escapes(writer, _mm512_movepi32_mask(fields), values); /* ENTRY_ESCAPE is the sign */
    const __m512i complement = _mm512_and_si512(fields, _mm512_set1_epi32(ENTRY_COMPLEMENT));
    const __mmask16 full = _mm512_movepi32_mask(_mm512_add_epi32(x, complement));
    const uint32_t count = (uint32_t)_mm_popcnt_u32(full);
    writer->word -= 2 * count;
    _mm256_mask_storeu_epi16(writer->word, (__mmask16)((1u << count) - 1),
                             _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(full, x)));
    x = _mm512_mask_srli_epi32(x, full, x, 16);

    const __m512i even_product = _mm512_mul_epu32(x, even);
    const __m512i odd_product = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), odd);
    const __m512i high = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even_product, 32), odd_product);
    const __m512i quotient = _mm512_srlv_epi32(high, _mm512_and_si512(fields, _mm512_set1_epi32(ENTRY_SHIFT)));
    const __m512i bias = _mm512_and_si512(_mm512_srli_epi32(fields, ENTRY_BIAS_AT),
                                          _mm512_set1_epi32(ENTRY_BIAS_MASK));
    const __m512i product = _mm512_mullo_epi32(quotient, _mm512_srli_epi32(complement, ENTRY_COMPLEMENT_AT));
    return _mm512_add_epi32(_mm512_add_epi32(x, bias), product);
}

AVX512 static inline void encode_lanes(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                                       const int8_t *values, size_t n, const size_t vectors) {
    const size_t lanes = vectors * WIDTH;
    rans_writer local = *writer;
    size_t k = n;
    while (k % lanes != 0) {
        k--;
        encode_one(&local, &local.state[k % lanes], tables, rows[k], values[k]);
    }
    __m512i x[MAX_VECTORS];
    for (size_t v = 0; v < vectors; v++) x[v] = _mm512_loadu_si512(local.state + v * WIDTH);
    while (k > 0) {
        k -= lanes;
        for (size_t v = vectors; v-- > 0;) {
            const size_t at = k + v * WIDTH;
            x[v] = encode_vector(x[v], &local, tables->encode, rows + at, values + at);
        }
    }
    for (size_t v = 0; v < vectors; v++) _mm512_storeu_si512(local.state + v * WIDTH, x[v]);
    *writer = local;
}

AVX512 void avx512_rans_encode(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                               const int8_t *values, size_t n) {
    switch (writer->lanes) {
    case 16: encode_lanes(writer, tables, rows, values, n, 1); break;
    case 32: encode_lanes(writer, tables, rows, values, n, 2); break;
    default: scalar_rans_encode(writer, tables, rows, values, n);
    }
}

#endif
