/* What the x86 kernels share: the instruction sets each set may use. The attribute is on every function instead
 * of the command line, so a build without CMake (Xcode, Gradle) needs no flags for a file, and no code meant for
 * every CPU is compiled for a new one by accident. */
#ifndef PICO_X86_H
#define PICO_X86_H

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define PICO_X86 1

#include <immintrin.h>

#include "kernels.h"
#include "mask_tables.h"

/* Without optimisation the compiler's header makes some intrinsics macros, whose own casts it then warns of. */
#pragma GCC diagnostic ignored "-Wsign-conversion"

#define SSE41  __attribute__((target("sse4.1,ssse3,popcnt")))
#define AVX2   __attribute__((target("avx2,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,avx512vnni,popcnt")))

/* Since its version 14 clang has the checksum of SSE4.2 as a feature of its own, which a build may leave out. */
#if defined(__clang__) && __clang_major__ >= 14
#define SSE42 __attribute__((target("sse4.2,crc32")))
#else
#define SSE42 __attribute__((target("sse4.2")))
#endif

#endif
#endif
