#include <nanobind/stl/string.h>

#include "binding.h"

namespace binding {

static pico_rows rows_of(const Buffer &buffer, int64_t first_row, const Grid &grid) {
    if (buffer.format() != 'B' || buffer.dimensions() != 3)
        raise_argument("rows must be a uint8 array [R, width, 3]");
    if (buffer.shape(1) != static_cast<Py_ssize_t>(grid.grid.width)) {
        raise_argument("columns of rows", buffer.shape(1), grid.grid.width);
    }
    if (buffer.shape(2) != 3) raise_argument("channels of rows", buffer.shape(2), 3);
    if (buffer.stride(1) != 3 || buffer.stride(2) != 1)
        raise_argument("pixels of rows must lie three bytes apart");
    return {buffer.data(), to_u32(first_row, "first_row"), to_u32(buffer.shape(0), "rows"), buffer.stride(0)};
}

// [3, tile, tile] or [1, 3, tile, tile], or with the channels last.
static pico_tensor tensor_of(const Buffer &buffer, const Grid &grid, const std::string &layout,
                             const char *name) {
    const int first = buffer.dimensions() - 3;
    if (first < 0 || first > 1 || (first == 1 && buffer.shape(0) != 1)) {
        raise_argument(std::string("dimensions of ") + name, buffer.dimensions(), 4);
    }
    const char format = buffer.format();
    if (format != 'e' && format != 'f') raise_argument(std::string(name) + " must be float16 or float32");
    if (layout != "chw" && layout != "hwc") raise_argument("layout '" + layout + "' is not chw or hwc");
    const bool last = layout == "hwc";
    const int channel = first + (last ? 2 : 0), row = first + (last ? 0 : 1), column = row + 1;
    const Py_ssize_t side = grid.grid.payload + 2 * grid.grid.border;
    if (buffer.shape(channel) != 3)
        raise_argument(std::string("channels of ") + name, buffer.shape(channel), 3);
    if (buffer.shape(row) != side) raise_argument(std::string("rows of ") + name, buffer.shape(row), side);
    if (buffer.shape(column) != side)
        raise_argument(std::string("columns of ") + name, buffer.shape(column), side);
    return {buffer.data(), format == 'e' ? PICO_FLOAT16 : PICO_FLOAT32, buffer.stride(channel),
            buffer.stride(row), buffer.stride(column)};
}

static nb::object pixels_to_tile(nb::object rows, int64_t first_row, const Grid &grid, int64_t tile,
                                 const std::string &dtype, const std::string &layout, nb::object out) {
    const uint32_t number = grid.check_tile(tile);
    const size_t side = grid.grid.payload + 2 * grid.grid.border;
    if (dtype != "float16" && dtype != "float32")
        raise_argument("dtype '" + dtype + "' is not float16 or float32");
    if (out.is_none()) {
        out = layout == "hwc" ? new_array({1, side, side, 3}, dtype.c_str())
                              : new_array({1, 3, side, side}, dtype.c_str());
    }
    Buffer source(rows, false, "rows"), target(out, true, "out");
    const pico_rows window = rows_of(source, first_row, grid);
    const pico_tensor tensor = tensor_of(target, grid, layout, "out");
    if ((tensor.element == PICO_FLOAT16) != (dtype == "float16"))
        raise_argument("out is not of type " + dtype);
    pico_fault fault{};
    pico_status status;
    {
        nb::gil_scoped_release released;
        status = pico_tile_from_pixels(grid.model->get(), &grid.grid, number, &window, &tensor, &fault);
    }
    check(status, fault);
    return out;
}

static uint64_t tile_to_pixels(nb::object tile_pixels, nb::object rows, int64_t first_row, const Grid &grid,
                               int64_t tile, const std::string &layout) {
    const uint32_t number = grid.check_tile(tile);
    Buffer source(tile_pixels, false, "tile_pixels"), target(rows, true, "rows");
    const pico_rows window = rows_of(target, first_row, grid);
    const pico_tensor tensor = tensor_of(source, grid, layout, "tile_pixels");
    pico_fault fault{};
    pico_status status;
    uint64_t nan_count = 0;
    {
        nb::gil_scoped_release released;
        status =
            pico_tile_to_pixels(grid.model->get(), &grid.grid, number, &tensor, &window, &nan_count, &fault);
    }
    check(status, fault);
    return nan_count;
}

void bind_pixels(nb::module_ &module) {
    module.def("pixels_to_tile", &pixels_to_tile, nb::arg("rows"), nb::arg("first_row"), nb::arg("grid"),
               nb::arg("tile"), nb::arg("dtype") = "float32", nb::arg("layout") = "chw",
               nb::arg("out").none() = nb::none());
    module.def("tile_to_pixels", &tile_to_pixels, nb::arg("tile_pixels"), nb::arg("rows"),
               nb::arg("first_row"), nb::arg("grid"), nb::arg("tile"), nb::arg("layout") = "chw");
}

} // namespace binding
