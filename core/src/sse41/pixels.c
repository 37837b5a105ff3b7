/* Pixels and tensors, SSE4.1. */
#include "../ratio.h"
#include "../x86.h"

#ifdef PICO_X86

#define ISA                SSE41
#define SET(name)          sse41_##name
#define REST(name)         scalar_##name
#define VECTOR             __m128i
#define OP(name)           _mm_##name
#define OP_WHOLE(name)     _mm_##name##_si128
#define TO_ALL(v)          (v)
#define LANES(in, step)    load(in)
#define WORDS_IN_ORDER(v)  (v)
#define DWORDS_IN_ORDER(v) (v)
#define STORE              store_sixteen
#include "../x86_pixels.h"

#endif
