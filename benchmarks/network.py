"""The integer network of the core, every kernel set that runs here.

    python benchmarks/network.py [--seconds 1] [--tiles 8] [--layers]

Two networks of the shape of `pico-s` with random weights that never change: `conv`, 72 channels
wide, and `linear`, from 96 channels of z to 256 of y. One thread, processor time, best of several
runs of a few tiles each, so that other load leaves gaps; in ms for the 48 tiles of 12 megapixels.
GMAC/s are 10⁹ products and sums of int8 a second, of the whole network and of its 1×1 layers alone.
Every set has to give the bytes of scalar.
"""

from __future__ import annotations

import argparse
import ctypes
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from library import SETS, LoadedModel, address, best, build
from numpy.typing import NDArray

from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.model import EntropyModel, Geometry, Layer, ZTables
from pico_deploy.entropy.quantise import FloatLayer, quantise

SEED, PHOTO_TILES = 20261122, 48
Z_CHANNELS, Y_CHANNELS, HIDDEN, LEVELS, LEVEL = 96, 256, 72, 2, 1
GEOMETRY = Geometry(504, 4, 16, 64, Y_CHANNELS, Z_CHANNELS, LEVELS)
ACTIVATION_MAXIMA = (18.0, 28.0, 53.0, 83.0)
"""As calibration found them for the first `pico-s`."""
Shape = Literal["conv", "linear"]


@dataclass(frozen=True)
class Work:
    """A layer, and what it takes for one tile."""

    layer: Layer
    side: int
    products: int


@dataclass(frozen=True)
class Line:
    """One line of the table; times in ms for a photo."""

    shape: Shape
    kernels: str
    whole_ms: float
    pointwise_gmac_s: float
    whole_gmac_s: float
    depthwise_ms: float
    upsampling_ms: float


def make_model(shape: Shape) -> EntropyModel:
    """Random float weights, quantised; raises if int32 is not enough for a layer."""
    rng = np.random.default_rng(SEED)

    def bias(outputs: int, level: float) -> NDArray[np.float64]:
        return rng.standard_normal((LEVELS, outputs)) * 0.5 + level

    def pointwise(inputs: int, outputs: int, factor: int, gain: float, level: float) -> FloatLayer:
        weight = rng.standard_normal((outputs, inputs)) * gain / np.sqrt(inputs)
        upsample: Literal["shuffle", "none"] = "shuffle" if factor > 1 else "none"
        return FloatLayer("pointwise", weight, bias(outputs, level), upsample, factor)

    def depthwise() -> FloatLayer:
        weight = rng.standard_normal((HIDDEN, 3, 3)) / 3
        return FloatLayer("depthwise3x3", weight, bias(HIDDEN, 0.1))

    if shape == "conv":
        layers = [
            pointwise(Z_CHANNELS, 4 * HIDDEN, 2, 1.4, 0.1),
            depthwise(),
            pointwise(HIDDEN, 4 * HIDDEN, 2, 1.4, 0.1),
            depthwise(),
            pointwise(HIDDEN, Y_CHANNELS, 1, 4.0, 12.0),
        ]
        maxima: tuple[float, ...] = ACTIVATION_MAXIMA
    else:
        layers = [pointwise(Z_CHANNELS, 16 * Y_CHANNELS, 4, 5.0, 12.0)]
        maxima = ()
    integer = quantise(layers, maxima, GEOMETRY.z_max)
    if any(layer.wide for layer in integer):
        raise RuntimeError(f"{shape} has a layer that int32 cannot hold")
    z_tables = ZTables(
        rows=standard_tables()[:1],
        anchor_of_level=np.zeros(LEVELS, np.uint8),
        row=np.zeros((1, 1, Z_CHANNELS), np.uint8),
    )
    return EntropyModel(GEOMETRY, integer, 4, standard_tables(), z_tables)


def work_of(model: EntropyModel) -> tuple[Work, ...]:
    """The layers with their sizes."""
    side, work = model.geometry.z_side, []
    for layer in model.layers:
        work.append(Work(layer, side, layer.weight.size * side**2))
        side *= layer.factor
    return tuple(work)


