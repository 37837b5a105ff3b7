/* The kernel table: one function per hot loop, chosen once, when a model is made, from the caller's CPU
 * flags. Every set is byte-identical to the scalar one, which is the reference. A new instruction set is a
 * folder beside scalar/ and an entry in kernels.c. */
#ifndef PICO_KERNELS_H
#define PICO_KERNELS_H

#include "pico.h"

enum {
    RANS_SLOTS = 1 << 12,      /* probabilities have 12 bits */
    RANS_STATE_LOW = 1 << 15,  /* L: a state lies in [L, 2^31) */
    RANS_ESCAPE_SYMBOL = -128, /* in decode tables: take the value from the escape section */
    ROW_ENTRIES = PICO_MAX_TABLE_ENTRIES,
    ROW_VALUES = 256,
    COST_BITS = 11,     /* costs are in 1/2048 bit: 12 + 8 bits fit uint16 */
    EXPAND_PADDING = 64 /* a vector, whichever is widest */
};

/* What encoding an entry takes, in eight bytes. x / f is (x * reciprocal >> 32) >> shift, exact for x < 2^31. */
typedef struct rans_entry {
    uint32_t reciprocal;
    uint32_t fields; /* the bits below */
} rans_entry;

/* 4096 - f stands where x + ENTRY_COMPLEMENT has bit 31 if x is too large for the symbol: x >= f * 2^19. The
 * shift is where instructions look for one, the escape where they look for a sign. */
#define ENTRY_SHIFT      UINT32_C(0x1F) /* 0 ... 11 */
#define ENTRY_BIAS_AT    5              /* start of the entry; for f = 1 also 4095, see coding_tables.c */
#define ENTRY_BIAS_MASK  UINT32_C(0x1FFF)
#define ENTRY_COMPLEMENT UINT32_C(0x7FF80000) /* 4096 - f, at bit 19 */
#define ENTRY_COMPLEMENT_AT 19
#define ENTRY_ESCAPE UINT32_C(0x80000000) /* the value goes to the escape section */

/* All tables of a model, in one row space: y rows first (row = scale index), then z rows, then bank rows. */
typedef struct coding_tables {
    const uint32_t *decode;      /* [rows][4096]: value (int8) | frequency << 8 | (slot - start) << 20 */
    const rans_entry *encode;    /* [rows][256], by value + 128; those that are escaped hold the escape entry */
    const uint16_t *cost;        /* [rows][128], in 1/2048 bit; the escape entry includes its byte */
    const uint8_t *escape_entry; /* [rows]: number of entries - 1 */
} coding_tables;

/* A decoder's place in a stream. Lives as long as the stream: segments go on where the last one ended. */
typedef struct rans_reader {
    uint32_t state[PICO_MAX_LANES];
    uint32_t lanes;
    const uint8_t *word, *word_end; /* an even number of bytes apart */
    const uint8_t *escape, *escape_end;
} rans_reader;

/* An encoder's place; everything grows downwards, because rANS codes last symbol first. */
typedef struct rans_writer {
    uint32_t state[PICO_MAX_LANES];
    uint32_t lanes;
    uint8_t *word;   /* the caller made sure of 2 bytes a symbol below */
    uint8_t *escape; /* and of 1 byte a symbol */
} rans_writer;

/* A layer as kernels see it; weights as in entropy.bin. */
typedef struct network_layer {
    uint32_t depthwise;
    uint32_t upsample, factor; /* enum upsample */
    uint32_t shift, wide;
    uint32_t inputs, outputs; /* channels before upsampling */
    uint32_t side;            /* rows and columns before upsampling */
    uint32_t ceiling;         /* v is clamped to 0 ... ceiling, */
    uint32_t result_shift;    /* then (v + half) >> result_shift fits uint8 */
    int64_t accumulator_bound, product_bound;
    const int8_t *weight;
    const int32_t *multiplier;
    const int32_t *bias; /* [levels][outputs] */
} network_layer;

enum upsample { UPSAMPLE_NONE = 0, UPSAMPLE_NEAREST = 1, UPSAMPLE_SHUFFLE = 2 };

/* What the kernel `split` found: elements to code, and skipped ones that are not 0. */
typedef struct skip_split {
    size_t active;
    uint32_t exceptions;
} skip_split;

