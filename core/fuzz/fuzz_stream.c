/* The payload of a stream, put into a file whose checksums all hold: four bytes say which model, image and
 * layout, the rest is the payload of the last stream. Every kernel set must say the same, and what is
 * accepted must code and decode again to the same symbols. */
#include "harness.h"

static void check_accepted(const model_in_sets *model, const recipe *image, uint32_t stream,
                           const symbols *found) {
    const uint32_t first = stream * image->layout.tiles_per_stream;
    REQUIRE(symbols_are_sound(found, &model->info, &image->grid, first));
    symbols all = make_symbols(&model->info, image->grid.tiles, image->grid.tiles);
    memcpy(all.z + first * all.z_size, found->z, (image->grid.tiles - first) * all.z_size);
    memcpy(all.y + first * all.y_size, found->y, (image->grid.tiles - first) * all.y_size);
    const bytes again = encode_image(model, 0, image, PICO_SKIP_AUTO, &all);
    pico_image header;
    REQUIRE(pico_parse(again.data, again.size, &header, NULL) == PICO_OK);
    pico_entry *streams = exactly(header.streams * sizeof *streams);
    REQUIRE(pico_directory(again.data, again.size, &header, NULL, streams) == PICO_OK);
    symbols decoded = make_symbols(&model->info, found->tiles, found->tiles);
    REQUIRE(decode_one(model->in[0].model, again, &header, streams, stream, &decoded) == PICO_OK);
    REQUIRE(symbols_are_equal(&decoded, found));
    drop_symbols(&decoded);
    drop_symbols(&all);
    free(streams);
    free(again.data);
}

static void decode_everywhere(const model_in_sets *model, const recipe *image, bytes file) {
    pico_image header;
    REQUIRE(pico_parse(file.data, file.size, &header, NULL) == PICO_OK);
    pico_entry *streams = exactly(header.streams * sizeof *streams);
    REQUIRE(pico_directory(file.data, file.size, &header, NULL, streams) == PICO_OK);
    const uint32_t stream = header.streams - 1;
    const uint32_t tiles = tiles_of_stream(&header, stream);
    symbols reference = make_symbols(&model->info, tiles, tiles);
    const pico_status expected =
        decode_one(model->in[0].model, file, &header, streams, stream, &reference);
    REQUIRE(expected == PICO_OK || expected == PICO_E_STREAM_DAMAGED);
    for (size_t set = 1; set < model->count; set++) {
        symbols found = make_symbols(&model->info, tiles, tiles);
        REQUIRE(decode_one(model->in[set].model, file, &header, streams, stream, &found) == expected);
        if (expected == PICO_OK) REQUIRE(symbols_are_equal(&found, &reference));
        require_same_beside_another(model, set, file, &header, streams, stream, expected, &reference);
        drop_symbols(&found);
    }
    if (expected == PICO_OK) check_accepted(model, image, stream, &reference);
    drop_symbols(&reference);
    free(streams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < RECIPE_BYTES || size > 4096) return 0;
    const model_in_sets *model = &fixture_models()[data[0] >> 7];
    recipe image = make_recipe(model, data);
    const uint32_t count = pico_stream_count(&image.grid, &image.layout);
    pico_span *payloads = exactly(count * sizeof *payloads);
    for (uint32_t i = 0; i < count; i++) payloads[i] = (pico_span){NULL, 0};
    payloads[count - 1] = (pico_span){data + RECIPE_BYTES, size - RECIPE_BYTES};
    const bytes file = seal_file(model, &image, payloads);
    decode_everywhere(model, &image, file);
    free(file.data);
    free(payloads);
    free(image.levels);
    return 0;
}
