/* The smallest test harness that says which promise was broken and where. */
#ifndef PICO_TEST_H
#define PICO_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pico.h"

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

typedef struct test_case {
    const char *promise;
    void (*run)(void);
} test_case;

/* One list a file, ended by a case without a promise. */
extern const test_case checksum_tests[], kernel_tests[], limit_tests[], model_tests[], rans_tests[], set_tests[],
    stream_tests[], symbol_tests[];

/* ---- fixture.c ---- */

/* A repeatable pseudo-random number (xorshift). */
uint32_t random_u32(uint32_t *state);

/* Buffers of exactly the size asked for, so that the address sanitizer sees one byte too much. */
void *exactly(size_t size);

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

/* A small entropy.bin: two layers, eight tables of y, two banks. Offsets of what tests change. */
enum {
    FIXTURE_LEVELS = 2,
    FIXTURE_Y_CHANNELS = 3,
    FIXTURE_Z_CHANNELS = 2,
    FIXTURE_Y_SIDE = 8,
    FIXTURE_Z_SIDE = 4,
    FIXTURE_Y_TABLES = 8,
    FIXTURE_Y = FIXTURE_Y_CHANNELS * FIXTURE_Y_SIDE * FIXTURE_Y_SIDE,
    FIXTURE_Z = FIXTURE_Z_CHANNELS * FIXTURE_Z_SIDE * FIXTURE_Z_SIDE
};
bytes fixture_model(void);
/* The same with another number of banks. */
bytes fixture_model_of(uint32_t banks);
/* Make the checksum of a changed entropy.bin hold again. */
void reseal_model(bytes model);

typedef struct loaded_model {
    const pico_model *model;
    void *memory;
} loaded_model;

loaded_model load_model(bytes entropy_bin);

pico_tensor plane_of(int8_t *data, uint32_t side);

#endif
