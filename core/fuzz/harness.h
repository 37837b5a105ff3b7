/* What the fuzz targets and the corruption run share: a model in every kernel set that runs on this machine,
 * planes for symbols, and whole files made or followed with checksums that hold, so that what is tested is
 * what lies behind them. */
#ifndef PICO_FUZZ_HARNESS_H
#define PICO_FUZZ_HARNESS_H

#include "../tests/test.h"

/* One input of any size; returns 0. Broken promises end the program (REQUIRE), faults do so by sanitizer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_SETS = 16 };

/* `in[0]` runs the scalar kernels. */
typedef struct model_in_sets {
    pico_model_info info;
    size_t count;
    loaded_model in[MAX_SETS];
} model_in_sets;

/* Load a sound entropy.bin. */
model_in_sets load_in_all_sets(bytes entropy_bin);
void drop_sets(model_in_sets *model);
/* The fixture of the tests with one bank, and with two. */
const model_in_sets *fixture_models(void);

/* z and y of several tiles, int8, each plane packed. Tiles from `held` on share the last place, so that a
 * decoder may be given more tiles than there is memory for. */
typedef struct symbols {
    uint32_t tiles, held;
    size_t z_size, y_size; /* of one tile */
    int8_t *z, *y;
    pico_tensor *z_tensor, *y_tensor; /* [tiles] */
} symbols;

symbols make_symbols(const pico_model_info *info, uint32_t tiles, uint32_t held);
void drop_symbols(symbols *s);
/* Every symbol lies in its range and void ones are 0; tile t of `s` is tile `first + t` of the image. */
int symbols_are_sound(const symbols *s, const pico_model_info *info, const pico_grid *grid, uint32_t first);
int symbols_are_equal(const symbols *a, const symbols *b);

/* An image to be: which tiles, in how many lanes and streams, at which levels. */
typedef struct recipe {
    pico_grid grid;
    pico_layout layout;
    uint8_t *levels; /* [grid.tiles] */
} recipe;

enum { RECIPE_BYTES = 4 };

/* From four bytes: lanes and tiles per stream, width, height, levels. At most nine tiles. */
recipe make_recipe(const model_in_sets *model, const uint8_t *four);

/* Code all streams with the kernels of model->in[set]; `skip` as for pico_encode_stream. */
bytes encode_image(const model_in_sets *model, size_t set, const recipe *image, int skip, const symbols *s);
/* A file around these payloads. */
bytes seal_file(const model_in_sets *model, const recipe *image, const pico_span *payloads);

/* Decode one stream of a file that parses. */
pico_status decode_one(const pico_model *model, bytes file, const pico_image *image, const pico_entry *streams,
                       uint32_t stream, symbols *s);
uint32_t tiles_of_stream(const pico_image *image, uint32_t stream);
/* Decoded together with the next one, a stream is what it was alone. */
void require_same_beside_another(const model_in_sets *model, size_t set, bytes file, const pico_image *image,
                                 const pico_entry *streams, uint32_t stream, pico_status alone,
                                 const symbols *found);

/* Make the CRC of a header hold, if its size lies within the file. */
void reseal_header(bytes file);
/* Make the CRC of a stream or chunk hold, if it lies within the file. */
void reseal_part(bytes file, const pico_image *image, uint8_t kind, uint32_t number, const pico_entry *entry);

/* ---- changed_model.c ---- */

/* Check an entropy.bin, and as long as only a stored bound is wrong, put it right. */
pico_status check_and_mend_model(bytes model);
/* Run the network of a sound model on the worst inputs, and code and decode a tile, in every kernel set
 * alike. Does nothing if its planes are large. */
void exercise_model(const model_in_sets *model);

bytes copy_of(const uint8_t *data, size_t size);

#endif
