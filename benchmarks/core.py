"""The entropy coder of the core, every kernel set that runs here, beside its peers; then its
integer network and its pixels.

    python benchmarks/core.py [--workload A B] [--seconds 1] [--json FILE]

MSym/s count all 9,437,184 symbols of the image, skipped ones too; one thread, best of several runs,
processor time of the whole Python call with arrays in and bytes out, copies included. Every decode
is compared with what was encoded. Peers are timed in the same run if they are installed.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import platform
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import network
import numpy as np
import pixels
from library import SETS, address, best, build
from numpy.typing import NDArray
from peers import PEERS, Peer
from workload import WORKLOADS, Workload, make_workload

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


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    workload: str
    coder: str
    skip: bool
    streams: int
    lanes: int
    encode_msym_s: float
    decode_msym_s: float
    bytes: int
    overhead_percent: float


class Coder:
    """Encodes and decodes a workload in groups of tiles."""

    def __init__(self, library: ctypes.CDLL, flags: int, lanes: int, group: int, skip: int) -> None:
        self.library, self.flags, self.lanes = library, flags, lanes
        self.group, self.skip = group, skip
        frequencies = np.concatenate(
            [np.concatenate([[len(t)], t]) for t in standard_tables()]
        ).astype("<u2")
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
        out = self.out
        tiles, size = workload.index.shape
        for number, stream in enumerate(streams):
            first = number * self.group
            job = self.job(min(self.group, tiles - first), size)
            good = self.library.bench_decode(
                address(self.tables),
                ctypes.byref(job),
                stream,
                address(workload.index[first:]),
                address(out[first:]),
            )
            if not good:
                raise RuntimeError(f"stream {number} did not decode")
        return out


def measure(
    name: str, workload: Workload, coder_name: str, coder: Coder | Peer, seconds: float
) -> Line:
    """Encode, check the round trip, time both."""
    coder.prepare(workload)
    streams = coder.encode(workload)
    if not np.array_equal(coder.decode(workload, streams), workload.symbols):
        raise RuntimeError(f"{coder_name} did not give the symbols back")
    count = workload.symbols.size / 1e6
    size = sum(len(s) for s in streams)
    return Line(
        workload=name,
        coder=coder_name,
        skip=getattr(coder, "skip", OFF) != OFF,
        streams=len(streams),
        lanes=getattr(coder, "lanes", 1),
        encode_msym_s=count / best(lambda: coder.encode(workload), seconds),
        decode_msym_s=count / best(lambda: coder.decode(workload, streams), seconds),
        bytes=size,
        overhead_percent=100 * (size / workload.ideal_bytes - 1),
    )


def show(line: Line) -> None:
    """One row of text."""
    print(
        f"{line.workload}  {line.coder:<14} {'skip' if line.skip else '-':<5}"
        f"{line.streams:>3} x {line.lanes:<3} {line.encode_msym_s:>8.0f} {line.decode_msym_s:>8.0f}"
        f" {line.bytes:>10,} {line.overhead_percent:>+8.3f} %",
        flush=True,
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    parser.add_argument("--group", type=int, default=8, help="tiles a stream")
    parser.add_argument("--lanes", type=int, default=32, choices=[4, 16, 32])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, one thread; MSym/s of a whole Python call"
    )
    print("   coder          skip  streams    encode   decode      bytes   above ideal")
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder), "core_bench.c")
        library.bench_size.restype = ctypes.c_size_t
        library.bench_encode.restype = ctypes.c_size_t
        has = library.bench_cpu()
        for name in options.workload:
            workload = make_workload(name)
            for kernels, flags in SETS.items():
                if flags & ~has:
                    print(f"{name}  {kernels}: not on this CPU")
                    continue
                for skip in (AUTO, OFF):
                    coder = Coder(library, flags, options.lanes, options.group, skip)
                    lines.append(measure(name, workload, kernels, coder, options.seconds))
                    show(lines[-1])
            whole = Coder(library, has, options.lanes, len(workload.index), AUTO)
            lines.append(measure(name, workload, "one stream", whole, options.seconds))
            show(lines[-1])
            ours = lines[-3]  # the best set
            for peer_name, peer in PEERS.items():
                if options.no_peers:
                    break
                made = peer()
                if made is None:
                    print(f"{name}  {peer_name}: not installed")
                    continue
                line = measure(name, workload, peer_name, made, 0)
                lines.append(line)
                show(line)
                encode = ours.encode_msym_s / line.encode_msym_s
                decode = ours.decode_msym_s / line.decode_msym_s
                print(
                    f"   {ours.coder} with skip: {encode:.0f} x to encode, {decode:.0f} x to decode"
                )
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(line) for line in lines], indent=1) + "\n")
    network.report(seconds=options.seconds)
    pixels.report(seconds=options.seconds)


if __name__ == "__main__":
    main()
