/* One stream of bytes -> the symbols of its tiles. Syntax: docs/bitstream.md, section 5. The bytes are
 * checked against their CRC first, but a CRC can be forged, so every count and every read is bounded all the
 * same. */
#include "exceptions.h"
#include "header.h"
#include "symbols.h"

typedef struct decode_scratch {
    uint8_t *threshold;           /* [tiles per stream] */
    int8_t *banks, *z, *z_packed; /* z: whole tile, packed: not void, in coding order */
    uint8_t *z_rows;
    uint8_t *index, *index_packed, *index_active;
    int8_t *y_active, *y_packed, *y;
    uint8_t *network;
} decode_scratch;

static void lay_out(arena *memory, const pico_model *model, decode_scratch *s) {
    const size_t y = y_elements(model), z = z_elements(model);
    s->threshold = arena_take(memory, PICO_MAX_TILES_PER_STREAM);
    s->banks = arena_take(memory, (size_t)model->info.z_side * model->info.z_side);
    s->z = arena_take(memory, z);
    s->z_packed = arena_take(memory, z);
    s->z_rows = arena_take(memory, z);
    s->index = arena_take(memory, y);
    s->index_packed = arena_take(memory, y);
    s->index_active = arena_take(memory, y);
    s->y_active = arena_take(memory, y + EXPAND_PADDING);
    s->y_packed = arena_take(memory, y);
    s->y = arena_take(memory, y);
    s->network = arena_take(memory, 2 * model->activation_size);
}

pico_status pico_decode_memory(const pico_model *model, size_t *scratch_size) {
    if (model == NULL || scratch_size == NULL) return PICO_E_ARGUMENT;
    arena memory = arena_over(NULL, 0);
    decode_scratch s;
    lay_out(&memory, model, &s);
    *scratch_size = arena_request(&memory);
    return PICO_OK;
}

/* What a stream's bytes divide into. */
typedef struct stream_sections {
    rans_reader reader;
    exception_reader exceptions;
} stream_sections;

static pico_status damaged(pico_fault *fault, const char *what, uint32_t index, int64_t found,
                           int64_t expected) {
    return fail(fault, PICO_E_STREAM_DAMAGED, what, index, found, expected);
}

static pico_status read_sections(const pico_model *model, const uint8_t *payload, size_t size, uint32_t lanes,
                                 uint32_t tiles, decode_scratch *s, stream_sections *sections,
                                 pico_fault *fault) {
    byte_reader r = {payload, payload + size, 1};
    for (uint32_t t = 0; t < tiles; t++) {
        uint32_t threshold = reader_u8(&r);
        if (threshold >= model->info.y_tables) {
            return damaged(fault, "skip threshold of tile", t, threshold, model->info.y_tables - 1);
        }
        s->threshold[t] = (uint8_t)threshold;
    }
    const uint32_t exceptions = reader_varint(&r);
    const uint32_t rice = exceptions > 0 ? reader_u8(&r) : 0;
    const uint32_t exception_bytes = exceptions > 0 ? reader_varint(&r) : 0;
    if (rice > PICO_MAX_RICE) {
        return damaged(fault, "Rice parameter of the exceptions", 0, rice, PICO_MAX_RICE);
    }
    uint32_t escapes = reader_varint(&r);
    const uint8_t *states = reader_take(&r, 4 * (size_t)lanes);
    if (!r.ok) return damaged(fault, "stream is cut short", 0, (int64_t)size, 0);

    rans_reader *reader = &sections->reader;
    reader->lanes = lanes;
    for (uint32_t lane = 0; lane < lanes; lane++) {
        uint32_t state = read_u32(states + 4 * lane);
        if (state < RANS_STATE_LOW || state > INT32_MAX) {
            return damaged(fault, "initial state of lane", lane, state, RANS_STATE_LOW);
        }
        reader->state[lane] = state;
    }
    uint64_t side = (uint64_t)escapes + exception_bytes, left = reader_left(&r);
    if (side > left || (left - side) % 2 != 0) {
        return damaged(fault, "length of the side sections", 0, (int64_t)left, (int64_t)side);
    }
    reader->word = r.at;
    reader->word_end = r.at + (size_t)(left - side);
    reader->escape = reader->word_end;
    reader->escape_end = reader->escape + escapes;
    if (!exceptions_begin(&sections->exceptions, reader->escape_end, exception_bytes, exceptions, rice,
                          model->info.y_max)) {
        return damaged(fault, "exceptions of the skipped elements", 0, exceptions, 0);
    }
    return PICO_OK;
}

static int decode_z(const pico_model *model, uint32_t level, const plane_shape *shape, rans_reader *reader,
                    decode_scratch *s) {
    const uint32_t anchor = model->anchor_of_level[level], banks = model->info.banks;
    const size_t positions = (size_t)shape->valid.rows * shape->valid.columns;
    if (banks > 1) {
        fill_bytes(s->z_rows, (uint8_t)(model->bank_row + anchor), positions);
        if (!model->kernels->rans_decode(reader, &model->tables, s->z_rows, positions, s->banks)) return 0;
        for (size_t p = 0; p < positions; p++) {
            uint32_t bank = zigzag(s->banks[p]);
            if (bank >= banks) return 0; /* an escape, which never stands for a bank */
            s->banks[p] = (int8_t)bank;
        }
    }
    for (size_t c = 0; c < shape->channels; c++) {
        uint8_t *rows = s->z_rows + c * positions;
        if (banks == 1) {
            fill_bytes(rows, z_rows_of(model, anchor, 0)[c], positions);
        } else {
            for (size_t p = 0; p < positions; p++)
                rows[p] = z_rows_of(model, anchor, (uint32_t)s->banks[p])[c];
        }
    }
    const size_t n = valid_count(shape);
    int8_t *z = packed_target(shape, s->z, s->z_packed);
    if (!model->kernels->rans_decode(reader, &model->tables, s->z_rows, n, z)) return 0;
    if (!symbols_in_range(z, n, shape->max)) return 0; /* only an escape can be outside */
    scatter_symbols(shape, z, s->z);
    return 1;
}

