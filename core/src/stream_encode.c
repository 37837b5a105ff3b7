/* The symbols of a stream's tiles -> bytes. rANS codes backwards, so tiles, segments and symbols are taken
 * last first, and words and escapes grow downwards, each in a region that holds the worst case. */
#include "exceptions.h"
#include "grid.h"
#include "header.h"
#include "skip_policy.h"
#include "symbols.h"

typedef struct encode_scratch {
    uint8_t *threshold;          /* [tiles per stream] */
    tile_exceptions *exceptions; /* [tiles per stream] */
    int8_t *banks, *z, *z_packed; /* the packed ones: without void elements, in coding order */
    uint8_t *z_rows, *bank_rows;
    uint8_t *index, *index_packed, *index_active;
    int8_t *y_active, *y_packed, *y;
    uint8_t *network;
    exception_entry *entries; /* room for all elements of the stream */
    uint8_t *words, *escapes; /* of the stream */
} encode_scratch;

/* The most a tile can take: each rANS symbol gives at most one word and one escape. */
static uint64_t coded_symbols(const pico_model *model) {
    return y_elements(model) + z_elements(model) + (uint64_t)model->info.z_side * model->info.z_side;
}

/* Exceptions of n elements, e of them exceptions, take at most 12 bits an element: with the parameter r for
 * which 2^r <= n / e < 2^(r + 1), which is among those tried, a gap takes 1 + r + gap / 2^r bits and a value
 * 9 at most, together e * (10 + r) + n / 2^r < e * (12 + r) <= n * (12 + r) / 2^r. */
static uint64_t exception_bytes(uint64_t elements) {
    return 2 * elements + 1;
}

static void lay_out(arena *memory, const pico_model *model, uint32_t tiles, encode_scratch *s) {
    const size_t y = y_elements(model), z = z_elements(model);
    const size_t positions = (size_t)model->info.z_side * model->info.z_side;
    const size_t symbols = (size_t)coded_symbols(model) * tiles;
    s->threshold = arena_take(memory, tiles);
    s->exceptions = arena_take(memory, tiles * sizeof(tile_exceptions));
    s->banks = arena_take(memory, positions);
    s->bank_rows = arena_take(memory, positions);
    s->z = arena_take(memory, z);
    s->z_packed = arena_take(memory, z);
    s->z_rows = arena_take(memory, z);
    s->index = arena_take(memory, y);
    s->index_packed = arena_take(memory, y);
    s->index_active = arena_take(memory, y);
    s->y_active = arena_take(memory, y);
    s->y_packed = arena_take(memory, y);
    s->y = arena_take(memory, y);
    s->network = arena_take(memory, 2 * model->activation_size);
    s->entries = arena_take(memory, y * tiles * sizeof(exception_entry));
    s->words = arena_take(memory, 2 * symbols);
    s->escapes = arena_take(memory, symbols);
}

static uint32_t largest_group(const pico_grid *grid, const pico_layout *layout) {
    return grid->tiles < layout->tiles_per_stream ? grid->tiles : layout->tiles_per_stream;
}

pico_status pico_encode_memory(const pico_model *model, const pico_grid *grid, const pico_layout *layout,
                               size_t *scratch_size, size_t *capacity) {
    if (model == NULL || grid == NULL || layout == NULL || scratch_size == NULL || capacity == NULL ||
        layout->tiles_per_stream < 1 || layout->tiles_per_stream > PICO_MAX_TILES_PER_STREAM) {
        return PICO_E_ARGUMENT;
    }
    const uint32_t tiles = largest_group(grid, layout);
    const uint64_t elements = (uint64_t)y_elements(model) * tiles; /* both below 2^35 */
    const uint64_t sections = 3 * coded_symbols(model) * tiles + exception_bytes(elements);
    const uint64_t scratch = sections + sizeof(exception_entry) * elements;
    const uint64_t front = 4 * PICO_MAX_LANES + 3 * 5 + 1 + (uint64_t)tiles;
    /* Everything else in scratch is a few planes of a tile, each below 2^26: far below half of the address
     * space. */
    const uint64_t most = (uint64_t)1 << 34, addressable = SIZE_MAX / 4;
    if (scratch > most || scratch > addressable) return PICO_E_OVER_LIMIT;
    arena memory = arena_over(NULL, 0);
    encode_scratch s;
    lay_out(&memory, model, tiles, &s);
    *scratch_size = arena_request(&memory);
    *capacity = (size_t)(sections + front);
    return PICO_OK;
}

