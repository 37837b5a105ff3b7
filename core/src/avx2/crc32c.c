/* CRC-32C by SSE4.2's instruction, which every CPU with AVX2 has. */
#include "../bytes.h"
#include "../x86.h"

#ifdef PICO_X86

PICO_DECLARE_CRC32C(avx2)

SSE42 uint32_t avx2_crc32c(uint32_t seed, const uint8_t *data, size_t size) {
    uint64_t crc = ~seed;
    for (; size >= 8; size -= 8, data += 8) crc = _mm_crc32_u64(crc, read_u64(data));
    for (; size > 0; size--, data++) crc = _mm_crc32_u8((uint32_t)crc, *data);
    return ~(uint32_t)crc;
}

#endif
