/* CRC-32C (Castagnoli), two nibbles a byte: a table of 16 entries needs no initialisation and no cache. */
#include "pico.h"

uint32_t pico_crc32c(uint32_t seed, const uint8_t *data, size_t size) {
    /* table[n]: n shifted out through the reflected polynomial 0x82F63B78, four steps */
    static const uint32_t table[16] = {
        0x00000000u, 0x105EC76Fu, 0x20BD8EDEu, 0x30E349B1u, 0x417B1DBCu, 0x5125DAD3u,
        0x61C69362u, 0x7198540Du, 0x82F63B78u, 0x92A8FC17u, 0xA24BB5A6u, 0xB21572C9u,
        0xC38D26C4u, 0xD3D3E1ABu, 0xE330A81Au, 0xF36E6F75u,
    };
    uint32_t crc = ~seed;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}
