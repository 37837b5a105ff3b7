/* Limits of the format: at the limit it works, one beyond it is refused, whatever the width of size_t; and
 * memory is asked for by numbers that cannot wrap. Headers and models are made by hand here, because no writer
 * of this project writes what is refused. */
#include "header.h"
#include "model.h"
#include "test.h"

/* ---- Models ---- */

typedef struct shape {
    uint32_t payload, border, y_stride, z_stride, y_channels, z_channels, levels, y_max, z_max;
    uint32_t fraction_bits, layers, y_tables, z_tables, anchors, banks;
    uint32_t middle; /* channels between layers */
    uint32_t shift, wide, entries;
} shape;

static const shape small = {56, 4, 8, 8, 1, 1, 1, 127, 127, 0, 1, 1, 1, 1, 1, 1, 0, 0, 2};

static uint8_t *put(uint8_t *at, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

static uint8_t *put_layer(uint8_t *at, const shape *s, uint32_t inputs, uint32_t outputs) {
    at = put(put(at, 0x00010000, 4), s->wide, 4); /* pointwise, no upsampling, factor 1 */
    at[-5] = (uint8_t)s->shift;
    at = put(put(put(at, inputs, 4), outputs, 4), 0, 4);
    const uint64_t half = s->shift > 0 ? (uint64_t)1 << (s->shift - 1) : 0;
    at = put(put(at, (uint32_t)half, 4), (uint32_t)(half >> 32), 4);
    const size_t zeros = (size_t)outputs * inputs + 4 * (size_t)outputs * (1 + s->levels);
    memset(at, 0, zeros);
    return at + zeros;
}

static uint8_t *put_table(uint8_t *at, uint32_t entries) {
    at = put(at, entries, 1);
    at = put(at, RANS_SLOTS - (entries - 1), 2);
    for (uint32_t s = 1; s < entries; s++) at = put(at, 1, 2);
    return at;
}

static bytes make_model(const shape *s) {
    uint8_t *const data = exactly(1 << 22);
    uint8_t *at = data;
    memcpy(at, "PICOENT\0\1\0\0\0", 12);
    at = put(at + 16, s->payload, 2);
    at = put(put(put(at, s->border, 1), 12, 1), s->y_stride, 2);
    at = put(put(put(put(at, s->z_stride, 2), s->y_channels, 2), s->z_channels, 2), s->levels, 2);
    at = put(put(put(put(at, s->y_max, 1), s->z_max, 1), s->fraction_bits, 1), s->layers, 1);
    at = put(put(put(put(at, s->y_tables, 1), s->z_tables, 1), s->anchors, 1), s->banks, 1);
    const uint32_t bank_tables = s->banks > 1 ? s->anchors : 0;
    at = put(put(at, bank_tables, 1), 0, 1);
    const size_t rows = s->levels + (size_t)s->anchors * s->banks * s->z_channels;
    memset(at, 0, rows);
    at += rows;
    for (uint32_t i = 0; i < s->layers; i++) {
        at = put_layer(at, s, i == 0 ? s->z_channels : s->middle, i + 1 == s->layers ? s->y_channels : s->middle);
    }
    for (uint32_t i = 0; i < s->y_tables; i++) at = put_table(at, s->entries);
    for (uint32_t i = 0; i < s->z_tables; i++) at = put_table(at, 2);
    for (uint32_t i = 0; i < bank_tables; i++) at = put_table(at, s->banks + 1);
    const bytes model = {data, (size_t)(at - data) + 4};
    REQUIRE(model.size <= 1 << 22);
    write_u32(data + 12, (uint32_t)model.size);
    reseal_model(model);
    return model;
}

static pico_status status_of(const shape *s) {
    const bytes model = make_model(s);
    size_t memory = 0;
    const pico_status status = pico_model_memory(model.data, model.size, &memory, NULL);
    free(model.data);
    return status;
}

typedef struct model_limit {
    size_t field;
    uint32_t limit, beyond;
    pico_status refused;
} model_limit;

static const model_limit model_limits[] = {
    {offsetof(shape, payload), PICO_MIN_PAYLOAD, PICO_MIN_PAYLOAD - 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, payload), PICO_MAX_PAYLOAD, PICO_MAX_PAYLOAD + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, y_channels), PICO_MAX_LATENT_CHANNELS, PICO_MAX_LATENT_CHANNELS + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, z_channels), PICO_MAX_LATENT_CHANNELS, PICO_MAX_LATENT_CHANNELS + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, levels), PICO_MAX_LEVELS, PICO_MAX_LEVELS + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, y_max), PICO_MAX_SYMBOL, PICO_MAX_SYMBOL + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, z_max), PICO_MAX_SYMBOL, PICO_MAX_SYMBOL + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, fraction_bits), PICO_MAX_FRACTION_BITS, PICO_MAX_FRACTION_BITS + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, layers), PICO_MAX_LAYERS, PICO_MAX_LAYERS + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, y_tables), PICO_MAX_Y_TABLES, PICO_MAX_Y_TABLES + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, z_tables), PICO_MAX_Z_TABLES, PICO_MAX_Z_TABLES + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, anchors), PICO_MAX_ANCHORS, PICO_MAX_ANCHORS + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, banks), PICO_MAX_BANKS, PICO_MAX_BANKS + 1, PICO_E_MODEL_GEOMETRY},
    {offsetof(shape, shift), PICO_MAX_SHIFT, PICO_MAX_SHIFT + 1, PICO_E_MODEL_NETWORK},
    {offsetof(shape, entries), PICO_MAX_TABLE_ENTRIES, PICO_MAX_TABLE_ENTRIES + 1, PICO_E_MODEL_TABLES},
};

