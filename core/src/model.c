/* Making a model in the caller's memory, from bytes that model_check has passed. */
#include "model.h"

#include "bytes.h"
#include "native.h"

/* The arrays of a model. With an arena over nothing this only adds up their sizes. */
typedef struct model_arrays {
    pico_model *model;
    uint32_t *decode;
    rans_entry *encode;
    uint16_t *cost;
    uint8_t *escape_entry, *anchor_of_level, *z_row;
    int8_t *weight[PICO_MAX_LAYERS];
    int32_t *multiplier[PICO_MAX_LAYERS], *bias[PICO_MAX_LAYERS];
} model_arrays;

static size_t weight_count(const network_layer *layer) {
    return (size_t)layer->outputs * (layer->depthwise ? 9 : layer->inputs);
}

static size_t z_row_count(const model_plan *plan) {
    return (size_t)plan->info.anchors * plan->info.banks * plan->info.z_channels;
}

static void lay_out(arena *memory, const model_plan *plan, model_arrays *arrays) {
    fill_bytes(arrays, 0, sizeof *arrays);
    const size_t rows = plan->tables;
    arrays->model = arena_take(memory, sizeof(pico_model));
    arrays->decode = arena_take(memory, rows * RANS_SLOTS * sizeof(uint32_t));
    arrays->encode = arena_take(memory, rows * ROW_VALUES * sizeof(rans_entry));
    arrays->cost = arena_take(memory, rows * ROW_ENTRIES * sizeof(uint16_t));
    arrays->escape_entry = arena_take(memory, rows);
    arrays->anchor_of_level = arena_take(memory, plan->info.levels);
    arrays->z_row = arena_take(memory, z_row_count(plan));
    for (uint32_t i = 0; i < plan->info.layers; i++) {
        const network_layer *layer = &plan->layer[i];
        arrays->weight[i] = arena_take(memory, weight_count(layer));
        arrays->multiplier[i] = arena_take(memory, layer->outputs * sizeof(int32_t));
        arrays->bias[i] = arena_take(memory, (size_t)layer->outputs * plan->info.levels * sizeof(int32_t));
    }
}

static void read_int32s(int32_t *to, const uint8_t *from, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] = (int32_t)read_u32(from + 4 * i);
}

static void fill_layers(const uint8_t *data, const model_plan *plan, const model_arrays *arrays) {
    for (uint32_t i = 0; i < plan->info.layers; i++) {
        const network_layer *from = &plan->layer[i];
        network_layer *layer = &arrays->model->layer[i];
        const uint8_t *at = data + plan->layer_data[i];
        size_t weights = weight_count(from), outputs = from->outputs;
        copy_bytes(arrays->weight[i], at, weights);
        read_int32s(arrays->multiplier[i], at + weights, outputs);
        read_int32s(arrays->bias[i], at + weights + 4 * outputs, outputs * plan->info.levels);
        copy_bytes(layer, from, sizeof *layer);
        layer->weight = arrays->weight[i];
        layer->multiplier = arrays->multiplier[i];
        layer->bias = arrays->bias[i];
    }
}

static void fill_tables(const uint8_t *data, const model_plan *plan, const model_arrays *arrays) {
    const uint8_t *at = data + plan->table_data;
    for (size_t row = 0; row < plan->tables; row++) {
        uint32_t entries = *at++;
        arrays->escape_entry[row] = (uint8_t)(entries - 1);
        fill_bytes(arrays->cost + row * ROW_ENTRIES, 0, ROW_ENTRIES * sizeof(uint16_t));
        build_table(at, entries, arrays->decode + row * RANS_SLOTS, arrays->encode + row * ROW_VALUES,
                    arrays->cost + row * ROW_ENTRIES);
        at += 2 * (size_t)entries;
    }
    copy_bytes(arrays->anchor_of_level, data + plan->anchor_of_level, plan->info.levels);
    for (size_t i = 0; i < z_row_count(plan); i++) {
        arrays->z_row[i] = (uint8_t)(plan->info.y_tables + data[plan->z_row + i]);
    }
}

static void fill_bit_patterns(pico_model *model) {
    for (uint32_t v = 0; v < 256; v++) {
        int32_t symbol = v < 128 ? (int32_t)v : (int32_t)v - 256;
        model->pixel_f32[v] = float_from_ratio(FLOAT32, v, 255);
        model->pixel_f16[v] = (uint16_t)float_from_ratio(FLOAT16, v, 255);
        model->symbol_f32[v] = float_from_integer(FLOAT32, symbol);
        model->symbol_f16[v] = (uint16_t)float_from_integer(FLOAT16, symbol);
    }
}

pico_status pico_model_memory(const uint8_t *data, size_t size, size_t *memory_size, pico_fault *fault) {
    if (data == NULL || memory_size == NULL) return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    model_plan plan;
    pico_status status = model_check(data, size, &plan, fault);
    if (status != PICO_OK) return status;
    arena memory = arena_over(NULL, 0);
    model_arrays arrays;
    lay_out(&memory, &plan, &arrays);
    *memory_size = arena_request(&memory);
    return PICO_OK;
}

pico_status pico_model_init(const uint8_t *data, size_t size, uint32_t cpu_flags, void *memory,
                            size_t memory_size, const pico_model **model, pico_fault *fault) {
    if (data == NULL || memory == NULL || model == NULL) {
        return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    }
    model_plan plan;
    pico_status status = model_check(data, size, &plan, fault);
    if (status != PICO_OK) return status;
    arena space = arena_over(memory, memory_size);
    model_arrays arrays;
    lay_out(&space, &plan, &arrays);
    if (!space.ok)
        return fail(fault, PICO_E_BUFFER, "model memory", 0, (int64_t)memory_size, (int64_t)space.used);

    pico_model *made = arrays.model;
    made->info = plan.info;
    made->kernels = kernels_select(cpu_flags);
    made->tables.decode = arrays.decode;
    made->tables.encode = arrays.encode;
    made->tables.cost = arrays.cost;
    made->tables.escape_entry = arrays.escape_entry;
    made->anchor_of_level = arrays.anchor_of_level;
    made->z_row = arrays.z_row;
    made->bank_row = plan.info.y_tables + plan.info.z_tables;
    made->activation_size = plan.activation_size;
    fill_layers(data, &plan, &arrays);
    fill_tables(data, &plan, &arrays);
    fill_bit_patterns(made);
    *model = made;
    return PICO_OK;
}

pico_status pico_model_get_info(const pico_model *model, pico_model_info *info) {
    if (model == NULL || info == NULL) return PICO_E_ARGUMENT;
    *info = model->info;
    return PICO_OK;
}

pico_status pico_model_get_layer(const pico_model *model, uint32_t layer, pico_layer_info *info) {
    if (model == NULL || info == NULL || layer >= model->info.layers) return PICO_E_ARGUMENT;
    const network_layer *from = &model->layer[layer];
    info->depthwise = from->depthwise;
    info->inputs = from->inputs;
    info->outputs = from->outputs;
    info->wide = from->wide;
    info->accumulator_bound = from->accumulator_bound;
    info->product_bound = from->product_bound;
    return PICO_OK;
}
