/* Non-zero values among the skipped elements of a stream: a bounded, bit-packed list of (gap, value). Gaps
 * count skipped elements and run on from tile to tile. Syntax: docs/bitstream.md, section 5.3. */
#ifndef PICO_EXCEPTIONS_H
#define PICO_EXCEPTIONS_H

#include "kernels.h"

/* ---- Writing ---- */

/* One exception, as the kernel split makes it: how many skipped elements of its tile come before it
 * (at most 2^24), times 256, and its value as a byte. */
typedef uint32_t exception_entry;

/* The exceptions of one tile, and how many elements it skips. */
typedef struct tile_exceptions {
    const exception_entry *entries;
    uint32_t count, skipped;
} tile_exceptions;

/* What is coded of them: the Rice parameter that makes the list shortest, and its length. */
typedef struct exception_size {
    uint32_t count, rice;
    uint64_t bytes;
} exception_size;

exception_size measure_exceptions(const tile_exceptions *tiles, uint32_t tile_count);

/* Write exactly size.bytes. */
void write_exceptions(const tile_exceptions *tiles, uint32_t tile_count, exception_size size, uint8_t *out);

/* ---- Reading ---- */

typedef struct exception_reader {
    const uint8_t *data;
    uint64_t bit, bits;  /* place and end, in bits */
    uint32_t rice, left; /* left: exceptions not read yet, the pending one not counted */
    uint32_t max;        /* values lie in +-max */
    int pending;         /* there is one, after `gap` more skipped elements */
    uint64_t gap;
    int8_t value;
} exception_reader;

/* Both return 0 if the list is not well-formed. `apply` puts the exceptions of one tile into `values`, whose
 * skipped elements are 0. */
int exceptions_begin(exception_reader *reader, const uint8_t *data, size_t size, uint32_t count,
                     uint32_t rice, uint32_t max);
int exceptions_apply(exception_reader *reader, const pico_kernels *kernels, const uint8_t *index, size_t n,
                     uint32_t threshold, int8_t *values);
/* All read, nothing left over but zero bits that fill the last byte. */
int exceptions_end(const exception_reader *reader);

#endif
