"""Banks of z tables save bits where places differ, and are made the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from pico_deploy.entropy.factorised import factorised_tables
from pico_deploy.errors import InputError
from pico_deploy.training.calibrate import Sample
from pico_deploy.training.fit_banks import fit_banks
from pico_deploy.training.integer_rate import table_costs

Z_MAX, CHANNELS, LEVELS = 31, 12, (0, 10)


def samples(seed: int, kinds: int) -> tuple[Sample, ...]:
    """Crops of 8 × 8 places; a kind of place has a spread of its own in every channel."""
    rng = np.random.default_rng(7)
    spread = np.exp(rng.normal(0, 1, (kinds, CHANNELS)))
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(20):
        for level in LEVELS:
            kind = rng.integers(kinds, size=64)
            z = np.rint(rng.standard_normal((64, CHANNELS)) * spread[kind])
            z = np.clip(z, -Z_MAX, Z_MAX).astype(np.int8).T.reshape(CHANNELS, 8, 8)
            made.append(Sample(level, z, z))
    return tuple(made)


def bits(fitted: tuple[Sample, ...], coded: tuple[Sample, ...], banks: int) -> float:
    """What `coded` takes with integer tables fitted to others, bank numbers included."""
    pmf, share = fit_banks(fitted, LEVELS, Z_MAX, banks)
    tables = factorised_tables(pmf, np.arange(2, dtype=np.uint8), 64, share)
    costs = table_costs(tables.rows, Z_MAX)
    total = 0.0
    for sample in coded:
        anchor = LEVELS.index(sample.level)
        entry = sample.z.astype(int) + Z_MAX
        rows = tables.row[anchor][:, :, None, None]
        by_bank = np.stack([costs[row, entry].sum(axis=0) for row in rows])
        if banks > 1:
            by_bank -= np.log2(tables.bank_rows[anchor][:banks] / 4096)[:, None, None]
        total += float(by_bank.min(axis=0).sum())
    return total


def test_banks_save_bits_on_other_crops_where_places_differ() -> None:
    fitted, coded = samples(1, kinds=3), samples(2, kinds=3)
    assert bits(fitted, coded, 3) < 0.95 * bits(fitted, coded, 1)


def test_banks_save_nothing_where_all_places_are_alike() -> None:
    """Control of the saving above."""
    fitted, coded = samples(1, kinds=1), samples(2, kinds=1)
    assert bits(fitted, coded, 3) > 0.98 * bits(fitted, coded, 1)


def test_banks_are_distributions_and_the_same_each_time() -> None:
    fitted = samples(1, kinds=3)
    pmf, share = fit_banks(fitted, LEVELS, Z_MAX, 8)
    assert pmf.shape == (2, 8, CHANNELS, 2 * Z_MAX + 1) and share.shape == (2, 8)
    assert np.allclose(pmf.sum(-1), 1) and np.allclose(share.sum(-1), 1) and (pmf > 0).all()
    again = fit_banks(fitted, LEVELS, Z_MAX, 8)
    assert np.array_equal(pmf, again[0]) and np.array_equal(share, again[1])


def test_fewer_places_than_banks_leave_banks_empty_but_usable() -> None:
    few = tuple(Sample(s.level, s.z[:, :1, :3], s.y) for s in samples(1, kinds=1)[:2])
    pmf, share = fit_banks(few, LEVELS, Z_MAX, 8)
    assert (pmf > 0).all() and (share > 0).all()


def test_a_level_without_a_crop_is_refused() -> None:
    with pytest.raises(InputError, match="level 70"):
        fit_banks(samples(1, kinds=1), (0, 70), Z_MAX, 2)
