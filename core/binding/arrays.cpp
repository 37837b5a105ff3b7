#include <algorithm>

#include "binding.h"

namespace binding {

Buffer::Buffer(nb::handle object, bool writable, const char *name) {
    int flags = PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) {
        PyErr_Clear();
        view_.obj = nullptr;
        raise_argument(std::string(name) +
                       (writable ? " must be a writable NumPy array" : " must be a NumPy array"));
    }
}

char Buffer::format() const {
    const char *f = view_.format == nullptr ? "B" : view_.format;
    if (*f == '@' || *f == '=') f++;
    return f[0] != 0 && f[1] == 0 ? f[0] : 0;
}

static pico_element element_of(const Buffer &buffer, const char *name) {
    switch (buffer.format()) {
    case 'b': return PICO_INT8;
    case 'e': return PICO_FLOAT16;
    case 'f': return PICO_FLOAT32;
    default: raise_argument(std::string(name) + " must be int8, float16 or float32");
    }
}

static void check_shape(const Buffer &buffer, int first, uint32_t channels, uint32_t side, const char *name) {
    const Py_ssize_t expected[3] = {channels, side, side};
    for (int i = 0; i < 3; i++) {
        if (buffer.shape(first + i) != expected[i]) {
            static const char *const axes[3] = {" channels", " rows", " columns"};
            raise_argument(std::string(name) + axes[i], buffer.shape(first + i), expected[i]);
        }
    }
}

static pico_tensor tensor_at(const Buffer &buffer, int first, Py_ssize_t offset, pico_element element) {
    return {buffer.data() + offset, element, buffer.stride(first), buffer.stride(first + 1),
            buffer.stride(first + 2)};
}

// `name` is part of every message, so a user knows whether z or y is meant.
Tensors read_tensors(nb::handle symbols, size_t n, uint32_t channels, uint32_t side, const char *name) {
    Tensors tensors;
    tensors.items.reserve(n);
    if (PyList_Check(symbols.ptr()) || PyTuple_Check(symbols.ptr())) {
        if (nb::len(symbols) != n) {
            raise_argument(std::string("tiles in ") + name, static_cast<int64_t>(nb::len(symbols)),
                           static_cast<int64_t>(n));
        }
        for (nb::handle item : symbols) {
            Buffer &buffer = tensors.buffers.emplace_back(item, false, name);
            int first = buffer.dimensions() - 3;
            if (first < 0 || first > 1 || (first == 1 && buffer.shape(0) != 1)) {
                raise_argument(std::string("dimensions of a tile of ") + name, buffer.dimensions(), 3);
            }
            check_shape(buffer, first, channels, side, name);
            tensors.items.push_back(tensor_at(buffer, first, 0, element_of(buffer, name)));
        }
        return tensors;
    }
    Buffer &buffer = tensors.buffers.emplace_back(symbols, false, name);
    if (buffer.dimensions() != 4)
        raise_argument(std::string("dimensions of ") + name, buffer.dimensions(), 4);
    if (buffer.shape(0) != static_cast<Py_ssize_t>(n)) {
        raise_argument(std::string("tiles in ") + name, buffer.shape(0), static_cast<int64_t>(n));
    }
    check_shape(buffer, 1, channels, side, name);
    for (size_t i = 0; i < n; i++) {
        tensors.items.push_back(
            tensor_at(buffer, 1, static_cast<Py_ssize_t>(i) * buffer.stride(0), element_of(buffer, name)));
    }
    return tensors;
}

nb::object new_array(const std::vector<size_t> &shape, const char *dtype) {
    nb::list dimensions;
    for (size_t length : shape) dimensions.append(length);
    return nb::module_::import_("numpy").attr("empty")(nb::tuple(dimensions), dtype);
}

Tensors tiles_of_array(nb::handle array, size_t n) {
    Tensors tensors;
    Buffer &buffer = tensors.buffers.emplace_back(array, true, "output");
    for (size_t i = 0; i < n; i++) {
        tensors.items.push_back(tensor_at(buffer, 1, static_cast<Py_ssize_t>(i) * buffer.stride(0),
                                          element_of(buffer, "output")));
    }
    return tensors;
}

std::vector<uint8_t> read_levels(nb::handle levels, size_t n) {
    if (PyObject_CheckBuffer(levels.ptr())) {
        Buffer buffer(levels, false, "levels");
        if (buffer.dimensions() == 1) {
            if (buffer.format() != 'B') raise_argument("levels must be an int or a uint8 array");
            if (buffer.shape(0) != static_cast<Py_ssize_t>(n)) {
                raise_argument("number of levels", buffer.shape(0), static_cast<int64_t>(n));
            }
            std::vector<uint8_t> values(n);
            for (size_t i = 0; i < n; i++)
                values[i] = buffer.data()[static_cast<Py_ssize_t>(i) * buffer.stride(0)];
            return values;
        }
    }
    Py_ssize_t level = PyNumber_AsSsize_t(levels.ptr(), nullptr);
    if (level == -1 && PyErr_Occurred() != nullptr) {
        PyErr_Clear();
        raise_argument("levels must be an int or a uint8 array");
    }
    if (level < 0 || level > 255) raise_argument("level", level, 255);
    return std::vector<uint8_t>(n, static_cast<uint8_t>(level));
}

// More than this is not kept: as many buffers as a pipeline has threads.
static constexpr size_t kept_blocks = 8;

ScratchPool::Loan::Loan(ScratchPool &pool, size_t size) : pool_(pool), held_(size) {
    {
        std::lock_guard<std::mutex> locked(pool_.mutex_);
        for (Block &block : pool_.idle_) {
            if (block.size < size) continue;
            memory_ = std::move(block.memory);
            held_ = block.size;
            block = std::move(pool_.idle_.back());
            pool_.idle_.pop_back();
            return;
        }
    }
    memory_ = allocate(size);
}

ScratchPool::Loan::~Loan() {
    std::lock_guard<std::mutex> locked(pool_.mutex_);
    std::vector<Block> &idle = pool_.idle_;
    if (idle.size() == kept_blocks) { // the smallest goes
        auto smallest = std::min_element(idle.begin(), idle.end(),
                                         [](const Block &a, const Block &b) { return a.size < b.size; });
        if (smallest->size >= held_) return;
        *smallest = {std::move(memory_), held_};
    } else {
        idle.push_back({std::move(memory_), held_});
    }
}

} // namespace binding
