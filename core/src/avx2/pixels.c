/* Pixels and tensors, AVX2. Packing interleaves the halves of its operands: the parts of a result that come
 * out as 0 2 1 3 (of words), or 0 2 4 6 1 3 5 7 (of double words), are put in order. */
#include "../ratio.h"
#include "../x86.h"

#ifdef PICO_X86

PICO_DECLARE_PIXELS(sse41) /* what a vector is too long for */

#define ISA            AVX2
#define SET(name)      avx2_##name
#define REST(name)     sse41_##name
#define VECTOR         __m256i
#define OP(name)       _mm256_##name
#define OP_WHOLE(name) _mm256_##name##_si256
#define TO_ALL(v)      _mm256_broadcastsi128_si256(v)
#define LANES(in, step)                                                                                      \
    _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(in))),    \
                            _mm_loadu_si128((const __m128i *)(const void *)((in) + (step))), 1)
#define WORDS_IN_ORDER(v)  _mm256_permute4x64_epi64(v, 0xD8)
#define DWORDS_IN_ORDER(v) _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))
#define STORE              store_thirty_two
AVX2 static inline void store_thirty_two(uint8_t *out, __m256i values);
#include "../x86_pixels.h"

AVX2 static inline void store_thirty_two(uint8_t *out, __m256i values) {
    store_sixteen(out, _mm256_castsi256_si128(values));
    store_sixteen(out + 48, _mm256_extracti128_si256(values, 1));
}

#endif
