/* One stream of bytes, or a few at once -> the symbols of their tiles. Syntax: docs/bitstream.md, section 5. The bytes are
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

/* A stream that is being decoded, and the y segment of the tile that it is at. */
typedef struct stream_decoder {
    const pico_model *model;
    const uint8_t *data;
    const pico_image *image;
    const pico_tensor *z, *y;
    uint32_t stream, first, tiles;
    pico_fault *fault;
    pico_grid grid;
    decode_scratch scratch;
    stream_sections sections;
    plane_shape shape;
    uint32_t threshold;
    int8_t *plane;        /* where the tile's symbols go, void ones included */
    const uint8_t *index; /* of all elements that are not void */
    const uint8_t *rows;  /* of those that are coded */
    size_t coded;
    int8_t *symbols; /* of those */
} stream_decoder;

static pico_status begin_stream(const pico_model *model, const uint8_t *data, size_t size,
                                const pico_image *image, const pico_stream_job *job, pico_fault *fault,
                                stream_decoder *d) {
    if (job->entry == NULL || job->z == NULL || job->y == NULL || job->scratch == NULL) {
        return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    }
    pico_status status = pico_model_check(model, data, image, fault);
    if (status != PICO_OK) return status;
    if (job->stream >= image->streams)
        return fail(fault, PICO_E_ARGUMENT, "stream", job->stream, job->stream, image->streams - 1);
    arena memory = arena_over(job->scratch, job->scratch_size);
    lay_out(&memory, model, &d->scratch);
    if (!memory.ok)
        return fail(fault, PICO_E_BUFFER, "scratch", 0, (int64_t)job->scratch_size, (int64_t)memory.used);
    status = pico_grid_init(model, image->width, image->height, &d->grid, fault);
    if (status == PICO_OK) {
        status = locate(model->kernels, data, size, image, job->stream, job->entry, fault);
    }
    if (status != PICO_OK) return status;
    d->model = model;
    d->data = data;
    d->image = image;
    d->z = job->z;
    d->y = job->y;
    d->stream = job->stream;
    d->first = job->stream * image->layout.tiles_per_stream;
    const uint32_t left = image->tiles - d->first;
    d->tiles = left < image->layout.tiles_per_stream ? left : image->layout.tiles_per_stream;
    d->fault = fault;
    return read_sections(model, data + job->entry->offset, job->entry->size, image->layout.lanes, d->tiles,
                         &d->scratch, &d->sections, fault);
}

/* Everything of tile t up to the y segment. */
static int begin_tile(stream_decoder *d, uint32_t t) {
    decode_scratch *s = &d->scratch;
    const uint32_t level = pico_tile_level(d->data, d->image, d->first + t);
    const plane_shape z_plane = z_shape(d->model, &d->grid, d->first + t);
    if (!decode_z(d->model, level, &z_plane, &d->sections.reader, s)) return 0;
    store_symbols(d->model, &d->z[t], &z_plane, s->z);
    network_run(d->model, level, s->z, s->index, s->network);

    d->shape = y_shape(d->model, &d->grid, d->first + t);
    d->threshold = s->threshold[t];
    d->plane = packed_symbols(&d->y[t], &d->shape);
    if (d->plane == NULL) d->plane = s->y;
    d->index = gather_index(&d->shape, s->index, s->index_packed);
    d->rows = d->index;
    d->coded = valid_count(&d->shape);
    d->symbols = packed_target(&d->shape, d->plane, s->y_packed);
    if (d->threshold > 0) {
        d->coded = d->model->kernels->compact(d->index, d->coded, d->threshold, s->index_active);
        d->rows = s->index_active;
        d->symbols = s->y_active;
    }
    return 1;
}

static int decode_segment(stream_decoder *d) {
    return d->model->kernels->rans_decode(&d->sections.reader, &d->model->tables, d->rows, d->coded,
                                          d->symbols);
}

/* Everything after it. */
static int end_tile(stream_decoder *d, uint32_t t) {
    const size_t n = valid_count(&d->shape);
    const pico_kernels *kernels = d->model->kernels;
    int8_t *y = packed_target(&d->shape, d->plane, d->scratch.y_packed);
    if (d->threshold > 0) {
        kernels->expand(d->index, d->symbols, n, d->threshold, y);
        if (!exceptions_apply(&d->sections.exceptions, kernels, d->index, n, d->threshold, y)) return 0;
    }
    if (d->shape.max < 127 && !symbols_in_range(y, n, d->shape.max)) return 0; /* -128 is never decoded */
    scatter_symbols(&d->shape, y, d->plane);
    store_symbols(d->model, &d->y[t], &d->shape, d->plane);
    return 1;
}

