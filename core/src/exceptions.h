/* Non-zero values among skipped elements: a bounded list of words a tile. Syntax: docs/bitstream.md, section
 * 5.3. */
#ifndef PICO_EXCEPTIONS_H
#define PICO_EXCEPTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Every exception takes at most three words and at least one element, and every 32767 elements may add a
 * word. */
static inline size_t exception_bytes_bound(size_t elements) {
    return 6 * elements + 2 * (elements / 32767 + 1);
}

/* Write the exceptions of a tile and return the number of bytes. */
size_t write_exceptions(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                        uint8_t *out);

/* Put them into `values`, whose skipped elements are 0. Returns 0 if the words are not a well-formed list. */
int read_exceptions(const uint8_t *words, size_t count, const uint8_t *index, size_t n, uint32_t threshold,
                    uint32_t max, int8_t *values);

#endif
