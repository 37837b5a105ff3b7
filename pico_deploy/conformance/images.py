"""Test images that need no file: the same bytes on every machine and with every version of NumPy.

Made from integers only, with the frozen legacy generator ``RandomState``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class TestImage:
    """A named picture, ``uint8 [H, W, 3]``."""

    name: str
    pixels: Pixels

    # not a test class, whatever its name looks like to a collector
    __test__ = False


def flat(height: int, width: int) -> Pixels:
    """One colour: the least there is to code."""
    return np.broadcast_to(np.array([201, 120, 37], np.uint8), (height, width, 3)).copy()


def noise(height: int, width: int, seed: int = 1) -> Pixels:
    """Independent samples: the most there is to code, and the largest symbols."""
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


def photo_like(height: int, width: int, seed: int = 2) -> Pixels:
    """Octaves of smooth noise whose amplitudes fall like a photo's, colour that changes slowly,
    hard edges.
    """
    random = np.random.RandomState(seed)
    luma = np.full((height, width), 128 << 8, np.int32)
    for octave in range(8):
        luma += _smooth(random, height, width, max(2, 256 >> octave)) << 7 - octave
    value = np.empty((height, width, 3), np.int32)
    for channel in range(3):
        value[..., channel] = (luma + 40 * _smooth(random, height, width, 192)) >> 8
    for _ in range(6):
        row, column, radius = (int(v) for v in random.randint(0, [height, width, 160]))
        top, left = max(0, row - radius), max(0, column - radius)
        region = value[top : row + radius + 1, left : column + radius + 1]
        rows, columns = np.ogrid[top : top + region.shape[0], left : left + region.shape[1]]
        region[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] += random.randint(
            -70, 70, 3
        )
    return np.clip(value, 0, 255).astype(np.uint8)


def text_like(height: int, width: int, seed: int = 3) -> Pixels:
    """Lines of dark strokes on a light page: sharp, sparse, and flat in between."""
    random = np.random.RandomState(seed)
    page = np.full((height, width, 3), 244, np.uint8)
    for top in range(6, height - 10, 16):
        left = 6
        while left < width - 10:
            ink = random.randint(0, 70, 3)
            for _ in range(random.randint(1, 4)):
                row, column, length = (int(v) for v in random.randint([0, 0, 3], [8, 6, 9]))
                if random.randint(2):
                    page[top + row : top + row + 2, left : left + length] = ink
                else:
                    page[top : top + length, left + column : left + column + 2] = ink
            left += 9 if random.randint(6) else 18
    return page


def _smooth(
    random: np.random.RandomState, height: int, width: int, period: int
) -> NDArray[np.int32]:
    """Bilinear interpolation, in integers, of a grid of integers −256…256."""
    grid = random.randint(-256, 257, (height // period + 2, width // period + 2)).astype(np.int32)
    row, column = np.arange(height), np.arange(width)
    i, j = row // period, column // period
    a, b = (row % period).astype(np.int32)[:, None], (column % period).astype(np.int32)
    lines = grid[i] * (period - a) + grid[i + 1] * a
    scaled: NDArray[np.int32] = lines[:, j] * (period - b) + lines[:, j + 1] * b
    return scaled // np.int32(period * period)


BUILT_IN: dict[str, tuple[Callable[[int, int], Pixels], int, int]] = {
    "one-pixel": (flat, 1, 1),
    "flat": (flat, 64, 96),
    "noise": (noise, 77, 131),
    "text-like": (text_like, 200, 333),
    "photo-like": (photo_like, 301, 517),
    "two-tiles": (photo_like, 40, 700),
}
"""Name → (maker, height, width); the last is wider than one tile of the PICO codecs."""


def built_in() -> list[TestImage]:
    """All built-in test images."""
    return [TestImage(name, make(h, w)) for name, (make, h, w) in BUILT_IN.items()]
