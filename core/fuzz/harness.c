#include "harness.h"

#include "header.h"
#include "kernels.h"
#include "pico_cpu.h"

bytes copy_of(const uint8_t *data, size_t size) {
    bytes copy = {exactly(size), size};
    if (size > 0) memcpy(copy.data, data, size);
    return copy;
}

/* ---- Models ---- */

static loaded_model load_with(bytes entropy_bin, uint32_t flags) {
    size_t size = 0;
    REQUIRE(pico_model_memory(entropy_bin.data, entropy_bin.size, &size, NULL) == PICO_OK);
    loaded_model loaded = {NULL, exactly(size)};
    REQUIRE(pico_model_init(entropy_bin.data, entropy_bin.size, flags, loaded.memory, size, &loaded.model,
                            NULL) == PICO_OK);
    return loaded;
}

model_in_sets load_in_all_sets(bytes entropy_bin) {
    model_in_sets model = {.count = 0};
    size_t sets = 0;
    const kernel_set *set = kernel_sets(&sets);
    const uint32_t here = pico_cpu_detect();
    for (size_t i = sets; i-- > 0;) { /* the last one is scalar */
        if ((set[i].needs & ~here) != 0) continue;
        REQUIRE(model.count < MAX_SETS);
        model.in[model.count++] = load_with(entropy_bin, set[i].needs);
    }
    REQUIRE(pico_model_get_info(model.in[0].model, &model.info) == PICO_OK);
    return model;
}

void drop_sets(model_in_sets *model) {
    for (size_t i = 0; i < model->count; i++) free(model->in[i].memory);
}

const model_in_sets *fixture_models(void) {
    static model_in_sets models[2];
    for (uint32_t i = 0; i < 2 && models[i].count == 0; i++) {
        const bytes entropy_bin = fixture_model_of(i + 1);
        models[i] = load_in_all_sets(entropy_bin);
        free(entropy_bin.data);
    }
    return models;
}

/* ---- Symbols ---- */

symbols make_symbols(const pico_model_info *info, uint32_t tiles, uint32_t held) {
    symbols s = {.tiles = tiles, .held = held < tiles ? held : tiles};
    s.z_size = (size_t)info->z_channels * info->z_side * info->z_side;
    s.y_size = (size_t)info->y_channels * info->y_side * info->y_side;
    s.z = exactly(s.held * s.z_size);
    s.y = exactly(s.held * s.y_size);
    memset(s.z, 0, s.held * s.z_size);
    memset(s.y, 0, s.held * s.y_size);
    s.z_tensor = exactly(tiles * sizeof *s.z_tensor);
    s.y_tensor = exactly(tiles * sizeof *s.y_tensor);
    for (uint32_t t = 0; t < tiles; t++) {
        const size_t place = t < s.held ? t : s.held - 1;
        s.z_tensor[t] = plane_of(s.z + place * s.z_size, info->z_side);
        s.y_tensor[t] = plane_of(s.y + place * s.y_size, info->y_side);
    }
    return s;
}

void drop_symbols(symbols *s) {
    free(s->z);
    free(s->y);
    free(s->z_tensor);
    free(s->y_tensor);
}

static int plane_is_sound(const int8_t *plane, uint32_t channels, uint32_t side, pico_extent valid,
                          uint32_t max) {
    for (size_t i = 0; i < (size_t)channels * side * side; i++) {
        const uint32_t row = (uint32_t)(i / side % side), column = (uint32_t)(i % side);
        const int is_void = row >= valid.rows || column >= valid.columns;
        if (plane[i] > (int32_t)max || plane[i] < -(int32_t)max || (is_void && plane[i] != 0)) return 0;
    }
    return 1;
}

int symbols_are_sound(const symbols *s, const pico_model_info *info, const pico_grid *grid, uint32_t first) {
    for (uint32_t t = 0; t < s->held && first + t < grid->tiles; t++) {
        if (!plane_is_sound(s->z + t * s->z_size, info->z_channels, info->z_side,
                            pico_z_valid(grid, first + t), info->z_max) ||
            !plane_is_sound(s->y + t * s->y_size, info->y_channels, info->y_side,
                            pico_y_valid(grid, first + t), info->y_max)) {
            return 0;
        }
    }
    return 1;
}

int symbols_are_equal(const symbols *a, const symbols *b) {
    return a->held == b->held && a->z_size == b->z_size && a->y_size == b->y_size &&
           memcmp(a->z, b->z, a->held * a->z_size) == 0 &&
           memcmp(a->y, b->y, a->held * a->y_size) == 0;
}

/* ---- Files ---- */

enum { MOST_PIXELS = 3 * 56 }; /* three tiles of the fixture */

recipe make_recipe(const model_in_sets *model, const uint8_t *four) {
    static const uint32_t lanes[3] = {4, 16, 32};
    recipe image = {.layout = {lanes[four[0] % 3], 1 + four[0] / 3u % 10}};
    REQUIRE(pico_grid_init(model->in[0].model, 1 + four[1] % MOST_PIXELS, 1 + four[2] % MOST_PIXELS, &image.grid, NULL) == PICO_OK);
    image.levels = exactly(image.grid.tiles);
    for (uint32_t t = 0; t < image.grid.tiles; t++) {
        image.levels[t] = (uint8_t)((four[3] + t * (four[3] / 16u)) % model->info.levels);
    }
    return image;
}

