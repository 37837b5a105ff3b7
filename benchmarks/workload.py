"""Symbols and scale indices of a 12 MP photo, synthetic and repeatable: workloads for the core.

48 tiles of 192 channels of 32 x 32 elements. A scale is the sum, in the logarithm, of the channel's
gain, the tile's activity, a texture field and noise; symbols are normally distributed with it, and
two in 100,000 are outliers that no Gaussian explains.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TILES, CHANNELS, SIDE = 48, 192, 32
SCALES = np.exp(np.linspace(math.log(0.11), math.log(20.0), 64))
SEED = 20261122
OUTLIERS = 2e-5
LARGEST = 127

WORKLOADS = {"A": (-2.35, 381_449), "B": (-0.9, 1_418_746)}
"""Mean of the log scale, and the ideal size in bytes, which a generated workload has to have."""


@dataclass(frozen=True)
class Workload:
    """index uint8 and symbols int8, both [tiles, channels * side * side]; ideal size in bytes."""

    index: NDArray[np.uint8]
    symbols: NDArray[np.int8]
    ideal_bytes: float

    def first(self, tiles: int) -> Workload:
        """Its first tiles alone."""
        index, symbols = self.index[:tiles], self.symbols[:tiles]
        return Workload(index, symbols, ideal_bytes(index, symbols))


def _fields(rng: np.random.Generator, count: int, slope: float) -> NDArray[np.float64]:
    """Noise with a power spectrum that falls with frequency, normalised."""
    rows, columns = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]
    amplitude = 1 / np.maximum(np.sqrt(rows**2 + columns**2), 1 / SIDE) ** slope
    white = np.fft.rfft2(rng.standard_normal((count, SIDE, SIDE)))
    field = np.fft.irfft2(white * amplitude, s=(SIDE, SIDE))
    field -= field.mean((1, 2), keepdims=True)
    field /= field.std((1, 2), keepdims=True)
    return field


def _bits_of_values() -> NDArray[np.float64]:
    """[scale, value + 127]: what the exact Gaussian takes; an outlier at most 28 bits."""
    values = np.abs(np.arange(-LARGEST, LARGEST + 1))
    erfc = np.vectorize(math.erfc)
    bits = np.empty((len(SCALES), len(values)))
    for row, scale in enumerate(SCALES):
        unit = 1 / (scale * math.sqrt(2))
        pmf = 0.5 * (erfc((values - 0.5) * unit) - erfc((values + 0.5) * unit))
        bits[row] = -np.log2(np.maximum(pmf, 2.0**-28))
    return bits


def ideal_bytes(index: NDArray[np.uint8], symbols: NDArray[np.integer]) -> float:
    """What the symbols take under the exact Gaussians of their indices."""
    histogram = np.bincount((index * np.int64(2 * LARGEST + 1) + symbols + LARGEST).ravel())
    return float(histogram @ _bits_of_values().ravel()[: len(histogram)]) / 8


def make_workload(name: str) -> Workload:
    """Workload A (0.24 bpp) or B (0.90 bpp); raises if its size is not the ideal one."""
    mean, ideal = WORKLOADS[name]
    rng = np.random.default_rng(SEED)
    activity = rng.standard_normal(TILES) * 0.5
    gain = np.sort(rng.standard_normal(CHANNELS))[::-1] * 1.05
    rng.shuffle(gain)
    shared = _fields(rng, TILES, 1.2)
    log_scale = np.empty((TILES, CHANNELS, SIDE, SIDE), np.float32)
    for tile in range(TILES):
        own = _fields(rng, CHANNELS, 0.8)
        noise = rng.standard_normal((CHANNELS, SIDE, SIDE))
        base = mean + gain[:, None, None] + activity[tile] + 0.75 * shared[tile][None]
        log_scale[tile] = base + 0.45 * own + 0.25 * noise
    scale = np.clip(np.exp(log_scale.ravel().astype(np.float64)), SCALES[0], SCALES[-1])
    step = (math.log(SCALES[-1]) - math.log(SCALES[0])) / (len(SCALES) - 1)
    nearest = np.rint((np.log(scale) - math.log(SCALES[0])) / step)
    index = np.clip(nearest, 0, len(SCALES) - 1).astype(np.uint8)
    symbols = np.rint(rng.standard_normal(scale.size) * scale).astype(np.int32)
    outlier = rng.random(scale.size) < OUTLIERS
    symbols[outlier] += rng.integers(-60, 61, outlier.sum())
    symbols = np.clip(symbols, -LARGEST, LARGEST)

    size = ideal_bytes(index, symbols)
    if round(size) != ideal:
        raise RuntimeError(f"workload {name} has {size:.1f} ideal bytes, not {ideal}")
    shape = (TILES, CHANNELS * SIDE * SIDE)
    return Workload(index.reshape(shape), symbols.astype(np.int8).reshape(shape), size)
