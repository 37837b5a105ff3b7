"""The core as a WebAssembly module: what core/wasm/build.py makes stands alone and decodes."""

from __future__ import annotations

import importlib.util
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from coded_image import Coded

BUILD = Path(__file__).resolve().parents[2] / "core/wasm/build.py"
PAGE = 1 << 16
CLANG = ["clang-19"]
ZIG = [sys.executable, "-m", "ziglang", "cc"]
TILES_AT, STREAMS_AT, ENTRY_SIZE = 56, 68, 24  # pico_image and pico_entry on wasm32


def built(folder: Path, compiler: list[str], *options: str) -> Path:
    """A module; skips the test if the compiler is not here."""
    if compiler is CLANG and not (shutil.which("clang-19") and shutil.which("wasm-ld-19")):
        pytest.skip("clang-19 with lld-19 is not installed (packages: .ci/apt-packages.txt)")
    if compiler is ZIG and importlib.util.find_spec("ziglang") is None:
        pytest.skip("the Python package ziglang is not installed")
    out = folder / "pico.wasm"
    command = [sys.executable, str(BUILD), str(out), "--compiler", " ".join(compiler), *options]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return out


class Instance:
    """A module under wasmtime, with the simplest of allocators on its memory."""

    def __init__(self, path: Path) -> None:
        wasmtime = pytest.importorskip("wasmtime")
        engine = wasmtime.Engine()
        module = wasmtime.Module.from_file(engine, str(path))
        self.imports = [f"{i.module}.{i.name}" for i in module.imports]
        self.exports = {e.name for e in module.exports}
        self.store = wasmtime.Store(engine)
        self.all = wasmtime.Instance(self.store, module, []).exports(self.store)
        self.memory = self.all["memory"]
        self.free = self.all["__heap_base"].value(self.store)

    def room(self, size: int) -> int:
        """An address of so many bytes, 64 bytes aligned; memory grows as it has to."""
        at = -(-self.free // 64) * 64
        self.free = at + size
        missing = self.free - self.memory.data_len(self.store)
        if missing > 0:
            self.memory.grow(self.store, -(-missing // PAGE))
        return at

    def put(self, data: bytes) -> int:
        at = self.room(len(data))
        self.memory.write(self.store, data, at)
        return at

    def get(self, at: int, size: int) -> bytes:
        return bytes(self.memory.read(self.store, at, at + size))

    def u32(self, at: int) -> int:
        return int(struct.unpack("<I", self.get(at, 4))[0])

    def call(self, name: str, *arguments: int) -> int:
        return int(self.all[name](self.store, *arguments))

    def good(self, name: str, *arguments: int) -> None:
        assert self.call(name, *arguments) == 0, name

    def kernels(self) -> str:
        name = self.call("pico_kernels_name", self.call("pico_wasm_cpu_flags"))
        return self.get(name, 16).split(b"\0")[0].decode()

    def decode(self, coded: Coded) -> tuple[np.ndarray, np.ndarray]:
        """All symbols of a file, as a caller in JavaScript would get them."""
        source, data = self.put(coded.entropy_bin), self.put(coded.data)
        size, flags = self.room(4), self.call("pico_wasm_cpu_flags")
        self.good("pico_model_memory", source, len(coded.entropy_bin), size, 0)
        memory, model_at = self.room(self.u32(size)), self.room(4)
        arguments = source, len(coded.entropy_bin), flags, memory, self.u32(size), model_at, 0
        self.good("pico_model_init", *arguments)
        model, image = self.u32(model_at), self.room(256)
        self.good("pico_parse", data, len(coded.data), image, 0)
        tiles, streams = self.u32(image + TILES_AT), self.u32(image + STREAMS_AT)
        chunks, entries = self.room(64 * ENTRY_SIZE), self.room(streams * ENTRY_SIZE)
        self.good("pico_directory", data, len(coded.data), image, chunks, entries)
        self.good("pico_decode_memory", model, size)
        scratch_size = self.u32(size)
        scratch = self.room(scratch_size)
        planes, tensors = [], []
        for expected in (coded.symbols.z, coded.symbols.y):
            _, channels, side, _ = expected.shape
            bytes_of_tile = channels * side * side
            planes.append(self.room(tiles * bytes_of_tile))
            int8 = 0
            tensors.append(
                [(planes[-1] + t * bytes_of_tile, int8, side * side, side, 1) for t in range(tiles)]
            )
        per_stream = -(-tiles // streams)
        for stream in range(streams):
            part = slice(stream * per_stream, (stream + 1) * per_stream)
            z, y = (
                self.put(b"".join(struct.pack("<IIiii", *t) for t in ts[part])) for ts in tensors
            )
            entry = entries + stream * ENTRY_SIZE
            where = model, data, len(coded.data), image, stream, entry
            self.good("pico_decode_stream", *where, z, y, scratch, scratch_size, 0)
        shapes = coded.symbols.z.shape, coded.symbols.y.shape
        z_all, y_all = (
            np.frombuffer(self.get(at, int(np.prod(shape))), np.int8).reshape(shape)
            for at, shape in zip(planes, shapes, strict=True)
        )
        return z_all, y_all


@pytest.mark.parametrize("compiler", [CLANG, ZIG], ids=["clang", "zig"])
def test_the_module_imports_nothing_and_decodes_what_this_machine_coded(
    compiler: list[str], coded: Coded, tmp_path: Path
) -> None:
    instance = Instance(built(tmp_path, compiler))
    assert instance.imports == []
    assert {"memory", "__heap_base", "pico_decode_stream"} <= instance.exports
    assert instance.kernels() == "wasm_simd"
    z, y = instance.decode(coded)
    assert np.array_equal(z, coded.symbols.z) and np.array_equal(y, coded.symbols.y)


def test_a_module_for_old_engines_has_the_scalar_kernels_and_decodes_the_same(
    coded: Coded, tmp_path: Path
) -> None:
    instance = Instance(built(tmp_path, CLANG, "--scalar"))
    assert instance.kernels() == "scalar"
    z, y = instance.decode(coded)
    assert np.array_equal(z, coded.symbols.z) and np.array_equal(y, coded.symbols.y)
