/* Bytes -> symbols -> every kernel set codes them to the same file -> every kernel set decodes it to the same
 * symbols. Four bytes say which model, image and layout, the fifth the skip threshold; the rest, over and
 * over, is the symbols: mostly small ones, so that tables, escapes and exceptions are all used. */
#include "harness.h"

static int8_t symbol_from(uint8_t byte, uint32_t max) {
    if (byte < 160) return 0;
    if (byte < 224) return (int8_t)(byte % 3 == 0 ? 0 : byte % 3 == 1 ? 1 : -1);
    const int32_t spread = (int32_t)((byte - 224u) * max / 31u);
    return (int8_t)(byte % 2 == 0 ? spread : -spread);
}

static void fill_plane(int8_t *plane, uint32_t channels, uint32_t side, pico_extent valid, uint32_t max,
                       bytes source, size_t *at) {
    for (uint32_t c = 0; c < channels; c++) {
        for (uint32_t i = 0; i < valid.rows; i++) {
            for (uint32_t j = 0; j < valid.columns; j++, ++*at) {
                plane[((size_t)c * side + i) * side + j] = symbol_from(source.data[*at % source.size], max);
            }
        }
    }
}

static symbols make_up(const model_in_sets *model, const recipe *image, bytes source) {
    const pico_model_info *info = &model->info;
    symbols s = make_symbols(info, image->grid.tiles, image->grid.tiles);
    size_t at = 0;
    for (uint32_t t = 0; t < image->grid.tiles; t++) {
        fill_plane(s.z + t * s.z_size, info->z_channels, info->z_side, pico_z_valid(&image->grid, t),
                   info->z_max, source, &at);
        fill_plane(s.y + t * s.y_size, info->y_channels, info->y_side, pico_y_valid(&image->grid, t),
                   info->y_max, source, &at);
    }
    return s;
}

static void require_decodes(const model_in_sets *model, size_t set, bytes file, const symbols *expected) {
    pico_image header;
    REQUIRE(pico_parse(file.data, file.size, &header, NULL) == PICO_OK);
    REQUIRE(header.file_size == file.size);
    pico_entry *streams = exactly(header.streams * sizeof *streams);
    REQUIRE(pico_directory(file.data, file.size, &header, NULL, streams) == PICO_OK);
    for (uint32_t i = 0; i < header.streams; i++) {
        const uint32_t first = i * header.layout.tiles_per_stream, left = header.tiles - first;
        const uint32_t tiles = left < header.layout.tiles_per_stream ? left : header.layout.tiles_per_stream;
        symbols found = make_symbols(&model->info, tiles, tiles);
        REQUIRE(decode_one(model->in[set].model, file, &header, streams, i, &found) == PICO_OK);
        REQUIRE(memcmp(found.z, expected->z + first * found.z_size, tiles * found.z_size) == 0);
        REQUIRE(memcmp(found.y, expected->y + first * found.y_size, tiles * found.y_size) == 0);
        drop_symbols(&found);
    }
    free(streams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < RECIPE_BYTES + 2 || size > 4096) return 0;
    const model_in_sets *model = &fixture_models()[data[0] >> 7];
    recipe image = make_recipe(model, data);
    const int skip = (int)(data[RECIPE_BYTES] % (model->info.y_tables + 1)) - 1; /* -1: PICO_SKIP_AUTO */
    const bytes source = copy_of(data + RECIPE_BYTES + 1, size - RECIPE_BYTES - 1);
    symbols s = make_up(model, &image, source);
    const bytes file = encode_image(model, 0, &image, skip, &s);
    for (size_t set = 0; set < model->count; set++) require_decodes(model, set, file, &s);
    for (size_t set = 1; set < model->count; set++) {
        const bytes other = encode_image(model, set, &image, skip, &s);
        REQUIRE(other.size == file.size && memcmp(other.data, file.data, file.size) == 0);
        free(other.data);
    }
    free(file.data);
    drop_symbols(&s);
    free(source.data);
    free(image.levels);
    return 0;
}
