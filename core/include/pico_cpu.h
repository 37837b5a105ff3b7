/* Which PICO_CPU_... flags this machine has: for callers that may ask it, which the library itself never does.
 */
#ifndef PICO_CPU_H
#define PICO_CPU_H

#include "pico.h"

#if defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__aarch64__)
/* The dot product came with the Apple A13 and, elsewhere, with Armv8.2 and later cores; CRC32, a part of the
 * architecture since Armv8.1, comes with it. */
static inline int pico_cpu_has_dot(void) {
#if defined(__APPLE__)
    int has = 0;
    size_t size = sizeof has;
    return sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &size, NULL, 0) == 0 && has != 0;
#elif defined(__linux__)
    const unsigned long needed = 1ul << 20 | 1ul << 7; /* HWCAP_ASIMDDP, HWCAP_CRC32 */
    return (getauxval(AT_HWCAP) & needed) == needed;
#else
    return 0;
#endif
}
#endif

static inline uint32_t pico_cpu_detect(void) {
    uint32_t flags = PICO_CPU_SCALAR;
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    __builtin_cpu_init(); /* these look at the operating system's part as well */
    if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt"))
        flags |= PICO_CPU_SSE41;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("sse4.2")) flags |= PICO_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vnni"))
        flags |= PICO_CPU_AVX512;
#elif defined(__aarch64__)
    flags |= PICO_CPU_NEON;
    if (pico_cpu_has_dot()) flags |= PICO_CPU_NEON_DOT;
#elif defined(__wasm_simd128__)
    flags |= PICO_CPU_WASM_SIMD;
#endif
    return flags;
}

#endif
