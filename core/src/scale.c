/* The integer network on its own: what a codec's tests and a conformance check call. */
#include "bytes.h"
#include "symbols.h"

typedef struct scale_scratch {
    int8_t *z;
    uint8_t *buffer;
} scale_scratch;

static void lay_out(arena *memory, const pico_model *model, scale_scratch *s) {
    s->z = arena_take(memory, z_elements(model));
    s->buffer = arena_take(memory, 2 * model->activation_size);
}

pico_status pico_scale_memory(const pico_model *model, size_t *scratch_size) {
    if (model == NULL || scratch_size == NULL) return PICO_E_ARGUMENT;
    arena memory = arena_over(NULL, 0);
    scale_scratch s;
    lay_out(&memory, model, &s);
    *scratch_size = arena_request(&memory);
    return PICO_OK;
}

pico_status pico_scale_indices(const pico_model *model, uint32_t level, const pico_tensor *z, uint8_t *index,
                               void *scratch, size_t scratch_size, pico_fault *fault) {
    if (model == NULL || z == NULL || index == NULL || scratch == NULL) {
        return fail(fault, PICO_E_ARGUMENT, "null pointer", 0, 0, 0);
    }
    if (level >= model->info.levels)
        return fail(fault, PICO_E_ARGUMENT, "level", 0, level, model->info.levels - 1);
    arena memory = arena_over(scratch, scratch_size);
    scale_scratch s;
    lay_out(&memory, model, &s);
    if (!memory.ok)
        return fail(fault, PICO_E_BUFFER, "scratch", 0, (int64_t)scratch_size, (int64_t)memory.used);
    const pico_extent whole = {model->info.z_side, model->info.z_side};
    const plane_shape shape = {model->info.z_channels, model->info.z_side, whole, model->info.z_max};
    const int8_t *plane = NULL;
    pico_status status = load_symbols(model->kernels, z, &shape, s.z, &plane, fault);
    if (status == PICO_OK) network_run(model, level, plane, index, s.buffer);
    return status;
}
