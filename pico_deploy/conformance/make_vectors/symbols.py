"""Symbols made up from integers: the same on every machine and with every version of NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.model import EntropyModel, Table
from pico_deploy.entropy.reference import scale_indices
from pico_deploy.entropy.reference.grid import Grid
from pico_deploy.entropy.tables import zigzag_values


@dataclass(frozen=True, eq=False)
class Symbols:
    """z int8 [tiles, Cz, h, w] and y int8 [tiles, Cy, H, W], void elements 0."""

    z: NDArray[np.int8]
    y: NDArray[np.int8]


def drawn(
    model: EntropyModel, grid: Grid, levels: NDArray[np.uint8], seed: int, rare: float = 0.01
) -> Symbols:
    """As a trained codec would emit them: each drawn from its own table, a share of ``rare`` from
    anywhere in its range.
    """
    g = model.geometry
    random = np.random.RandomState(seed)
    z = np.zeros((grid.tiles, g.z_channels, g.z_side, g.z_side), np.int8)
    y = np.zeros((grid.tiles, g.y_channels, g.y_side, g.y_side), np.int8)
    for tile in range(grid.tiles):
        anchor = model.z_tables.anchor_of_level[levels[tile]]
        bank = random.randint(0, model.z_tables.banks, (g.z_side, g.z_side))
        rows = np.moveaxis(model.z_tables.row[anchor][bank], -1, 0)
        z[tile] = _draw(random, model.z_tables.rows, rows, g.z_max, rare)
        z[tile][:, ~grid.valid_mask(tile, g.z_stride)] = 0
        index = scale_indices(model, z[tile], int(levels[tile]))
        y[tile] = _draw(random, model.y_tables, index, g.y_max, rare)
        y[tile][:, ~grid.valid_mask(tile, g.y_stride)] = 0
    return Symbols(z, y)


def _draw(
    random: np.random.RandomState,
    tables: tuple[Table, ...],
    rows: NDArray[np.uint8],
    largest: int,
    rare: float,
) -> NDArray[np.int8]:
    slot = random.randint(0, 4096, rows.shape)
    anywhere = random.randint(-largest, largest + 1, rows.shape)
    values = anywhere.copy()
    for row in np.unique(rows):
        table = tables[row]
        ends = np.cumsum(table.astype(np.int64))
        entry = np.searchsorted(ends, slot, side="right")
        common = (rows == row) & (entry < len(table) - 1)
        values[common] = zigzag_values(len(table))[entry[common]]
    values = np.where(
        random.randint(0, 10_000, rows.shape) < round(rare * 10_000), anywhere, values
    )
    return np.clip(values, -largest, largest).astype(np.int8)


def zeros(model: EntropyModel, grid: Grid) -> Symbols:
    """Nothing but zeros."""
    g = model.geometry
    return Symbols(
        np.zeros((grid.tiles, g.z_channels, g.z_side, g.z_side), np.int8),
        np.zeros((grid.tiles, g.y_channels, g.y_side, g.y_side), np.int8),
    )


def extreme(model: EntropyModel, grid: Grid, seed: int, smallest: int = 0) -> Symbols:
    """±y_max and ±z_max; with ``smallest``, magnitudes from there to the largest."""
    g = model.geometry
    random = np.random.RandomState(seed)
    made = zeros(model, grid)
    for array, largest, stride in ((made.z, g.z_max, g.z_stride), (made.y, g.y_max, g.y_stride)):
        least = min(smallest, largest) if smallest else largest
        magnitude = random.randint(least, largest + 1, array.shape)
        array[:] = np.where(random.randint(0, 2, array.shape), magnitude, -magnitude)
        for tile in range(grid.tiles):
            array[tile][:, ~grid.valid_mask(tile, stride)] = 0
    return made


def sparse(model: EntropyModel, grid: Grid, seed: int, one_in: int) -> Symbols:
    """Zeros but for one element of y in ``one_in``, of magnitude 1 to 3."""
    g = model.geometry
    random = np.random.RandomState(seed)
    made = zeros(model, grid)
    hit = random.randint(0, one_in, made.y.shape) == 0
    sign = 2 * random.randint(0, 2, made.y.shape) - 1
    made.y[:] = np.where(hit, random.randint(1, 4, made.y.shape) * sign, 0)
    for tile in range(grid.tiles):
        made.y[tile][:, ~grid.valid_mask(tile, g.y_stride)] = 0
    return made
