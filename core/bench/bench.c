#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct state {
    const bench_job *job;
    bench_report *report;
    const pico_model *model;
    pico_model_info info;
    pico_image image;
    pico_entry *chunks, *entries;
    pico_grid grid;
    uint8_t *symbols; /* tile by tile: z, then y */
    pico_tensor *z, *y;
    uint8_t *index, *levels;
    uint8_t *picture, *again; /* a pattern, and what becomes of it */
    float *tile;
    void *decode_scratch, *encode_scratch, *scale_scratch;
    size_t decode_size, encode_size, scale_size;
    pico_span *streams;
    uint8_t **coded;
    size_t capacity, file_size;
    uint8_t *file;
} state;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Where the sample of a call goes; nowhere in a warm-up pass (iteration < 0). */
static void keep(bench_operation *operation, bench_phase phase, int64_t iteration, uint32_t call,
                 uint64_t ns) {
    bench_samples *samples = &operation->phases[phase];
    if (iteration < 0) return;
    samples->ns[(uint64_t)iteration * samples->calls + call] = ns;
    if (phase != BENCH_SCALE_INDICES) operation->latency_ns[iteration] += ns;
}

/* ---- Loading ---- */

static pico_status load(state *s, uint64_t *ns) {
    const pico_span bytes = s->job->model;
    size_t size = 0;
    const uint64_t start = now();
    pico_status status = pico_model_memory(bytes.data, bytes.size, &size, &s->report->fault);
    void *memory = malloc(size + 1);
    if (memory == NULL) return PICO_E_BUFFER;
    if (status == PICO_OK) {
        status = pico_model_init(bytes.data, bytes.size, s->job->cpu_flags, memory, size, &s->model,
                                 &s->report->fault);
    }
    *ns = now() - start;
    return status == PICO_OK ? pico_model_get_info(s->model, &s->info) : status;
}

static pico_status parse(state *s) {
    const pico_span file = s->job->stream;
    pico_status status = pico_parse(file.data, file.size, &s->image, &s->report->fault);
    if (status == PICO_OK) status = pico_model_check(s->model, file.data, &s->image, &s->report->fault);
    if (status != PICO_OK) return status;
    if (s->entries == NULL) {
        s->chunks = calloc(s->image.chunks + 1u, sizeof *s->chunks);
        s->entries = calloc(s->image.streams + 1u, sizeof *s->entries);
        if (s->chunks == NULL || s->entries == NULL) return PICO_E_BUFFER;
    }
    return pico_directory(file.data, file.size, &s->image, s->chunks, s->entries);
}

/* ---- Memory ---- */

static int samples(bench_operation *operation, bench_phase phase, uint32_t iterations, uint32_t calls) {
    operation->phases[phase].calls = calls;
    operation->phases[phase].ns = calloc((size_t)iterations * calls, sizeof(uint64_t));
    return operation->phases[phase].ns != NULL;
}

static int room_for_samples(state *s) {
    const uint32_t n = s->job->iterations, tiles = s->image.tiles, groups = s->image.streams;
    bench_operation *in = &s->report->encode, *out = &s->report->decode;
    in->latency_ns = calloc(n, sizeof(uint64_t));
    out->latency_ns = calloc(n, sizeof(uint64_t));
    return in->latency_ns != NULL && out->latency_ns != NULL && samples(in, BENCH_PIXELS_IN, n, tiles) &&
           samples(in, BENCH_SCALE_INDICES, n, groups) && samples(in, BENCH_ENTROPY, n, groups) &&
           samples(out, BENCH_PARSE, n, 1) && samples(out, BENCH_SCALE_INDICES, n, groups) &&
           samples(out, BENCH_ENTROPY, n, groups) && samples(out, BENCH_PIXELS_OUT, n, tiles);
}

static pico_tensor plane(void *data, pico_element element, uint32_t side, ptrdiff_t size) {
    pico_tensor tensor = {data, element, (ptrdiff_t)side * side * size, (ptrdiff_t)side * size, size};
    return tensor;
}

static size_t volume(uint32_t channels, uint32_t side) {
    return (size_t)channels * side * side;
}

static int room_for_symbols(state *s) {
    const uint32_t tiles = s->image.tiles;
    const size_t z_size = volume(s->info.z_channels, s->info.z_side);
    const size_t y_size = volume(s->info.y_channels, s->info.y_side);
    s->symbols = calloc(tiles, z_size + y_size);
    s->z = calloc(tiles, sizeof *s->z);
    s->y = calloc(tiles, sizeof *s->y);
    s->index = malloc(y_size);
    s->levels = malloc(tiles);
    if (s->symbols == NULL || s->z == NULL || s->y == NULL || s->index == NULL || s->levels == NULL) return 0;
    for (uint32_t t = 0; t < tiles; t++) {
        uint8_t *at = s->symbols + t * (z_size + y_size);
        s->z[t] = plane(at, PICO_INT8, s->info.z_side, 1);
        s->y[t] = plane(at + z_size, PICO_INT8, s->info.y_side, 1);
        s->levels[t] = pico_tile_level(s->job->stream.data, &s->image, t);
    }
    return 1;
}

