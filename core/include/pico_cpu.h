/* Which PICO_CPU_... flags this machine has: for callers that may ask it, which the library itself never does.
 */
#ifndef PICO_CPU_H
#define PICO_CPU_H

#include "pico.h"

static inline uint32_t pico_cpu_detect(void) {
    uint32_t flags = PICO_CPU_SCALAR;
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    __builtin_cpu_init(); /* these look at the operating system's part as well */
    if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt"))
        flags |= PICO_CPU_SSE41;
    if (__builtin_cpu_supports("avx2")) flags |= PICO_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vnni"))
        flags |= PICO_CPU_AVX512;
#endif
    return flags;
}

#endif
