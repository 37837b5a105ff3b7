"""The integer network: docs/bitstream.md, section 6."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.model import EntropyModel, Layer


def scale_indices(model: EntropyModel, z: NDArray[np.int8], level: int) -> NDArray[np.uint8]:
    """z int8 [Cz, h, w] of one tile (void elements 0) → scale index of every element of y, uint8
    [Cy, H, W]."""
    x = z.astype(np.int64)
    last = len(model.layers) - 1
    for number, layer in enumerate(model.layers):
        v = requantise(layer, sums(layer, x), level)
        if number < last:
            x = np.clip(v, 0, 255)
        else:
            bits = model.fraction_bits
            v = np.clip(v, 0, (len(model.y_tables) - 1) << bits)
            x = (v + ((1 << bits) >> 1)) >> bits
        x = upsample(layer, x)
    return x.astype(np.uint8)


def sums(layer: Layer, x: NDArray[np.int64]) -> NDArray[np.int64]:
    """The accumulators of a layer, int64 [out, h, w], checked to be within int32."""
    weight = layer.weight.astype(np.int64)
    channels, height, width = x.shape
    if layer.kind == "pointwise":
        acc = (weight @ x.reshape(channels, -1)).reshape(-1, height, width)
    else:
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        acc = np.zeros_like(x)
        for a in range(3):
            for b in range(3):
                acc += weight[:, a, b, None, None] * padded[:, a : a + height, b : b + width]
    assert np.abs(acc).max(initial=0) < 1 << 31, "the overflow proof does not hold"
    return acc


def requantise(layer: Layer, acc: NDArray[np.int64], level: int) -> NDArray[np.int64]:
    """``(acc·m + bias[level] + half) >> shift``; NumPy's >> is a floor shift."""
    half = (1 << layer.shift) >> 1
    multiplier = layer.multiplier.astype(np.int64)[:, None, None]
    bias = layer.bias[level].astype(np.int64)[:, None, None]
    v: NDArray[np.int64] = (acc * multiplier + bias + half) >> layer.shift
    return v


def upsample(layer: Layer, x: NDArray[np.int64]) -> NDArray[np.int64]:
    """Nearest neighbour, or shuffle in DCR order: ``out[c, F·i+a, F·j+b] = in[(a·F+b)·C + c, i,
    j]``."""
    f = layer.factor
    if layer.upsample == "nearest":
        return x.repeat(f, axis=1).repeat(f, axis=2)
    if layer.upsample == "shuffle":
        channels, height, width = x.shape
        blocks = x.reshape(f, f, channels // f**2, height, width)
        return blocks.transpose(2, 3, 0, 4, 1).reshape(-1, height * f, width * f)
    return x
