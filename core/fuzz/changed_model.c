#include "harness.h"

#include "bytes.h"

enum { LARGEST_PLANE = 1 << 15 }; /* elements of y and of z of a model worth its time */

/* ---- Models that were changed ---- */

/* Where the stored bounds of a layer lie, in a file that was read as far as that layer; 0 if outside. */
static size_t bounds_of(bytes model, uint32_t layer) {
    const uint32_t levels = read_u16(model.data + 28), z_channels = read_u16(model.data + 26);
    const uint32_t anchors = model.data[36], banks = model.data[37];
    size_t at = 40 + levels + (size_t)anchors * banks * z_channels;
    for (uint32_t i = 0; at + 28 <= model.size; i++) {
        if (i == layer) return at + 16;
        const size_t inputs = read_u32(model.data + at + 8), outputs = read_u32(model.data + at + 12);
        const size_t taps = model.data[at] != 0 ? 9 : inputs;
        at += 28 + outputs * (taps + 4 + 4 * (size_t)levels);
    }
    return 0;
}

pico_status check_and_mend_model(bytes model) {
    size_t memory = 0;
    pico_fault fault = {0};
    pico_status status = pico_model_memory(model.data, model.size, &memory, &fault);
    for (int tries = 0; status == PICO_E_MODEL_BOUNDS && tries < 2 * PICO_MAX_LAYERS; tries++) {
        const size_t at = bounds_of(model, fault.index);
        REQUIRE(at != 0 && fault.expected >= 0);
        if (strstr(fault.what, "sums") != NULL) {
            write_u32(model.data + at, (uint32_t)fault.expected);
        } else {
            write_u32(model.data + at + 4, (uint32_t)fault.expected);
            write_u32(model.data + at + 8, (uint32_t)(fault.expected >> 32));
        }
        reseal_model(model);
        status = pico_model_memory(model.data, model.size, &memory, &fault);
    }
    REQUIRE(status == PICO_OK || (status != PICO_E_MODEL_BOUNDS && fault.what != NULL));
    return status;
}

/* ---- What a sound model does ---- */

static void run_network(const model_in_sets *model) {
    const pico_model_info *info = &model->info;
    symbols worst = make_symbols(info, 1, 1);
    uint8_t *expected = exactly(worst.y_size), *found = exactly(worst.y_size);
    for (int sign = -1; sign <= 1; sign++) {
        memset(worst.z, sign * (int)info->z_max, worst.z_size);
        for (size_t set = 0; set < model->count; set++) {
            size_t scratch_size = 0;
            REQUIRE(pico_scale_memory(model->in[set].model, &scratch_size) == PICO_OK);
            void *scratch = exactly(scratch_size);
            REQUIRE(pico_scale_indices(model->in[set].model, info->levels - 1, worst.z_tensor, found, scratch,
                                       scratch_size, NULL) == PICO_OK);
            for (size_t i = 0; i < worst.y_size; i++) REQUIRE(found[i] < info->y_tables);
            if (set == 0) memcpy(expected, found, worst.y_size);
            REQUIRE(memcmp(expected, found, worst.y_size) == 0);
            free(scratch);
        }
    }
    free(expected);
    free(found);
    drop_symbols(&worst);
}

static void code_a_tile(const model_in_sets *model) {
    static const uint8_t levels[1] = {0};
    recipe image = {.layout = {4, 1}, .levels = (uint8_t *)(uintptr_t)levels};
    REQUIRE(pico_grid_init(model->in[0].model, 16, 16, &image.grid, NULL) == PICO_OK);
    symbols s = make_symbols(&model->info, 1, 1), found = make_symbols(&model->info, 1, 1);
    const pico_extent z = pico_z_valid(&image.grid, 0), y = pico_y_valid(&image.grid, 0);
    REQUIRE(z.rows >= 1 && z.columns >= 1 && y.rows >= 1 && y.columns >= 1);
    s.z[0] = (int8_t)model->info.z_max;
    s.y[0] = (int8_t)-(int32_t)model->info.y_max;
    const bytes file = encode_image(model, 0, &image, PICO_SKIP_AUTO, &s);
    pico_image header;
    pico_entry streams[1];
    REQUIRE(pico_parse(file.data, file.size, &header, NULL) == PICO_OK);
    REQUIRE(pico_directory(file.data, file.size, &header, NULL, streams) == PICO_OK);
    for (size_t set = 0; set < model->count; set++) {
        REQUIRE(decode_one(model->in[set].model, file, &header, streams, 0, &found) == PICO_OK);
        REQUIRE(symbols_are_equal(&s, &found));
    }
    free(file.data);
    drop_symbols(&s);
    drop_symbols(&found);
}

void exercise_model(const model_in_sets *model) {
    const pico_model_info *info = &model->info;
    if (info->y_channels * info->y_side * info->y_side > LARGEST_PLANE ||
        info->z_channels * info->z_side * info->z_side > LARGEST_PLANE) {
        return;
    }
    run_network(model);
    code_a_tile(model);
}
