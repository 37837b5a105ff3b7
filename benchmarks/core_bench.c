/* The `y` part of libpico's streams over given indices, without a network and without tensors: what
 * benchmarks/core.py times. Same functions, same order and same bytes as stream_encode.c and stream_decode.c;
 * only the counts before the states have a fixed size. */
#include "bytes.h"
#include "exceptions.h"
#include "model.h"
#include "pico_cpu.h"
#include "skip_policy.h"

enum { FRONT = 16, MAX_GROUP = PICO_MAX_TILES_PER_STREAM };

#define EXPORT __attribute__((visibility("default")))

typedef struct bench {
    coding_tables tables;
    uint32_t rows;
    uint32_t decode[PICO_MAX_Y_TABLES * RANS_SLOTS];
    rans_entry encode[PICO_MAX_Y_TABLES * ROW_VALUES];
    uint16_t cost[PICO_MAX_Y_TABLES * ROW_ENTRIES];
    uint8_t escape_entry[PICO_MAX_Y_TABLES];
} bench;

/* A group of tiles, and room for working on it. */
typedef struct job {
    uint32_t cpu_flags, lanes, tiles;
    int32_t skip; /* PICO_SKIP_AUTO, 0 = off */
    uint64_t tile_size;
    uint8_t *active_index;     /* tile_size */
    int8_t *active_values;     /* tile_size + EXPAND_PADDING */
    uint32_t *entries;         /* tiles * tile_size */
    uint8_t *words, *escapes;  /* twice tiles * tile_size, and once */
} job;

EXPORT uint32_t bench_cpu(void) {
    return pico_cpu_detect();
}

EXPORT size_t bench_size(void) {
    return sizeof(bench);
}

/* `frequencies`: for each row the number of entries, then the entries, all u16. */
EXPORT void bench_init(bench *b, const uint8_t *frequencies, uint32_t rows) {
    for (uint32_t row = 0; row < rows; row++) {
        const uint32_t entries = read_u16(frequencies);
        build_table(frequencies + 2, entries, b->decode + row * RANS_SLOTS, b->encode + row * ROW_VALUES,
                    b->cost + row * ROW_ENTRIES);
        b->escape_entry[row] = (uint8_t)(entries - 1);
        frequencies += 2 + 2 * entries;
    }
    b->rows = rows;
    b->tables = (coding_tables){b->decode, b->encode, b->cost, b->escape_entry};
}

EXPORT size_t bench_encode(const bench *b, const job *j, const uint8_t *index, const int8_t *values,
                           uint8_t *out) {
    const pico_kernels *kernels = kernels_select(j->cpu_flags);
    const size_t n = (size_t)j->tile_size;
    uint8_t *const words_end = j->words + 2 * n * j->tiles, *const escapes_end = j->escapes + n * j->tiles;
    tile_exceptions exceptions[MAX_GROUP];
    rans_writer writer = {{0}, j->lanes, words_end, escapes_end};
    for (uint32_t lane = 0; lane < j->lanes; lane++) writer.state[lane] = RANS_STATE_LOW;
    for (uint32_t t = j->tiles; t-- > 0;) {
        const uint8_t *tile = index + t * n;
        const int8_t *y = values + t * n;
        const tile_split split = {j->active_index, j->active_values, j->entries + t * n};
        skip_split found;
        out[t] = (uint8_t)split_tile(kernels, &b->tables, b->rows, j->skip, tile, y, n, &split, &found);
        if (out[t] == 0) {
            kernels->rans_encode(&writer, &b->tables, tile, y, n);
        } else {
            kernels->rans_encode(&writer, &b->tables, j->active_index, j->active_values, found.active);
        }
        exceptions[t] = (tile_exceptions){split.entries, found.exceptions, (uint32_t)(n - found.active)};
    }
    const exception_size size = measure_exceptions(exceptions, j->tiles);
    const size_t words = (size_t)(words_end - writer.word), escapes = (size_t)(escapes_end - writer.escape);
    uint8_t *at = out + j->tiles;
    const uint32_t front[4] = {size.count, size.rice | (uint32_t)size.bytes << 8, (uint32_t)escapes,
                               (uint32_t)words};
    for (int i = 0; i < 4; i++, at += 4) write_u32(at, front[i]);
    for (uint32_t lane = 0; lane < j->lanes; lane++, at += 4) write_u32(at, writer.state[lane]);
    copy_bytes(at, writer.word, words);
    copy_bytes(at + words, writer.escape, escapes);
    at += words + escapes;
    if (size.count > 0) write_exceptions(exceptions, j->tiles, size, at);
    return (size_t)(at - out) + (size_t)size.bytes;
}