static void set(shape *s, size_t field, uint32_t value) {
    memcpy((uint8_t *)s + field, &value, sizeof value);
}

static void require_limit(shape base, size_t field, uint32_t limit, uint32_t beyond, pico_status refused) {
    set(&base, field, limit);
    REQUIRE(status_of(&base) == PICO_OK);
    set(&base, field, beyond);
    REQUIRE(status_of(&base) == refused);
}

static void a_model_at_a_limit_loads_and_one_beyond_it_is_refused(void) {
    REQUIRE(status_of(&small) == PICO_OK);
    for (size_t i = 0; i < sizeof model_limits / sizeof *model_limits; i++) {
        const model_limit *m = &model_limits[i];
        require_limit(small, m->field, m->limit, m->beyond, m->refused);
    }
    shape s = small; /* limits that need something else beside them */
    s.payload = s.y_stride = s.z_stride = 128;
    require_limit(s, offsetof(shape, border), PICO_MAX_BORDER, PICO_MAX_BORDER + 1, PICO_E_MODEL_GEOMETRY);
    s = small;
    s.border = 1, s.payload = 62, s.z_stride = PICO_MIN_STRIDE;
    require_limit(s, offsetof(shape, y_stride), PICO_MIN_STRIDE, PICO_MIN_STRIDE / 2, PICO_E_MODEL_GEOMETRY);
    s = small;
    s.wide = 1;
    require_limit(s, offsetof(shape, shift), PICO_MAX_WIDE_SHIFT, PICO_MAX_WIDE_SHIFT + 1, PICO_E_MODEL_NETWORK);
    s = small;
    s.layers = 2;
    require_limit(s, offsetof(shape, middle), PICO_MAX_LAYER_CHANNELS, PICO_MAX_LAYER_CHANNELS + 1,
                  PICO_E_MODEL_NETWORK);
    s = small;
    s.y_tables = PICO_MAX_Y_TABLES;
    require_limit(s, offsetof(shape, z_tables), PICO_MAX_TABLES - PICO_MAX_Y_TABLES,
                  PICO_MAX_TABLES - PICO_MAX_Y_TABLES + 1, PICO_E_MODEL_GEOMETRY);
    s = small;
    s.y_max = PICO_MAX_REACH - 1;
    require_limit(s, offsetof(shape, entries), PICO_MAX_TABLE_ENTRIES - 2, PICO_MAX_TABLE_ENTRIES - 1,
                  PICO_E_MODEL_TABLES);
}

