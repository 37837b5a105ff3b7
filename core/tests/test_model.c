#include "bytes.h"
#include "test.h"

static void a_sound_model_loads_and_says_what_it_is(void) {
    bytes data = fixture_model();
    loaded_model loaded = load_model(data);
    pico_model_info info;
    REQUIRE(pico_model_get_info(loaded.model, &info) == PICO_OK);
    REQUIRE(info.tile == 64 && info.y_side == FIXTURE_Y_SIDE && info.z_side == FIXTURE_Z_SIDE);
    REQUIRE(info.levels == FIXTURE_LEVELS && info.banks == 2 && info.layers == 2);
    uint8_t digest[32];
    pico_sha256(data.data, data.size, digest);
    REQUIRE(memcmp(info.fingerprint, digest, 16) == 0);
    pico_layer_info layer;
    REQUIRE(pico_model_get_layer(loaded.model, 1, &layer) == PICO_OK && layer.depthwise == 1);
    REQUIRE(pico_model_get_layer(loaded.model, 2, &layer) == PICO_E_ARGUMENT);
    free(loaded.memory);
    free(data.data);
}

static void every_truncation_is_refused(void) {
    bytes data = fixture_model();
    for (size_t size = 0; size < data.size; size++) {
        uint8_t *exact = exactly(size);
        memcpy(exact, data.data, size);
        size_t memory = 0;
        REQUIRE(pico_model_memory(exact, size, &memory, NULL) != PICO_OK);
        if (size >= 20) { /* and with a size and a checksum that hold */
            write_u32(exact + 12, (uint32_t)size);
            reseal_model((bytes){exact, size});
            REQUIRE(pico_model_memory(exact, size, &memory, NULL) != PICO_OK);
        }
        free(exact);
    }
    free(data.data);
}

/* Run the network on the largest inputs of either sign: the sanitizer proves what the bounds promise. */
static void run_on_extremes(bytes entropy_bin) {
    loaded_model loaded = load_model(entropy_bin);
    pico_model_info info;
    pico_model_get_info(loaded.model, &info);
    const size_t z_size = (size_t)info.z_channels * info.z_side * info.z_side;
    const size_t y_size = (size_t)info.y_channels * info.y_side * info.y_side;
    size_t scratch_size = 0;
    REQUIRE(pico_scale_memory(loaded.model, &scratch_size) == PICO_OK);
    int8_t *z = exactly(z_size);
    uint8_t *index = exactly(y_size);
    void *scratch = exactly(scratch_size);
    pico_tensor tensor = plane_of(z, info.z_side);
    for (int sign = -1; sign <= 1; sign++) {
        memset(z, sign * (int)info.z_max, z_size);
        for (uint32_t level = 0; level < info.levels; level++) {
            REQUIRE(pico_scale_indices(loaded.model, level, &tensor, index, scratch, scratch_size, NULL) ==
                    PICO_OK);
            for (size_t i = 0; i < y_size; i++) REQUIRE(index[i] < info.y_tables);
        }
    }
    free(z);
    free(index);
    free(scratch);
    free(loaded.memory);
}

static void any_changed_byte_gives_an_error_or_a_sound_model(void) {
    bytes data = fixture_model();
    uint32_t accepted = 0, refused = 0, reasons[PICO_STATUS_COUNT] = {0};
    for (size_t at = 0; at + 4 < data.size; at++) {
        for (uint32_t change = 0; change < 4; change++) {
            static const uint8_t masks[4] = {0x01, 0x80, 0xFF, 0x10};
            const uint8_t before = data.data[at];
            data.data[at] ^= masks[change];
            reseal_model(data);
            size_t memory = 0;
            pico_fault fault = {0};
            pico_status status = pico_model_memory(data.data, data.size, &memory, &fault);
            reasons[status]++;
            if (status == PICO_OK) {
                accepted++;
                if (change == 2) run_on_extremes(data);
            } else {
                refused++;
                REQUIRE(fault.what != NULL);
            }
            data.data[at] = before;
        }
    }
    REQUIRE(accepted > 100 && refused > 500);
    for (int status = PICO_E_MODEL_FORMAT; status <= PICO_E_MODEL_BOUNDS; status++) {
        REQUIRE(status == PICO_E_MODEL_CHECKSUM || reasons[status] > 0);
    }
    free(data.data);
}

static void memory_one_byte_short_is_refused_wherever_it_lies(void) {
    bytes data = fixture_model();
    size_t size = 0;
    REQUIRE(pico_model_memory(data.data, data.size, &size, NULL) == PICO_OK);
    const pico_model *model = NULL;
    uint8_t *memory = exactly(size + 64);
    for (size_t offset = 0; offset < 64; offset += 7) {
        REQUIRE(pico_model_init(data.data, data.size, 0, memory + offset, size, &model, NULL) == PICO_OK);
    }
    REQUIRE(pico_model_init(data.data, data.size, 0, memory, 100, &model, NULL) == PICO_E_BUFFER);
    REQUIRE(pico_model_init(data.data, data.size, 0, memory, size / 2, &model, NULL) == PICO_E_BUFFER);
    REQUIRE(pico_model_init(data.data, data.size, 0, NULL, size, &model, NULL) == PICO_E_ARGUMENT);
    REQUIRE(pico_model_memory(NULL, 0, &size, NULL) == PICO_E_ARGUMENT);
    free(memory);
    free(data.data);
}

const test_case model_tests[] = {
    {"a sound model loads and says what it is", a_sound_model_loads_and_says_what_it_is},
    {"every truncation of a model is refused", every_truncation_is_refused},
    {"any changed byte of a model gives an error or a sound model",
     any_changed_byte_gives_an_error_or_a_sound_model},
    {"model memory that is too small is refused wherever it lies",
     memory_one_byte_short_is_refused_wherever_it_lies},
    {NULL, NULL},
};
