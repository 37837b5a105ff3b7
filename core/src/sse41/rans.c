/* Interleaved rANS, SSE4.1: four lanes a vector, table entries by scalar loads. Encoding stays scalar: a
 * vector would need a shift by a different count in every lane. */
#include "../rans_step.h"
#include "../x86.h"

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
    const __m128i at = _mm_or_si128(_mm_slli_epi32(row, 12), slot);
    const uint64_t low = (uint64_t)_mm_cvtsi128_si64(at), high = (uint64_t)_mm_extract_epi64(at, 1);
    const __m128i a = _mm_insert_epi32(_mm_cvtsi32_si128((int)table[(uint32_t)low]), (int)table[low >> 32], 1);
    const __m128i b = _mm_insert_epi32(_mm_cvtsi32_si128((int)table[(uint32_t)high]), (int)table[high >> 32], 1);
    return _mm_unpacklo_epi64(a, b);
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

#endif
