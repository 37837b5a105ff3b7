/* What is counted: every phase of the core on slices of the workloads, for every kernel set of AArch64.
 *
 *     guest TABLES ROWS TILES TILE_SIZE INDEX_A VALUES_A INDEX_B VALUES_B MODEL Z
 *
 * Prints a line a phase: the set, the phase, how many elements it went over. A mark goes out before and after
 * each, in the same order. Fails if a decode does not give back what was encoded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core_bench.c"
#include "mark.h"
#include "native.h"

enum { LANES = 32, ROW = 504, ROWS_OF_PIXELS = 32, LEVEL = 1 };

static void mark(void) {
    if (write(MARK_FD, "", 1) != -1) exit(2); /* a mark is seen, not written */
}

/* Counts what `work` does. */
#define COUNT(set, phase, elements, work)                                                                    \
    do {                                                                                                     \
        mark();                                                                                              \
        work;                                                                                                \
        mark();                                                                                              \
        printf("%s %s %zu\n", set, phase, (size_t)(elements));                                               \
    } while (0)

static void require(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "guest: %s\n", what);
        exit(1);
    }
}

typedef struct file {
    uint8_t *data;
    size_t size;
} file;

static file read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    require(f != NULL, path);
    file read = {NULL, 0};
    require(fseek(f, 0, SEEK_END) == 0, path);
    read.size = (size_t)ftell(f);
    rewind(f);
    read.data = malloc(read.size);
    require(read.data != NULL && fread(read.data, 1, read.size, f) == read.size, path);
    fclose(f);
    return read;
}

static void *room(size_t size) {
    void *p = calloc(size, 1);
    require(p != NULL, "out of memory");
    return p;
}

/* Tiles of a workload, and room for working on them. */
typedef struct slice {
    const char *name;
    file index, values;
    size_t n;
} slice;

static void count_coding(const bench *tables, job j, const slice *s, const char *set) {
    uint8_t *stream = room(6 * s->n + 1024);
    int8_t *back = room(s->n);
    const source from = {stream, s->index.data, back, j.active_index, j.active_values};
    char encode[32], decode[32];
    for (int skip = 0; skip < 2; skip++) {
        snprintf(encode, sizeof encode, "encode-%s%s", s->name, skip ? "" : "-no-skip");
        snprintf(decode, sizeof decode, "decode-%s%s", s->name, skip ? "" : "-no-skip");
        j.skip = skip ? PICO_SKIP_AUTO : 0;
        int good = 0;
        COUNT(set, encode, s->n, bench_encode(tables, &j, s->index.data, (int8_t *)s->values.data, stream));
        COUNT(set, decode, s->n, good = bench_decode(tables, &j, &from, 1));
        require(good && memcmp(back, s->values.data, s->n) == 0, "decoded something else");
    }
    free(stream);
    free(back);
}

static void count_skip(const bench *tables, const job *j, const slice *s, const char *set) {
    const pico_kernels *kernels = kernels_select(j->cpu_flags);
    const uint8_t *index = s->index.data;
    const int8_t *values = (int8_t *)s->values.data;
    const size_t n = (size_t)j->tile_size;
    const tile_split room_for = {j->active_index, j->active_values, j->entries};
    skip_split found;
    const uint32_t threshold = split_tile(kernels, &tables->tables, tables->rows, PICO_SKIP_AUTO, index,
                                          values, n, &room_for, &found);
    int8_t *out = room(n);
    COUNT(set, "compact", n, kernels->compact(index, n, threshold, j->active_index));
    COUNT(set, "split", n,
          kernels->split(index, values, n, threshold, j->active_index, j->active_values, j->entries));
    COUNT(set, "expand", n, kernels->expand(index, j->active_values, n, threshold, out));
    free(out);
}

static void count_symbols(const slice *s, uint32_t flags, const char *set) {
    static uint32_t wide[256];
    static uint16_t narrow[256];
    const pico_kernels *kernels = kernels_select(flags);
    for (int v = -128; v < 128; v++) {
        wide[(uint8_t)v] = float_from_integer(FLOAT32, v);
        narrow[(uint8_t)v] = (uint16_t)float_from_integer(FLOAT16, v);
    }
    const int8_t *values = (int8_t *)s->values.data;
    const size_t n = s->n;
    uint8_t *floats = room(4 * n);
    int8_t *back = room(n);
    int good = 1;
    COUNT(set, "symbols-out-f32", n, kernels->symbols_out_f32(wide, values, n, floats));
    COUNT(set, "symbols-in-f32", n, good = good && kernels->symbols_in_f32(floats, n, 127, back));
    COUNT(set, "symbols-out-f16", n, kernels->symbols_out_f16(narrow, values, n, floats));
    COUNT(set, "symbols-in-f16", n, good = good && kernels->symbols_in_f16(floats, n, 127, back));
    require(good && memcmp(back, values, n) == 0, "symbols changed");
    free(floats);
    free(back);
}

