"""What the symbols of a workload would take with tables of 16 bits instead of 12."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from workload import SCALES, Workload

from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.tables import zigzag_values

REACH, TOTAL = 63, 1 << 16
NEGLIGIBLE = 2.0**-17
"""Values rarer than this, both sides together, are left to the escape."""


def sixteen_bit_table(scale: float) -> NDArray[np.int64]:
    """Frequencies of -r ... r, then of the escape: a rounded Gaussian, none 0, sum 65,536."""
    root = scale * math.sqrt(2)
    reach = 1
    while reach < REACH and math.erfc((reach + 0.5) / root) > NEGLIGIBLE:
        reach += 1
    edges = np.array([math.erfc((v - 0.5) / root) / 2 for v in range(-reach, reach + 2)])
    pmf = np.append(edges[:-1] - edges[1:], max(2 * edges[-1], NEGLIGIBLE))
    table = np.maximum(np.rint(pmf / pmf.sum() * TOTAL).astype(np.int64), 1)
    table[reach] += TOTAL - table.sum()
    return table


def _bits(tables: list[NDArray[np.int64]], order: str) -> NDArray[np.float64]:
    """[index, value + 127]: bits under tables whose last entry is the escape, with its byte."""
    bits = np.empty((len(tables), 255))
    for row, table in enumerate(tables):
        cost = math.log2(table.sum()) - np.log2(table)
        reach = (len(table) - 1) // 2
        values = np.arange(-reach, reach + 1)
        if order == "zigzag":
            values = zigzag_values(len(table) - 1)
        bits[row] = cost[-1] + 8
        bits[row, values + 127] = cost[:-1]
    return bits


def above_sixteen_bits(workload: Workload, stream: bytes) -> float:
    """How much larger, in percent, a stream of all tiles is than with tables of 16 bits.

    All else is the same: which symbols are skipped, the exceptions, the states.
    """
    threshold = np.frombuffer(stream, np.uint8, len(workload.index))[:, None]
    coded = (workload.index > threshold) | (threshold == 0)
    index, value = workload.index[coded], workload.symbols[coded].astype(np.int64) + 127
    twelve = _bits([t.astype(np.int64) for t in standard_tables()], "zigzag")
    sixteen = _bits([sixteen_bit_table(float(s)) for s in SCALES], "ascending")
    saved = (twelve[index, value].sum() - sixteen[index, value].sum()) / 8
    return float(100 * saved / (len(stream) - saved))
