#include "kernels.h"

#include "arm.h"
#include "wasm.h"
#include "x86.h"

/* A set is written as its families; one that has nothing to gain from an instruction set uses another's. */
#define RANS(set) .rans_decode = set##_rans_decode, .rans_encode = set##_rans_encode
#define SKIP(set)                                                                                            \
    .compact = set##_compact, .split = set##_split, .expand = set##_expand, .pass_skipped = set##_pass_skipped
#define NETWORK(set)                                                                                         \
    .pointwise_first = set##_pointwise_first, .pointwise = set##_pointwise,                                  \
    .depthwise_first = set##_depthwise_first, .depthwise = set##_depthwise
#define UPSAMPLE(set) .upsample = set##_upsample
#define PIXELS(set)                                                                                          \
    .pixels_in_f32 = set##_pixels_in_f32, .pixels_in_f16 = set##_pixels_in_f16,                              \
    .pixels_out_f32 = set##_pixels_out_f32, .pixels_out_f16 = set##_pixels_out_f16
#define SYMBOLS(set)                                                                                         \
    .symbols_in_f32 = set##_symbols_in_f32, .symbols_in_f16 = set##_symbols_in_f16,                          \
    .symbols_out_f32 = set##_symbols_out_f32, .symbols_out_f16 = set##_symbols_out_f16

#ifdef PICO_X86
PICO_DECLARE_RANS(sse41)
PICO_DECLARE_SKIP(sse41)
PICO_DECLARE_NETWORK(sse41)
PICO_DECLARE_PIXELS(sse41)
PICO_DECLARE_SYMBOLS(sse41)
PICO_DECLARE_CRC32C(avx2)
PICO_DECLARE_RANS(avx2)
PICO_DECLARE_NETWORK(avx2)
PICO_DECLARE_PIXELS(avx2)
PICO_DECLARE_RANS(avx512)
PICO_DECLARE_SKIP(avx512)
PICO_DECLARE_NETWORK(avx512)
uint32_t avx512_rans_decode_together(rans_reader *const *reader, const coding_tables *tables,
                                     const uint8_t *const *rows, const size_t *n, int8_t *const *out,
                                     uint32_t count);
int avx512_shuffled_first(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out);
int avx512_shuffled(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);
#endif

#ifdef PICO_NEON
PICO_DECLARE_CRC32C(neon_dot)
PICO_DECLARE_RANS(neon)
PICO_DECLARE_SKIP(neon)
PICO_DECLARE_NETWORK(neon)
PICO_DECLARE_NETWORK(neon_dot) /* pointwise layers */
PICO_DECLARE_PIXELS(neon)
PICO_DECLARE_SYMBOLS(neon)
#endif

#ifdef PICO_WASM_SIMD
PICO_DECLARE_RANS(wasm)
PICO_DECLARE_SKIP(wasm)
PICO_DECLARE_NETWORK(wasm)
PICO_DECLARE_PIXELS(wasm)
PICO_DECLARE_SYMBOLS(wasm)
#endif

static const kernel_set sets[] = {
#ifdef PICO_X86
    {PICO_CPU_SSE41 | PICO_CPU_AVX2 | PICO_CPU_AVX512,
     {.name = "avx512",
      .crc32c = avx2_crc32c,
      RANS(avx512),
      .rans_decode_together = avx512_rans_decode_together,
      SKIP(avx512),
      NETWORK(avx512),
      UPSAMPLE(sse41),
      .shuffled_first = avx512_shuffled_first,
      .shuffled = avx512_shuffled,
      PIXELS(avx2),
      SYMBOLS(sse41)}},
    {PICO_CPU_SSE41 | PICO_CPU_AVX2,
     {.name = "avx2",
      .crc32c = avx2_crc32c,
      RANS(avx2),
      SKIP(sse41),
      NETWORK(avx2),
      UPSAMPLE(sse41),
      PIXELS(avx2),
      SYMBOLS(sse41)}},
    {PICO_CPU_SSE41,
     {.name = "sse41",
      .crc32c = pico_crc32c,
      RANS(sse41),
      SKIP(sse41),
      NETWORK(sse41),
      UPSAMPLE(sse41),
      PIXELS(sse41),
      SYMBOLS(sse41)}},
#endif
#ifdef PICO_NEON
    {PICO_CPU_NEON | PICO_CPU_NEON_DOT,
     {.name = "neon_dot",
      .crc32c = neon_dot_crc32c,
      RANS(neon),
      SKIP(neon),
      .pointwise_first = neon_dot_pointwise_first,
      .pointwise = neon_dot_pointwise,
      .depthwise_first = neon_depthwise_first,
      .depthwise = neon_depthwise,
      UPSAMPLE(neon),
      PIXELS(neon),
      SYMBOLS(neon)}},
    {PICO_CPU_NEON,
     {.name = "neon",
      .crc32c = pico_crc32c,
      RANS(neon),
      SKIP(neon),
      NETWORK(neon),
      UPSAMPLE(neon),
      PIXELS(neon),
      SYMBOLS(neon)}},
#endif
#ifdef PICO_WASM_SIMD
    {PICO_CPU_WASM_SIMD,
     {.name = "wasm_simd",
      .crc32c = pico_crc32c,
      RANS(wasm),
      SKIP(wasm),
      NETWORK(wasm),
      UPSAMPLE(wasm),
      PIXELS(wasm),
      SYMBOLS(wasm)}},
#endif
    {PICO_CPU_SCALAR,
     {.name = "scalar",
      .crc32c = pico_crc32c,
      RANS(scalar),
      SKIP(scalar),
      NETWORK(scalar),
      UPSAMPLE(scalar),
      PIXELS(scalar),
      SYMBOLS(scalar)}},
};

const kernel_set *kernel_sets(size_t *count) {
    *count = sizeof sets / sizeof *sets;
    return sets;
}

const pico_kernels *kernels_select(uint32_t cpu_flags) {
    const kernel_set *set = sets;
    while ((set->needs & ~cpu_flags) != 0) set++; /* ends at scalar */
    return &set->kernels;
}

const char *pico_kernels_name(uint32_t cpu_flags) {
    return kernels_select(cpu_flags)->name;
}
