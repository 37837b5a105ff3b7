/* The kernel table: one function per hot loop, chosen once, when a model is made, from the caller's CPU
 * flags. Every set is byte-identical to the scalar one, which is the reference. A new instruction set is a
 * folder beside scalar/ and a case in kernels_select. */
#ifndef PICO_KERNELS_H
#define PICO_KERNELS_H

#include "pico.h"

enum {
    RANS_SLOTS = 1 << 12,      /* probabilities have 12 bits */
    RANS_STATE_LOW = 1 << 15,  /* L: a state lies in [L, 2^31) */
    RANS_ESCAPE_SYMBOL = -128, /* in decode tables: take the value from the escape section */
    ROW_ENTRIES = PICO_MAX_TABLE_ENTRIES,
    COST_BITS = 11 /* costs are in 1/2048 bit: 12 + 8 bits fit uint16 */
};

/* What encoding an entry takes. x / f is (x * reciprocal >> 32) >> shift, exact for x < 2^31. */
typedef struct rans_entry {
    uint32_t renormalise_at; /* f << 19: at or above it a word goes out first, so x stays below 2^31 */
    uint32_t reciprocal;
    uint32_t bias;       /* start of the entry; for f = 1 also 4095, see coding_tables.c */
    uint16_t complement; /* 4096 - f */
    uint16_t shift;
} rans_entry;

/* All tables of a model, in one row space: y rows first (row = scale index), then z rows, then bank rows. */
typedef struct coding_tables {
    const uint32_t *decode;      /* [rows][4096]: value (int8) | frequency << 8 | (slot - start) << 20 */
    const rans_entry *encode;    /* [rows][128] */
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

typedef struct pico_kernels {
    const char *name;

    /* Decode n symbols of one segment; `rows[k]` is the table of symbol k. Returns 0 if words or escapes run
     * out or an escape is not one. Never reads outside the reader's spans, whatever they hold. */
    int (*rans_decode)(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                       int8_t *out);
    /* Encode n symbols of one segment, last one first. */
    void (*rans_encode)(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                        const int8_t *values, size_t n);

    /* Keep the elements with index > threshold. Returns how many. `out` has room for n. */
    size_t (*compact)(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index);
    size_t (*compact_values)(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                             uint8_t *out_index, int8_t *out_values);
    /* The inverse: skipped elements become 0. `values` has one readable byte after its last. */
    void (*expand)(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold, int8_t *out);

    /* Integer network on packed planes [channel][side][side]; `bias` is that of the level. The first layer
     * takes int8. */
    void (*pointwise_first)(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out);
    void (*pointwise)(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);
    void (*depthwise_first)(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out);
    void (*depthwise)(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);
    void (*upsample)(const network_layer *layer, const uint8_t *in, uint8_t *out);

    /* n samples between interleaved 8-bit pixels (3 bytes apart) and a row of a tensor (`step` bytes apart).
     * */
    void (*pixels_in_f32)(const uint32_t table[256], const uint8_t *in, size_t n, uint8_t *out,
                          ptrdiff_t step);
    void (*pixels_in_f16)(const uint16_t table[256], const uint8_t *in, size_t n, uint8_t *out,
                          ptrdiff_t step);
    /* Return the number of NaNs. */
    size_t (*pixels_out_f32)(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out);
    size_t (*pixels_out_f16)(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out);
} pico_kernels;

const pico_kernels *kernels_select(uint32_t cpu_flags);

/* scalar/ */
int scalar_rans_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                       int8_t *out);
void scalar_rans_encode(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                        const int8_t *values, size_t n);
size_t scalar_compact(const uint8_t *index, size_t n, uint32_t threshold, uint8_t *out_index);
size_t scalar_compact_values(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                             uint8_t *out_index, int8_t *out_values);
void scalar_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold, int8_t *out);
void scalar_pointwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out);
void scalar_pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);
void scalar_depthwise_first(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out);
void scalar_depthwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out);
void scalar_upsample(const network_layer *layer, const uint8_t *in, uint8_t *out);
void scalar_pixels_in_f32(const uint32_t table[256], const uint8_t *in, size_t n, uint8_t *out,
                          ptrdiff_t step);
void scalar_pixels_in_f16(const uint16_t table[256], const uint8_t *in, size_t n, uint8_t *out,
                          ptrdiff_t step);
size_t scalar_pixels_out_f32(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out);
size_t scalar_pixels_out_f16(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out);

#endif
