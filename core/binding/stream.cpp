#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstring>

#include "binding.h"

namespace binding {

static const uint8_t *bytes_of(const nb::bytes &b) {
    return static_cast<const uint8_t *>(b.data());
}

static nb::object range(uint32_t first, uint32_t count) {
    return nb::module_::import_("builtins").attr("range")(first, first + count);
}

// A parsed header, with the bytes it belongs to.
struct Image {
    nb::bytes data;
    pico_image header{};
    std::vector<pico_entry> chunks, streams;

    explicit Image(nb::bytes bytes) : data(std::move(bytes)) {
        pico_fault fault{};
        check(pico_parse(bytes_of(data), data.size(), &header, &fault), fault);
        chunks.resize(header.chunks);
        streams.resize(header.streams);
        check(pico_directory(bytes_of(data), data.size(), &header, chunks.data(), streams.data()), fault);
    }

    Group group(uint32_t stream) const {
        uint32_t first = stream * header.layout.tiles_per_stream;
        return {stream, first, std::min(header.tiles - first, header.layout.tiles_per_stream)};
    }
};

using SharedImage = std::shared_ptr<const Image>;

struct Stream {
    Group group;
    pico_entry entry;
};

struct Chunk {
    SharedImage image;
    uint32_t number;

    const pico_entry &entry() const { return image->chunks[number]; }
    bool intact() const {
        return pico_chunk_check(bytes_of(image->data), image->data.size(), &image->header, number, &entry(),
                                nullptr) == PICO_OK;
    }
};

static uint32_t check_group(int64_t group, uint32_t groups) {
    if (group < 0 || group >= static_cast<int64_t>(groups)) raise_argument("group", group, groups - 1);
    return static_cast<uint32_t>(group);
}

class Encoder {
  public:
    Encoder(std::shared_ptr<Model> model, int64_t width, int64_t height, nb::object levels,
            nb::bytes pixel_fingerprint, nb::object chunks, int64_t lanes, int64_t tiles_per_stream,
            nb::object skip)
        : model_(std::move(model)), grid_(model_, to_u32(width, "width"), to_u32(height, "height")),
          levels_(read_levels(levels, grid_.grid.tiles)) {
        if (pixel_fingerprint.size() != PICO_PIXEL_FINGERPRINT_SIZE) {
            raise_argument("bytes of the pixel fingerprint", static_cast<int64_t>(pixel_fingerprint.size()),
                           PICO_PIXEL_FINGERPRINT_SIZE);
        }
        std::memcpy(file_.pixel_fingerprint, pixel_fingerprint.data(), PICO_PIXEL_FINGERPRINT_SIZE);
        std::memcpy(file_.entropy_fingerprint, model_->info().fingerprint, PICO_FINGERPRINT_SIZE);
        file_.grid = grid_.grid;
        file_.layout = pico_layout_default(grid_.grid.tiles);
        if (lanes != 0) file_.layout.lanes = to_u32(lanes, "lanes");
        if (tiles_per_stream != 0)
            file_.layout.tiles_per_stream = to_u32(tiles_per_stream, "tiles_per_stream");
        file_.levels = levels_.data();
        read_chunks(chunks);
        skip_ = skip.is_none() ? PICO_SKIP_AUTO : static_cast<int>(nb::cast<int64_t>(skip) & 0x7FFFFFFF);
        if (file_.layout.tiles_per_stream > PICO_MAX_TILES_PER_STREAM) {
            raise_argument("tiles_per_stream", file_.layout.tiles_per_stream, PICO_MAX_TILES_PER_STREAM);
        }
        groups_.resize(pico_stream_count(&file_.grid, &file_.layout));
        // Options that the core refuses are refused here, before any work is done: an empty file has them
        // all.
        std::vector<pico_span> none(groups_.size(), pico_span{nullptr, 0});
        file_.streams = none.data();
        size_t size = 0;
        pico_fault fault{};
        check(pico_file_size(&file_, &size, &fault), fault);
        for (uint8_t level : levels_) {
            if (level >= model_->info().levels) raise_argument("level", level, model_->info().levels - 1);
        }
        if (skip_ != PICO_SKIP_AUTO && skip_ >= static_cast<int>(model_->info().y_tables)) {
            raise_argument("skip", skip_, model_->info().y_tables - 1);
        }
    }

    const Grid &grid() const { return grid_; }
    const pico_layout &layout() const { return file_.layout; }
    uint32_t groups() const { return static_cast<uint32_t>(groups_.size()); }

