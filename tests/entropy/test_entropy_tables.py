"""Coding tables: valid, cheapest, the same on every machine."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from pico_deploy.entropy import gaussian
from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.factorised import factorised_tables, share_rows
from pico_deploy.entropy.tables import (
    LOG2,
    blend,
    counts_of_pmf,
    quantise_counts,
    zigzag_values,
)


def bits(table: np.ndarray, p: np.ndarray) -> float:
    return float(-(p * np.log2(table / 4096)).sum() / p.sum())


def test_shipped_gaussians_are_what_the_documented_command_makes() -> None:
    path = Path(gaussian.__file__).parent / "gaussian.json"
    assert path.read_text(encoding="utf-8") == gaussian._as_json() + "\n"
    assert len(json.loads(path.read_text(encoding="utf-8"))) == gaussian.SCALES


def test_shipped_gaussians_are_symmetric_up_to_one_unit_and_widen_with_the_scale() -> None:
    tables = gaussian.standard_tables()
    for table in tables:
        assert table.sum() == 4096 and table.min() >= 1 and len(table) <= 128
        negative, positive = table[1:-1:2].astype(int), table[2:-1:2].astype(int)
        assert np.abs(negative - positive).max() <= 1
    assert all(a[0] >= b[0] for a, b in itertools.pairwise(tables))


def test_a_symbol_of_its_own_scale_costs_nearly_the_entropy() -> None:
    for sigma, table in zip(gaussian.scales()[10:], gaussian.standard_tables()[10:], strict=True):
        rng = np.random.default_rng(1)
        y = np.rint(rng.standard_normal(20_000) * sigma).astype(np.int64)
        entry = np.where(y < 0, -2 * y - 1, 2 * y)
        cost = -np.log2(table[np.minimum(entry, len(table) - 1)] / 4096)
        cost += np.where(entry >= len(table) - 1, 8, 0)
        _, counts = np.unique(y, return_counts=True)
        entropy = -(counts * np.log2(counts / len(y))).sum() / len(y)
        assert cost.mean() < entropy * 1.02 + 0.02


def test_quantised_counts_are_the_cheapest_frequencies() -> None:
    """Against all neighbours: moving one unit from any entry to any other never helps."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        counts = (rng.exponential(1, rng.integers(2, 30)) ** 3 * 1e6).astype(np.int64) + 1
        table = quantise_counts(counts).astype(np.int64)
        assert table.sum() == 4096 and table.min() >= 1
        p = counts / counts.sum()
        for take, give in itertools.permutations(range(len(table)), 2):
            if table[take] > 1:
                moved = table.copy()
                moved[take] -= 1
                moved[give] += 1
                assert bits(moved, p) >= bits(table, p) - 1e-9


def test_a_certain_value_leaves_one_unit_for_each_other_entry() -> None:
    assert quantise_counts(np.array([10**9, 0, 0, 0])).tolist() == [4093, 1, 1, 1]
    assert quantise_counts(np.array([0, 1])).tolist() == [1, 4095]


@pytest.mark.parametrize("counts", [[1], [0, 0], [-1, 2], [1] * 129])
def test_what_is_not_a_count_is_refused(counts: list[int]) -> None:
    with pytest.raises(ModelBuildError):
        quantise_counts(np.array(counts))


@pytest.mark.parametrize("p", [np.nan, -0.1, 1.5, np.inf])
def test_what_is_not_a_probability_is_refused(p: float) -> None:
    with pytest.raises(ModelBuildError):
        counts_of_pmf(np.array([p, 0.5]))


def test_integer_logarithm_is_the_logarithm() -> None:
    exact = np.log2(np.arange(1, 4097)) * 2**24
    assert (LOG2[1:] <= exact + 1e-6).all() and (LOG2[1:] > exact - 1.1).all()


def test_zigzag_order() -> None:
    assert zigzag_values(6).tolist() == [0, -1, 1, -2, 2, -3]


def test_blending_moves_a_table_toward_what_was_seen_and_leaves_others_alone() -> None:
    tables = gaussian.standard_tables()[20:22]
    histograms = np.zeros((2, 9), np.int64)
    histograms[0] = [1, 0, 0, 3000, 10_000, 1000, 0, 0, 1]
    blended = blend(tables, histograms)
    assert blended[1] is tables[1]
    seen = histograms[0][zigzag_values(len(tables[0]) - 1) + 4].astype(float)
    assert bits(blended[0][:-1], seen) < bits(tables[0][:-1], seen)
    assert blended[0][1] > 2 * blended[0][2], "the asymmetry that was seen is in the table"
    with pytest.raises(ModelBuildError):
        blend(tables, histograms[:1])


def laplace(spread: np.ndarray, z_max: int = 31) -> np.ndarray:
    p = np.exp(-np.abs(np.arange(-z_max, z_max + 1)) / spread[..., None])
    return p / p.sum(axis=-1, keepdims=True)


def test_channels_share_at_most_as_many_tables_as_allowed_at_little_cost() -> None:
    rng = np.random.default_rng(3)
    pmf = laplace(rng.uniform(0.2, 5, (8, 1, 40)))
    anchors = (np.arange(71) // 10).astype(np.uint8)
    costs = []
    for rows in (4, 16, 64):
        tables = factorised_tables(pmf, anchors, rows)
        assert len(tables.rows) <= rows and tables.row.max() == len(tables.rows) - 1
        order = zigzag_values(63) + 31
        cost = [
            bits(tables.rows[r][:-1], p[order])
            for r, p in zip(tables.row.ravel(), pmf.reshape(-1, 63), strict=True)
        ]
        costs.append(np.mean(cost))
    entropy = -(pmf * np.log2(pmf)).sum(axis=-1).mean()
    assert costs[0] > costs[1] > costs[2]
    assert costs[2] < entropy + 0.01


def test_sharing_is_numbered_in_order_of_first_use_and_repeatable() -> None:
    counts = (laplace(np.array([3.0, 0.3, 3.0, 0.3])) * 2**20).astype(np.int64)
    order = zigzag_values(63) + 31
    entries = np.hstack([counts[:, order], np.zeros((4, 1), np.int64)])
    assert share_rows(entries, 2).tolist() == [0, 1, 0, 1]


def test_banks_get_tables_of_their_own() -> None:
    pmf = laplace(np.random.default_rng(4).uniform(0.2, 5, (2, 3, 5)))
    anchors = np.zeros(4, np.uint8)
    bank_pmf = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    tables = factorised_tables(pmf, anchors, 64, bank_pmf)
    assert tables.banks == 3 and len(tables.bank_rows) == 2
    assert tables.bank_rows[1].tolist() == [4093, 1, 1, 1]
    with pytest.raises(ModelBuildError):
        factorised_tables(pmf, anchors, 64)
