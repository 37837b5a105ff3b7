"""What symbols cost, by the integer tables that code them: −log2(frequency / 4096), summed.

The coder stays within a few hundredths of a percent of this sum; unlike its byte counts the sum
does not round, so a change of 0.1 % shows on one tile.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.model import PROBABILITY_BITS, EntropyModel, Table

ESCAPE_BITS = 8
"""An escaped value takes one more byte."""

ScaleIndices = Callable[[NDArray[np.int8], int], NDArray[np.uint8]]
"""``z`` int8 [C, h, w] and level → index uint8 [Cy, H, W]: the exact core's network."""


def value_bits(table: Table) -> NDArray[np.float64]:
    """Cost in bits of every int8 value under a table, float64 [256], indexed by value + 128."""
    values = np.arange(-128, 128)
    symbols = np.where(values >= 0, 2 * values, -2 * values - 1)  # zigzag
    cost = PROBABILITY_BITS - np.log2(table.astype(np.float64))
    last = len(table) - 1
    return np.where(symbols < last, cost[np.minimum(symbols, last)], cost[last] + ESCAPE_BITS)


class SymbolCost:
    """Cost of a tile's symbols under one entropy model."""

    def __init__(self, model: EntropyModel, scale_indices: ScaleIndices) -> None:
        self._scale_indices = scale_indices
        self._y = np.stack([value_bits(t) for t in model.y_tables])
        self._tables = model.z_tables
        self._z = np.stack([value_bits(t) for t in model.z_tables.rows])

    def __call__(self, z: NDArray[np.float32], y: NDArray[np.float32], level: int) -> float:
        """Bits of ``z [1, Cz, h, w]`` and ``y [1, Cy, H, W]`` (exact integers, nothing void)."""
        z_symbols, y_symbols = z[0].astype(np.int8), y[0].astype(np.int8)
        index = self._scale_indices(z_symbols, level)
        y_bits = self._y[index, y_symbols.astype(np.int16) + 128].sum()
        return float(y_bits + self._z_bits(z_symbols, level))

    def _z_bits(self, z: NDArray[np.int8], level: int) -> float:
        anchor = int(self._tables.anchor_of_level[level])
        rows = self._tables.row[anchor]  # [banks, channels]
        column = z.reshape(z.shape[0], -1).astype(np.int16) + 128
        channel = np.arange(z.shape[0])[:, None]
        # [banks, positions]: what each position costs under each bank
        costs = np.stack([self._z[rows[b][channel], column].sum(0) for b in range(rows.shape[0])])
        if rows.shape[0] > 1:
            bank_table = self._tables.bank_rows[anchor].astype(np.float64)
            costs = costs + (PROBABILITY_BITS - np.log2(bank_table[: rows.shape[0], None]))
        return float(costs.min(0).sum())