    Group group(int64_t number) const {
        uint32_t stream = check_group(number, groups()), first = stream * file_.layout.tiles_per_stream;
        return {stream, first, std::min(grid_.grid.tiles - first, file_.layout.tiles_per_stream)};
    }

    size_t encode_group(int64_t number, nb::object z, nb::object y) {
        const Group g = group(number);
        const pico_model_info &info = model_->info();
        Tensors z_tensors = read_tensors(z, g.tiles, info.z_channels, info.z_side, "z");
        Tensors y_tensors = read_tensors(y, g.tiles, info.y_channels, info.y_side, "y");
        std::vector<uint8_t> coded;
        pico_fault fault{};
        pico_status status;
        {
            nb::gil_scoped_release released;
            size_t scratch_size = 0, capacity = 0, size = 0;
            status = pico_encode_memory(model_->get(), &file_.grid, &file_.layout, &scratch_size, &capacity);
            if (status == PICO_OK) {
                ScratchPool &pool = model_->scratch();
                const ScratchPool::Loan scratch(pool, scratch_size), out(pool, capacity);
                status = pico_encode_stream(model_->get(), &file_.grid, &file_.layout, file_.levels, g.stream,
                                            skip_, z_tensors.items.data(), y_tensors.items.data(),
                                            scratch.get(), scratch_size, out.get(), capacity, &size, &fault);
                if (status == PICO_OK) coded.assign(out.get(), out.get() + size);
            }
        }
        check(status, fault, &g);
        groups_[g.stream] = std::move(coded);
        return groups_[g.stream].size();
    }

    nb::bytes finish() {
        std::vector<pico_span> streams;
        for (size_t i = 0; i < groups_.size(); i++) {
            if (groups_[i].empty()) raise_argument("group " + std::to_string(i) + " was not encoded");
            streams.push_back({groups_[i].data(), groups_[i].size()});
        }
        file_.streams = streams.data();
        size_t size = 0, written = 0;
        pico_fault fault{};
        check(pico_file_size(&file_, &size, &fault), fault);
        // Written where it stays: as a copy it would be the longest part of what no thread shares.
        nb::object out = nb::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
        if (!out.is_valid()) nb::raise_python_error();
        auto *bytes = reinterpret_cast<uint8_t *>(PyBytes_AsString(out.ptr()));
        check(pico_file_write(model_->get(), &file_, bytes, size, &written, &fault), fault);
        return nb::borrow<nb::bytes>(out);
    }

  private:
    void read_chunks(nb::handle chunks) {
        for (nb::handle item : chunks) {
            nb::object type_object = item[0], payload_object = item[1];
            std::string type = nb::cast<std::string>(type_object);
            if (type.size() != 4)
                raise_argument("letters in the type of a chunk", static_cast<int64_t>(type.size()), 4);
            nb::bytes payload = nb::cast<nb::bytes>(payload_object);
            pico_chunk_source source{};
            std::memcpy(source.type, type.data(), 4);
            source.payload = {bytes_of(payload), payload.size()};
            chunk_payloads_.push_back(std::move(payload));
            chunks_.push_back(source);
        }
        file_.chunks = chunks_.data();
        file_.chunk_count = static_cast<uint32_t>(chunks_.size());
    }

    SharedModel model_;
    Grid grid_;
    std::vector<uint8_t> levels_;
    std::vector<nb::bytes> chunk_payloads_;
    std::vector<pico_chunk_source> chunks_;
    pico_file file_{};
    int skip_ = PICO_SKIP_AUTO;
    std::vector<std::vector<uint8_t>> groups_; // written under the GIL only
};

class Decoder {
  public:
    Decoder(std::shared_ptr<Model> model, nb::bytes data)
        : image(std::make_shared<const Image>(std::move(data))), model_(std::move(model)),
          grid((check_model(), Grid(model_, image->header.width, image->header.height))) {}

    uint32_t groups() const { return image->header.streams; }
    Group group(int64_t number) const { return image->group(check_group(number, groups())); }

    nb::object decode_group(int64_t number, const std::string &dtype) const {
        const Symbols symbols(*this, number, dtype);
        pico_fault fault{};
        pico_status status;
        {
            nb::gil_scoped_release released;
            const Scratch scratch(*model_);
            const pico_stream_job job = symbols.job(scratch);
            status = pico_decode_stream(model_->get(), bytes_of(image->data), image->data.size(),
                                        &image->header, job.stream, job.entry, job.z, job.y, job.scratch,
                                        job.scratch_size, &fault);
        }
        check(status, fault, &symbols.group);
        return symbols.arrays();
    }