static void a_tile_has_at_most_its_elements_in_every_plane(void) {
    shape s = small; /* 2^20 positions: sixteen channels fit */
    s.payload = 4090, s.border = 3, s.y_stride = s.z_stride = PICO_MIN_STRIDE;
    REQUIRE((4096 / PICO_MIN_STRIDE) * (4096 / PICO_MIN_STRIDE) * 16 == PICO_MAX_TILE_ELEMENTS);
    require_limit(s, offsetof(shape, y_channels), 16, 17, PICO_E_OVER_LIMIT);
    require_limit(s, offsetof(shape, z_channels), 16, 17, PICO_E_OVER_LIMIT);
    s.layers = 2;
    require_limit(s, offsetof(shape, middle), 16, 17, PICO_E_OVER_LIMIT);
}

static void a_file_is_a_model_up_to_its_size_limit(void) {
    uint8_t *data = calloc(PICO_MAX_MODEL + 1, 1);
    REQUIRE(data != NULL);
    size_t memory = 0;
    REQUIRE(pico_model_memory(data, PICO_MAX_MODEL, &memory, NULL) == PICO_E_MODEL_FORMAT);
    REQUIRE(pico_model_memory(data, PICO_MAX_MODEL + 1, &memory, NULL) == PICO_E_OVER_LIMIT);
    free(data);
}

/* ---- Headers ---- */

typedef struct header_fields {
    uint32_t width, height, payload, border, tiles_per_stream, lanes, chunks, chunk_size, stream_size;
} header_fields;

static const header_fields ordinary = {100, 50, 56, 4, 2, 4, 1, 5, 7};

static pico_status parse_made(const header_fields *h, pico_image *image) {
    uint8_t *const data = exactly(1 << 20);
    memset(data, 0, HEADER_FIXED);
    memcpy(data, "PICO\1", 5);
    data[HEADER_LANES] = (uint8_t)h->lanes;
    write_u32(data + HEADER_WIDTH, h->width);
    write_u32(data + HEADER_HEIGHT, h->height);
    write_u16(data + HEADER_PAYLOAD, h->payload);
    data[HEADER_BORDER] = (uint8_t)h->border;
    data[HEADER_FLAGS] = FLAG_UNIFORM_LEVEL;
    write_u16(data + HEADER_TILES_PER_STREAM, h->tiles_per_stream);
    uint8_t *at = write_varint(data + HEADER_FIXED + 1, h->chunks);
    data[HEADER_FIXED] = 0;
    for (uint32_t i = 0; i < h->chunks; i++) {
        memcpy(at, "exif", 4);
        at = write_varint(at + 4, h->chunk_size);
    }
    const uint64_t columns = ((uint64_t)h->width + h->payload - 1) / h->payload;
    const uint64_t tiles = columns * (((uint64_t)h->height + h->payload - 1) / h->payload);
    const uint64_t streams = h->tiles_per_stream == 0 ? 0 : (tiles + h->tiles_per_stream - 1) / h->tiles_per_stream;
    for (uint64_t i = 0; i < streams && i < 2 * PICO_MAX_TILES; i++) at = write_varint(at, h->stream_size);
    const size_t size = (size_t)(at - data) + CRC_SIZE;
    write_u32(data + HEADER_SIZE, (uint32_t)size);
    write_u32(at, pico_crc32c(0, data, size - CRC_SIZE));
    pico_fault fault = {0};
    const pico_status status = pico_parse(data, size, image, &fault);
    free(data);
    return status;
}

typedef struct header_limit {
    size_t field;
    uint32_t limit, beyond;
    pico_status refused;
} header_limit;

