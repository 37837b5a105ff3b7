/* CRC-32C by the instruction of Armv8.1, which every core with the dot product has. */
#include "../arm.h"
#include "../bytes.h"

#ifdef PICO_NEON

PICO_DECLARE_CRC32C(neon_dot)

ARM_CRC uint32_t neon_dot_crc32c(uint32_t seed, const uint8_t *data, size_t size) {
    uint32_t crc = ~seed;
    for (; size >= 8; size -= 8, data += 8) crc = ARM_CRC32C_8(crc, read_u64(data));
    for (; size > 0; size--, data++) crc = ARM_CRC32C_1(crc, *data);
    return ~crc;
}

#endif