    nb::object decode_groups(nb::object numbers, const std::string &dtype) const {
        std::vector<Symbols> all;
        for (nb::handle number : numbers) all.emplace_back(*this, nb::cast<int64_t>(number), dtype);
        std::vector<pico_stream_job> jobs(all.size());
        {
            nb::gil_scoped_release released;
            const Scratch scratch[PICO_MAX_TOGETHER] = {Scratch(*model_), Scratch(*model_), Scratch(*model_)};
            for (size_t i = 0, together = 0; i < jobs.size(); i += together) {
                // By two, and an odd one with the last two: alone it would be slower.
                const size_t left = jobs.size() - i;
                together = left == 3 ? 3 : std::min<size_t>(left, 2);
                for (size_t k = 0; k < together; k++) jobs[i + k] = all[i + k].job(scratch[k]);
                pico_decode_streams(model_->get(), bytes_of(image->data), image->data.size(), &image->header,
                                    &jobs[i], static_cast<uint32_t>(together));
            }
        }
        nb::list decoded;
        for (size_t i = 0; i < all.size(); i++) {
            check(jobs[i].status, jobs[i].fault, &all[i].group);
            decoded.append(all[i].arrays());
        }
        return decoded;
    }

    SharedImage image;

  private:
    // Memory for decoding one stream.
    struct Scratch {
        size_t size;
        ScratchPool::Loan memory;

        explicit Scratch(const Model &model) : size(needed(model)), memory(model.scratch(), size) {}
        static size_t needed(const Model &model) {
            size_t size = 0;
            pico_decode_memory(model.get(), &size);
            return size;
        }
    };

    // The arrays that a group is decoded to.
    struct Symbols {
        Group group;
        const pico_entry *entry;
        nb::object z, y;
        Tensors z_tensors, y_tensors;

        Symbols(const Decoder &decoder, int64_t number, const std::string &dtype)
            : group(decoder.group(number)), entry(&decoder.image->streams[group.stream]) {
            if (dtype != "int8" && dtype != "float16" && dtype != "float32") {
                raise_argument("dtype '" + dtype + "' is not int8, float16 or float32");
            }
            const pico_model_info &info = decoder.model_->info();
            z = new_array({group.tiles, info.z_channels, info.z_side, info.z_side}, dtype.c_str());
            y = new_array({group.tiles, info.y_channels, info.y_side, info.y_side}, dtype.c_str());
            z_tensors = tiles_of_array(z, group.tiles);
            y_tensors = tiles_of_array(y, group.tiles);
        }
        pico_stream_job job(const Scratch &scratch) const {
            pico_stream_job job{};
            job.stream = group.stream;
            job.entry = entry;
            job.z = z_tensors.items.data();
            job.y = y_tensors.items.data();
            job.scratch = scratch.memory.get();
            job.scratch_size = scratch.size;
            return job;
        }
        nb::object arrays() const { return nb::make_tuple(z, y); }
    };

    void check_model() const {
        pico_fault fault{};
        check(pico_model_check(model_->get(), bytes_of(image->data), &image->header, &fault), fault);
    }

    SharedModel model_;

