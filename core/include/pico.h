/* libpico: everything between the bytes of a `.pico` file and its symbols.
 *
 * Integer arithmetic only, so a stream decodes to the same symbols on every machine. The library is
 * freestanding: it never allocates, has no mutable globals, starts no threads and calls nothing outside
 * itself. The caller asks for a size, passes a buffer (any alignment) and keeps it alive for as long as what
 * was made in it.
 *
 *   load a model      pico_model_memory, pico_model_init
 *   decode            pico_parse, pico_directory, pico_grid_init, pico_decode_memory, pico_decode_stream (per
 * group)
 *   encode            pico_grid_init, pico_layout_default, pico_encode_memory, pico_encode_stream (per
 * group),
 *                     pico_file_size, pico_file_write
 *   pixels            pico_tile_from_pixels, pico_tile_to_pixels
 *
 * A `pico_model` is immutable once made: any number of threads may use it at once, each with its own scratch.
 * Every function that takes bytes from outside returns a status and reads nothing beyond the size it was
 * given. Syntax: docs/bitstream.md. Design: docs/core.md. */
#ifndef PICO_H
#define PICO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Limits of the format: docs/bitstream.md, section 11 ---- */

enum {
    PICO_VERSION_MAJOR = 1,
    PICO_VERSION_MINOR = 0,
    PICO_FINGERPRINT_SIZE = 16,
    PICO_PIXEL_FINGERPRINT_SIZE = 8,
    PICO_MAX_SIDE = 65535,     /* width or height, pixels */
    PICO_MAX_PIXELS = 1 << 28, /* width * height */
    PICO_MAX_TILES = 16384,
    PICO_MAX_TILES_PER_STREAM = 1024,
    PICO_MAX_LANES = 32,
    PICO_MAX_HEADER = 1 << 20, /* bytes */
    PICO_MAX_CHUNKS = 64,
    PICO_MAX_CHUNK = 1 << 24,  /* bytes of one chunk's payload */
    PICO_MAX_STREAM = 1 << 28, /* bytes of one stream's payload */
    PICO_MAX_RICE = 24,        /* Rice parameter of the exceptions */
    PICO_MIN_PAYLOAD = 16,     /* pixels */
    PICO_MAX_PAYLOAD = 4096,
    PICO_MAX_BORDER = 64,
    PICO_MIN_STRIDE = 4,
    PICO_MAX_MODEL = 1 << 26, /* bytes of entropy.bin */
    PICO_MAX_LATENT_CHANNELS = 4096,
    PICO_MAX_TILE_ELEMENTS = 1 << 24, /* of y, of z, and of every activation of the integer network */
    PICO_MAX_SYMBOL = 127,            /* y_max and z_max */
    PICO_MAX_LEVELS = 256,
    PICO_MAX_LAYERS = 16,
    PICO_MAX_LAYER_CHANNELS = 16384,
    PICO_MAX_SHIFT = 31,
    PICO_MAX_WIDE_SHIFT = 62,
    PICO_MAX_FRACTION_BITS = 16,
    PICO_MAX_ANCHORS = 32,
    PICO_MAX_BANKS = 8,
    PICO_MAX_Y_TABLES = 128,
    PICO_MAX_Z_TABLES = 255,
    PICO_MAX_TABLES = 256,
    PICO_MAX_TABLE_ENTRIES = 128,
    PICO_MAX_REACH = 63 /* largest magnitude with an entry of its own in a table */
};

/* ---- Status ---- */

