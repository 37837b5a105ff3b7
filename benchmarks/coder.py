"""The entropy coder of the core over given indices, through ctypes: ``core_bench.c``."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from library import address, build
from numpy.typing import NDArray
from workload import Workload

from pico_deploy.entropy.gaussian import standard_tables

AUTO, OFF = -1, 0
EXPAND_PADDING = 64


class Job(ctypes.Structure):
    """As in core_bench.c."""

    _fields_ = [
        ("cpu_flags", ctypes.c_uint32),
        ("lanes", ctypes.c_uint32),
        ("tiles", ctypes.c_uint32),
        ("skip", ctypes.c_int32),
        ("tile_size", ctypes.c_uint64),
        ("active_index", ctypes.c_void_p),
        ("active_values", ctypes.c_void_p),
        ("entries", ctypes.c_void_p),
        ("words", ctypes.c_void_p),
        ("escapes", ctypes.c_void_p),
    ]


class Source(ctypes.Structure):
    """As in core_bench.c."""

    _fields_ = [
        ("stream", ctypes.c_char_p),
        ("index", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("active_index", ctypes.c_void_p),
        ("active_values", ctypes.c_void_p),
    ]


def load(folder: Path) -> ctypes.CDLL:
    """Build and load the core with ``core_bench.c``."""
    library = build(folder, "core_bench.c")
    library.bench_size.restype = ctypes.c_size_t
    library.bench_encode.restype = ctypes.c_size_t
    library.bench_together.restype = ctypes.c_uint32
    return library


def standard_frequencies() -> NDArray[np.uint16]:
    """Every standard table after its length, uint16, as ``bench_init`` reads them."""
    return np.concatenate([np.concatenate([[len(t)], t]) for t in standard_tables()]).astype("<u2")


class Coder:
    """Encodes and decodes a workload in groups of tiles."""

    tiles = 48

    def __init__(self, library: ctypes.CDLL, flags: int, lanes: int, group: int, skip: int) -> None:
        self.library, self.flags, self.lanes = library, flags, lanes
        self.group, self.skip = group, skip
        frequencies = standard_frequencies()
        self.tables = np.empty(library.bench_size(), np.uint8)
        library.bench_init(address(self.tables), address(frequencies), len(standard_tables()))

    def prepare(self, workload: Workload) -> None:
        """Room for working, as a caller of the library would keep it from image to image."""
        size = workload.index.shape[1]
        self.buffers = (
            np.empty(size, np.uint8),
            np.zeros(size + EXPAND_PADDING, np.int8),
            np.empty(self.group * size, np.uint32),
            np.empty(2 * self.group * size, np.uint8),
            np.empty(self.group * size, np.uint8),
        )
        self.stream = np.empty(6 * self.group * size + 1024, np.uint8)
        self.out = np.empty_like(workload.symbols)
        self.together = self.library.bench_together(self.flags)
        self.active = [
            (np.empty(size, np.uint8), np.zeros(size + EXPAND_PADDING, np.int8))
            for _ in range(self.together)
        ]

    def job(self, tiles: int, size: int) -> Job:
        """A group of `tiles` tiles."""
        pointers = [b.ctypes.data for b in self.buffers]
        return Job(self.flags, self.lanes, tiles, self.skip, size, *pointers)

    def encode(self, workload: Workload) -> list[bytes]:
        """One bytes object a stream."""
        streams = []
        tiles, size = workload.index.shape
        for first in range(0, tiles, self.group):
            job = self.job(min(self.group, tiles - first), size)
            length = self.library.bench_encode(
                address(self.tables),
                ctypes.byref(job),
                address(workload.index[first:]),
                address(workload.symbols[first:]),
                address(self.stream),
            )
            streams.append(self.stream[:length].tobytes())
        return streams

    def decode(self, workload: Workload, streams: list[bytes]) -> NDArray[np.int8]:
        """The symbols, from the streams and the indices."""
        tiles, size = workload.index.shape
        number = 0
        while number < len(streams):
            first = number * self.group
            job = self.job(min(self.group, tiles - first), size)
            # Those that are decoded at once here have as many tiles.
            count = min(self.together, (tiles - first) // self.group or 1)
            sources = (Source * count)()
            for i, (index, values) in enumerate(self.active[:count]):
                at = first + i * self.group
                sources[i] = Source(
                    streams[number + i],
                    workload.index[at:].ctypes.data,
                    self.out[at:].ctypes.data,
                    index.ctypes.data,
                    values.ctypes.data,
                )
            good = self.library.bench_decode(
                address(self.tables), ctypes.byref(job), sources, ctypes.c_uint32(count)
            )
            if not good:
                raise RuntimeError(f"stream {number} or the next did not decode")
            number += count
        return self.out
