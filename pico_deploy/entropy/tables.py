"""Making the coding tables: float mathematics at export only, integers from then on.

A table is made once, stored, hashed and shipped; nothing is ever computed from float when a model
is loaded, because float tables differ between CPUs and one differing frequency makes a stream
undecodable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.check import MAX_REACH
from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.model import PROBABILITY_BITS, Table, ZTables

TOTAL = 1 << PROBABILITY_BITS
SCALE_MIN, SCALE_MAX, SCALES = 0.11, 20.0, 64
_NEGLIGIBLE = 2.0**-15
"""Values rarer than this on either side are left to the escape."""


def scales(
    count: int = SCALES, low: float = SCALE_MIN, high: float = SCALE_MAX
) -> NDArray[np.float64]:
    """Log-spaced standard deviations, float64 [count]; scale k belongs to index k."""
    return np.exp(np.linspace(math.log(low), math.log(high), count))


def zigzag_values(count: int) -> NDArray[np.int64]:
    """Values of the first `count` entries of a table: 0, -1, 1, -2, 2, …"""
    s = np.arange(count, dtype=np.int64)
    values: NDArray[np.int64] = np.where(s % 2 == 1, -((s + 1) // 2), s // 2)
    return values


def quantise_pmf(pmf: NDArray[np.float64]) -> Table:
    """Frequencies (≥ 1, sum 4096) that cost the fewest bits for a PMF, whose last entry is the
    escape.

    Starts from rounding and moves single counts where they cost least, so the result is optimal for
    this sum up to ties, which go to the lower entry.
    """
    entries = len(pmf)
    if not 2 <= entries <= 128 or not np.isfinite(pmf).all() or (pmf < 0).any() or pmf.sum() <= 0:
        raise ModelBuildError(f"not a distribution over 2 to 128 entries: {entries} entries, {pmf}")
    p = pmf / pmf.sum()
    frequency = np.maximum(1, np.rint(p * TOTAL)).astype(np.int64)
    while (excess := int(frequency.sum()) - TOTAL) != 0:
        step = -1 if excess > 0 else 1
        movable = frequency > 1 if step < 0 else np.ones(entries, bool)
        changed = np.where(movable, frequency + step, frequency)
        loss = np.where(movable, p * (np.log2(frequency) - np.log2(changed)), np.inf)
        frequency[int(np.argmin(loss))] += step
    table: Table = frequency.astype(np.uint16)
    return table


def gaussian_pmf(scale: float, reach: int) -> NDArray[np.float64]:
    """PMF of a rounded zero-mean Gaussian: values of ±reach in zigzag order, then the escape."""
    root = scale * math.sqrt(2.0)

    def tail(x: float) -> float:
        return 0.5 * math.erfc(x / root)

    values = [abs(int(v)) for v in zigzag_values(2 * reach + 1)]
    inside = [tail(v - 0.5) - tail(v + 0.5) for v in values]
    return np.array([*inside, max(2 * tail(reach + 0.5), 2.0**-17)])


def gaussian_reach(scale: float, limit: int) -> int:
    """How far a table for this scale goes before values become negligible."""
    reach = 1
    while reach < limit and math.erfc((reach + 0.5) / (scale * math.sqrt(2.0))) > _NEGLIGIBLE:
        reach += 1
    return reach


def gaussian_tables(
    y_max: int = 127, sigmas: NDArray[np.float64] | None = None
) -> tuple[Table, ...]:
    """One table per scale index, discretised Gaussians."""
    limit = min(MAX_REACH, y_max)
    return tuple(
        quantise_pmf(gaussian_pmf(float(s), gaussian_reach(float(s), limit)))
        for s in (scales() if sigmas is None else sigmas)
    )


def blend_with_histograms(
    tables: Sequence[Table], histograms: NDArray[np.int64], prior_weight: float = 256.0
) -> tuple[Table, ...]:
    """Tables adapted to what was measured: each frequency counts as `prior_weight` observations of
    the table.

    histograms: int64 [tables, 2·M + 1], counts of the values -M … M seen with each index. Values
    beyond a table's support count as escapes. Rows with no observations come back unchanged.
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
        seen = np.zeros(len(table))
        inside = np.abs(values) <= middle
        seen[:-1][inside] = histogram[values[inside] + middle]
        seen[-1] = histogram.sum() - seen.sum()
        blended.append(quantise_pmf(table / TOTAL * prior_weight + seen))
    return tuple(blended)


def factorised_tables(
    pmf: NDArray[np.float64],
    anchor_of_level: NDArray[np.uint8],
    max_rows: int = 64,
    bank_pmf: NDArray[np.float64] | None = None,
) -> ZTables:
    """Tables of `z` from PMFs, with at most `max_rows` different ones.

    pmf: float64 [anchors, banks, channels, 2·z_max + 1], probabilities of -z_max … z_max.
    anchor_of_level: uint8 [levels]. bank_pmf: float64 [anchors, banks], needed with more than one
    bank.
    """
    if pmf.ndim != 4 or pmf.shape[3] % 2 == 0 or not np.isfinite(pmf).all() or (pmf < 0).any():
        raise ModelBuildError(
            f"pmf {pmf.shape}, expected [anchors, banks, channels, 2·z_max + 1], ≥ 0"
        )
    anchors, banks, channels, width = pmf.shape
    z_max = width // 2
    distributions = pmf.reshape(-1, width) / pmf.reshape(-1, width).sum(axis=1, keepdims=True)
    group = share_rows(distributions, max_rows)
    reach = min(z_max, MAX_REACH)
    order = zigzag_values(2 * reach + 1) + z_max
    rows = []
    for number in range(int(group.max()) + 1):
        mean = distributions[group == number].mean(axis=0)
        inside = mean[order]
        rows.append(quantise_pmf(np.append(inside, max(1.0 - inside.sum(), 2.0**-17))))
    bank_rows: tuple[Table, ...] = ()
    if banks > 1:
        if bank_pmf is None or bank_pmf.shape != (anchors, banks):
            raise ModelBuildError(f"{banks} banks need bank_pmf [{anchors}, {banks}]")
        bank_rows = tuple(quantise_pmf(np.append(p / p.sum(), 0.0)) for p in bank_pmf)
    row = group.reshape(anchors, banks, channels).astype(np.uint8)
    return ZTables(tuple(rows), anchor_of_level.astype(np.uint8), row, bank_rows)


def share_rows(distributions: NDArray[np.float64], max_rows: int) -> NDArray[np.int64]:
    """Group distributions [n, values] so that at most `max_rows` means are left: int64 [n], group
    of each.

    Deterministic: the groups begin as equal parts of the order by spread and are refined by
    exchanging members for the mean that costs fewest bits (k-means with the Kullback-Leibler
    divergence). Groups are numbered densely in order of first use.
    """
    values = np.arange(distributions.shape[1]) - distributions.shape[1] // 2
    spread = (distributions * np.abs(values)).sum(axis=1)
    order = np.argsort(spread, kind="stable")
    group = np.empty(len(distributions), np.int64)
    group[order] = np.arange(len(order)) * min(max_rows, len(order)) // len(order)
    for _ in range(20):
        used = np.unique(group)
        means = np.stack([distributions[group == g].mean(axis=0) for g in used])
        bits = -distributions @ np.log2(np.maximum(means, 2.0**-20)).T
        nearest = used[np.argmin(bits, axis=1)]
        if (nearest == group).all():
            break
        group = nearest
    _, first, dense = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[dense]
