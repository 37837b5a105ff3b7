/* Included by the pixels of SSE4.1 and AVX2, which define ISA, SET(name), VECTOR, OP(name), OP_WHOLE(name),
 * TO_ALL, LANES, WORDS_IN_ORDER, DWORDS_IN_ORDER, STORE and the REST(name) that takes over, for packed
 * tensors.
 *
 * Pixels to tensors, a vector at a time: see ratio.h.
 *
 * Tensors to pixels, as many samples at a time as a vector has bytes:
 * A sample below one is m / 2^k, m in [1/2, 1). Its pixel is floor(255 m / 2^k + 1/2) = (t + 1) / 2, rounded
 * down, with t = floor(510 m / 2^k) = floor(floor(510 m) / 2^k). So nine bits of 510 m are enough, and
 * multiplying by a power of two that is looked up by k shifts every lane by an amount of its own. */

enum { WIDTH = sizeof(VECTOR), HALF = WIDTH / 2, QUARTER = WIDTH / 4 };

ISA static inline VECTOR load(const void *at) {
    return OP_WHOLE(loadu)((const VECTOR *)at);
}

/* v / 255 of four bytes of every sixteen; `offset` also says which format. */
ISA static inline VECTOR ratios_of(VECTOR pixels, VECTOR thrice, VECTOR offset) {
    const VECTOR v = OP(shuffle_epi8)(pixels, thrice);
    const VECTOR bits = OP_WHOLE(castps)(OP(cvtepi32_ps)(v));
    return OP(max_epi32)(OP(add_epi32)(bits, offset), OP_WHOLE(setzero)());
}

ISA static inline VECTOR thrice_of(size_t apart) {
    const __m128i thrice = _mm_loadu_si128((const __m128i *)(const void *)ratio_bytes(apart));
    return TO_ALL(thrice);
}

ISA void SET(pixels_in_f32)(const uint32_t table[256], const uint8_t *in, size_t apart, size_t n,
                            uint8_t *out, ptrdiff_t step) {
    const VECTOR offset = OP(set1_epi32)(RATIO_TO_F32), thrice = thrice_of(apart);
    const size_t needed = QUARTER + beyond_ratio(apart);
    size_t i = 0;
    for (; step == 4 && n - i >= needed; i += QUARTER) {
        const VECTOR ratios = ratios_of(LANES(in + apart * i, 4 * apart), thrice, offset);
        OP_WHOLE(storeu)((VECTOR *)(void *)(out + 4 * i), ratios);
    }
    REST(pixels_in_f32)(table, in + apart * i, apart, n - i, out + (ptrdiff_t)i * step, step);
}

ISA void SET(pixels_in_f16)(const uint16_t table[256], const uint8_t *in, size_t apart, size_t n,
                            uint8_t *out, ptrdiff_t step) {
    const VECTOR offset = OP(set1_epi32)(RATIO_TO_F16), thrice = thrice_of(apart);
    const size_t four = 4 * apart, needed = HALF + beyond_ratio(apart);
    size_t i = 0;
    for (; step == 2 && n - i >= needed; i += HALF) {
        VECTOR part[2]; /* alternate fours: packing puts four of each into sixteen bytes */
        for (size_t p = 0; p < 2; p++) {
            const VECTOR pixels = LANES(in + apart * i + four * p, 2 * four);
            part[p] = OP(srli_epi32)(ratios_of(pixels, thrice, offset), F16_FEWER_BITS);
        }
        OP_WHOLE(storeu)((VECTOR *)(void *)(out + 2 * i), OP(packus_epi32)(part[0], part[1]));
    }
    REST(pixels_in_f16)(table, in + apart * i, apart, n - i, out + (ptrdiff_t)i * step, step);
}

/* Pixels from words floor(510 m), and the bytes k <= 15, in the order in which packing interleaves words. */
ISA static inline VECTOR shift_and_round(VECTOR low, VECTOR high, VECTOR k) {
    const __m128i upper = _mm_setr_epi8(-128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i lower = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, -128, 64, 32, 16, 8, 4, 2, 1);
    const VECTOR upper_half = OP(shuffle_epi8)(TO_ALL(upper), k); /* of 2^(15 - k) */
    const VECTOR lower_half = OP(shuffle_epi8)(TO_ALL(lower), k);
    const VECTOR zero = OP_WHOLE(setzero)();
    low = OP(mulhi_epu16)(OP(slli_epi16)(low, 1), OP(unpacklo_epi8)(lower_half, upper_half));
    high = OP(mulhi_epu16)(OP(slli_epi16)(high, 1), OP(unpackhi_epi8)(lower_half, upper_half));
    return OP(packus_epi16)(OP(avg_epu16)(low, zero), OP(avg_epu16)(high, zero));
}

/* One channel of sixteen pixels, the others stay: written back as they are, so there have to be more than
 * sixteen pixels left, for what follows the last one may belong to another thread. */