static int room_for_coding(state *s) {
    if (pico_decode_memory(s->model, &s->decode_size) != PICO_OK ||
        pico_scale_memory(s->model, &s->scale_size) != PICO_OK ||
        pico_encode_memory(s->model, &s->grid, &s->image.layout, &s->encode_size, &s->capacity) != PICO_OK) {
        return 0;
    }
    s->decode_scratch = malloc(s->decode_size);
    s->scale_scratch = malloc(s->scale_size);
    s->encode_scratch = malloc(s->encode_size);
    s->streams = calloc(s->image.streams, sizeof *s->streams);
    s->coded = calloc(s->image.streams, sizeof *s->coded);
    s->file = malloc(s->job->stream.size + 1);
    int good = s->decode_scratch != NULL && s->scale_scratch != NULL && s->encode_scratch != NULL &&
               s->streams != NULL && s->coded != NULL && s->file != NULL;
    /* What a stream decoded from is what it is coded to again, or this has failed. */
    for (uint32_t i = 0; i < s->image.streams && good; i++) {
        s->coded[i] = malloc(s->capacity);
        good = s->coded[i] != NULL;
    }
    return good;
}

static int room_for_pixels(state *s) {
    const size_t size = (size_t)s->image.width * s->image.height * 3;
    s->picture = malloc(size);
    s->again = calloc(size, 1);
    s->tile = malloc(volume(3, s->info.tile) * sizeof *s->tile);
    if (s->picture == NULL || s->again == NULL || s->tile == NULL) return 0;
    uint32_t seed =
        1; /* any bytes will do, as long as all of them occur: the pixels take no part in coding */
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        s->picture[i] = (uint8_t)(seed >> 24);
    }
    return 1;
}

/* ---- Passes ---- */

static pico_rows rows_of(const state *s, uint8_t *data) {
    pico_rows rows = {data, 0, s->image.height, (ptrdiff_t)s->image.width * 3};
    return rows;
}

static uint32_t tiles_in(const state *s, uint32_t group) {
    const uint32_t each = s->image.layout.tiles_per_stream, left = s->image.tiles - group * each;
    return left < each ? left : each;
}

static pico_status time_scale_indices(state *s, bench_operation *operation, int64_t iteration,
                                      uint32_t group) {
    const uint32_t first = group * s->image.layout.tiles_per_stream;
    pico_status status = PICO_OK;
    const uint64_t start = now();
    for (uint32_t i = 0; i < tiles_in(s, group) && status == PICO_OK; i++) {
        status = pico_scale_indices(s->model, s->levels[first + i], &s->z[first + i], s->index,
                                    s->scale_scratch, s->scale_size, &s->report->fault);
    }
    keep(operation, BENCH_SCALE_INDICES, iteration, group, now() - start);
    return status;
}

static pico_status decode_pass(state *s, int64_t iteration) {
    bench_operation *operation = &s->report->decode;
    const pico_span file = s->job->stream;
    uint64_t start = now(), nan = 0;
    pico_status status = parse(s);
    keep(operation, BENCH_PARSE, iteration, 0, now() - start);
    for (uint32_t g = 0; g < s->image.streams && status == PICO_OK; g++) {
        const uint32_t first = g * s->image.layout.tiles_per_stream;
        start = now();
        status =
            pico_decode_stream(s->model, file.data, file.size, &s->image, g, &s->entries[g], s->z + first,
                               s->y + first, s->decode_scratch, s->decode_size, &s->report->fault);
        keep(operation, BENCH_ENTROPY, iteration, g, now() - start);
        if (status == PICO_OK) status = time_scale_indices(s, operation, iteration, g);
    }
    const pico_rows source = rows_of(s, s->picture), target = rows_of(s, s->again);
    const pico_tensor tile = plane(s->tile, PICO_FLOAT32, s->info.tile, sizeof *s->tile);
    for (uint32_t t = 0; t < s->image.tiles && status == PICO_OK; t++) {
        status = pico_tile_from_pixels(s->model, &s->grid, t, &source, &tile, &s->report->fault);
        start = now();
        if (status == PICO_OK)
            status = pico_tile_to_pixels(s->model, &s->grid, t, &tile, &target, &nan, &s->report->fault);
        keep(operation, BENCH_PIXELS_OUT, iteration, t, now() - start);
    }
    return status;
}