typedef struct pico_kernels {
    const char *name;

    /* pico_crc32c, for chunks and streams. */
    uint32_t (*crc32c)(uint32_t seed, const uint8_t *data, size_t size);

    /* Decode n symbols of one segment; `rows[k]` is the table of symbol k. Returns 0 if words or escapes run
     * out or an escape is not one. Never reads outside the reader's spans, whatever they hold. */
    int (*rans_decode)(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                       int8_t *out);
    /* Segments of 2 ... PICO_MAX_TOGETHER streams of as many lanes at once. Bit s of the result: is segment s
     * good? NULL in a set that has nothing to gain. */
    uint32_t (*rans_decode_together)(rans_reader *const *reader, const coding_tables *tables,
                                     const uint8_t *const *rows, const size_t *n, int8_t *const *out,
                                     uint32_t count);
    /* Encode n symbols of one segment, last one first. */
    void (*rans_encode)(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                        const int8_t *values, size_t n);

    /* Keep the elements with index > threshold. Returns how many. `out_index` has room for n. */
    size_t (*compact)(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index);
    /* The same with their values, and the skipped elements that are not 0: (skipped elements before it) << 8 |
     * value. All outputs have room for n. */
    skip_split (*split)(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                        uint8_t *out_index, int8_t *out_values, uint32_t *entries);
    /* The inverse: skipped elements become 0. `values` has EXPAND_PADDING readable bytes after its last. */
    void (*expand)(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold, int8_t *out);
    /* Position of the skipped element after *gap others, from `from` on; n if there are fewer, and *gap is
     * then what is left of it. */
    size_t (*pass_skipped)(const uint8_t *index, size_t n, uint32_t threshold, size_t from, uint64_t *gap);

    /* Integer network on packed planes [channel][side][side]; `bias` is that of the level. The first layer
     * takes int8. */
    void (*pointwise_first)(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out);
    void (*pointwise)(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);
    void (*depthwise_first)(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out);
    void (*depthwise)(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);
    void (*upsample)(const network_layer *layer, const uint8_t *in, uint8_t *out);
    /* A pointwise layer and its shuffle at once. Return 0, nothing done, for a layer they do not take; NULL in a
     * set that has none. */
    int (*shuffled_first)(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out);
    int (*shuffled)(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);

    /* n samples between 8-bit pixels and a row of a tensor, whose samples are `step` bytes apart. Those of the
     * pixels are `apart` bytes apart: 3, a channel of RGB, or 1, all of them. */
    void (*pixels_in_f32)(const uint32_t table[256], const uint8_t *in, size_t apart, size_t n, uint8_t *out,
                          ptrdiff_t step);
    void (*pixels_in_f16)(const uint16_t table[256], const uint8_t *in, size_t apart, size_t n, uint8_t *out,
                          ptrdiff_t step);
    /* Return the number of NaNs. */
    size_t (*pixels_out_f32)(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart);
    size_t (*pixels_out_f16)(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart);

    /* n symbols between packed floats and packed int8. In: returns 0 if any is not an integer in +-max
     * (at most 127), and `out` then holds anything. */
    int (*symbols_in_f32)(const uint8_t *in, size_t n, uint32_t max, int8_t *out);
    int (*symbols_in_f16)(const uint8_t *in, size_t n, uint32_t max, int8_t *out);
    void (*symbols_out_f32)(const uint32_t table[256], const int8_t *in, size_t n, uint8_t *out);
    void (*symbols_out_f16)(const uint16_t table[256], const int8_t *in, size_t n, uint8_t *out);
} pico_kernels;

/* A set and what it needs of the CPU. */
typedef struct kernel_set {
    uint32_t needs; /* PICO_CPU_... flags */
    pico_kernels kernels;
} kernel_set;

/* All that are compiled in, the fastest first; the last one is scalar and needs nothing. */
const kernel_set *kernel_sets(size_t *count);

/* The first whose needs are met. */
const pico_kernels *kernels_select(uint32_t cpu_flags);

/* The functions of a set are declared by its name, in the order of the table above. */
#define PICO_DECLARE_CRC32C(set) uint32_t set##_crc32c(uint32_t seed, const uint8_t *data, size_t size);

#define PICO_DECLARE_RANS(set)                                                                               \
    int set##_rans_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,   \
                          int8_t *out);                                                                      \
    void set##_rans_encode(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,            \
                           const int8_t *values, size_t n);

#define PICO_DECLARE_SKIP(set)                                                                               \
    size_t set##_compact(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index);            \
    skip_split set##_split(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,         \
                           uint8_t *out_index, int8_t *out_values, uint32_t *entries);                       \
    void set##_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,              \
                      int8_t *out);                                                                          \
    size_t set##_pass_skipped(const uint8_t *index, size_t n, uint32_t threshold, size_t from,               \
                              uint64_t *gap);

#define PICO_DECLARE_NETWORK(set)                                                                            \
    void set##_pointwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in,            \
                               uint8_t *out);                                                                \
    void set##_pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);  \
    void set##_depthwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in,            \
                               uint8_t *out);                                                                \
    void set##_depthwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);  \
    void set##_upsample(const network_layer *layer, const uint8_t *in, uint8_t *out);

#define PICO_DECLARE_PIXELS(set)                                                                             \
    void set##_pixels_in_f32(const uint32_t table[256], const uint8_t *in, size_t apart, size_t n,           \
                             uint8_t *out, ptrdiff_t step);                                                  \
    void set##_pixels_in_f16(const uint16_t table[256], const uint8_t *in, size_t apart, size_t n,           \
                             uint8_t *out, ptrdiff_t step);                                                  \
    size_t set##_pixels_out_f32(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart);    \
    size_t set##_pixels_out_f16(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart);

#define PICO_DECLARE_SYMBOLS(set)                                                                            \
    int set##_symbols_in_f32(const uint8_t *in, size_t n, uint32_t max, int8_t *out);                        \
    int set##_symbols_in_f16(const uint8_t *in, size_t n, uint32_t max, int8_t *out);                        \
    void set##_symbols_out_f32(const uint32_t table[256], const int8_t *in, size_t n, uint8_t *out);         \
    void set##_symbols_out_f16(const uint16_t table[256], const int8_t *in, size_t n, uint8_t *out);

PICO_DECLARE_RANS(scalar)
PICO_DECLARE_SKIP(scalar)
PICO_DECLARE_NETWORK(scalar)
PICO_DECLARE_PIXELS(scalar)
PICO_DECLARE_SYMBOLS(scalar)

#endif
