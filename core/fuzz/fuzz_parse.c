/* A file: as it is, then with its header's checksum made to hold. Whatever the header says, following it stays
 * inside the file, and what is said of the file is consistent. */
#include "harness.h"
#include "header.h"

static void follow(bytes file) {
    pico_image image;
    pico_fault fault = {0};
    const pico_status status = pico_parse(file.data, file.size, &image, &fault);
    if (status != PICO_OK) {
        REQUIRE(fault.what != NULL && pico_status_name((int)status) != NULL);
        return;
    }
    REQUIRE(image.file_size >= file.size && image.header_size <= file.size);
    REQUIRE(image.tiles == image.rows * image.columns && image.tiles <= PICO_MAX_TILES);
    REQUIRE(image.streams >= 1 && image.streams <= image.tiles && image.chunks <= PICO_MAX_CHUNKS);
    pico_entry *chunks = exactly(image.chunks * sizeof *chunks);
    pico_entry *streams = exactly(image.streams * sizeof *streams);
    REQUIRE(pico_directory(file.data, file.size, &image, chunks, streams) == PICO_OK);
    uint64_t end = image.header_size;
    for (uint32_t i = 0; i < image.chunks + image.streams; i++) {
        const pico_entry *entry = i < image.chunks ? &chunks[i] : &streams[i - image.chunks];
        REQUIRE(entry->offset == end);
        end += (uint64_t)entry->size + CRC_SIZE;
    }
    REQUIRE(end == image.file_size);
    for (uint32_t tile = 0; tile < image.tiles; tile++) pico_tile_level(file.data, &image, tile);
    for (uint32_t i = 0; i < image.chunks; i++) {
        const pico_status before = pico_chunk_check(file.data, file.size, &image, i, &chunks[i], NULL);
        REQUIRE(before == PICO_OK || before == PICO_E_CHUNK_DAMAGED || before == PICO_E_TRUNCATED);
        reseal_part(file, &image, SEAL_CHUNK, i, &chunks[i]);
        const pico_status after = pico_chunk_check(file.data, file.size, &image, i, &chunks[i], NULL);
        REQUIRE(after == (before == PICO_E_TRUNCATED ? PICO_E_TRUNCATED : PICO_OK));
    }
    free(chunks);
    free(streams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bytes file = copy_of(data, size);
    follow(file);
    if (size >= HEADER_MINIMUM) {
        memcpy(file.data, "PICO\1", 5);
        const uint32_t claimed = read_u32(file.data + HEADER_SIZE);
        if (claimed > size) write_u32(file.data + HEADER_SIZE, (uint32_t)size);
        reseal_header(file);
        follow(file);
    }
    free(file.data);
    return 0;
}