  public:
    Grid grid;
};

static nb::object levels_of(const Image &image) {
    nb::object array = new_array({image.header.tiles}, "uint8");
    Buffer out(array, true, "output");
    for (uint32_t tile = 0; tile < image.header.tiles; tile++) {
        out.data()[tile] = pico_tile_level(bytes_of(image.data), &image.header, tile);
    }
    return array;
}

static void bind_image(nb::module_ &module) {
    nb::class_<Stream>(module, "Stream")
        .def_prop_ro("first_tile", [](const Stream &s) { return s.group.first_tile; })
        .def_prop_ro("tiles", [](const Stream &s) { return s.group.tiles; })
        .def_prop_ro("offset", [](const Stream &s) { return s.entry.offset; })
        .def_prop_ro("size", [](const Stream &s) { return s.entry.size; });
    nb::class_<Chunk>(module, "Chunk")
        .def_prop_ro("type", [](const Chunk &c) { return std::string(c.entry().type, 4); })
        .def_prop_ro("offset", [](const Chunk &c) { return c.entry().offset; })
        .def_prop_ro("size", [](const Chunk &c) { return c.entry().size; })
        .def_prop_ro("intact", &Chunk::intact)
        .def_prop_ro("data", [](const Chunk &c) {
            if (!c.intact()) return nb::bytes("", 0);
            return nb::bytes(bytes_of(c.image->data) + c.entry().offset, c.entry().size);
        });
    nb::class_<Image>(module, "Image")
        .def_prop_ro(
            "version",
            [](const Image &i) { return nb::make_tuple(i.header.version_major, i.header.version_minor); })
        .def_prop_ro(
            "entropy_fingerprint",
            [](const Image &i) { return nb::bytes(i.header.entropy_fingerprint, PICO_FINGERPRINT_SIZE); })
        .def_prop_ro(
            "pixel_fingerprint",
            [](const Image &i) { return nb::bytes(i.header.pixel_fingerprint, PICO_PIXEL_FINGERPRINT_SIZE); })
        .def_prop_ro("width", [](const Image &i) { return i.header.width; })
        .def_prop_ro("height", [](const Image &i) { return i.header.height; })
        .def_prop_ro("tile", [](const Image &i) { return i.header.payload + 2 * i.header.border; })
        .def_prop_ro("payload", [](const Image &i) { return i.header.payload; })
        .def_prop_ro("border", [](const Image &i) { return i.header.border; })
        .def_prop_ro("columns", [](const Image &i) { return i.header.columns; })
        .def_prop_ro("rows", [](const Image &i) { return i.header.rows; })
        .def_prop_ro("tiles", [](const Image &i) { return i.header.tiles; })
        .def_prop_ro("levels", &levels_of)
        .def_prop_ro("lanes", [](const Image &i) { return i.header.layout.lanes; })
        .def_prop_ro("tiles_per_stream", [](const Image &i) { return i.header.layout.tiles_per_stream; })
        .def_prop_ro("streams",
                     [](const Image &i) {
                         nb::list streams;
                         for (uint32_t s = 0; s < i.header.streams; s++)
                             streams.append(nb::cast(Stream{i.group(s), i.streams[s]}));
                         return streams;
                     })
        .def_prop_ro("chunks",
                     [](std::shared_ptr<Image> i) {
                         nb::list chunks;
                         for (uint32_t c = 0; c < i->header.chunks; c++) chunks.append(nb::cast(Chunk{i, c}));
                         return chunks;
                     })
        .def_prop_ro("header_size", [](const Image &i) { return i.header.header_size; })
        .def_prop_ro("header_crc", [](const Image &i) { return i.header.header_crc; });
    module.def(
        "parse", [](nb::bytes data) { return std::make_shared<Image>(std::move(data)); }, nb::arg("data"));
}

void bind_stream(nb::module_ &module) {
    bind_image(module);
    nb::class_<Encoder>(module, "Encoder")
        .def(nb::init<std::shared_ptr<Model>, int64_t, int64_t, nb::object, nb::bytes, nb::object, int64_t,
                      int64_t, nb::object>(),
             nb::arg("model"), nb::arg("width"), nb::arg("height"), nb::arg("levels"),
             nb::arg("pixel_fingerprint"), nb::kw_only(), nb::arg("chunks") = nb::tuple(),
             nb::arg("lanes") = 0, nb::arg("tiles_per_stream") = 0, nb::arg("skip").none() = nb::none())
        .def_prop_ro("grid", [](const Encoder &e) { return Grid(e.grid()); })
        .def_prop_ro("groups", &Encoder::groups)
        .def_prop_ro("lanes", [](const Encoder &e) { return e.layout().lanes; })
        .def_prop_ro("tiles_per_stream", [](const Encoder &e) { return e.layout().tiles_per_stream; })
        .def(
            "tiles_of",
            [](const Encoder &e, int64_t group) {
                Group g = e.group(group);
                return range(g.first_tile, g.tiles);
            },
            nb::arg("group"))
        .def("encode_group", &Encoder::encode_group, nb::arg("group"), nb::arg("z").none(), nb::arg("y").none())
        .def("finish", &Encoder::finish);
    nb::class_<Decoder>(module, "Decoder")
        .def(nb::init<std::shared_ptr<Model>, nb::bytes>(), nb::arg("model"), nb::arg("data"))
        .def_prop_ro("image", [](const Decoder &d) { return std::const_pointer_cast<Image>(d.image); })
        .def_prop_ro("grid", [](const Decoder &d) { return Grid(d.grid); })
        .def_prop_ro("groups", &Decoder::groups)
        .def(
            "tiles_of",
            [](const Decoder &d, int64_t group) {
                Group g = d.group(group);
                return range(g.first_tile, g.tiles);
            },
            nb::arg("group"))
        .def("decode_group", &Decoder::decode_group, nb::arg("group"), nb::arg("dtype") = "float32")
        .def("decode_groups", &Decoder::decode_groups, nb::arg("groups"), nb::arg("dtype") = "float32");
}

} // namespace binding