static pico_status damaged_tile(const stream_decoder *d, uint32_t t) {
    const pico_status status = damaged(d->fault, "symbols of stream", d->stream, 0, 0);
    if (d->fault != NULL) d->fault->tile = d->first + t;
    return status;
}

pico_status pico_decode_stream(const pico_model *model, const uint8_t *data, size_t size,
                               const pico_image *image, uint32_t stream, const pico_entry *entry,
                               const pico_tensor *z, const pico_tensor *y, void *scratch, size_t scratch_size,
                               pico_fault *fault) {
    const pico_stream_job job = {.stream = stream,
                                 .entry = entry,
                                 .z = z,
                                 .y = y,
                                 .scratch = scratch,
                                 .scratch_size = scratch_size};
    stream_decoder d;
    const pico_status status = begin_stream(model, data, size, image, &job, fault, &d);
    if (status != PICO_OK) return status;
    for (uint32_t t = 0; t < d.tiles; t++) {
        if (!begin_tile(&d, t) || !decode_segment(&d) || !end_tile(&d, t)) return damaged_tile(&d, t);
    }
    return check_end(&d.sections, fault);
}

/* The y segments of those at work, at once. Bit i of the result: is that of stream i good? */
static uint32_t decode_segments(stream_decoder *d, uint32_t count, uint32_t at_work) {
    rans_reader *reader[PICO_MAX_TOGETHER];
    const uint8_t *rows[PICO_MAX_TOGETHER];
    size_t n[PICO_MAX_TOGETHER];
    int8_t *symbols[PICO_MAX_TOGETHER];
    uint32_t stream[PICO_MAX_TOGETHER], working = 0, good = 0;
    for (uint32_t i = 0; i < count; i++) {
        if ((at_work >> i & 1) == 0) continue;
        reader[working] = &d[i].sections.reader;
        rows[working] = d[i].rows;
        n[working] = d[i].coded;
        symbols[working] = d[i].symbols;
        stream[working++] = i;
    }
    if (working == 0) return 0;
    const stream_decoder *first = &d[stream[0]];
    const pico_kernels *kernels = first->model->kernels;
    if (kernels->rans_decode_together == NULL || working == 1) {
        for (uint32_t w = 0; w < working; w++)
            good |= (uint32_t)(decode_segment(&d[stream[w]]) != 0) << stream[w];
        return good;
    }
    const uint32_t each =
        kernels->rans_decode_together(reader, &first->model->tables, rows, n, symbols, working);
    for (uint32_t w = 0; w < working; w++) good |= (each >> w & 1) << stream[w];
    return good;
}

void pico_decode_streams(const pico_model *model, const uint8_t *data, size_t size, const pico_image *image,
                         pico_stream_job *jobs, uint32_t count) {
    stream_decoder d[PICO_MAX_TOGETHER];
    uint32_t tiles = 0;
    for (; count > PICO_MAX_TOGETHER; count--) {
        pico_stream_job *job = &jobs[count - 1];
        job->status = fail(&job->fault, PICO_E_ARGUMENT, "stream at once", job->stream, count, PICO_MAX_TOGETHER);
    }
    for (uint32_t i = 0; i < count; i++) {
        jobs[i].status = begin_stream(model, data, size, image, &jobs[i], &jobs[i].fault, &d[i]);
        if (jobs[i].status == PICO_OK && d[i].tiles > tiles) tiles = d[i].tiles;
    }
    for (uint32_t t = 0; t < tiles; t++) {
        uint32_t at_work = 0, begun = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (jobs[i].status != PICO_OK || t >= d[i].tiles) continue;
            at_work |= 1u << i;
            begun |= (uint32_t)(begin_tile(&d[i], t) != 0) << i;
        }
        const uint32_t decoded = decode_segments(d, count, begun);
        for (uint32_t i = 0; i < count; i++) {
            if ((at_work >> i & 1) == 0) continue;
            if ((decoded >> i & 1) == 0 || !end_tile(&d[i], t)) jobs[i].status = damaged_tile(&d[i], t);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (jobs[i].status == PICO_OK) jobs[i].status = check_end(&d[i].sections, &jobs[i].fault);
    }
}
