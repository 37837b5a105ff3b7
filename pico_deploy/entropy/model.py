"""The integer entropy model as plain data: geometry, integer network, tables. NumPy only.

Everything between the bytes of a stream and its symbols is in here. Frozen dataclasses; `serialise`
writes and reads them as `entropy.bin`, `prove` shows that no intermediate overflows, `reference`
runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

PROBABILITY_BITS = 12
"""Frequencies of every table sum to 2**PROBABILITY_BITS."""

LayerKind = Literal["pointwise", "depthwise3x3"]
Upsample = Literal["none", "nearest", "shuffle"]
Table = NDArray[np.uint16]
"""Frequencies of one table, uint16 [n], 2 ≤ n ≤ 128, each 1…4095, sum 4096.

Entry s < n - 1 stands for the value unzigzag(s): 0, -1, 1, -2, 2, …; the last entry is the escape.
"""


@dataclass(frozen=True)
class Geometry:
    """Sizes that the model fixes for every stream made with it. Lengths in pixels."""

    payload: int
    border: int
    y_stride: int
    z_stride: int
    y_channels: int
    z_channels: int
    levels: int
    y_max: int = 127
    z_max: int = 31

    @property
    def tile(self) -> int:
        """Side of the tile that the networks see."""
        return self.payload + 2 * self.border

    @property
    def y_side(self) -> int:
        """Rows and columns of a tile's `y`."""
        return self.tile // self.y_stride

    @property
    def z_side(self) -> int:
        """Rows and columns of a tile's `z`."""
        return self.tile // self.z_stride


@dataclass(frozen=True, eq=False)
class Layer:
    """One integer layer: int32 sums, requantised, clamped to uint8 (the last layer: to an index),
    then upsampled.

    ``v = (int64(acc)·multiplier + bias[level] + half) >> shift`` with ``half = 1 << (shift - 1)``
    (0 if shift is 0) and a floor shift. Input is int8 `z` for the first layer and uint8 afterwards;
    padding is zero.

    weight: int8 [out, in] (pointwise) or [channels, 3, 3] (depthwise3x3, cross-correlation).
    multiplier: int32 [out], ≥ 0. bias: int32 [levels, out]. shift: 0…31 (wide: 0…62).
    upsample: after the clamp, by ``factor``; "shuffle" takes channels in DCR order:
    ``out[c, f·i + a, f·j + b] = in[(a·f + b)·C + c, i, j]``.
    wide: products need int64, because their bound does not fit int32.
    """

    kind: LayerKind
    weight: NDArray[np.int8]
    multiplier: NDArray[np.int32]
    shift: int
    bias: NDArray[np.int32]
    upsample: Upsample = "none"
    factor: int = 1
    wide: bool = False

    @property
    def inputs(self) -> int:
        """Channels in."""
        return int(self.weight.shape[1] if self.kind == "pointwise" else self.weight.shape[0])

    @property
    def outputs(self) -> int:
        """Channels of the sums, before upsampling."""
        return int(self.weight.shape[0])

    @property
    def channels(self) -> int:
        """Channels after upsampling."""
        return self.outputs // self.factor**2 if self.upsample == "shuffle" else self.outputs


@dataclass(frozen=True, eq=False)
class ZTables:
    """Factorised tables of `z`, shared between channels, and the tables of the bank numbers.

    rows: the tables themselves. anchor_of_level: uint8 [levels], which of the A table anchors a
    level uses.
    row: uint8 [A, banks, z_channels], table of each channel. banks (1…8) is how many choices an
    encoder has per z position; with more than one, the bank numbers are coded with
    ``bank_rows[anchor]``, a table of ``banks`` entries and the (unused) escape; entry s stands for
    bank s.
    """

    rows: tuple[Table, ...]
    anchor_of_level: NDArray[np.uint8]
    row: NDArray[np.uint8]
    bank_rows: tuple[Table, ...] = ()

    @property
    def anchors(self) -> int:
        """Number of table anchors."""
        return int(self.row.shape[0])

    @property
    def banks(self) -> int:
        """Number of banks."""
        return int(self.row.shape[1])


@dataclass(frozen=True, eq=False)
class EntropyModel:
    """All of `entropy.bin`.

    layers: the integer network, z [Cz, h, w] → index [Cy, H, W]. fraction_bits: the last layer's
    result v is the index with this many fractional bits: ``index = (clamp(v, 0, (rows - 1) << f) +
    half_f) >> f``.
    y_tables: one table per index.
    """

    geometry: Geometry
    layers: tuple[Layer, ...]
    fraction_bits: int
    y_tables: tuple[Table, ...]
    z_tables: ZTables
