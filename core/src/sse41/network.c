/* The integer network, SSE4.1. */
#include "../native.h"
#include "../x86.h"

#ifdef PICO_X86

#define ISA            SSE41
#define SET(name)      sse41_##name
#define VECTOR         __m128i
#define OP(name)       _mm_##name
#define OP_WHOLE(name) _mm_##name##_si128
#include "../x86_network.h"

#endif
