"""All tables of a model in one row space, as the coder looks them up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.model import EntropyModel

SLOTS = 4096
COST_BITS = 11


@dataclass(frozen=True, eq=False)
class CodingTables:
    """Rows: those of y, then of z, then of bank numbers.

    frequency, start, cost: int64 [rows, 128]; cost in 1/2048 bit, an escape with its byte.
    entry_of_slot: uint8 [rows, 4096]. escape: int64 [rows], number of the last entry.
    """

    frequency: NDArray[np.int64]
    start: NDArray[np.int64]
    cost: NDArray[np.int64]
    entry_of_slot: NDArray[np.uint8]
    escape: NDArray[np.int64]

    @staticmethod
    def of(model: EntropyModel) -> CodingTables:
        """Expand the frequencies of a model."""
        rows = (*model.y_tables, *model.z_tables.rows, *model.z_tables.bank_rows)
        frequency = np.zeros((len(rows), 128), np.int64)
        start = np.zeros((len(rows), 128), np.int64)
        cost = np.zeros((len(rows), 128), np.int64)
        entry_of_slot = np.zeros((len(rows), SLOTS), np.uint8)
        for number, row in enumerate(rows):
            n = len(row)
            frequency[number, :n] = row
            start[number, :n] = np.cumsum(row, dtype=np.int64) - row
            cost[number, :n] = [cost_of(int(f)) for f in row]
            cost[number, n - 1] += 8 << COST_BITS
            entry_of_slot[number] = np.repeat(np.arange(n), row)
        escape = np.array([len(row) - 1 for row in rows], np.int64)
        return CodingTables(frequency, start, cost, entry_of_slot, escape)


def cost_of(frequency: int) -> int:
    """2048·log2(4096 / f), with log2(f) rounded down, by squaring a 16-bit mantissa."""
    exponent = frequency.bit_length() - 1
    mantissa, log2 = frequency << (15 - exponent), exponent
    for _ in range(COST_BITS):
        mantissa = mantissa * mantissa >> 15
        log2 <<= 1
        if mantissa >> 16:
            mantissa >>= 1
            log2 |= 1
    return (12 << COST_BITS) - log2


def zigzag(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, -1, 1, -2, 2, … → 0, 1, 2, 3, 4, …"""
    return np.where(values < 0, -2 * values - 1, 2 * values)


def unzigzag(entries: NDArray[np.int64]) -> NDArray[np.int64]:
    """The inverse of `zigzag`."""
    return np.where(entries % 2 == 1, -((entries + 1) // 2), entries // 2)
