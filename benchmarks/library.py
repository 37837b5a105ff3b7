"""What the benchmarks of the core share: building it with a benchmark's C file, and a stopwatch."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.serialise import to_bytes

ROOT = Path(__file__).resolve().parents[1]
SETS = {"scalar": 0, "sse41": 1, "avx2": 3, "avx512": 7}
"""Kernel sets of this architecture and the CPU flags that select them, the fastest last."""


def build(folder: Path, source: str) -> ctypes.CDLL:
    """The core and ``benchmarks/<source>`` as a shared library, with the flags of a release."""
    library = folder / Path(source).with_suffix(".so").name
    core = ROOT / "core"
    flags = ["-std=c11", "-O3", "-ffreestanding", "-fno-tree-loop-distribute-patterns"]
    flags += ["-fPIC", "-shared", "-fvisibility=hidden"]
    include = ["-I", str(core / "include"), "-I", str(core / "src")]
    sources = [str(p) for p in sorted(core.glob("src/**/*.c"))]
    bench = str(ROOT / "benchmarks" / source)
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, *flags, *include, "-o", str(library), bench, *sources], check=True)
    return ctypes.CDLL(str(library))


def address(array: NDArray[np.generic]) -> ctypes.c_void_p:
    """Where an array's data is."""
    return ctypes.c_void_p(array.ctypes.data)


def timed(action: Callable[[], object], seconds: float) -> list[float]:
    """Processor times of runs in seconds, the shortest first; at least one run."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.thread_time()
        action()
        times.append(time.thread_time() - start)
    return sorted(times)


def best(action: Callable[[], object], seconds: float) -> float:
    """Shortest processor time, which other load disturbs least."""
    return timed(action, seconds)[0]


class LoadedModel:
    """An entropy model in the memory of the core with ``model_bench.c``, for one kernel set."""

    def __init__(self, library: ctypes.CDLL, model: EntropyModel, flags: int) -> None:
        data = to_bytes(model)
        length = ctypes.c_size_t(len(data))
        library.bench_model_size.restype = ctypes.c_size_t
        size = library.bench_model_size(data, length)
        self._memory = np.empty(size, np.uint8)
        library.bench_model.restype = ctypes.c_void_p
        self.pointer = ctypes.c_void_p(
            library.bench_model(data, length, flags, address(self._memory), ctypes.c_size_t(size))
        )
        if not self.pointer:
            raise RuntimeError("the core does not load the model")
