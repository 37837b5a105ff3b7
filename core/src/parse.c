/* Reading the header of a file whose author may be anybody. Syntax: docs/bitstream.md, sections 2, 3 and 7.
 * */
#include "grid.h"
#include "header.h"
#include "model.h"

static pico_status check_preamble(const uint8_t *data, size_t size, pico_image *image, pico_fault *fault) {
    static const uint8_t magic[4] = {'P', 'I', 'C', 'O'};
    if (size < 4 || !equal_bytes(data, magic, 4)) return fail(fault, PICO_E_NOT_PICO, "", 0, 0, 0);
    if (size < HEADER_SIZE + 4) {
        return fail(fault, PICO_E_TRUNCATED, "bytes of the header", 0, (int64_t)size, HEADER_MINIMUM);
    }
    image->version_major = data[HEADER_MAJOR];
    image->version_minor = data[HEADER_MINOR];
    if (image->version_major != PICO_VERSION_MAJOR) {
        return fail(fault, PICO_E_UNSUPPORTED_VERSION, "major version", 0, image->version_major,
                    PICO_VERSION_MAJOR);
    }
    uint32_t header_size = read_u32(data + HEADER_SIZE);
    if (header_size < HEADER_MINIMUM) {
        return fail(fault, PICO_E_HEADER_DAMAGED, "size of the header", 0, header_size, HEADER_MINIMUM);
    }
    if (header_size > PICO_MAX_HEADER) {
        return fail(fault, PICO_E_OVER_LIMIT, "size of the header", 0, header_size, PICO_MAX_HEADER);
    }
    if (header_size > size) {
        return fail(fault, PICO_E_TRUNCATED, "bytes of the header", 0, (int64_t)size, header_size);
    }
    image->header_size = header_size;
    image->header_crc = read_u32(data + header_size - CRC_SIZE);
    uint32_t computed = pico_crc32c(0, data, header_size - CRC_SIZE);
    if (computed != image->header_crc) {
        return fail(fault, PICO_E_HEADER_DAMAGED, "checksum of the header", 0, computed, image->header_crc);
    }
    return PICO_OK;
}

static pico_status check_fixed_part(const uint8_t *data, pico_image *image, pico_fault *fault) {
    if (data[HEADER_CONTENT] != 0) {
        return fail(fault, PICO_E_UNSUPPORTED_CONTENT, "kind of content", 0, data[HEADER_CONTENT], 0);
    }
    if ((data[HEADER_FLAGS] & ~FLAG_UNIFORM_LEVEL) != 0) {
        return fail(fault, PICO_E_UNSUPPORTED_CONTENT, "flags", 0, data[HEADER_FLAGS], FLAG_UNIFORM_LEVEL);
    }
    image->uniform_level = data[HEADER_FLAGS] & FLAG_UNIFORM_LEVEL;
    image->layout.lanes = data[HEADER_LANES];
    image->layout.tiles_per_stream = read_u16(data + HEADER_TILES_PER_STREAM);
    copy_bytes(image->entropy_fingerprint, data + HEADER_ENTROPY_FINGERPRINT, PICO_FINGERPRINT_SIZE);
    copy_bytes(image->pixel_fingerprint, data + HEADER_PIXEL_FINGERPRINT, PICO_PIXEL_FINGERPRINT_SIZE);
    image->width = read_u32(data + HEADER_WIDTH);
    image->height = read_u32(data + HEADER_HEIGHT);
    image->payload = read_u16(data + HEADER_PAYLOAD);
    image->border = data[HEADER_BORDER];
    if (!is_lane_count(image->layout.lanes)) {
        return fail(fault, PICO_E_HEADER_DAMAGED, "lanes", 0, image->layout.lanes, PICO_MAX_LANES);
    }
    if (image->layout.tiles_per_stream < 1)
        return fail(fault, PICO_E_HEADER_DAMAGED, "tiles per stream", 0, 0, 1);
    if (image->layout.tiles_per_stream > PICO_MAX_TILES_PER_STREAM) {
        return fail(fault, PICO_E_OVER_LIMIT, "tiles per stream", 0, image->layout.tiles_per_stream,
                    PICO_MAX_TILES_PER_STREAM);
    }
    if (image->payload < PICO_MIN_PAYLOAD) {
        return fail(fault, PICO_E_HEADER_DAMAGED, "payload", 0, image->payload, PICO_MIN_PAYLOAD);
    }
    if (image->payload > PICO_MAX_PAYLOAD) {
        return fail(fault, PICO_E_OVER_LIMIT, "payload", 0, image->payload, PICO_MAX_PAYLOAD);
    }
    if (image->border > PICO_MAX_BORDER) {
        return fail(fault, PICO_E_OVER_LIMIT, "border", 0, image->border, PICO_MAX_BORDER);
    }
    return grid_count(image->width, image->height, image->payload, &image->columns, &image->rows,
                      &image->tiles, fault);
}

static pico_status check_chunks(byte_reader *r, pico_image *image, pico_fault *fault) {
    image->chunks = reader_varint(r);
    if (image->chunks > PICO_MAX_CHUNKS) {
        return fail(fault, PICO_E_OVER_LIMIT, "chunks", 0, image->chunks, PICO_MAX_CHUNKS);
    }
    for (uint32_t i = 0; i < image->chunks; i++) {
        const uint8_t *type = reader_take(r, 4);
        uint32_t size = reader_varint(r);
        if (!r->ok) break;
        if (!is_chunk_type(type)) return fail(fault, PICO_E_HEADER_DAMAGED, "type of chunk", i, type[0], 'a');
        if (size > PICO_MAX_CHUNK)
            return fail(fault, PICO_E_OVER_LIMIT, "size of chunk", i, size, PICO_MAX_CHUNK);
        if (is_critical(type)) return fail(fault, PICO_E_UNSUPPORTED_CHUNK, "critical chunk", i, type[0], 0);
        image->file_size += (uint64_t)size + CRC_SIZE;
    }
    return PICO_OK;
}

