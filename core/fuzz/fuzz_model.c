/* An entropy.bin: as it is, then with size and checksum made to hold, then with the stored bounds put right
 * one after the other. A model that is accepted must do what a model does: run its network on the worst
 * inputs, and code and decode an image, in every kernel set alike. */
#include "harness.h"
#include "bytes.h"

enum { LARGEST_MODEL = 1 << 16 }; /* bytes: larger ones only cost time */

static void use(bytes model) {
    if (check_and_mend_model(model) != PICO_OK) return;
    model_in_sets loaded = load_in_all_sets(model);
    exercise_model(&loaded);
    drop_sets(&loaded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > LARGEST_MODEL) return 0;
    const bytes model = copy_of(data, size);
    use(model);
    if (size >= 20) {
        write_u32(model.data + 12, (uint32_t)size);
        reseal_model(model);
        use(model);
    }
    free(model.data);
    return 0;
}