bytes seal_file(const model_in_sets *model, const recipe *image, const pico_span *payloads) {
    pico_file file = {.grid = image->grid, .layout = image->layout, .levels = image->levels};
    memcpy(file.entropy_fingerprint, model->info.fingerprint, sizeof file.entropy_fingerprint);
    file.streams = payloads;
    bytes data = {NULL, 0};
    REQUIRE(pico_file_size(&file, &data.size, NULL) == PICO_OK);
    data.data = exactly(data.size);
    size_t written = 0;
    REQUIRE(pico_file_write(model->in[0].model, &file, data.data, data.size, &written, NULL) == PICO_OK);
    REQUIRE(written == data.size);
    return data;
}

bytes encode_image(const model_in_sets *model, size_t set, const recipe *image, int skip, const symbols *s) {
    const pico_model *m = model->in[set].model;
    size_t scratch_size = 0, capacity = 0;
    REQUIRE(pico_encode_memory(m, &image->grid, &image->layout, &scratch_size, &capacity) == PICO_OK);
    const uint32_t count = pico_stream_count(&image->grid, &image->layout);
    uint8_t *scratch = exactly(scratch_size);
    pico_span *payloads = exactly(count * sizeof *payloads);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t first = i * image->layout.tiles_per_stream;
        uint8_t *out = exactly(capacity);
        size_t size = 0;
        REQUIRE(pico_encode_stream(m, &image->grid, &image->layout, image->levels, i, skip,
                                   s->z_tensor + first, s->y_tensor + first, scratch, scratch_size, out,
                                   capacity, &size, NULL) == PICO_OK);
        payloads[i] = (pico_span){out, size};
    }
    const bytes file = seal_file(model, image, payloads);
    for (uint32_t i = 0; i < count; i++) free((void *)(uintptr_t)payloads[i].data);
    free(payloads);
    free(scratch);
    return file;
}

pico_status decode_one(const pico_model *model, bytes file, const pico_image *image, const pico_entry *streams,
                       uint32_t stream, symbols *s) {
    size_t scratch_size = 0;
    REQUIRE(pico_decode_memory(model, &scratch_size) == PICO_OK);
    void *scratch = exactly(scratch_size);
    pico_fault fault = {0};
    const pico_status status = pico_decode_stream(model, file.data, file.size, image, stream, &streams[stream],
                                                  s->z_tensor, s->y_tensor, scratch, scratch_size, &fault);
    REQUIRE((status == PICO_OK) == (fault.what == NULL));
    free(scratch);
    return status;
}

uint32_t tiles_of_stream(const pico_image *image, uint32_t stream) {
    const uint32_t left = image->tiles - stream * image->layout.tiles_per_stream;
    return left < image->layout.tiles_per_stream ? left : image->layout.tiles_per_stream;
}

void require_same_beside_another(const model_in_sets *model, size_t set, bytes file, const pico_image *image,
                                 const pico_entry *streams, uint32_t stream, pico_status alone,
                                 const symbols *found) {
    const pico_model *m = model->in[set].model;
    const uint32_t next = (stream + 1) % image->streams, place = stream % 2;
    symbols again = make_symbols(&model->info, found->tiles, found->held);
    symbols other = make_symbols(&model->info, tiles_of_stream(image, next), 1);
    size_t scratch_size = 0;
    REQUIRE(pico_decode_memory(m, &scratch_size) == PICO_OK);
    void *scratch[2] = {exactly(scratch_size), exactly(scratch_size)};
    pico_stream_job jobs[2];
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t number = i == place ? stream : next;
        const symbols *to = i == place ? &again : &other;
        jobs[i] = (pico_stream_job){.stream = number,
                                    .entry = &streams[number],
                                    .z = to->z_tensor,
                                    .y = to->y_tensor,
                                    .scratch = scratch[i],
                                    .scratch_size = scratch_size};
    }
    pico_decode_streams(m, file.data, file.size, image, jobs, 2);
    REQUIRE(jobs[place].status == alone);
    if (alone == PICO_OK) REQUIRE(symbols_are_equal(&again, found));
    for (int i = 0; i < 2; i++) free(scratch[i]);
    drop_symbols(&again);
    drop_symbols(&other);
}

void reseal_header(bytes file) {
    if (file.size < HEADER_MINIMUM) return;
    const uint32_t size = read_u32(file.data + HEADER_SIZE);
    if (size < HEADER_MINIMUM || size > file.size) return;
    write_u32(file.data + size - CRC_SIZE, pico_crc32c(0, file.data, size - CRC_SIZE));
}

void reseal_part(bytes file, const pico_image *image, uint8_t kind, uint32_t number, const pico_entry *entry) {
    if (entry->offset + entry->size + CRC_SIZE > file.size) return;
    uint8_t *payload = file.data + entry->offset;
    write_u32(payload + entry->size, seal(kernels_select(PICO_CPU_SCALAR), image->header_crc, kind, number, payload, entry->size));
}