static void count_network(uint32_t flags, file entropy_bin, file z, const char *set) {
    size_t size = 0;
    require(pico_model_memory(entropy_bin.data, entropy_bin.size, &size, NULL) == PICO_OK, "model");
    void *memory = room(size);
    const pico_model *model = NULL;
    require(pico_model_init(entropy_bin.data, entropy_bin.size, flags, memory, size, &model, NULL) == PICO_OK,
            "model");
    require(z.size == z_elements(model), "size of z");
    uint8_t *index = room(y_elements(model)), *buffer = room(2 * model->activation_size);
    COUNT(set, "network", y_elements(model), network_run(model, LEVEL, (int8_t *)z.data, index, buffer));
    free(memory);
    free(index);
    free(buffer);
}

static void count_pixels(uint32_t flags, const char *set) {
    static uint32_t wide[256];
    static uint16_t narrow[256];
    static uint8_t pixels[3 * ROW], tensor[4 * ROW];
    const pico_kernels *kernels = kernels_select(flags);
    for (uint32_t i = 0; i < 256; i++) wide[i] = i << 16, narrow[i] = (uint16_t)i;
    for (uint32_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 7);
    const size_t n = (size_t)ROW * ROWS_OF_PIXELS;
#define ROWS_TIMES(work)                                                                                     \
    for (int row = 0; row < ROWS_OF_PIXELS; row++) work
    COUNT(set, "pixels-in-f32", n, ROWS_TIMES(kernels->pixels_in_f32(wide, pixels, 3, ROW, tensor, 4)));
    COUNT(set, "pixels-in-f16", n, ROWS_TIMES(kernels->pixels_in_f16(narrow, pixels, 3, ROW, tensor, 2)));
    COUNT(set, "pixels-in-f32-hwc", n, ROWS_TIMES(kernels->pixels_in_f32(wide, pixels, 1, ROW, tensor, 4)));
    for (size_t i = 0; i < ROW; i++) { /* floats between 2^-10 and 1 */
        const uint32_t bits = 0x3A800000u + (uint32_t)i * 0x29000u;
        memcpy(tensor + 4 * i, &bits, 4);
    }
    COUNT(set, "pixels-out-f32", n, ROWS_TIMES(kernels->pixels_out_f32(tensor, 4, ROW, pixels, 3)));
    COUNT(set, "pixels-out-f32-hwc", n, ROWS_TIMES(kernels->pixels_out_f32(tensor, 4, ROW, pixels, 1)));
    for (size_t i = 0; i < ROW; i++) {
        const uint16_t bits = (uint16_t)(0x1400u + i * 0x14u);
        memcpy(tensor + 2 * i, &bits, 2);
    }
    COUNT(set, "pixels-out-f16", n, ROWS_TIMES(kernels->pixels_out_f16(tensor, 2, ROW, pixels, 3)));
}

int main(int argc, char **argv) {
    require(argc == 11, "wrong number of arguments");
    bench *tables = room(sizeof *tables);
    bench_init(tables, read_file(argv[1]).data, (uint32_t)atoi(argv[2]));
    const uint32_t tiles = (uint32_t)atoi(argv[3]);
    const size_t tile_size = (size_t)atoi(argv[4]), n = tiles * tile_size;
    const slice slices[] = {{"A", read_file(argv[5]), read_file(argv[6]), n},
                            {"B", read_file(argv[7]), read_file(argv[8]), n}};
    const file model = read_file(argv[9]), z = read_file(argv[10]);
    for (int i = 0; i < 2; i++)
        require(slices[i].index.size == n && slices[i].values.size == n, "size of a slice");

    static const uint32_t flags[] = {0, PICO_CPU_NEON, PICO_CPU_NEON | PICO_CPU_NEON_DOT};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const char *set = pico_kernels_name(flags[i]);
        job j = {
            flags[i],    LANES,       tiles,  0, tile_size, room(tile_size), room(tile_size + EXPAND_PADDING),
            room(4 * n), room(2 * n), room(n)};
        for (int s = 0; s < 2; s++) count_coding(tables, j, &slices[s], set);
        count_skip(tables, &j, &slices[0], set);
        count_symbols(&slices[0], flags[i], set);
        count_network(flags[i], model, z, set);
        count_pixels(flags[i], set);
    }
    return 0;
}
