#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdlib>

#include "binding.h"
#include "pico_cpu.h"

namespace binding {

struct KernelSet {
    const char *name;
    uint32_t cpu_flags;
};

// The fastest first. Sets of other architectures are left out when asked for, because the core has not got them.
static const KernelSet kernel_sets[] = {
    {"avx512", PICO_CPU_SSE41 | PICO_CPU_AVX2 | PICO_CPU_AVX512},
    {"avx2", PICO_CPU_SSE41 | PICO_CPU_AVX2},
    {"sse41", PICO_CPU_SSE41},
    {"neon_dot", PICO_CPU_NEON | PICO_CPU_NEON_DOT},
    {"neon", PICO_CPU_NEON},
    {"scalar", PICO_CPU_SCALAR},
};

static bool is_compiled(const KernelSet &set) {
    return std::string(pico_kernels_name(set.cpu_flags)) == set.name;
}

static bool is_runnable(const KernelSet &set) { return (set.cpu_flags & ~pico_cpu_detect()) == 0; }

// What the caller asks for, else what PICO_CPU asks for, else the first that runs.
static const KernelSet &select_kernels(nb::handle cpu) {
    std::string wanted;
    if (!cpu.is_none()) {
        wanted = nb::cast<std::string>(cpu);
    } else if (const char *environment = std::getenv("PICO_CPU"); environment != nullptr) {
        wanted = environment;
    }
    std::string known;
    for (const KernelSet &set : kernel_sets) {
        if (!is_compiled(set)) continue;
        const bool runnable = is_runnable(set);
        if (runnable && (wanted.empty() || wanted == set.name)) return set;
        known += (known.empty() ? "" : ", ") + std::string(set.name) + (runnable ? "" : " (not on this CPU)");
    }
    raise_argument("kernel set '" + wanted + "' cannot be used; there are: " + known);
}

Model::Model(nb::bytes entropy_bin, nb::object cpu) {
    const KernelSet &set = select_kernels(cpu);
    const uint8_t *data = static_cast<const uint8_t *>(entropy_bin.data());
    const size_t size = entropy_bin.size();
    pico_fault fault{};
    pico_status status;
    {
        nb::gil_scoped_release released;
        size_t memory_size = 0;
        status = pico_model_memory(data, size, &memory_size, &fault);
        if (status == PICO_OK) {
            memory_ = allocate(memory_size);
            status = pico_model_init(data, size, set.cpu_flags, memory_.get(), memory_size, &model_, &fault);
        }
    }
    check(status, fault);
    pico_model_get_info(model_, &info_);
    kernels_ = pico_kernels_name(set.cpu_flags);
}

nb::object Model::scale_indices(nb::object z, nb::object levels) const {
    const Py_ssize_t length = PyObject_Size(z.ptr());
    if (length < 0) {
        PyErr_Clear();
        raise_argument("z must be a NumPy array or a list of them");
    }
    const size_t n = static_cast<size_t>(length);
    const std::vector<uint8_t> level = read_levels(levels, n);
    Tensors tensors = read_tensors(z, n, info_.z_channels, info_.z_side, "z");
    nb::object index = new_array({n, info_.y_channels, info_.y_side, info_.y_side}, "uint8");
    Buffer out(index, true, "output");
    const size_t tile_size = static_cast<size_t>(info_.y_channels) * info_.y_side * info_.y_side;
    pico_fault fault{};
    pico_status status = PICO_OK;
    {
        nb::gil_scoped_release released;
        size_t scratch_size = 0;
        pico_scale_memory(model_, &scratch_size);
        const ScratchPool::Loan scratch(scratch_, scratch_size);
        for (size_t i = 0; i < n && status == PICO_OK; i++) {
            status = pico_scale_indices(model_, level[i], &tensors.items[i], out.data() + i * tile_size,
                                        scratch.get(), scratch_size, &fault);
            fault.tile = static_cast<uint32_t>(i);
        }
    }
    check(status, fault);
    return index;
}

Grid::Grid(SharedModel m, uint32_t width, uint32_t height) : model(std::move(m)), grid{} {
    pico_fault fault{};
    check(pico_grid_init(model->get(), width, height, &grid, &fault), fault);
}

uint32_t Grid::check_tile(int64_t tile) const {
    if (tile < 0 || tile >= static_cast<int64_t>(grid.tiles)) raise_argument("tile", tile, grid.tiles - 1);
    return static_cast<uint32_t>(tile);
}

struct Layer {
    pico_layer_info info;
};

static nb::object mask(pico_extent valid, uint32_t side) {
    nb::object array =
        nb::module_::import_("numpy").attr("zeros")(nb::make_tuple(1, 1, side, side), "float32");
    Buffer out(array, true, "output");
    float *values = reinterpret_cast<float *>(out.data());
    for (uint32_t i = 0; i < valid.rows; i++)
        std::fill_n(values + static_cast<size_t>(i) * side, valid.columns, 1.0f);
    return array;
}

static uint32_t clamp_row(int64_t row, uint32_t height) {
    return row < 0 ? 0 : row > static_cast<int64_t>(height) ? height : static_cast<uint32_t>(row);
}

static void bind_grid(nb::module_ &module) {
    nb::class_<Grid>(module, "Grid")
        .def_prop_ro("width", [](const Grid &g) { return g.grid.width; })
        .def_prop_ro("height", [](const Grid &g) { return g.grid.height; })
        .def_prop_ro("tile", [](const Grid &g) { return g.grid.payload + 2 * g.grid.border; })
        .def_prop_ro("payload", [](const Grid &g) { return g.grid.payload; })
        .def_prop_ro("border", [](const Grid &g) { return g.grid.border; })
        .def_prop_ro("columns", [](const Grid &g) { return g.grid.columns; })
        .def_prop_ro("rows", [](const Grid &g) { return g.grid.rows; })
        .def_prop_ro("tiles", [](const Grid &g) { return g.grid.tiles; })
        .def(
            "y_valid",
            [](const Grid &g, int64_t tile) {
                pico_extent e = pico_y_valid(&g.grid, g.check_tile(tile));
                return nb::make_tuple(e.rows, e.columns);
            },
            nb::arg("tile"))
        .def(
            "z_valid",
            [](const Grid &g, int64_t tile) {
                pico_extent e = pico_z_valid(&g.grid, g.check_tile(tile));
                return nb::make_tuple(e.rows, e.columns);
            },
            nb::arg("tile"))
        .def(
            "y_mask",
            [](const Grid &g, int64_t tile) {
                return mask(pico_y_valid(&g.grid, g.check_tile(tile)), g.model->info().y_side);
            },
            nb::arg("tile"))
        .def(
            "z_mask",
            [](const Grid &g, int64_t tile) {
                return mask(pico_z_valid(&g.grid, g.check_tile(tile)), g.model->info().z_side);
            },
            nb::arg("tile"))
        .def(
            "payload_box",
            [](const Grid &g, int64_t tile) {
                uint32_t t = g.check_tile(tile), size = g.grid.payload;
                uint32_t left = t % g.grid.columns * size, top = t / g.grid.columns * size;
                return nb::make_tuple(left, top, std::min(left + size, g.grid.width),
                                      std::min(top + size, g.grid.height));
            },
            nb::arg("tile"))
        .def(
            "source_rows",
            [](const Grid &g, int64_t tile) {
                int64_t top = static_cast<int64_t>(g.check_tile(tile) / g.grid.columns) * g.grid.payload;
                int64_t border = g.grid.border;
                return nb::make_tuple(clamp_row(top - border, g.grid.height),
                                      clamp_row(top + g.grid.payload + border, g.grid.height));
            },
            nb::arg("tile"));
}

void bind_model(nb::module_ &module) {
    module.def("kernels", [] {
        nb::dict sets;
        for (const KernelSet &set : kernel_sets) {
            if (is_compiled(set)) sets[set.name] = is_runnable(set);
        }
        return sets;
    });
    nb::class_<Layer>(module, "Layer")
        .def_prop_ro("kind", [](const Layer &l) { return l.info.depthwise ? "depthwise3x3" : "pointwise"; })
        .def_prop_ro("inputs", [](const Layer &l) { return l.info.inputs; })
        .def_prop_ro("outputs", [](const Layer &l) { return l.info.outputs; })
        .def_prop_ro("wide", [](const Layer &l) { return l.info.wide != 0; })
        .def_prop_ro("accumulator_bound", [](const Layer &l) { return l.info.accumulator_bound; })
        .def_prop_ro("product_bound", [](const Layer &l) { return l.info.product_bound; });
    bind_grid(module);
    nb::class_<Model>(module, "Model")
        .def(nb::init<nb::bytes, nb::object>(), nb::arg("entropy_bin"), nb::arg("cpu").none() = nb::none())
        .def_prop_ro("fingerprint",
                     [](const Model &m) { return nb::bytes(m.info().fingerprint, PICO_FINGERPRINT_SIZE); })
        .def_prop_ro("kernels", [](const Model &m) { return m.kernels(); })
        .def_prop_ro("tile", [](const Model &m) { return m.info().tile; })
        .def_prop_ro("payload", [](const Model &m) { return m.info().payload; })
        .def_prop_ro("border", [](const Model &m) { return m.info().border; })
        .def_prop_ro("y_stride", [](const Model &m) { return m.info().y_stride; })
        .def_prop_ro("z_stride", [](const Model &m) { return m.info().z_stride; })
        .def_prop_ro("y_channels", [](const Model &m) { return m.info().y_channels; })
        .def_prop_ro("z_channels", [](const Model &m) { return m.info().z_channels; })
        .def_prop_ro("y_side", [](const Model &m) { return m.info().y_side; })
        .def_prop_ro("z_side", [](const Model &m) { return m.info().z_side; })
        .def_prop_ro("y_max", [](const Model &m) { return m.info().y_max; })
        .def_prop_ro("z_max", [](const Model &m) { return m.info().z_max; })
        .def_prop_ro("levels", [](const Model &m) { return m.info().levels; })
        .def_prop_ro("banks", [](const Model &m) { return m.info().banks; })
        .def_prop_ro("y_rows", [](const Model &m) { return m.info().y_tables; })
        .def_prop_ro("layers",
                     [](const Model &m) {
                         nb::list layers;
                         for (uint32_t i = 0; i < m.info().layers; i++) {
                             Layer layer{};
                             pico_model_get_layer(m.get(), i, &layer.info);
                             layers.append(nb::cast(layer));
                         }
                         return layers;
                     })
        .def("scale_indices", &Model::scale_indices, nb::arg("z").none(), nb::arg("levels").none())
        .def(
            "grid",
            [](std::shared_ptr<Model> m, int64_t width, int64_t height) {
                return Grid(m, to_u32(width, "width"), to_u32(height, "height"));
            },
            nb::arg("width"), nb::arg("height"));
}

} // namespace binding
