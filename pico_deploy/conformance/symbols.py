"""Symbols of an image and their hashes, kept outside the stream: what every decoder must reproduce.

Per tile: ``z`` [Cz, h, w], then ``y`` [Cy, H, W], as int8 in (channel, row, column) order, void
elements (0) included.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pico_deploy.errors import VerificationError
from pico_deploy.runtime.observer import Observer


@dataclass(frozen=True, eq=False)
class TileSymbols:
    """Symbols of one tile: ``z`` int8 [Cz, h, w] and ``y`` int8 [Cy, H, W]."""

    z: NDArray[np.int8]
    y: NDArray[np.int8]

    @classmethod
    def of(cls, z: NDArray[Any], y: NDArray[Any]) -> TileSymbols:
        """From arrays of any type and strides, with or without a batch dimension of 1.

        Raises ``VerificationError`` when a value is not an integer within int8.
        """
        return cls(_as_int8(z), _as_int8(y))

    @property
    def z_sha256(self) -> str:
        """Hash of ``z``, in hexadecimal."""
        return hashlib.sha256(self.z.data).hexdigest()

    @property
    def y_sha256(self) -> str:
        """Hash of ``y``, in hexadecimal."""
        return hashlib.sha256(self.y.data).hexdigest()


class SymbolRecorder(Observer):
    """Keeps the symbols of every tile that an encode emits or a decode yields."""

    def __init__(self) -> None:
        self.tiles: dict[int, TileSymbols] = {}

    def symbols(self, tile: int, z: NDArray[Any], y: NDArray[Any]) -> None:
        """Keep a copy of one tile's symbols."""
        self.tiles[tile] = TileSymbols.of(z, y)


def image_sha256(tiles: Mapping[int, TileSymbols]) -> str:
    """One hash over all tiles in order, ``z`` then ``y``."""
    digest = hashlib.sha256()
    for tile in sorted(tiles):
        digest.update(tiles[tile].z.data)
        digest.update(tiles[tile].y.data)
    return digest.hexdigest()


def first_difference(
    expected: Mapping[int, TileSymbols], found: Mapping[int, TileSymbols]
) -> str | None:
    """Where two images' symbols first differ, for people; None when they agree."""
    for tile in sorted(expected.keys() | found.keys()):
        if tile not in found or tile not in expected:
            return f"tile {tile} is {'not decoded' if tile in expected else 'decoded but not sent'}"
        for name in ("z", "y"):
            a: NDArray[np.int8] = getattr(expected[tile], name)
            b: NDArray[np.int8] = getattr(found[tile], name)
            if a.shape != b.shape:
                return f"{name} of tile {tile} is {b.shape} instead of {a.shape}"
            wrong = np.argwhere(a != b)
            if len(wrong):
                at = tuple(int(i) for i in wrong[0])
                return (
                    f"{len(wrong)} of {a.size} symbols of {name} in tile {tile}, first at "
                    f"(channel, row, column) {at}: {b[at]} instead of {a[at]}"
                )
    return None


def _as_int8(symbols: NDArray[Any]) -> NDArray[np.int8]:
    with np.errstate(invalid="ignore"):
        integers = np.array(symbols, np.int8, order="C")
    if not np.array_equal(integers, symbols):
        raise VerificationError(
            "a tensor of symbols holds values that are no integers within ±127; "
            "the part that made it is broken"
        )
    return integers.reshape(symbols.shape[-3:])