/* Append-only: a number never changes its meaning. */
typedef enum pico_status {
    PICO_OK = 0,
    PICO_E_ARGUMENT = 1,            /* the caller's mistake: a null pointer, an index or option out of range
                                     */
    PICO_E_BUFFER = 2,              /* a buffer is smaller than its size query said */
    PICO_E_OVER_LIMIT = 3,          /* beyond one of the limits above */
    PICO_E_TRUNCATED = 4,           /* the file ends before this part does */
    PICO_E_NOT_PICO = 5,            /* wrong magic */
    PICO_E_UNSUPPORTED_VERSION = 6, /* another major version */
    PICO_E_UNSUPPORTED_CONTENT = 7, /* a content kind that is reserved */
    PICO_E_UNSUPPORTED_CHUNK = 8,   /* an unknown critical chunk */
    PICO_E_HEADER_DAMAGED = 9,      /* checksum or consistency of the header; the image is lost */
    PICO_E_CHUNK_DAMAGED = 10,      /* one chunk; nothing else is lost */
    PICO_E_STREAM_DAMAGED = 11,     /* one stream; the tiles of its group are lost, no others */
    PICO_E_TRAILING_BYTES = 12,     /* the file goes on after its last stream */
    PICO_E_WRONG_MODEL = 13,        /* the stream was made with another entropy model */
    PICO_E_SYMBOL_NOT_INTEGER = 14, /* a symbol to be coded is a fraction, NaN or infinite */
    PICO_E_SYMBOL_OUT_OF_RANGE = 15,
    PICO_E_SYMBOL_IN_VOID = 16, /* a void element holds something else than 0 */
    PICO_E_MODEL_FORMAT = 17,   /* entropy.bin: wrong magic, size or reserved field */
    PICO_E_MODEL_VERSION = 18,
    PICO_E_MODEL_CHECKSUM = 19,
    PICO_E_MODEL_GEOMETRY = 20, /* tile sizes, channels, levels that cannot be */
    PICO_E_MODEL_NETWORK = 21,  /* layers that do not fit together */
    PICO_E_MODEL_OVERFLOW = 22, /* an intermediate could leave its type */
    PICO_E_MODEL_TABLES = 23,   /* a table that is not a distribution, or a row that does not exist */
    PICO_E_MODEL_BOUNDS = 24,   /* a stored bound is not the recomputed one */
    PICO_STATUS_COUNT
} pico_status;

/* Stable name ("stream-damaged"); NULL for a number that is no status. */
const char *pico_status_name(int status);
/* One sentence: what it means and what to try; NULL for a number that is no status. */
const char *pico_status_text(int status);

/* What exactly was wrong. Functions that take a `pico_fault *` accept NULL, and write it only on failure. */
typedef struct pico_fault {
    const char *what; /* static text, for example "width" or "final state of lane" */
    uint32_t index;   /* which one: layer, table, channel or lane, as `what` says; else 0 */
    uint32_t tile;    /* of the image, where a tile's symbols or stream are at fault; else 0 */
    int64_t found;
    int64_t expected; /* the value or limit that was broken; 0 if that makes no sense */
} pico_fault;

/* ---- CPU ---- */

/* Flags the caller passes to pico_model_init; the library never asks the machine itself. A flag may only be
 * set if the CPU has all that it names and the system saves the registers. Flags of other architectures are
 * ignored. */
enum {
    PICO_CPU_SCALAR = 0,
    PICO_CPU_SSE41 = 1,     /* SSE4.1, SSSE3, POPCNT */
    PICO_CPU_AVX2 = 2,      /* AVX2, SSE4.2 */
    PICO_CPU_AVX512 = 4,    /* AVX-512 F, BW, DQ, VL, VBMI2, VNNI */
    PICO_CPU_NEON = 8,      /* AArch64: all of them */
    PICO_CPU_NEON_DOT = 16, /* AArch64: SDOT and UDOT, CRC32 */
    PICO_CPU_WASM_SIMD = 32 /* WebAssembly: a module that is compiled with vectors runs only where they are */
};

/* Name of the kernel set that `cpu_flags` select ("scalar", "sse41", "avx2", "avx512", "neon", "neon_dot",
 * "wasm_simd"): the best one that is compiled in and needs no flag that is not set. */
const char *pico_kernels_name(uint32_t cpu_flags);

/* ---- Checksums ---- */

uint32_t pico_crc32c(uint32_t seed, const uint8_t *data, size_t size);
void pico_sha256(const uint8_t *data, size_t size, uint8_t digest[32]);

/* ---- Entropy model ---- */

typedef struct pico_model pico_model;

typedef struct pico_model_info {
    uint8_t fingerprint[PICO_FINGERPRINT_SIZE];
    uint32_t payload, border, tile; /* pixels; tile = payload + 2 * border */
    uint32_t y_stride, z_stride, y_side, z_side;
    uint32_t y_channels, z_channels;
    uint32_t y_max, z_max;
    uint32_t levels, anchors, banks, y_tables, z_tables;
    uint32_t layers;
} pico_model_info;

typedef struct pico_layer_info {
    uint32_t depthwise; /* 1: depthwise 3x3, 0: pointwise */
    uint32_t inputs, outputs;
    uint32_t wide;
    int64_t accumulator_bound;
    int64_t product_bound;
} pico_layer_info;

