/* The integer network, AVX2. */
#include "../native.h"
#include "../x86.h"

#ifdef PICO_X86

#define ISA            AVX2
#define SET(name)      avx2_##name
#define VECTOR         __m256i
#define OP(name)       _mm256_##name
#define OP_WHOLE(name) _mm256_##name##_si256
#include "../x86_network.h"

#endif