class Network:
    """A model loaded for one kernel set."""

    def __init__(self, library: ctypes.CDLL, model: EntropyModel, flags: int, tiles: int) -> None:
        self._library, self._tiles = library, tiles
        self._loaded = LoadedModel(library, model, flags)
        self._model = self._loaded.pointer
        rng = np.random.default_rng(SEED + 1)
        g = model.geometry
        spread = np.rint(rng.standard_normal((tiles, g.z_channels, g.z_side, g.z_side)) * 3)
        self._z = np.clip(spread, -g.z_max, g.z_max).astype(np.int8)
        self.index = np.empty((tiles, g.y_channels, g.y_side, g.y_side), np.uint8)
        library.bench_activation_size.restype = ctypes.c_size_t
        activation = library.bench_activation_size(self._model)
        self._buffer = rng.integers(0, 256, 2 * activation, np.uint8)
        self._in, self._out = self._buffer[:activation], self._buffer[activation:]

    def run(self) -> None:
        """All tiles through all layers."""
        self._library.bench_network(
            self._model, LEVEL, self._tiles, *map(address, (self._z, self.index, self._buffer))
        )

    def run_layer(self, number: int) -> None:
        """All tiles through one layer, without its upsampling."""
        pointers = address(self._in), address(self._out)
        self._library.bench_layer(self._model, number, self._tiles, *pointers)

    def run_upsample(self, number: int) -> None:
        """The upsampling after a layer, for all tiles."""
        pointers = address(self._in), address(self._out)
        self._library.bench_upsample(self._model, number, self._tiles, *pointers)


def measure(
    shape: Shape, kernels: str, model: EntropyModel, network: Network, tiles: int, seconds: float
) -> tuple[Line, list[float]]:
    """Time everything; also the seconds of each layer for these tiles."""
    work = work_of(model)
    photo_ms = 1e3 * PHOTO_TILES / tiles
    whole = best(network.run, seconds)
    layers = [best(partial(network.run_layer, n), seconds / len(work)) for n in range(len(work))]
    upsampling = sum(
        best(partial(network.run_upsample, n), seconds / 8)
        for n, w in enumerate(work)
        if w.layer.upsample != "none"
    )
    pointwise = [n for n, w in enumerate(work) if w.layer.kind == "pointwise"]
    products = tiles * sum(w.products for w in work)
    line = Line(
        shape=shape,
        kernels=kernels,
        whole_ms=photo_ms * whole,
        pointwise_gmac_s=tiles
        * sum(work[n].products for n in pointwise)
        / sum(layers[n] for n in pointwise)
        / 1e9,
        whole_gmac_s=products / whole / 1e9,
        depthwise_ms=photo_ms * sum(t for n, t in enumerate(layers) if n not in pointwise),
        upsampling_ms=photo_ms * upsampling,
    )
    return line, layers


def lines(tiles: int, seconds: float, show_layers: bool) -> Iterator[Line]:
    """Every set of every shape; raises if one differs from scalar."""
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder), "model_bench.c")
        has = library.bench_cpu()
        for shape in ("conv", "linear"):
            model = make_model(shape)
            products = sum(w.products for w in work_of(model))
            print(f"{shape}: {products / 1e6:.1f} MMAC a tile")
            reference: NDArray[np.uint8] | None = None
            for kernels, flags in SETS.items():
                if flags & ~has:
                    print(f"{shape:<8}{kernels}: not on this CPU")
                    continue
                network = Network(library, model, flags, tiles)
                network.run()
                if reference is None:
                    reference = network.index.copy()
                    if len(np.unique(reference)) < 16:
                        raise RuntimeError("the indices are nearly constant")
                if not np.array_equal(reference, network.index):
                    raise RuntimeError(f"{kernels} differs from scalar")
                line, layers = measure(shape, kernels, model, network, tiles, seconds)
                if show_layers:
                    for w, t in zip(work_of(model), layers, strict=True):
                        print(
                            f"    {w.layer.kind:<13}{1e3 * PHOTO_TILES / tiles * t:8.2f} ms", end=""
                        )
                        print(f"{tiles * w.products / t / 1e9:8.1f} GMAC/s")
                yield line


def report(tiles: int = 8, seconds: float = 1.0, show_layers: bool = False) -> None:
    """Print the table."""
    print(f"Integer network, one thread, {PHOTO_TILES} tiles")
    print("        kernels   all ms   GMAC/s   1x1 GMAC/s   depthwise ms   upsampling ms")
    for line in lines(tiles, seconds, show_layers):
        print(
            f"{line.shape:<8}{line.kernels:<8}{line.whole_ms:>8.2f}{line.whole_gmac_s:>9.1f}"
            f"{line.pointwise_gmac_s:>13.1f}{line.depthwise_ms:>15.2f}{line.upsampling_ms:>16.2f}",
            flush=True,
        )


def main() -> None:
    """Print the table alone."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    parser.add_argument("--tiles", type=int, default=8, help="a run")
    parser.add_argument("--layers", action="store_true", help="each layer, too")
    options = parser.parse_args()
    report(options.tiles, options.seconds, options.layers)


if __name__ == "__main__":
    main()