static const header_limit header_limits[] = {
    {offsetof(header_fields, width), PICO_MAX_SIDE, PICO_MAX_SIDE + 1, PICO_E_OVER_LIMIT},
    {offsetof(header_fields, height), PICO_MAX_SIDE, PICO_MAX_SIDE + 1, PICO_E_OVER_LIMIT},
    {offsetof(header_fields, width), 1, 0, PICO_E_OVER_LIMIT},
    {offsetof(header_fields, payload), PICO_MIN_PAYLOAD, PICO_MIN_PAYLOAD - 1, PICO_E_HEADER_DAMAGED},
    {offsetof(header_fields, payload), PICO_MAX_PAYLOAD, PICO_MAX_PAYLOAD + 1, PICO_E_OVER_LIMIT},
    {offsetof(header_fields, border), PICO_MAX_BORDER, PICO_MAX_BORDER + 1, PICO_E_OVER_LIMIT},
    {offsetof(header_fields, tiles_per_stream), PICO_MAX_TILES_PER_STREAM, PICO_MAX_TILES_PER_STREAM + 1,
     PICO_E_OVER_LIMIT},
    {offsetof(header_fields, tiles_per_stream), 1, 0, PICO_E_HEADER_DAMAGED},
    {offsetof(header_fields, lanes), PICO_MAX_LANES, PICO_MAX_LANES + 1, PICO_E_HEADER_DAMAGED},
    {offsetof(header_fields, chunks), PICO_MAX_CHUNKS, PICO_MAX_CHUNKS + 1, PICO_E_OVER_LIMIT},
    {offsetof(header_fields, chunk_size), PICO_MAX_CHUNK, PICO_MAX_CHUNK + 1, PICO_E_OVER_LIMIT},
    {offsetof(header_fields, stream_size), PICO_MAX_STREAM, PICO_MAX_STREAM + 1, PICO_E_OVER_LIMIT},
};

static void a_header_at_a_limit_is_read_and_one_beyond_it_is_refused(void) {
    pico_image image;
    REQUIRE(parse_made(&ordinary, &image) == PICO_OK);
    for (size_t i = 0; i < sizeof header_limits / sizeof *header_limits; i++) {
        header_fields h = ordinary;
        memcpy((uint8_t *)&h + header_limits[i].field, &header_limits[i].limit, sizeof(uint32_t));
        REQUIRE(parse_made(&h, &image) == PICO_OK);
        memcpy((uint8_t *)&h + header_limits[i].field, &header_limits[i].beyond, sizeof(uint32_t));
        REQUIRE(parse_made(&h, &image) == header_limits[i].refused);
    }
}

static void pixels_and_tiles_are_limited_as_products(void) {
    pico_image image;
    header_fields h = ordinary;
    h.payload = PICO_MAX_PAYLOAD;
    h.width = h.height = 1 << 14;
    REQUIRE((uint64_t)h.width * h.height == PICO_MAX_PIXELS && parse_made(&h, &image) == PICO_OK);
    h.height++;
    REQUIRE(parse_made(&h, &image) == PICO_E_OVER_LIMIT);
    /* Products that are small modulo 2^32. */
    h.width = h.height = 1 << 16;
    REQUIRE(parse_made(&h, &image) == PICO_E_OVER_LIMIT);
    h.width = UINT32_MAX, h.height = UINT32_MAX;
    REQUIRE(parse_made(&h, &image) == PICO_E_OVER_LIMIT);
    h.payload = PICO_MIN_PAYLOAD;
    h.width = h.height = 128 * PICO_MIN_PAYLOAD;
    REQUIRE(128 * 128 == PICO_MAX_TILES && parse_made(&h, &image) == PICO_OK && image.tiles == PICO_MAX_TILES);
    h.width++;
    REQUIRE(parse_made(&h, &image) == PICO_E_OVER_LIMIT);
}

/* The largest sizes a header may claim add up in 64 bits, on any machine. */
static void the_claimed_size_of_a_file_does_not_wrap(void) {
    pico_image image;
    header_fields h = ordinary;
    h.payload = PICO_MIN_PAYLOAD, h.tiles_per_stream = 1;
    h.width = h.height = 128 * PICO_MIN_PAYLOAD;
    h.chunks = PICO_MAX_CHUNKS, h.chunk_size = PICO_MAX_CHUNK, h.stream_size = PICO_MAX_STREAM;
    REQUIRE(parse_made(&h, &image) == PICO_OK);
    REQUIRE(image.file_size == image.header_size + (uint64_t)PICO_MAX_CHUNKS * (PICO_MAX_CHUNK + CRC_SIZE) +
                                   (uint64_t)PICO_MAX_TILES * (PICO_MAX_STREAM + (uint64_t)CRC_SIZE));
}