/* For every z position the bank whose tables give the fewest bits; ties go to the lower number. */
static void choose_banks(const pico_model *model, uint32_t anchor, const plane_shape *shape, const int8_t *z,
                         int8_t *banks) {
    const coding_tables *tables = &model->tables;
    const size_t positions = (size_t)shape->valid.rows * shape->valid.columns;
    const uint32_t bank_row = model->bank_row + anchor;
    for (size_t p = 0; p < positions; p++) {
        uint32_t best = 0, best_cost = UINT32_MAX; /* a cost is at most 2^12 channels * 2^16 */
        for (uint32_t bank = 0; bank < model->info.banks; bank++) {
            const uint8_t *rows = z_rows_of(model, anchor, bank);
            uint32_t cost = tables->cost[bank_row * ROW_ENTRIES + bank];
            for (size_t c = 0; c < shape->channels; c++) {
                uint32_t symbol = zigzag(z[c * positions + p]),
                         escape = tables->escape_entry[rows[c]];
                cost += tables->cost[rows[c] * ROW_ENTRIES + (symbol < escape ? symbol : escape)];
            }
            if (cost < best_cost) {
                best_cost = cost;
                best = bank;
            }
        }
        banks[p] = (int8_t)best;
    }
}

static void encode_z(const pico_model *model, uint32_t level, const plane_shape *shape, const int8_t *plane,
                     rans_writer *writer, encode_scratch *s) {
    const uint32_t anchor = model->anchor_of_level[level];
    const size_t positions = (size_t)shape->valid.rows * shape->valid.columns;
    const int8_t *z = gather_symbols(shape, plane, s->z_packed);
    if (model->info.banks > 1) {
        choose_banks(model, anchor, shape, z, s->banks);
    } else {
        fill_bytes(s->banks, 0, positions);
    }
    for (size_t c = 0; c < shape->channels; c++) {
        for (size_t p = 0; p < positions; p++) {
            s->z_rows[c * positions + p] = z_rows_of(model, anchor, (uint32_t)s->banks[p])[c];
        }
    }
    model->kernels->rans_encode(writer, &model->tables, s->z_rows, z, valid_count(shape));
    if (model->info.banks > 1) {
        fill_bytes(s->bank_rows, (uint8_t)(model->bank_row + anchor), positions);
        for (size_t p = 0; p < positions; p++) s->banks[p] = (int8_t)unzigzag((uint32_t)s->banks[p]);
        model->kernels->rans_encode(writer, &model->tables, s->bank_rows, s->banks, positions);
    }
}

static void encode_y(const pico_model *model, const plane_shape *shape, const int8_t *plane, int skip,
                     uint32_t t, rans_writer *writer, encode_scratch *s) {
    const size_t n = valid_count(shape);
    const uint8_t *index = gather_index(shape, s->index, s->index_packed);
    const int8_t *y = gather_symbols(shape, plane, s->y_packed);
    exception_entry *entries = s->entries + (size_t)t * y_elements(model);
    const tile_split split = {s->index_active, s->y_active, entries};
    skip_split found = {n, 0};
    s->threshold[t] = (uint8_t)split_tile(model->kernels, &model->tables, model->info.y_tables, skip, index, y,
                                          n, &split, &found);
    if (s->threshold[t] == 0) {
        model->kernels->rans_encode(writer, &model->tables, index, y, n);
    } else {
        model->kernels->rans_encode(writer, &model->tables, s->index_active, s->y_active, found.active);
    }
    s->exceptions[t] = (tile_exceptions){entries, found.exceptions, (uint32_t)(n - found.active)};
}

static pico_status assemble(const encode_scratch *s, uint32_t tiles, const rans_writer *writer,
                            pico_span words, pico_span escapes, uint8_t *out, size_t capacity, size_t *size,
                            pico_fault *fault) {
    const exception_size exceptions = measure_exceptions(s->exceptions, tiles);
    uint64_t need = tiles + varint_size(exceptions.count) + varint_size((uint32_t)escapes.size) +
                    4 * (uint64_t)writer->lanes + words.size + escapes.size;
    if (exceptions.count > 0) {
        if (exceptions.bytes > PICO_MAX_STREAM) {
            return fail(fault, PICO_E_OVER_LIMIT, "size of stream", 0, (int64_t)exceptions.bytes,
                        PICO_MAX_STREAM);
        }
        need += 1 + varint_size((uint32_t)exceptions.bytes) + exceptions.bytes;
    }
    if (need > capacity) {
        return fail(fault, PICO_E_BUFFER, "room for the stream", 0, (int64_t)capacity, (int64_t)need);
    }
    if (need > PICO_MAX_STREAM) {
        return fail(fault, PICO_E_OVER_LIMIT, "size of stream", 0, (int64_t)need, PICO_MAX_STREAM);
    }
    uint8_t *at = out;
    for (uint32_t t = 0; t < tiles; t++) *at++ = s->threshold[t];
    at = write_varint(at, exceptions.count);
    if (exceptions.count > 0) {
        *at++ = (uint8_t)exceptions.rice;
        at = write_varint(at, (uint32_t)exceptions.bytes);
    }
    at = write_varint(at, (uint32_t)escapes.size);
    for (uint32_t lane = 0; lane < writer->lanes; lane++, at += 4) write_u32(at, writer->state[lane]);
    copy_bytes(at, words.data, words.size);
    at += words.size;
    copy_bytes(at, escapes.data, escapes.size);
    at += escapes.size;
    if (exceptions.count > 0) write_exceptions(s->exceptions, tiles, exceptions, at);
    *size = (size_t)need;
    return PICO_OK;
}

