"""From counts to the frequencies of a coding table, in integers, so that every machine makes the
same ones.

A table is made once, stored, hashed and shipped; nothing is computed from float when a model is
loaded, because float tables differ between CPUs and one differing frequency makes a stream
undecodable.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.model import PROBABILITY_BITS, Table

TOTAL = 1 << PROBABILITY_BITS
_PMF_UNIT = 2.0**32
_LOG_BITS = 24


def zigzag_values(count: int) -> NDArray[np.int64]:
    """Values of the first `count` entries of a table: 0, -1, 1, -2, 2, …"""
    s = np.arange(count, dtype=np.int64)
    values: NDArray[np.int64] = np.where(s % 2 == 1, -((s + 1) // 2), s // 2)
    return values


def _log2(value: int, bits: int) -> int:
    """log2 of an integer with `bits` fractional bits, rounded down, by squaring."""
    exponent = value.bit_length() - 1
    mantissa, result = value << (62 - exponent), exponent
    for _ in range(bits):
        mantissa = mantissa * mantissa >> 62
        result <<= 1
        if mantissa >> 63:
            mantissa >>= 1
            result |= 1
    return result


LOG2: NDArray[np.int64] = np.array(
    [0] + [_log2(f, _LOG_BITS) for f in range(1, TOTAL + 1)], dtype=np.int64
)
"""LOG2[f] = log2(f) in units of 2**-24 bit, for frequencies f = 1…4096."""


def quantise_counts(counts: NDArray[np.int64]) -> Table:
    """Frequencies (≥ 1, sum 4096) that code these counts in the fewest bits; the last is the
    escape.

    Starts from rounding and moves single units where they cost least; ties go to the lower entry.
    """
    entries = len(counts)
    if not 2 <= entries <= 128 or (counts < 0).any() or not 0 < int(counts.sum()) < 1 << 48:
        raise ModelBuildError(
            f"not counts of 2 to 128 entries: {entries} entries, sum {counts.sum()}"
        )
    total = int(counts.sum())
    frequency = np.maximum(1, (counts * TOTAL + total // 2) // total)
    weight = counts >> max(
        0, total.bit_length() - 36
    )  # a weight times a difference of logs < 2**63
    while (excess := int(frequency.sum()) - TOTAL) != 0:
        step = -1 if excess > 0 else 1
        movable = frequency > 1 if step < 0 else frequency < TOTAL
        changed = np.where(movable, frequency + step, frequency)
        loss = weight * (LOG2[frequency] - LOG2[changed])
        loss[~movable] = np.iinfo(np.int64).max
        frequency[int(np.argmin(loss))] += step
    table: Table = frequency.astype(np.uint16)
    return table


def counts_of_pmf(pmf: NDArray[np.float64]) -> NDArray[np.int64]:
    """Probabilities, each at most 1, as integers; element by element, so exact on every machine."""
    if not np.isfinite(pmf).all() or (pmf < 0).any() or (pmf > 1 + 1e-9).any():
        raise ModelBuildError("probabilities must be finite and lie between 0 and 1")
    counts: NDArray[np.int64] = np.rint(pmf * _PMF_UNIT).astype(np.int64)
    return counts


def blend(
    tables: tuple[Table, ...], histograms: NDArray[np.int64], prior: int = 256
) -> tuple[Table, ...]:
    """Tables adapted to what was measured; each counts as `prior` observations of its own
    frequencies.

    histograms: int64 [tables, 2·M + 1], how often -M … M was seen with each index. Values beyond a
    table's support count as escapes. Rows without observations come back unchanged.
    """
    if histograms.ndim != 2 or len(histograms) != len(tables) or histograms.shape[1] % 2 == 0:
        raise ModelBuildError(f"histograms {histograms.shape}, expected [{len(tables)}, 2·M + 1]")
    middle = histograms.shape[1] // 2
    blended = []
    for table, histogram in zip(tables, histograms, strict=True):
        if not histogram.any():
            blended.append(table)
            continue
        values = zigzag_values(len(table) - 1)
        inside = np.abs(values) <= middle
        seen = np.zeros(len(table), np.int64)
        seen[:-1][inside] = histogram[values[inside] + middle]
        seen[-1] = histogram.sum() - seen.sum()
        blended.append(quantise_counts(table.astype(np.int64) * prior + seen * TOTAL))
    return tuple(blended)
