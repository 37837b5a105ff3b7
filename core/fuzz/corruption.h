/* Ways to damage bytes, each repeatable from a number. */
#ifndef PICO_FUZZ_CORRUPTION_H
#define PICO_FUZZ_CORRUPTION_H

#include "harness.h"

typedef enum corruption { FLIPS, OVERWRITES, TRUNCATION, FILL, SPLICE, CORRUPTIONS } corruption;

extern const char *const corruption_names[CORRUPTIONS];

/* A generator whose sequence depends on both numbers. */
typedef struct random_source {
    uint64_t state;
} random_source;

random_source random_from(uint64_t seed, uint64_t number);
/* 0 ... below - 1; below > 0. */
uint32_t random_below(random_source *random, uint32_t below);

/* A damaged copy of `original`. Places are chosen anywhere, in the first bytes, or within [low, high), a part
 * of special interest. A splice takes from `donor`. */
bytes corrupt(bytes original, size_t low, size_t high, bytes donor, corruption kind, random_source *random);

#endif