/* Check every field, table and bound of an entropy.bin and say how much memory its model takes. */
pico_status pico_model_memory(const uint8_t *data, size_t size, size_t *memory_size, pico_fault *fault);

/* Make the model inside `memory`. `data` is checked again and not needed afterwards. */
pico_status pico_model_init(const uint8_t *data, size_t size, uint32_t cpu_flags, void *memory,
                            size_t memory_size, const pico_model **model, pico_fault *fault);

pico_status pico_model_get_info(const pico_model *model, pico_model_info *info);
pico_status pico_model_get_layer(const pico_model *model, uint32_t layer, pico_layer_info *info);

/* ---- Tile grid ---- */

typedef struct pico_grid {
    uint32_t width, height;
    uint32_t payload, border;
    uint32_t y_stride, z_stride;
    uint32_t columns, rows, tiles;
} pico_grid;

typedef struct pico_extent {
    uint32_t rows, columns;
} pico_extent;

pico_status pico_grid_init(const pico_model *model, uint32_t width, uint32_t height, pico_grid *grid,
                           pico_fault *fault);
/* The top-left rectangle of a tile's y or z that is not void. `tile` < grid->tiles. */
pico_extent pico_y_valid(const pico_grid *grid, uint32_t tile);
pico_extent pico_z_valid(const pico_grid *grid, uint32_t tile);

/* ---- Tensors ---- */

typedef enum pico_element { PICO_INT8 = 0, PICO_FLOAT16 = 1, PICO_FLOAT32 = 2 } pico_element;

/* One tile's z, y or pixels: element (c, i, j) lies at data + c*channel + i*row + j*column bytes. Floats need
 * no alignment; they are read and written as bit patterns. Strides may be negative. */
typedef struct pico_tensor {
    void *data; /* only read where a tensor is an input */
    pico_element element;
    ptrdiff_t channel, row, column;
} pico_tensor;

/* The integer network alone: z (int8 [Cz][h][w] packed) at a level -> index uint8 [Cy][H][W] packed. */
pico_status pico_scale_memory(const pico_model *model, size_t *scratch_size);
pico_status pico_scale_indices(const pico_model *model, uint32_t level, const pico_tensor *z, uint8_t *index,
                               void *scratch, size_t scratch_size, pico_fault *fault);

/* ---- Writing ---- */

typedef struct pico_layout {
    uint32_t lanes;            /* 4, 16 or 32 */
    uint32_t tiles_per_stream; /* 1 ... PICO_MAX_TILES_PER_STREAM */
} pico_layout;

enum { PICO_SKIP_AUTO = -1 };

/* Few lanes for small images, whose size matters more than their time; 8 tiles a stream. */
pico_layout pico_layout_default(uint32_t tiles);
uint32_t pico_stream_count(const pico_grid *grid, const pico_layout *layout);

/* Sizes that are enough for every stream of this image. */
pico_status pico_encode_memory(const pico_model *model, const pico_grid *grid, const pico_layout *layout,
                               size_t *scratch_size, size_t *capacity);

/* Code the tiles of one stream. `levels`: one byte a tile of the image. `z`, `y`: one tensor a tile of the
 * stream. `skip`: threshold for every tile (0 = off), or PICO_SKIP_AUTO. The symbols are never altered. */
pico_status pico_encode_stream(const pico_model *model, const pico_grid *grid, const pico_layout *layout,
                               const uint8_t *levels, uint32_t stream, int skip, const pico_tensor *z,
                               const pico_tensor *y, void *scratch, size_t scratch_size, uint8_t *out,
                               size_t capacity, size_t *size, pico_fault *fault);

typedef struct pico_span {
    const uint8_t *data;
    size_t size;
} pico_span;

typedef struct pico_chunk_source {
    char type[4]; /* ASCII letters; first one lower case = optional */
    pico_span payload;
} pico_chunk_source;

typedef struct pico_file {
    uint8_t entropy_fingerprint[PICO_FINGERPRINT_SIZE];
    uint8_t pixel_fingerprint[PICO_PIXEL_FINGERPRINT_SIZE];
    pico_grid grid;
    pico_layout layout;
    const uint8_t *levels; /* one byte a tile */
    const pico_chunk_source *chunks;
    uint32_t chunk_count;
    const pico_span *streams; /* pico_stream_count of them, from pico_encode_stream */
} pico_file;

pico_status pico_file_size(const pico_file *file, size_t *size, pico_fault *fault);
/* `model` is the one that coded the streams. */
pico_status pico_file_write(const pico_model *model, const pico_file *file, uint8_t *out, size_t capacity,
                            size_t *size, pico_fault *fault);

