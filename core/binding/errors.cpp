#include <stdexcept>

#include "binding.h"

namespace binding {

void raise(pico_status status, const pico_fault &fault, const Group *group) {
    nb::object raise_status = nb::module_::import_("pico_deploy.core_errors").attr("raise_status");
    nb::object stream = nb::none(), tiles = nb::tuple();
    if (group != nullptr) {
        stream = nb::int_(group->stream);
        tiles = nb::module_::import_("builtins")
                    .attr("range")(group->first_tile, group->first_tile + group->tiles);
    }
    raise_status(pico_status_name(status), pico_status_text(status), fault.what == nullptr ? "" : fault.what,
                 fault.index, fault.tile, fault.found, fault.expected, stream, tiles);
    throw std::logic_error("raise_status returned");
}

void raise_argument(const std::string &what, int64_t found, int64_t expected) {
    raise(PICO_E_ARGUMENT, pico_fault{what.c_str(), 0, 0, found, expected});
}

uint32_t to_u32(int64_t value, const char *what) {
    if (value < 0 || value > UINT32_MAX) raise_argument(std::string(what) + " is out of range", value);
    return static_cast<uint32_t>(value);
}

} // namespace binding
