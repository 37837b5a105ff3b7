"""The tables of `z`: one distribution a channel, shared between channels that are alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.limits import MAX_REACH
from pico_deploy.entropy.model import Table, ZTables
from pico_deploy.entropy.tables import (
    LOG2,
    counts_of_pmf,
    quantise_counts,
    zigzag_values,
)

_ROUNDS = 20


def factorised_tables(
    pmf: NDArray[np.float64],
    anchor_of_level: NDArray[np.uint8],
    max_rows: int = 64,
    bank_pmf: NDArray[np.float64] | None = None,
) -> ZTables:
    """Tables of `z` from probabilities, with at most `max_rows` different ones.

    pmf: float64 [anchors, banks, channels, 2·z_max + 1], probabilities of -z_max … z_max.
    anchor_of_level: uint8 [levels]. bank_pmf: float64 [anchors, banks], needed with more than one
    bank.
    """
    if pmf.ndim != 4 or pmf.shape[3] % 2 == 0:
        raise ModelBuildError(f"pmf {pmf.shape}, expected [anchors, banks, channels, 2·z_max + 1]")
    anchors, banks, channels, width = pmf.shape
    counts = _entry_counts(counts_of_pmf(pmf).reshape(-1, width))
    group = share_rows(counts, max_rows)
    rows = tuple(
        quantise_counts(counts[group == number].sum(axis=0))
        for number in range(int(group.max()) + 1)
    )
    bank_rows: tuple[Table, ...] = ()
    if banks > 1:
        if bank_pmf is None or bank_pmf.shape != (anchors, banks):
            raise ModelBuildError(f"{banks} banks need bank_pmf of shape [{anchors}, {banks}]")
        bank_rows = tuple(quantise_counts(np.append(counts_of_pmf(p), 0)) for p in bank_pmf)
    row = group.reshape(anchors, banks, channels).astype(np.uint8)
    return ZTables(rows, anchor_of_level.astype(np.uint8), row, bank_rows)


def _entry_counts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts of values -M … M as counts of table entries, each row scaled to a sum of about
    2**20."""
    middle = counts.shape[1] // 2
    reach = min(middle, MAX_REACH)
    inside = counts[:, zigzag_values(2 * reach + 1) + middle]
    total = counts.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise ModelBuildError("a distribution of z is all zero")
    escape = total - inside.sum(axis=1, keepdims=True)
    scaled: NDArray[np.int64] = (np.hstack([inside, escape]) << 20) // total
    return scaled


def share_rows(counts: NDArray[np.int64], max_rows: int) -> NDArray[np.int64]:
    """Group rows of counts [n, entries] under at most `max_rows` tables: int64 [n], group of each.

    Groups begin as equal parts of the order by spread; then each row moves to the table that codes
    it in the fewest bits, until none moves (k-means under the code length). Integers throughout,
    ties to the lower number, groups numbered in order of first use: the same on every machine.
    """
    n, entries = counts.shape
    spread = (counts * ((np.arange(entries) + 1) // 2)).sum(axis=1)
    group = np.empty(n, np.int64)
    group[np.argsort(spread, kind="stable")] = np.arange(n) * min(max_rows, n) // n
    for _ in range(_ROUNDS):
        used = np.unique(group)
        tables = [quantise_counts(counts[group == g].sum(axis=0)) for g in used]
        bits = -counts @ LOG2[np.stack(tables)].T
        nearest = used[np.argmin(bits, axis=1)]
        if (nearest == group).all():
            break
        group = nearest
    _, first, dense = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    numbered: NDArray[np.int64] = rank[dense]
    return numbered
