/* A loaded entropy model. Immutable after pico_model_init. */
#ifndef PICO_MODEL_H
#define PICO_MODEL_H

#include "kernels.h"

/* entropy.bin as checked, before anything is copied: plain numbers and offsets into the file. */
typedef struct model_plan {
    pico_model_info info;
    uint32_t bank_tables, tables;         /* tables = y + z + bank tables */
    network_layer layer[PICO_MAX_LAYERS]; /* pointers unset */
    size_t layer_data[PICO_MAX_LAYERS];   /* offset of the weights; multipliers and biases follow */
    size_t anchor_of_level, z_row, table_data;
    size_t activation_size; /* bytes of the largest plane set between two kernels */
} model_plan;

struct pico_model {
    pico_model_info info;
    const pico_kernels *kernels;
    coding_tables tables;
    network_layer layer[PICO_MAX_LAYERS];
    const uint8_t *anchor_of_level;
    const uint8_t *z_row; /* [anchor][bank][channel], as a row of `tables` */
    uint32_t bank_row;    /* first bank row of `tables`; + anchor */
    size_t activation_size;
    uint32_t pixel_f32[256], symbol_f32[256]; /* v/255; int8 v as index (uint8_t)v */
    uint16_t pixel_f16[256], symbol_f16[256];
};

/* Everything that can be wrong with an entropy.bin is found here, so what follows can trust it. */
pico_status model_check(const uint8_t *data, size_t size, model_plan *plan, pico_fault *fault);

static inline const uint8_t *z_rows_of(const pico_model *model, uint32_t anchor, uint32_t bank) {
    return model->z_row + ((size_t)anchor * model->info.banks + bank) * model->info.z_channels;
}

static inline size_t y_elements(const pico_model *model) {
    return (size_t)model->info.y_channels * model->info.y_side * model->info.y_side;
}

static inline size_t z_elements(const pico_model *model) {
    return (size_t)model->info.z_channels * model->info.z_side * model->info.z_side;
}

/* network.c: z packed int8 -> index packed uint8. `buffer` holds two times activation_size. */
void network_run(const pico_model *model, uint32_t level, const int8_t *z, uint8_t *index, uint8_t *buffer);

/* coding_tables.c: fill the rows of one table from its frequencies (u16, little-endian, as in entropy.bin).
 * */
void build_table(const uint8_t *frequencies, uint32_t entries, uint32_t *decode, rans_entry *encode,
                 uint16_t *cost);

#endif