static pico_status write_file(state *s) {
    pico_chunk_source chunks[PICO_MAX_CHUNKS];
    for (uint32_t i = 0; i < s->image.chunks; i++) {
        memcpy(chunks[i].type, s->chunks[i].type, sizeof chunks[i].type);
        chunks[i].payload.data = s->job->stream.data + s->chunks[i].offset;
        chunks[i].payload.size = s->chunks[i].size;
    }
    pico_file file;
    memcpy(file.entropy_fingerprint, s->image.entropy_fingerprint, sizeof file.entropy_fingerprint);
    memcpy(file.pixel_fingerprint, s->image.pixel_fingerprint, sizeof file.pixel_fingerprint);
    file.grid = s->grid;
    file.layout = s->image.layout;
    file.levels = s->levels;
    file.chunks = chunks;
    file.chunk_count = s->image.chunks;
    file.streams = s->streams;
    size_t size = 0;
    s->file_size = 0;
    pico_status status = pico_file_size(&file, &size, &s->report->fault);
    if (status != PICO_OK || size > s->job->stream.size) return status; /* other bytes, as the report says */
    return pico_file_write(s->model, &file, s->file, size, &s->file_size, &s->report->fault);
}

static pico_status encode_pass(state *s, int64_t iteration) {
    bench_operation *operation = &s->report->encode;
    const pico_rows source = rows_of(s, s->picture);
    const pico_tensor tile = plane(s->tile, PICO_FLOAT32, s->info.tile, sizeof *s->tile);
    pico_status status = PICO_OK;
    uint64_t start;
    for (uint32_t t = 0; t < s->image.tiles && status == PICO_OK; t++) {
        start = now();
        status = pico_tile_from_pixels(s->model, &s->grid, t, &source, &tile, &s->report->fault);
        keep(operation, BENCH_PIXELS_IN, iteration, t, now() - start);
    }
    for (uint32_t g = 0; g < s->image.streams && status == PICO_OK; g++) {
        const uint32_t first = g * s->image.layout.tiles_per_stream;
        start = now();
        s->streams[g].data = s->coded[g];
        status = pico_encode_stream(s->model, &s->grid, &s->image.layout, s->levels, g, PICO_SKIP_AUTO,
                                    s->z + first, s->y + first, s->encode_scratch, s->encode_size,
                                    s->coded[g], s->capacity, &s->streams[g].size, &s->report->fault);
        keep(operation, BENCH_ENTROPY, iteration, g, now() - start);
        if (status == PICO_OK) status = time_scale_indices(s, operation, iteration, g);
    }
    start = now();
    if (status == PICO_OK) status = write_file(s);
    if (iteration >= 0) operation->latency_ns[iteration] += now() - start;
    return status;
}

static pico_status passes(state *s, pico_status (*pass)(state *, int64_t)) {
    pico_status status = PICO_OK;
    const int64_t warm_up = s->job->warm_up, end = s->job->iterations;
    for (int64_t i = -warm_up; i < end && status == PICO_OK; i++) status = pass(s, i);
    return status;
}

static void compare(state *s) {
    bench_report *report = s->report;
    const pico_span file = s->job->stream;
    const size_t symbols =
        volume(s->info.z_channels, s->info.z_side) + volume(s->info.y_channels, s->info.y_side);
    report->tiles = s->image.tiles;
    pico_sha256(s->symbols, s->image.tiles * symbols, report->symbols_sha256);
    pico_sha256(s->file, s->file_size, report->stream_sha256);
    report->same_stream = s->file_size == file.size && memcmp(s->file, file.data, file.size) == 0;
    report->same_pixels = memcmp(s->picture, s->again, (size_t)s->image.width * s->image.height * 3) == 0;
}

pico_status bench_run(const bench_job *job, bench_report *report) {
    static state s;
    memset(&s, 0, sizeof s);
    s.job = job;
    s.report = report;
    pico_status status = PICO_OK;
    report->load_ns = calloc(job->loads, sizeof *report->load_ns);
    if (report->load_ns == NULL) return PICO_E_BUFFER;
    for (uint32_t i = 0; i < job->loads && status == PICO_OK; i++) status = load(&s, &report->load_ns[i]);
    if (status == PICO_OK) status = parse(&s);
    if (status == PICO_OK)
        status = pico_grid_init(s.model, s.image.width, s.image.height, &s.grid, &report->fault);
    if (status != PICO_OK) return status;
    if (!room_for_samples(&s) || !room_for_symbols(&s) || !room_for_coding(&s) || !room_for_pixels(&s))
        return PICO_E_BUFFER;
    status = passes(&s, decode_pass); /* first: it makes the symbols that encode codes */
    if (status == PICO_OK) status = passes(&s, encode_pass);
    if (status == PICO_OK) compare(&s);
    return status;
}