static pico_status check_streams(byte_reader *r, pico_image *image, pico_fault *fault) {
    image->streams = divide_up(image->tiles, image->layout.tiles_per_stream);
    for (uint32_t i = 0; i < image->streams; i++) {
        uint32_t size = reader_varint(r);
        if (size > PICO_MAX_STREAM)
            return fail(fault, PICO_E_OVER_LIMIT, "size of stream", i, size, PICO_MAX_STREAM);
        image->file_size += (uint64_t)size + CRC_SIZE;
    }
    return PICO_OK;
}

pico_status pico_parse(const uint8_t *data, size_t size, pico_image *image, pico_fault *fault) {
    if (data == NULL || image == NULL) return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    fill_bytes(image, 0, sizeof *image);
    pico_status status = check_preamble(data, size, image, fault);
    if (status == PICO_OK) status = check_fixed_part(data, image, fault);
    if (status != PICO_OK) return status;

    image->file_size = image->header_size;
    byte_reader r = {data + HEADER_FIXED, data + image->header_size - CRC_SIZE, 1};
    image->levels_offset = HEADER_FIXED;
    reader_take(&r, image->uniform_level ? 1 : image->tiles);
    image->chunk_directory = (size_t)(r.at - data);
    status = check_chunks(&r, image, fault);
    if (status != PICO_OK) return status;
    image->stream_directory = (size_t)(r.at - data);
    status = check_streams(&r, image, fault);
    if (status != PICO_OK) return status;
    if (!r.ok || reader_left(&r) != 0) {
        return fail(fault, PICO_E_HEADER_DAMAGED, "length of the directories", 0, (int64_t)reader_left(&r),
                    0);
    }
    if (size > image->file_size) {
        return fail(fault, PICO_E_TRAILING_BYTES, "size of the file", 0, (int64_t)size,
                    (int64_t)image->file_size);
    }
    return PICO_OK;
}

pico_status pico_directory(const uint8_t *data, size_t size, const pico_image *image, pico_entry *chunks,
                           pico_entry *streams) {
    if (data == NULL || image == NULL || streams == NULL || (chunks == NULL && image->chunks > 0) ||
        image->header_size > size) {
        return PICO_E_ARGUMENT;
    }
    byte_reader r = {data + image->chunk_directory, data + image->header_size - CRC_SIZE, 1};
    uint64_t offset = image->header_size;
    reader_varint(&r);
    for (uint32_t i = 0; i < image->chunks; i++) {
        const uint8_t *type = reader_take(&r, 4);
        chunks[i].size = reader_varint(&r);
        if (!r.ok) return PICO_E_ARGUMENT;
        copy_bytes(chunks[i].type, type, 4);
        chunks[i].offset = offset;
        offset += (uint64_t)chunks[i].size + CRC_SIZE;
    }
    for (uint32_t i = 0; i < image->streams; i++) {
        streams[i].size = reader_varint(&r);
        fill_bytes(streams[i].type, 0, 4);
        streams[i].offset = offset;
        offset += (uint64_t)streams[i].size + CRC_SIZE;
    }
    return r.ok ? PICO_OK : PICO_E_ARGUMENT; /* not the bytes that were parsed */
}

uint8_t pico_tile_level(const uint8_t *data, const pico_image *image, uint32_t tile) {
    return data[image->levels_offset + (image->uniform_level ? 0 : tile)];
}

pico_status pico_chunk_check(const uint8_t *data, size_t size, const pico_image *image, uint32_t chunk,
                             const pico_entry *entry, pico_fault *fault) {
    if (data == NULL || image == NULL || entry == NULL || chunk >= image->chunks) {
        return fail(fault, PICO_E_ARGUMENT, "chunk", chunk, 0, 0);
    }
    uint64_t end = entry->offset + entry->size + CRC_SIZE;
    if (end > size) return fail(fault, PICO_E_TRUNCATED, "end of chunk", chunk, (int64_t)size, (int64_t)end);
    const uint8_t *payload = data + entry->offset;
    uint32_t stored = read_u32(payload + entry->size);
    uint32_t computed =
        seal(kernels_select(PICO_CPU_SCALAR), image->header_crc, SEAL_CHUNK, chunk, payload, entry->size);
    if (stored != computed)
        return fail(fault, PICO_E_CHUNK_DAMAGED, "checksum of chunk", chunk, computed, stored);
    return PICO_OK;
}

pico_status pico_model_check(const pico_model *model, const uint8_t *data, const pico_image *image,
                             pico_fault *fault) {
    if (model == NULL || data == NULL || image == NULL)
        return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    if (!equal_bytes(model->info.fingerprint, image->entropy_fingerprint, PICO_FINGERPRINT_SIZE)) {
        return fail(fault, PICO_E_WRONG_MODEL, "fingerprint of the entropy model", 0, 0, 0);
    }
    if (image->payload != model->info.payload || image->border != model->info.border) {
        return fail(fault, PICO_E_HEADER_DAMAGED, "payload and border", 0, image->payload,
                    model->info.payload);
    }
    for (uint32_t tile = 0; tile < (image->uniform_level ? 1 : image->tiles); tile++) {
        uint32_t level = pico_tile_level(data, image, tile);
        if (level >= model->info.levels) {
            return fail(fault, PICO_E_HEADER_DAMAGED, "level of tile", tile, level, model->info.levels - 1);
        }
    }
    return PICO_OK;
}
