// The Python extension: thin classes that own memory, check array shapes, release the GIL and turn statuses
// into exceptions. Documentation of what Python sees: pico_deploy/_core.pyi.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pico.h"

namespace nb = nanobind;

namespace binding {

// ---- errors.cpp ----

// The tiles an error is about.
struct Group {
    uint32_t stream, first_tile, tiles;
};

// Raise the exception class of a status; needs the GIL.
[[noreturn]] void raise(pico_status status, const pico_fault &fault, const Group *group = nullptr);
[[noreturn]] void raise_argument(const std::string &what, int64_t found = 0, int64_t expected = 0);

inline void check(pico_status status, const pico_fault &fault, const Group *group = nullptr) {
    if (status != PICO_OK) raise(status, fault, group);
}

// ---- arrays.cpp ----

// A Python buffer (a NumPy array) held for as long as this lives.
class Buffer {
  public:
    Buffer(nb::handle object, bool writable, const char *name);
    Buffer(Buffer &&other) noexcept : view_(other.view_) { other.view_.obj = nullptr; }
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    ~Buffer() { PyBuffer_Release(&view_); }

    char format() const; // 'b', 'B', 'e', 'f', or 0 for anything else
    int dimensions() const { return view_.ndim; }
    Py_ssize_t shape(int axis) const { return view_.shape[axis]; }
    Py_ssize_t stride(int axis) const { return view_.strides[axis]; }
    uint8_t *data() const { return static_cast<uint8_t *>(view_.buf); }

  private:
    Py_buffer view_;
};

// Tensors of several tiles, and the buffers they lie in.
struct Tensors {
    std::vector<Buffer> buffers;
    std::vector<pico_tensor> items;
};

// `symbols`: one array [n, channels, side, side], or a sequence of n arrays [channels, side, side] or with a
// leading 1.
Tensors read_tensors(nb::handle symbols, size_t n, uint32_t channels, uint32_t side, const char *name);
// numpy.empty(shape, dtype), and its tiles as tensors (`tensors` keeps the array's buffer alive).
nb::object new_array(const std::vector<size_t> &shape, const char *dtype);
Tensors tiles_of_array(nb::handle array, size_t n);
std::vector<uint8_t> read_levels(nb::handle levels, size_t n);

using Memory = std::unique_ptr<uint8_t[]>;
// Not zeroed: only the pages that are used cost anything.
inline Memory allocate(size_t size) {
    return Memory(new uint8_t[size]);
}

// Scratch memory that is lent again and again: the kernel takes longer to give and to take back fresh pages
// than the core needs to work on them, and threads queue up for it.
class ScratchPool {
  public:
    class Loan {
      public:
        Loan(ScratchPool &pool, size_t size);
        Loan(const Loan &) = delete;
        Loan &operator=(const Loan &) = delete;
        ~Loan();
        uint8_t *get() const { return memory_.get(); }

      private:
        ScratchPool &pool_;
        Memory memory_;
        size_t held_;
    };

  private:
    struct Block {
        Memory memory;
        size_t size;
    };
    std::mutex mutex_;
    std::vector<Block> idle_;
};

// ---- model.cpp ----

class Model {
  public:
    Model(nb::bytes entropy_bin, nb::object cpu);

    const pico_model *get() const { return model_; }
    const pico_model_info &info() const { return info_; }
    const char *kernels() const { return kernels_; }
    nb::object scale_indices(nb::object z, nb::object levels) const;
    ScratchPool &scratch() const { return scratch_; }

  private:
    mutable ScratchPool scratch_;
    Memory memory_;
    const pico_model *model_ = nullptr;
    pico_model_info info_{};
    const char *kernels_ = nullptr;
};

using SharedModel = std::shared_ptr<const Model>;

struct Grid {
    SharedModel model;
    pico_grid grid;

    Grid(SharedModel model, uint32_t width, uint32_t height);
    uint32_t check_tile(int64_t tile) const;
};

uint32_t to_u32(int64_t value, const char *what);

void bind_model(nb::module_ &module);
void bind_stream(nb::module_ &module);
void bind_pixels(nb::module_ &module);

} // namespace binding
