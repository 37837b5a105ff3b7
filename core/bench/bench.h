/* What pico_bench measures, and what it found. Times are nanoseconds of a monotonic clock. */
#ifndef PICO_BENCH_H
#define PICO_BENCH_H

#include "pico.h"

typedef enum bench_phase {
    BENCH_PARSE,         /* header and directories */
    BENCH_PIXELS_IN,     /* rows -> one tile */
    BENCH_SCALE_INDICES, /* the integer network on a group of tiles; again, apart: it is inside BENCH_ENTROPY
                          */
    BENCH_ENTROPY,       /* a group of tiles, symbols <-> bytes */
    BENCH_PIXELS_OUT,    /* tile -> rows */
    BENCH_PHASES
} bench_phase;

/* `ns` holds `calls` durations for each iteration; no calls: the operation does not have this phase. */
typedef struct bench_samples {
    uint64_t *ns;
    uint32_t calls;
} bench_samples;

typedef struct bench_operation {
    bench_samples phases[BENCH_PHASES];
    uint64_t *latency_ns; /* of each iteration: its phases, and writing the file */
} bench_operation;

typedef struct bench_job {
    pico_span model, stream;
    uint32_t cpu_flags, iterations, warm_up, loads;
} bench_job;

typedef struct bench_report {
    bench_operation encode, decode;
    uint64_t *load_ns; /* job->loads of them, the first one cold */
    uint32_t tiles;
    uint8_t symbols_sha256[32]; /* z and y of every tile as int8 */
    uint8_t stream_sha256[32];  /* of the symbols coded again */
    int same_stream;            /* coded again, every byte is the same */
    int same_pixels;            /* rows -> tiles -> rows gave every byte back */
    pico_fault fault;           /* after a failure */
} bench_report;

/* All passes, or the first status that is not PICO_OK; PICO_E_BUFFER also when memory is short. */
pico_status bench_run(const bench_job *job, bench_report *report);

#endif
