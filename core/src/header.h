/* The header's fixed part and the seal of chunks and streams, shared by reading and writing. */
#ifndef PICO_HEADER_H
#define PICO_HEADER_H

#include "bytes.h"
#include "kernels.h"

enum {
    HEADER_MAJOR = 4,
    HEADER_MINOR = 5,
    HEADER_CONTENT = 6,
    HEADER_LANES = 7,
    HEADER_SIZE = 8,
    HEADER_ENTROPY_FINGERPRINT = 12,
    HEADER_PIXEL_FINGERPRINT = 28,
    HEADER_WIDTH = 36,
    HEADER_HEIGHT = 40,
    HEADER_PAYLOAD = 44,
    HEADER_BORDER = 46,
    HEADER_FLAGS = 47,
    HEADER_TILES_PER_STREAM = 48,
    HEADER_FIXED = 50,           /* bytes before the levels */
    HEADER_MINIMUM = 50 + 3 + 4, /* one level, no chunk, one stream, CRC */
    FLAG_UNIFORM_LEVEL = 1,
    CRC_SIZE = 4,
    SEAL_CHUNK = 'C',
    SEAL_STREAM = 'S'
};

/* CRC of chunk or stream `number`: seeded so that it holds only in its own place in its own file. */
static inline uint32_t seal(const pico_kernels *kernels, uint32_t header_crc, uint8_t kind, uint32_t number,
                            const uint8_t *payload, size_t size) {
    uint8_t place[9];
    write_u32(place, header_crc);
    place[4] = kind;
    write_u32(place + 5, number);
    return kernels->crc32c(kernels->crc32c(0, place, sizeof place), payload, size);
}

static inline int is_letter(uint8_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline int is_chunk_type(const uint8_t type[4]) {
    return is_letter(type[0]) && is_letter(type[1]) && is_letter(type[2]) && is_letter(type[3]);
}

static inline int is_critical(const uint8_t type[4]) {
    return type[0] >= 'A' && type[0] <= 'Z';
}

static inline int is_lane_count(uint32_t lanes) {
    return lanes == 4 || lanes == 16 || lanes == 32;
}

#endif
