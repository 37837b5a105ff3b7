/* Which kernels a program runs with: all that this CPU can, or the set that PICO_CPU names. */
#ifndef PICO_SELECT_KERNELS_H
#define PICO_SELECT_KERNELS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pico_cpu.h"

/* Sets `flags` to those of this CPU, or to as many of them as give the kernel set that PICO_CPU names;
 * returns 0 and says so on stderr if none do. */
static int select_kernels(const char *program, uint32_t *flags) {
    const char *wanted = getenv("PICO_CPU");
    const uint32_t all = pico_cpu_detect();
    *flags = all;
    if (wanted == NULL || *wanted == 0) return 1;
    for (uint32_t without = 0; without <= all; without++) {
        *flags = all & ~without;
        if (strcmp(pico_kernels_name(*flags), wanted) == 0) return 1;
    }
    fprintf(stderr, "%s: PICO_CPU=%s is no kernel set of this CPU; the best one is %s\n", program, wanted,
            pico_kernels_name(all));
    return 0;
}

#endif