/* `plane` is where the tile's symbols go, void ones included. */
static int decode_y(const pico_model *model, const plane_shape *shape, uint32_t threshold,
                    stream_sections *sections, decode_scratch *s, int8_t *plane) {
    rans_reader *reader = &sections->reader;
    const pico_kernels *kernels = model->kernels;
    const size_t n = valid_count(shape);
    const uint8_t *index = gather_index(shape, s->index, s->index_packed);
    int8_t *y = packed_target(shape, plane, s->y_packed);
    if (threshold == 0) {
        if (!kernels->rans_decode(reader, &model->tables, index, n, y)) return 0;
    } else {
        size_t active = kernels->compact(index, n, threshold, s->index_active);
        if (!kernels->rans_decode(reader, &model->tables, s->index_active, active, s->y_active)) return 0;
        kernels->expand(index, s->y_active, n, threshold, y);
        if (!exceptions_apply(&sections->exceptions, kernels, index, n, threshold, y)) return 0;
    }
    if (shape->max < 127 && !symbols_in_range(y, n, shape->max)) return 0; /* -128 is never decoded */
    scatter_symbols(shape, y, plane);
    return 1;
}

static pico_status check_end(const stream_sections *sections, pico_fault *fault) {
    const rans_reader *reader = &sections->reader;
    if (reader->word != reader->word_end) {
        return damaged(fault, "bytes of words left over", 0, (int64_t)(reader->word_end - reader->word), 0);
    }
    if (reader->escape != reader->escape_end) {
        return damaged(fault, "escapes left over", 0, (int64_t)(reader->escape_end - reader->escape), 0);
    }
    if (!exceptions_end(&sections->exceptions)) {
        return damaged(fault, "exceptions left over", 0, sections->exceptions.left, 0);
    }
    for (uint32_t lane = 0; lane < reader->lanes; lane++) {
        if (reader->state[lane] != RANS_STATE_LOW) {
            return damaged(fault, "final state of lane", lane, reader->state[lane], RANS_STATE_LOW);
        }
    }
    return PICO_OK;
}

static pico_status locate(const pico_kernels *kernels, const uint8_t *data, size_t size,
                          const pico_image *image, uint32_t stream, const pico_entry *entry,
                          pico_fault *fault) {
    uint64_t end = entry->offset + entry->size + CRC_SIZE;
    if (end > size)
        return fail(fault, PICO_E_TRUNCATED, "end of stream", stream, (int64_t)size, (int64_t)end);
    const uint8_t *payload = data + entry->offset;
    uint32_t stored = read_u32(payload + entry->size);
    uint32_t computed = seal(kernels, image->header_crc, SEAL_STREAM, stream, payload, entry->size);
    if (stored != computed) return damaged(fault, "checksum of stream", stream, computed, stored);
    return PICO_OK;
}

pico_status pico_decode_stream(const pico_model *model, const uint8_t *data, size_t size,
                               const pico_image *image, uint32_t stream, const pico_entry *entry,
                               const pico_tensor *z, const pico_tensor *y, void *scratch, size_t scratch_size,
                               pico_fault *fault) {
    if (entry == NULL || z == NULL || y == NULL || scratch == NULL) {
        return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    }
    pico_status status = pico_model_check(model, data, image, fault);
    if (status != PICO_OK) return status;
    if (stream >= image->streams)
        return fail(fault, PICO_E_ARGUMENT, "stream", stream, stream, image->streams - 1);
    arena memory = arena_over(scratch, scratch_size);
    decode_scratch s;
    lay_out(&memory, model, &s);
    if (!memory.ok)
        return fail(fault, PICO_E_BUFFER, "scratch", 0, (int64_t)scratch_size, (int64_t)memory.used);
    pico_grid grid;
    status = pico_grid_init(model, image->width, image->height, &grid, fault);
    if (status == PICO_OK) status = locate(model->kernels, data, size, image, stream, entry, fault);
    if (status != PICO_OK) return status;

    const uint32_t first = stream * image->layout.tiles_per_stream;
    const uint32_t left = image->tiles - first;
    const uint32_t tiles = left < image->layout.tiles_per_stream ? left : image->layout.tiles_per_stream;
    stream_sections sections;
    status = read_sections(model, data + entry->offset, entry->size, image->layout.lanes, tiles, &s,
                           &sections, fault);
    if (status != PICO_OK) return status;

    for (uint32_t t = 0; t < tiles; t++) {
        const uint32_t level = pico_tile_level(data, image, first + t);
        const plane_shape z_plane = z_shape(model, &grid, first + t),
                          y_plane = y_shape(model, &grid, first + t);
        int8_t *y_target = packed_symbols(&y[t], &y_plane);
        if (y_target == NULL) y_target = s.y;
        int good = decode_z(model, level, &z_plane, &sections.reader, &s);
        if (good) {
            network_run(model, level, s.z, s.index, s.network);
            good = decode_y(model, &y_plane, s.threshold[t], &sections, &s, y_target);
        }
        if (!good) {
            status = damaged(fault, "symbols of stream", stream, 0, 0);
            if (fault != NULL) fault->tile = first + t;
            return status;
        }
        store_symbols(model, &z[t], &z_plane, s.z);
        store_symbols(model, &y[t], &y_plane, y_target);
    }
    return check_end(&sections, fault);
}
