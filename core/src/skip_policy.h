#ifndef PICO_SKIP_POLICY_H
#define PICO_SKIP_POLICY_H

#include "kernels.h"

/* The threshold for n elements, 0 ... y_tables - 1. A pure function of its arguments: the same everywhere. */
uint32_t choose_threshold(const coding_tables *tables, uint32_t y_tables, const uint8_t *index,
                          const int8_t *values, size_t n);

#endif