static pico_status check_options(const pico_model *model, const pico_grid *grid, const pico_layout *layout,
                                 const uint8_t *levels, uint32_t stream, int skip, pico_fault *fault) {
    if (!is_lane_count(layout->lanes)) {
        return fail(fault, PICO_E_ARGUMENT, "lanes", 0, layout->lanes, PICO_MAX_LANES);
    }
    if (layout->tiles_per_stream < 1 || layout->tiles_per_stream > PICO_MAX_TILES_PER_STREAM) {
        return fail(fault, PICO_E_ARGUMENT, "tiles per stream", 0, layout->tiles_per_stream,
                    PICO_MAX_TILES_PER_STREAM);
    }
    if (stream >= pico_stream_count(grid, layout)) {
        return fail(fault, PICO_E_ARGUMENT, "stream", 0, stream, pico_stream_count(grid, layout) - 1);
    }
    int largest_skip = (int)model->info.y_tables - 1;
    if (skip != PICO_SKIP_AUTO && (skip < 0 || skip > largest_skip)) {
        return fail(fault, PICO_E_ARGUMENT, "skip threshold", 0, skip, largest_skip);
    }
    for (uint32_t tile = 0; tile < grid->tiles; tile++) {
        if (levels[tile] >= model->info.levels) {
            return fail(fault, PICO_E_ARGUMENT, "level of tile", tile, levels[tile], model->info.levels - 1);
        }
    }
    return PICO_OK;
}

pico_status pico_encode_stream(const pico_model *model, const pico_grid *grid, const pico_layout *layout,
                               const uint8_t *levels, uint32_t stream, int skip, const pico_tensor *z,
                               const pico_tensor *y, void *scratch, size_t scratch_size, uint8_t *out,
                               size_t capacity, size_t *size, pico_fault *fault) {
    if (model == NULL || grid == NULL || layout == NULL || levels == NULL || z == NULL || y == NULL ||
        scratch == NULL || out == NULL || size == NULL) {
        return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    }
    pico_status status = check_options(model, grid, layout, levels, stream, skip, fault);
    if (status != PICO_OK) return status;
    size_t scratch_needed = 0, capacity_needed = 0;
    status = pico_encode_memory(model, grid, layout, &scratch_needed, &capacity_needed);
    if (status != PICO_OK) return fail(fault, status, "elements of a stream", 0, 0, 0);
    const uint32_t largest = largest_group(grid, layout);
    arena memory = arena_over(scratch, scratch_size);
    encode_scratch s;
    lay_out(&memory, model, largest, &s);
    if (!memory.ok)
        return fail(fault, PICO_E_BUFFER, "scratch", 0, (int64_t)scratch_size, (int64_t)scratch_needed);

    const size_t symbols = (size_t)coded_symbols(model) * largest;
    uint8_t *const words_end = s.words + 2 * symbols, *const escapes_end = s.escapes + symbols;
    rans_writer writer;
    writer.lanes = layout->lanes;
    writer.word = words_end;
    writer.escape = escapes_end;
    for (uint32_t lane = 0; lane < PICO_MAX_LANES; lane++) writer.state[lane] = RANS_STATE_LOW;

    const uint32_t first = stream * layout->tiles_per_stream, left = grid->tiles - first;
    const uint32_t tiles = left < layout->tiles_per_stream ? left : layout->tiles_per_stream;
    for (uint32_t t = tiles; t-- > 0;) {
        const plane_shape z_plane = z_shape(model, grid, first + t),
                          y_plane = y_shape(model, grid, first + t);
        const int8_t *z_symbols = NULL, *y_symbols = NULL;
        status = load_symbols(model->kernels, &z[t], &z_plane, s.z, &z_symbols, fault);
        if (status == PICO_OK)
            status = load_symbols(model->kernels, &y[t], &y_plane, s.y, &y_symbols, fault);
        if (status != PICO_OK) {
            if (fault != NULL) fault->tile = first + t;
            return status;
        }
        network_run(model, levels[first + t], z_symbols, s.index, s.network);
        encode_y(model, &y_plane, y_symbols, skip, t, &writer, &s);
        encode_z(model, levels[first + t], &z_plane, z_symbols, &writer, &s);
    }
    const pico_span words = {writer.word, (size_t)(words_end - writer.word)};
    const pico_span escapes = {writer.escape, (size_t)(escapes_end - writer.escape)};
    return assemble(&s, tiles, &writer, words, escapes, out, capacity, size, fault);
}