/* A stream that is decoded, and room for that. */
typedef struct source {
    const uint8_t *stream, *index;
    int8_t *values;
    uint8_t *active_index; /* tile_size */
    int8_t *active_values; /* tile_size + EXPAND_PADDING */
} source;

typedef struct decoder {
    source from;
    rans_reader reader;
    exception_reader exceptions;
} decoder;

static int begin_stream(const job *j, const source *from, decoder *s) {
    s->from = *from;
    const uint8_t *front = from->stream + j->tiles, *states = front + FRONT, *word = states + 4 * j->lanes;
    const uint32_t escapes = read_u32(front + 8), words = read_u32(front + 12);
    const uint8_t *escape = word + words;
    s->reader = (rans_reader){{0}, j->lanes, word, escape, escape, escape + escapes};
    for (uint32_t lane = 0; lane < j->lanes; lane++) s->reader.state[lane] = read_u32(states + 4 * lane);
    return exceptions_begin(&s->exceptions, escape + escapes, read_u32(front + 4) >> 8, read_u32(front), front[4],
                            127);
}

static int stream_ends(const decoder *s) {
    return s->reader.word == s->reader.word_end && s->reader.escape == s->reader.escape_end &&
           exceptions_end(&s->exceptions);
}

/* Tile t of `count` streams, as in stream_decode.c. */
static int decode_tiles(const bench *b, const job *j, decoder *decoders, uint32_t count, uint32_t t) {
    const pico_kernels *kernels = kernels_select(j->cpu_flags);
    const size_t n = (size_t)j->tile_size;
    rans_reader *reader[PICO_MAX_TOGETHER];
    const uint8_t *rows[PICO_MAX_TOGETHER];
    size_t coded[PICO_MAX_TOGETHER];
    int8_t *symbols[PICO_MAX_TOGETHER];
    for (uint32_t i = 0; i < count; i++) {
        const source *s = &decoders[i].from;
        const uint32_t threshold = s->stream[t];
        reader[i] = &decoders[i].reader;
        rows[i] = s->index + t * n;
        coded[i] = n;
        symbols[i] = s->values + t * n;
        if (threshold == 0) continue;
        coded[i] = kernels->compact(rows[i], n, threshold, s->active_index);
        rows[i] = s->active_index;
        symbols[i] = s->active_values;
    }
    int good = 1;
    if (count > 1) {
        good = kernels->rans_decode_together(reader, &b->tables, rows, coded, symbols, count) == (1u << count) - 1;
    } else {
        good = kernels->rans_decode(reader[0], &b->tables, rows[0], coded[0], symbols[0]);
    }
    for (uint32_t i = 0; i < count && good; i++) {
        const source *s = &decoders[i].from;
        const uint32_t threshold = s->stream[t];
        const uint8_t *tile = s->index + t * n;
        int8_t *y = s->values + t * n;
        if (threshold == 0) continue;
        kernels->expand(tile, symbols[i], n, threshold, y);
        good = exceptions_apply(&decoders[i].exceptions, kernels, tile, n, threshold, y);
    }
    return good;
}

/* How many streams a set gains from decoding at once. */
EXPORT uint32_t bench_together(uint32_t cpu_flags) {
    return kernels_select(cpu_flags)->rans_decode_together == NULL ? 1 : 2;
}

/* `count` streams at once, all of j->tiles tiles. */
EXPORT int bench_decode(const bench *b, const job *j, const source *sources, uint32_t count) {
    decoder decoders[PICO_MAX_TOGETHER];
    int good = 1;
    for (uint32_t i = 0; i < count; i++) good = begin_stream(j, &sources[i], &decoders[i]) && good;
    for (uint32_t t = 0; t < j->tiles && good; t++) good = decode_tiles(b, j, decoders, count, t);
    for (uint32_t i = 0; i < count; i++) good = good && stream_ends(&decoders[i]);
    return good;
}
