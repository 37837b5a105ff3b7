/* One conformance vector, judged: decode a stream, describe what came out as text, compare with the text that
 * was expected. Freestanding like the core, so that what judges on a phone or in an emulator is what judges
 * here. The text is described in docs/conformance.md. */
#ifndef PICO_CONFORM_H
#define PICO_CONFORM_H

#include "pico.h"

enum { CONFORM_HASH = 32, CONFORM_NAME = 64 };

typedef enum conform_verdict {
    CONFORM_EXACT = 0,     /* every line as expected */
    CONFORM_DIFFERS = 1,   /* some line is not */
    CONFORM_MALFORMED = 2, /* `expect` is not the expectation of a vector */
    CONFORM_MEMORY = 3     /* `memory` is too small: try again with more */
} conform_verdict;

typedef struct conform_line {
    const char *text; /* not terminated */
    size_t size;
} conform_line;

typedef struct conform_result {
    pico_status status;                                              /* first error met, or PICO_OK */
    uint32_t tiles;                                                  /* that were decoded */
    uint8_t z[CONFORM_HASH], indices[CONFORM_HASH], y[CONFORM_HASH]; /* over the hashes of those tiles */
    conform_line expected, found; /* the first line that differs; both empty when exact */
    conform_line all_found;
} conform_result;

/* The model that an expectation names, without its suffix; 0 if `expect` is malformed. */
int conform_model(pico_span expect, char name[CONFORM_NAME]);

/* `memory` is any buffer; `result` points into it and into `expect`. */
conform_verdict conform_judge(pico_span model, pico_span stream, pico_span expect, uint32_t cpu_flags,
                              void *memory, size_t memory_size, conform_result *result);

#endif