static void a_header_that_claims_more_than_its_limit_is_refused_unread(void) {
    uint8_t data[HEADER_MINIMUM] = {'P', 'I', 'C', 'O', 1};
    pico_image image;
    write_u32(data + HEADER_SIZE, PICO_MAX_HEADER);
    REQUIRE(pico_parse(data, sizeof data, &image, NULL) == PICO_E_TRUNCATED);
    write_u32(data + HEADER_SIZE, PICO_MAX_HEADER + 1);
    REQUIRE(pico_parse(data, sizeof data, &image, NULL) == PICO_E_OVER_LIMIT);
    write_u32(data + HEADER_SIZE, UINT32_MAX);
    REQUIRE(pico_parse(data, sizeof data, &image, NULL) == PICO_E_OVER_LIMIT);
}

/* ---- Memory ---- */

/* The largest planes and groups: what is asked for is enough for the worst case, or refused; on a machine of
 * 32 bits most of it is refused. */
static void memory_that_is_asked_for_is_enough_or_refused(void) {
    shape s = small;
    s.payload = 4090, s.border = 3, s.y_stride = s.z_stride = PICO_MIN_STRIDE;
    s.y_channels = 16;
    const bytes entropy_bin = make_model(&s);
    loaded_model loaded = load_model(entropy_bin);
    size_t scratch = 0, capacity = 0;
    REQUIRE(pico_decode_memory(loaded.model, &scratch) == PICO_OK);
    REQUIRE(scratch >= (size_t)6 * PICO_MAX_TILE_ELEMENTS && scratch < (size_t)1 << 30);
    pico_grid grid;
    REQUIRE(pico_grid_init(loaded.model, 1 << 14, 1 << 14, &grid, NULL) == PICO_OK && grid.tiles == 25);
    grid.tiles = PICO_MAX_TILES; /* as a grid of smaller tiles would have */
    uint32_t granted = 0, refused = 0;
    for (uint32_t tiles = 1; tiles <= PICO_MAX_TILES_PER_STREAM; tiles++) {
        const pico_layout layout = {32, tiles};
        const pico_status status = pico_encode_memory(loaded.model, &grid, &layout, &scratch, &capacity);
        if (status == PICO_OK) {
            const uint64_t elements = (uint64_t)PICO_MAX_TILE_ELEMENTS * tiles;
            REQUIRE(scratch >= 7 * elements && capacity >= 5 * elements && refused == 0);
            granted++;
        } else {
            REQUIRE(status == PICO_E_OVER_LIMIT);
            refused++;
        }
    }
    REQUIRE(granted >= 5 && refused > 900);
    free(loaded.memory);
    free(entropy_bin.data);
}

const test_case limit_tests[] = {
    {"a model at a limit loads, one beyond it is refused", a_model_at_a_limit_loads_and_one_beyond_it_is_refused},
    {"a tile has at most its elements in every plane", a_tile_has_at_most_its_elements_in_every_plane},
    {"a file is a model up to its size limit", a_file_is_a_model_up_to_its_size_limit},
    {"a header at a limit is read, one beyond it is refused", a_header_at_a_limit_is_read_and_one_beyond_it_is_refused},
    {"pixels and tiles are limited as products", pixels_and_tiles_are_limited_as_products},
    {"the claimed size of a file does not wrap", the_claimed_size_of_a_file_does_not_wrap},
    {"a header that claims more than its limit is refused unread",
     a_header_that_claims_more_than_its_limit_is_refused_unread},
    {"memory that is asked for is enough or refused", memory_that_is_asked_for_is_enough_or_refused},
    {NULL, NULL},
};
