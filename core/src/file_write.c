/* Putting header, chunks and streams together. */
#include "header.h"
#include "model.h"

static int all_levels_equal(const pico_file *file) {
    for (uint32_t tile = 1; tile < file->grid.tiles; tile++) {
        if (file->levels[tile] != file->levels[0]) return 0;
    }
    return 1;
}

static pico_status measure(const pico_file *file, uint64_t *header_size, uint64_t *file_size,
                           pico_fault *fault) {
    if (file == NULL || file->levels == NULL || file->streams == NULL ||
        (file->chunk_count > 0 && file->chunks == NULL)) {
        return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    }
    if (!is_lane_count(file->layout.lanes))
        return fail(fault, PICO_E_ARGUMENT, "lanes", 0, file->layout.lanes, 32);
    if (file->layout.tiles_per_stream < 1 || file->layout.tiles_per_stream > PICO_MAX_TILES_PER_STREAM) {
        return fail(fault, PICO_E_ARGUMENT, "tiles per stream", 0, file->layout.tiles_per_stream,
                    PICO_MAX_TILES_PER_STREAM);
    }
    if (file->chunk_count > PICO_MAX_CHUNKS) {
        return fail(fault, PICO_E_OVER_LIMIT, "chunks", 0, file->chunk_count, PICO_MAX_CHUNKS);
    }
    uint64_t header = HEADER_FIXED + (all_levels_equal(file) ? 1u : file->grid.tiles);
    uint64_t payloads = 0;
    header += varint_size(file->chunk_count);
    for (uint32_t i = 0; i < file->chunk_count; i++) {
        const pico_chunk_source *chunk = &file->chunks[i];
        if (!is_chunk_type((const uint8_t *)chunk->type)) {
            return fail(fault, PICO_E_ARGUMENT, "type of chunk", i, chunk->type[0], 'a');
        }
        if (is_critical((const uint8_t *)chunk->type)) { /* all of them are reserved */
            return fail(fault, PICO_E_UNSUPPORTED_CHUNK, "critical chunk", i, chunk->type[0], 0);
        }
        if (chunk->payload.size > PICO_MAX_CHUNK) {
            return fail(fault, PICO_E_OVER_LIMIT, "size of chunk", i, (int64_t)chunk->payload.size,
                        PICO_MAX_CHUNK);
        }
        header += 4 + varint_size((uint32_t)chunk->payload.size);
        payloads += chunk->payload.size + CRC_SIZE;
    }
    uint32_t streams = pico_stream_count(&file->grid, &file->layout);
    for (uint32_t i = 0; i < streams; i++) {
        size_t size = file->streams[i].size;
        if (size > PICO_MAX_STREAM) {
            return fail(fault, PICO_E_OVER_LIMIT, "size of stream", i, (int64_t)size, PICO_MAX_STREAM);
        }
        header += varint_size((uint32_t)size);
        payloads += size + CRC_SIZE;
    }
    *header_size = header + CRC_SIZE; /* at most 2^14 levels, 2^14 streams and 2^6 chunks: below
    PICO_MAX_HEADER */
    *file_size = *header_size + payloads;
    if (*file_size > SIZE_MAX / 2) {
        return fail(fault, PICO_E_OVER_LIMIT, "size of the file", 0, (int64_t)*file_size,
                    (int64_t)(SIZE_MAX / 2));
    }
    return PICO_OK;
}

pico_status pico_file_size(const pico_file *file, size_t *size, pico_fault *fault) {
    if (size == NULL) return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    uint64_t header_size = 0, file_size = 0;
    pico_status status = measure(file, &header_size, &file_size, fault);
    if (status == PICO_OK) *size = (size_t)file_size;
    return status;
}

static uint8_t *write_directories(const pico_file *file, uint8_t *at) {
    at = write_varint(at, file->chunk_count);
    for (uint32_t i = 0; i < file->chunk_count; i++) {
        copy_bytes(at, file->chunks[i].type, 4);
        at = write_varint(at + 4, (uint32_t)file->chunks[i].payload.size);
    }
    uint32_t streams = pico_stream_count(&file->grid, &file->layout);
    for (uint32_t i = 0; i < streams; i++) at = write_varint(at, (uint32_t)file->streams[i].size);
    return at;
}

static uint8_t *write_header(const pico_file *file, uint32_t header_size, uint8_t *out) {
    static const uint8_t magic[4] = {'P', 'I', 'C', 'O'};
    int uniform = all_levels_equal(file);
    copy_bytes(out, magic, 4);
    out[HEADER_MAJOR] = PICO_VERSION_MAJOR;
    out[HEADER_MINOR] = PICO_VERSION_MINOR;
    out[HEADER_CONTENT] = 0;
    out[HEADER_LANES] = (uint8_t)file->layout.lanes;
    write_u32(out + HEADER_SIZE, header_size);
    copy_bytes(out + HEADER_ENTROPY_FINGERPRINT, file->entropy_fingerprint, PICO_FINGERPRINT_SIZE);
    copy_bytes(out + HEADER_PIXEL_FINGERPRINT, file->pixel_fingerprint, PICO_PIXEL_FINGERPRINT_SIZE);
    write_u32(out + HEADER_WIDTH, file->grid.width);
    write_u32(out + HEADER_HEIGHT, file->grid.height);
    write_u16(out + HEADER_PAYLOAD, file->grid.payload);
    out[HEADER_BORDER] = (uint8_t)file->grid.border;
    out[HEADER_FLAGS] = uniform ? FLAG_UNIFORM_LEVEL : 0;
    write_u16(out + HEADER_TILES_PER_STREAM, file->layout.tiles_per_stream);
    uint32_t levels = uniform ? 1 : file->grid.tiles;
    copy_bytes(out + HEADER_FIXED, file->levels, levels);
    uint8_t *at = write_directories(file, out + HEADER_FIXED + levels);
    write_u32(at, pico_crc32c(0, out, (size_t)(at - out)));
    return at + CRC_SIZE;
}

static uint8_t *write_sealed(const pico_kernels *kernels, uint8_t *at, uint32_t header_crc, uint8_t kind,
                             uint32_t number, pico_span payload) {
    if (payload.size > 0) copy_bytes(at, payload.data, payload.size);
    at += payload.size;
    write_u32(at, seal(kernels, header_crc, kind, number, at - payload.size, payload.size));
    return at + CRC_SIZE;
}

pico_status pico_file_write(const pico_model *model, const pico_file *file, uint8_t *out, size_t capacity,
                            size_t *size, pico_fault *fault) {
    if (model == NULL || out == NULL || size == NULL)
        return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    uint64_t header_size = 0, file_size = 0;
    pico_status status = measure(file, &header_size, &file_size, fault);
    if (status != PICO_OK) return status;
    if (file_size > capacity) {
        return fail(fault, PICO_E_BUFFER, "room for the file", 0, (int64_t)capacity, (int64_t)file_size);
    }
    uint8_t *at = write_header(file, (uint32_t)header_size, out);
    uint32_t header_crc = read_u32(at - CRC_SIZE);
    for (uint32_t i = 0; i < file->chunk_count; i++) {
        at = write_sealed(model->kernels, at, header_crc, SEAL_CHUNK, i, file->chunks[i].payload);
    }
    uint32_t streams = pico_stream_count(&file->grid, &file->layout);
    for (uint32_t i = 0; i < streams; i++)
        at = write_sealed(model->kernels, at, header_crc, SEAL_STREAM, i, file->streams[i]);
    *size = (size_t)(at - out);
    return PICO_OK;
}