/* ---- Reading ---- */

/* The header of a file. Offsets are into the file; nothing points into it. */
typedef struct pico_image {
    uint32_t version_major, version_minor;
    uint8_t entropy_fingerprint[PICO_FINGERPRINT_SIZE];
    uint8_t pixel_fingerprint[PICO_PIXEL_FINGERPRINT_SIZE];
    uint32_t width, height, payload, border;
    uint32_t columns, rows, tiles;
    pico_layout layout;
    uint32_t streams, chunks;
    uint32_t uniform_level; /* 1: one level byte for all tiles */
    size_t levels_offset, chunk_directory, stream_directory, header_size;
    uint32_t header_crc;
    uint64_t file_size; /* as the directories say; more than the size parsed if the file is truncated */
} pico_image;

typedef struct pico_entry {
    char type[4];    /* chunks only */
    uint64_t offset; /* of the payload in the file; its CRC follows it */
    uint32_t size;
} pico_entry;

pico_status pico_parse(const uint8_t *data, size_t size, pico_image *image, pico_fault *fault);
/* The two directories; `chunks` and `streams` have room for image->chunks and image->streams entries. */
pico_status pico_directory(const uint8_t *data, size_t size, const pico_image *image, pico_entry *chunks,
                           pico_entry *streams);
uint8_t pico_tile_level(const uint8_t *data, const pico_image *image, uint32_t tile);
/* Is the payload there, and does its CRC hold? */
pico_status pico_chunk_check(const uint8_t *data, size_t size, const pico_image *image, uint32_t chunk,
                             const pico_entry *entry, pico_fault *fault);
/* Can this model decode this file? */
pico_status pico_model_check(const pico_model *model, const uint8_t *data, const pico_image *image,
                             pico_fault *fault);

pico_status pico_decode_memory(const pico_model *model, size_t *scratch_size);

/* Decode one stream, all tiles of it or none: the tensors hold valid symbols only if PICO_OK is returned. */
pico_status pico_decode_stream(const pico_model *model, const uint8_t *data, size_t size,
                               const pico_image *image, uint32_t stream, const pico_entry *entry,
                               const pico_tensor *z, const pico_tensor *y, void *scratch, size_t scratch_size,
                               pico_fault *fault);

#define PICO_MAX_TOGETHER 3

/* One of the streams that are decoded at once; scratch as for one alone. */
typedef struct pico_stream_job {
    uint32_t stream;
    const pico_entry *entry;
    const pico_tensor *z, *y;
    void *scratch;
    size_t scratch_size;
    pico_status status; /* out, as of pico_decode_stream */
    pico_fault fault;   /* out, unless the status is PICO_OK */
} pico_stream_job;

/* The same for 1 ... PICO_MAX_TOGETHER streams of a file, which share nothing. Where the CPU has a kernel for it,
 * one goes on while the others wait for their tables, which is faster than one after the other in the same thread;
 * two gain as much as three. Of more jobs than the maximum the rest fails with PICO_E_ARGUMENT. */
void pico_decode_streams(const pico_model *model, const uint8_t *data, size_t size, const pico_image *image,
                         pico_stream_job *jobs, uint32_t count);

/* ---- Pixels ---- */

/* Rows first_row ... first_row + rows - 1 of an 8-bit RGB image of grid->width columns, three bytes a pixel.
 * */
typedef struct pico_rows {
    uint8_t *data; /* only read by pico_tile_from_pixels */
    uint32_t first_row, rows;
    ptrdiff_t stride; /* bytes from a row to the next */
} pico_rows;

/* Cut a tile out, border included; outside the image the nearest edge pixel repeats. Values are v/255,
 * correctly rounded to the tensor's type (float16 or float32; 3 channels, tile x tile). */
pico_status pico_tile_from_pixels(const pico_model *model, const pico_grid *grid, uint32_t tile,
                                  const pico_rows *source, const pico_tensor *out, pico_fault *fault);

/* Write the payload of a tile, cropped to the image: 255*x rounded half up and clamped; NaN gives 0 and is
 * counted. */
pico_status pico_tile_to_pixels(const pico_model *model, const pico_grid *grid, uint32_t tile,
                                const pico_tensor *in, const pico_rows *target, uint64_t *nan_count,
                                pico_fault *fault);

#ifdef __cplusplus
}
#endif
#endif
