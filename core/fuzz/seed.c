/* Writes the first inputs of every fuzz target: sound ones of every shape, and each of them damaged a little.
 * Usage: seed FOLDER, which has a folder for every target. */
#include "harness.h"

enum { CONTROLS = 9000 }; /* from here on, files are controls */

static uint32_t random_state = 1;

static void save(const char *folder, const char *target, uint32_t number, bytes data) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%04u", folder, target, number);
    FILE *file = fopen(path, "wb");
    REQUIRE(file != NULL && fwrite(data.data, 1, data.size, file) == data.size);
    fclose(file);
}

/* The input itself, then cut short, then with changed bytes. */
static void save_with_damage(const char *folder, const char *target, uint32_t number, bytes data) {
    save(folder, target, 4 * number, data);
    const bytes cut = {data.data, data.size - random_u32(&random_state) % (data.size / 2)};
    save(folder, target, 4 * number + 1, cut);
    for (uint32_t i = 2; i < 4; i++) {
        const bytes changed = copy_of(data.data, data.size);
        for (int k = 0; k < 3; k++)
            changed.data[random_u32(&random_state) % changed.size] = (uint8_t)random_u32(&random_state);
        save(folder, target, 4 * number + i, changed);
        free(changed.data);
    }
}

/* Inputs that the corpus keeps whatever they reach: those that find the planted faults of the tests. */
static void save_controls(const char *folder) {
    enum { Z_ROWS = 40 + FIXTURE_LEVELS };
    const bytes entropy_bin = fixture_model_of(2);
    memset(entropy_bin.data + Z_ROWS, 200, FIXTURE_Z_CHANNELS); /* no such table */
    reseal_model(entropy_bin);
    save(folder, "model", CONTROLS, entropy_bin);
    free(entropy_bin.data);
}

static symbols random_symbols(const model_in_sets *model, const pico_grid *grid, uint32_t rarity) {
    symbols s = make_symbols(&model->info, grid->tiles, grid->tiles);
    for (uint32_t t = 0; t < grid->tiles; t++) {
        const pico_extent valid = pico_y_valid(grid, t);
        const uint32_t side = model->info.y_side;
        for (size_t i = 0; i < s.y_size; i++) {
            if (i / side % side >= valid.rows || i % side >= valid.columns) continue;
            if (random_u32(&random_state) % rarity != 0) continue;
            s.y[t * s.y_size + i] = (int8_t)(random_u32(&random_state) % (random_u32(&random_state) % 9 ? 3 : 100));
        }
        s.z[t * s.z_size] = (int8_t)(random_u32(&random_state) % 32);
    }
    return s;
}

/* A whole file for the parser, and the payload of its last stream behind its recipe. */
static void save_image(const char *folder, uint32_t number) {
    uint8_t head[4096];
    for (int i = 0; i < RECIPE_BYTES; i++) head[i] = (uint8_t)random_u32(&random_state);
    const model_in_sets *model = &fixture_models()[head[0] >> 7];
    recipe image = make_recipe(model, head);
    symbols s = random_symbols(model, &image.grid, 1 + number % 7 * (number % 7));
    const int skip = (int)(random_u32(&random_state) % (model->info.y_tables + 1)) - 1;
    const bytes file = encode_image(model, 0, &image, skip, &s);
    pico_image header;
    REQUIRE(pico_parse(file.data, file.size, &header, NULL) == PICO_OK);
    pico_entry *streams = exactly(header.streams * sizeof *streams);
    REQUIRE(pico_directory(file.data, file.size, &header, NULL, streams) == PICO_OK);
    const pico_entry *last = &streams[header.streams - 1];
    if (file.size <= 4096) save_with_damage(folder, "parse", number, file);
    if (last->size + RECIPE_BYTES <= sizeof head) {
        memcpy(head + RECIPE_BYTES, file.data + last->offset, last->size);
        save_with_damage(folder, "stream", number, (bytes){head, RECIPE_BYTES + last->size});
    }
    free(streams);
    free(file.data);
    drop_symbols(&s);
    free(image.levels);
}

int main(int argc, char **argv) {
    REQUIRE(argc == 2);
    for (uint32_t number = 0; number < 120; number++) save_image(argv[1], number);
    for (uint32_t banks = 1; banks <= PICO_MAX_BANKS; banks++) {
        const bytes entropy_bin = fixture_model_of(banks);
        for (uint32_t i = 0; i < 8; i++) save_with_damage(argv[1], "model", 8 * banks + i, entropy_bin);
        free(entropy_bin.data);
    }
    for (uint32_t number = 0; number < 60; number++) {
        uint8_t data[256];
        for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)random_u32(&random_state);
        save(argv[1], "round_trip", number, (bytes){data, RECIPE_BYTES + 2 + random_u32(&random_state) % 250});
    }
    save_controls(argv[1]);
    return 0;
}
