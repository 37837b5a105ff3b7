#include "bytes.h"
#include "test.h"

uint32_t random_u32(uint32_t *state) {
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

void *exactly(size_t size) {
    void *p = malloc(size > 0 ? size : 1);
    REQUIRE(p != NULL);
    return p;
}

typedef struct writer {
    uint8_t *at;
} writer;

static void put_u8(writer *w, uint32_t v) {
    *w->at++ = (uint8_t)v;
}

static void put_u16(writer *w, uint32_t v) {
    write_u16(w->at, v);
    w->at += 2;
}

static void put_u32(writer *w, uint32_t v) {
    write_u32(w->at, v);
    w->at += 4;
}

/* A layer with weights that rise and fall, and the bounds that the loader will recompute. */
static void put_layer(writer *w, int depthwise, uint32_t inputs, uint32_t outputs, int64_t largest_input,
                      uint32_t factor) {
    const uint32_t taps = depthwise ? 9 : inputs, shift = 8, multiplier = 40;
    put_u8(w, (uint32_t)depthwise);
    put_u8(w, factor > 1 ? 2 : 0);
    put_u8(w, factor);
    put_u8(w, shift);
    for (int i = 0; i < 4; i++) put_u8(w, 0);
    put_u32(w, inputs);
    put_u32(w, outputs);
    uint8_t *bounds = w->at;
    w->at += 12;
    int64_t acc_bound = 0, bias_bound = 0;
    for (uint32_t o = 0; o < outputs; o++) {
        int64_t sum = 0;
        for (uint32_t t = 0; t < taps; t++) {
            int32_t weight = (int32_t)((o * 37 + t * 11) % 60) - 20;
            sum += weight < 0 ? -weight : weight;
            put_u8(w, (uint8_t)weight);
        }
        if (sum * largest_input > acc_bound) acc_bound = sum * largest_input;
    }
    for (uint32_t o = 0; o < outputs; o++) put_u32(w, multiplier);
    /* The largest bias is where the largest sum is not, so the product bound is found level by level. */
    for (uint32_t i = 0; i < FIXTURE_LEVELS * outputs; i++) put_u32(w, 3000);
    bias_bound = 3000;
    int64_t product_bound = acc_bound * multiplier + bias_bound + (1 << (shift - 1));
    write_u32(bounds, (uint32_t)acc_bound);
    write_u32(bounds + 4, (uint32_t)product_bound);
    write_u32(bounds + 8, 0);
}

static void put_table(writer *w, uint32_t entries, uint32_t first) {
    put_u8(w, entries);
    uint32_t rest = 4096 - first;
    put_u16(w, first);
    for (uint32_t s = 1; s < entries; s++) {
        uint32_t frequency = s + 1 == entries ? rest : rest / 2;
        put_u16(w, frequency);
        rest -= frequency;
    }
}

bytes fixture_model(void) {
    return fixture_model_of(2);
}

bytes fixture_model_of(uint32_t banks) {
    uint8_t *data = exactly(4096);
    writer w = {data};
    static const uint8_t magic[8] = {'P', 'I', 'C', 'O', 'E', 'N', 'T', 0};
    copy_bytes(w.at, magic, 8);
    w.at += 8;
    put_u8(&w, 1);
    put_u8(&w, 0);
    put_u16(&w, 0);
    put_u32(&w, 0);
    put_u16(&w, 56); /* payload */
    put_u8(&w, 4);   /* border */
    put_u8(&w, 12);
    put_u16(&w, 8);
    put_u16(&w, 16);
    put_u16(&w, FIXTURE_Y_CHANNELS);
    put_u16(&w, FIXTURE_Z_CHANNELS);
    put_u16(&w, FIXTURE_LEVELS);
    put_u8(&w, 100); /* y_max */
    put_u8(&w, 31);  /* z_max */
    put_u8(&w, 2);   /* fraction bits */
    put_u8(&w, 2);   /* layers */
    put_u8(&w, FIXTURE_Y_TABLES);
    put_u8(&w, 2); /* z tables */
    put_u8(&w, 1); /* anchors */
    put_u8(&w, banks);
    put_u8(&w, banks > 1); /* bank tables */
    put_u8(&w, 0);
    for (int level = 0; level < FIXTURE_LEVELS; level++) put_u8(&w, 0);
    for (uint32_t i = 0; i < banks * FIXTURE_Z_CHANNELS; i++) put_u8(&w, i % 2);
    put_layer(&w, 0, FIXTURE_Z_CHANNELS, 4 * FIXTURE_Y_CHANNELS, 31, 2);
    put_layer(&w, 1, FIXTURE_Y_CHANNELS, FIXTURE_Y_CHANNELS, 255, 1);
    for (uint32_t i = 0; i < FIXTURE_Y_TABLES; i++) put_table(&w, 4 + i, 4000 - 480 * i);
    put_table(&w, 6, 2000);
    put_table(&w, 9, 500);
    if (banks > 1) put_table(&w, banks + 1, 3000);
    bytes model = {data, (size_t)(w.at - data) + 4};
    write_u32(data + 12, (uint32_t)model.size);
    uint8_t *exact = exactly(model.size);
    copy_bytes(exact, data, model.size - 4);
    free(data);
    model.data = exact;
    reseal_model(model);
    return model;
}

void reseal_model(bytes model) {
    write_u32(model.data + model.size - 4, pico_crc32c(0, model.data, model.size - 4));
}

loaded_model load_model(bytes entropy_bin) {
    size_t size = 0;
    REQUIRE(pico_model_memory(entropy_bin.data, entropy_bin.size, &size, NULL) == PICO_OK);
    loaded_model loaded = {NULL, exactly(size)};
    REQUIRE(pico_model_init(entropy_bin.data, entropy_bin.size, 0, loaded.memory, size, &loaded.model,
                            NULL) == PICO_OK);
    return loaded;
}

pico_tensor plane_of(int8_t *data, uint32_t side) {
    pico_tensor tensor = {data, PICO_INT8, (ptrdiff_t)(side * side), (ptrdiff_t)side, 1};
    return tensor;
}
