"""Pixels to tiles and back in the core, every kernel set that runs here.

    python benchmarks/pixels.py [--seconds 1]

A photo of 4032 × 3024 pixels in 48 tiles of 512 × 512, borders included; packed tensors of float32
and float16, planar (chw) and channels last (hwc). One thread, best of several runs, processor time
for the whole photo. Every set has to give the bytes of scalar.
"""

from __future__ import annotations

import argparse
import ctypes
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from library import SETS, LoadedModel, address, best, build
from network import make_model
from numpy.typing import NDArray

WIDTH, HEIGHT, SEED = 4032, 3024, 20261122
ELEMENTS = {"float16": (1, np.float16), "float32": (2, np.float32)}
"""Their numbers in pico.h."""
LAYOUTS = "chw", "hwc"


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    element: str
    layout: str
    kernels: str
    in_ms: float
    out_ms: float


class Pixels:
    """A photo and a tile for one kernel set."""

    def __init__(self, library: ctypes.CDLL, flags: int, element: str, layout: str) -> None:
        model = make_model("linear")
        self._library, self._loaded = library, LoadedModel(library, model, flags)
        self._number, dtype = ELEMENTS[element]
        self._layout = layout
        rng = np.random.default_rng(SEED)
        tile = model.geometry.tile
        self._source = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        self.cut = np.empty((3, tile, tile), dtype)
        self._decoded = rng.uniform(-0.05, 1.05, (3, tile, tile)).astype(dtype)
        self.written = np.empty_like(self._source)

    def _run(self, action: str, pixels: NDArray[np.uint8], tensor: NDArray[np.floating]) -> None:
        kind = self._number, self._layout == "hwc"
        function = getattr(self._library, action)
        pointers = address(pixels), address(tensor)
        if not function(self._loaded.pointer, WIDTH, HEIGHT, *kind, *pointers):
            raise RuntimeError(f"{action} failed")

    def run(self, way: str) -> None:
        """The whole photo ``in`` or ``out``; leaves the last tile, or the photo."""
        if way == "in":
            self._run("bench_from_pixels", self._source, self.cut)
        else:
            self._run("bench_to_pixels", self.written, self._decoded)


def lines(seconds: float) -> Iterator[Line]:
    """Every set and type; raises if one differs from scalar."""
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder), "model_bench.c")
        has = library.bench_cpu()
        for element, layout in product(ELEMENTS, LAYOUTS):
            reference: tuple[bytes, bytes] | None = None
            for kernels, flags in SETS.items():
                if flags & ~has:
                    print(f"{element} {layout} {kernels}: not on this CPU")
                    continue
                pixels = Pixels(library, flags, element, layout)
                times = {way: best(partial(pixels.run, way), seconds) for way in ("in", "out")}
                result = pixels.cut.tobytes(), pixels.written.tobytes()
                if reference is None:
                    reference = result
                if result != reference:
                    raise RuntimeError(f"{kernels} differs from scalar")
                yield Line(element, layout, kernels, 1e3 * times["in"], 1e3 * times["out"])


def report(seconds: float = 1.0) -> None:
    """Print the table."""
    print(f"Pixels, one thread, {WIDTH} x {HEIGHT}")
    print("               kernels    in ms   out ms")
    for line in lines(seconds):
        names = f"{line.element:<10}{line.layout:<5}{line.kernels:<8}"
        print(f"{names}{line.in_ms:>8.2f}{line.out_ms:>9.2f}", flush=True)


def main() -> None:
    """Print the table alone."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    report(parser.parse_args().seconds)


if __name__ == "__main__":
    main()
