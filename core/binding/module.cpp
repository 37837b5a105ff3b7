#include <nanobind/stl/string.h>

#include "binding.h"

NB_MODULE(_core, module) {
    using namespace binding;
    module.doc() = "libpico from Python; documented in _core.pyi.";

    nb::dict statuses;
    for (int status = 0; status < PICO_STATUS_COUNT; status++) statuses[pico_status_name(status)] = status;
    module.attr("STATUSES") = statuses;
    nb::dict limits;
    limits["side"] = static_cast<int>(PICO_MAX_SIDE);
    limits["pixels"] = static_cast<int>(PICO_MAX_PIXELS);
    limits["tiles"] = static_cast<int>(PICO_MAX_TILES);
    limits["tiles_per_stream"] = static_cast<int>(PICO_MAX_TILES_PER_STREAM);
    limits["header"] = static_cast<int>(PICO_MAX_HEADER);
    limits["chunks"] = static_cast<int>(PICO_MAX_CHUNKS);
    limits["chunk"] = static_cast<int>(PICO_MAX_CHUNK);
    limits["stream"] = static_cast<int>(PICO_MAX_STREAM);
    limits["payload"] = static_cast<int>(PICO_MAX_PAYLOAD);
    limits["border"] = static_cast<int>(PICO_MAX_BORDER);
    limits["model"] = static_cast<int>(PICO_MAX_MODEL);
    limits["layers"] = static_cast<int>(PICO_MAX_LAYERS);
    limits["layer_channels"] = static_cast<int>(PICO_MAX_LAYER_CHANNELS);
    limits["latent_channels"] = static_cast<int>(PICO_MAX_LATENT_CHANNELS);
    limits["tile_elements"] = static_cast<int>(PICO_MAX_TILE_ELEMENTS);
    limits["levels"] = static_cast<int>(PICO_MAX_LEVELS);
    limits["anchors"] = static_cast<int>(PICO_MAX_ANCHORS);
    limits["banks"] = static_cast<int>(PICO_MAX_BANKS);
    limits["y_tables"] = static_cast<int>(PICO_MAX_Y_TABLES);
    limits["tables"] = static_cast<int>(PICO_MAX_TABLES);
    limits["table_entries"] = static_cast<int>(PICO_MAX_TABLE_ENTRIES);
    limits["fraction_bits"] = static_cast<int>(PICO_MAX_FRACTION_BITS);
    module.attr("LIMITS") = limits;
    module.attr("BITSTREAM_VERSION") =
        nb::make_tuple(static_cast<int>(PICO_VERSION_MAJOR), static_cast<int>(PICO_VERSION_MINOR));

    module.def(
        "status_text",
        [](const std::string &name) {
            for (int status = 0; status < PICO_STATUS_COUNT; status++) {
                if (name == pico_status_name(status)) return std::string(pico_status_text(status));
            }
            raise_argument("status '" + name + "' does not exist");
        },
        nb::arg("name"));
    module.def(
        "crc32c",
        [](nb::bytes data, int64_t seed) {
            return pico_crc32c(to_u32(seed, "seed"), static_cast<const uint8_t *>(data.data()), data.size());
        },
        nb::arg("data"), nb::arg("seed") = 0);
    bind_model(module);
    bind_stream(module);
    bind_pixels(module);
}