ISA static inline void store_sixteen(uint8_t *out, __m128i values) {
    const __m128i place[3] = {_mm_setr_epi8(0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, 5),
                              _mm_setr_epi8(-1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10, -1),
                              _mm_setr_epi8(-1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1, -1)};
    for (size_t i = 0; i < 3; i++) {
        __m128i *at = (__m128i *)(void *)(out + 16 * i);
        const __m128i others = _mm_cmplt_epi8(place[i], _mm_setzero_si128());
        const __m128i kept = _mm_and_si128(_mm_loadu_si128(at), others);
        _mm_storeu_si128(at, _mm_or_si128(kept, _mm_shuffle_epi8(values, place[i])));
    }
}

/* How many lanes of int32 counted, in all. */
ISA static inline size_t sum_of(VECTOR counts) {
    uint32_t lane[WIDTH / 4];
    size_t sum = 0;
    OP_WHOLE(storeu)((VECTOR *)(void *)lane, counts);
    for (size_t i = 0; i < WIDTH / 4; i++) sum += lane[i];
    return sum;
}

/* Above the largest float below one everything is 255, as that is; below 0, and NaN, everything is 0. */
ISA static inline VECTOR pixels_of_f32(const uint8_t *in, VECTOR *nans) {
    VECTOR part[4], k[4];
    for (size_t v = 0; v < 4; v++) {
        const VECTOR bits = load(in + WIDTH * v);
        const VECTOR magnitude = OP_WHOLE(and)(bits, OP(set1_epi32)(0x7FFFFFFF));
        const VECTOR is_nan = OP(cmpgt_epi32)(magnitude, OP(set1_epi32)(0x7F800000));
        const VECTOR clamped =
            OP(min_epi32)(OP(max_epi32)(bits, OP_WHOLE(setzero)()), OP(set1_epi32)(0x3F7FFFFF));
        const VECTOR x = OP_WHOLE(andnot)(is_nan, clamped);
        const VECTOR mantissa =
            OP_WHOLE(or)(OP_WHOLE(and)(x, OP(set1_epi32)(0x7FFFFF)), OP(set1_epi32)(0x800000));
        part[v] = OP(srli_epi32)(OP(sub_epi32)(OP(slli_epi32)(mantissa, 8), mantissa), 23);
        k[v] = OP(sub_epi32)(OP(set1_epi32)(126), OP(srli_epi32)(x, 23));
        *nans = OP(sub_epi32)(*nans, is_nan);
    }
    const VECTOR all = OP(packus_epi16)(OP(packs_epi32)(k[0], k[1]), OP(packs_epi32)(k[2], k[3]));
    return DWORDS_IN_ORDER(shift_and_round(OP(packs_epi32)(part[0], part[1]),
                                           OP(packs_epi32)(part[2], part[3]),
                                           OP(min_epu8)(all, OP(set1_epi8)(15))));
}

/* The same of halves: the mantissa has 11 bits, the product with 510 is taken from its upper half. */
ISA static inline VECTOR pixels_of_f16(const uint8_t *in, VECTOR *nans) {
    VECTOR part[2], k[2];
    for (size_t v = 0; v < 2; v++) {
        const VECTOR bits = load(in + WIDTH * v);
        const VECTOR is_nan =
            OP(cmpgt_epi16)(OP_WHOLE(and)(bits, OP(set1_epi16)(0x7FFF)), OP(set1_epi16)(0x7C00));
        const VECTOR clamped =
            OP(min_epi16)(OP(max_epi16)(bits, OP_WHOLE(setzero)()), OP(set1_epi16)(0x3BFF));
        const VECTOR x = OP_WHOLE(andnot)(is_nan, clamped);
        const VECTOR mantissa = OP_WHOLE(or)(OP_WHOLE(and)(x, OP(set1_epi16)(0x3FF)), OP(set1_epi16)(0x400));
        part[v] = OP(mulhi_epu16)(OP(slli_epi16)(mantissa, 5), OP(set1_epi16)(510));
        k[v] = OP(sub_epi16)(OP(set1_epi16)(14), OP(srli_epi16)(x, 10));
        *nans = OP(add_epi32)(*nans, OP(madd_epi16)(is_nan, is_nan));
    }
    return WORDS_IN_ORDER(shift_and_round(part[0], part[1], OP(packus_epi16)(k[0], k[1])));
}

/* A vector of pixels; there have to be more left, for STORE. */
ISA static inline void store_pixels(uint8_t *out, size_t apart, VECTOR values) {
    if (apart == 1) {
        OP_WHOLE(storeu)((VECTOR *)(void *)out, values);
    } else {
        STORE(out, values);
    }
}

ISA size_t SET(pixels_out_f32)(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart) {
    VECTOR nans = OP_WHOLE(setzero)();
    size_t i = 0;
    for (; step == 4 && n - i > WIDTH; i += WIDTH)
        store_pixels(out + apart * i, apart, pixels_of_f32(in + 4 * i, &nans));
    return sum_of(nans) + REST(pixels_out_f32)(in + (ptrdiff_t)i * step, step, n - i, out + apart * i, apart);
}

ISA size_t SET(pixels_out_f16)(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart) {
    VECTOR nans = OP_WHOLE(setzero)();
    size_t i = 0;
    for (; step == 2 && n - i > WIDTH; i += WIDTH)
        store_pixels(out + apart * i, apart, pixels_of_f16(in + 2 * i, &nans));
    return sum_of(nans) + REST(pixels_out_f16)(in + (ptrdiff_t)i * step, step, n - i, out + apart * i, apart);
}
