"""Entropy models at the corners of the format: the least and the most it allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pico_deploy.entropy.model import (
    EntropyModel,
    Geometry,
    Layer,
    Table,
    Upsample,
    ZTables,
)
from pico_deploy.entropy.tables import quantise_counts

ONE = 1 << 8
INT32_MAX = 2**31 - 1


def least() -> EntropyModel:
    """One channel, one level, one layer, one table of two entries for ``y`` and one for ``z``."""
    geometry = Geometry(16, 0, 4, 8, 1, 1, levels=1, y_max=1, z_max=1)
    layer = Layer(
        kind="pointwise",
        weight=np.array([[1]], np.int8),
        multiplier=np.array([ONE], np.int32),
        shift=8,
        bias=np.zeros((1, 1), np.int32),
        upsample="nearest",
        factor=2,
    )
    table = np.array([4095, 1], np.uint16)
    z_tables = ZTables(
        rows=(np.array([1, 4095], np.uint16),),
        anchor_of_level=np.zeros(1, np.uint8),
        row=np.zeros((1, 1, 1), np.uint8),
    )
    return EntropyModel(geometry, (layer,), 0, (table,), z_tables)


def most() -> EntropyModel:
    """All 256 tables of 128 entries, 256 levels, 32 anchors, 8 banks, 16 layers of every kind,
    wide products, 16 fraction bits, ±127 for ``y`` and ``z``.
    """
    geometry = Geometry(126, 1, 4, 64, 3, 5, levels=256, y_max=127, z_max=127)
    random = np.random.RandomState(11)
    z_tables = ZTables(
        rows=tuple(_table(random, 128) for _ in range(96)),
        anchor_of_level=(np.arange(256) % 32).astype(np.uint8),
        row=random.randint(0, 96, (32, 8, 5)).astype(np.uint8),
        bank_rows=tuple(_table(random, 9) for _ in range(32)),
    )
    y_tables = tuple(_table(random, 128) for _ in range(128))
    return EntropyModel(geometry, _layers(random), 16, y_tables, z_tables)


def with_banks(model: EntropyModel) -> EntropyModel:
    """The same model with a second bank of ``z`` tables, made by hand: flatter ones, for busy
    positions.
    """
    z = model.z_tables
    share = quantise_counts(np.array([3, 1, 0], np.int64))
    tables = ZTables(
        rows=(*z.rows, *(_flatter(row) for row in z.rows)),
        anchor_of_level=z.anchor_of_level,
        row=np.concatenate([z.row, z.row + len(z.rows)], axis=1).astype(np.uint8),
        bank_rows=(share,) * z.anchors,
    )
    return replace(model, z_tables=tables)


def _flatter(row: Table) -> Table:
    """Frequencies in the proportion of their square roots."""
    return quantise_counts((np.sqrt(row.astype(np.float64)) * 64).astype(np.int64))


def _table(random: np.random.RandomState, entries: int) -> Table:
    """From nearly flat to a peak that leaves every other entry 1."""
    peak = 1 << int(random.randint(0, 40))
    counts = random.randint(1, 1000, entries).astype(np.int64)
    counts[int(random.randint(0, entries))] += peak
    return quantise_counts(counts)


def _layers(random: np.random.RandomState) -> tuple[Layer, ...]:
    """Eight pairs of a 1×1 and a depthwise 3×3, every other pair wide; upsampling by 4 twice."""
    layers: list[Layer] = []
    inputs = 5
    for pair in range(8):
        last = pair == 7
        channels = 3 if last else 4
        upsample: Upsample = "shuffle" if pair == 2 else "nearest" if pair == 5 else "none"
        outputs = channels * 16 if upsample == "shuffle" else channels
        wide = pair % 2 == 1
        layers.append(_layer(random, (outputs, inputs), wide, upsample=upsample))
        layers.append(_layer(random, (channels, 3, 3), wide, index=last))
        inputs = channels
    return tuple(layers)


def _layer(
    random: np.random.RandomState,
    shape: tuple[int, ...],
    wide: bool,
    index: bool = False,
    upsample: Upsample = "none",
) -> Layer:
    """Weights over the whole of int8 and multipliers that reach 2^29, or 2^40 in a wide layer; the
    shift then leaves results that fill 0…255, or all indices.
    """
    outputs = shape[0]
    weight = random.randint(-128, 128, shape).astype(np.int8)
    largest = np.abs(weight.astype(np.int64)).reshape(outputs, -1).sum(axis=1) * 255
    product, shift = (40, 15 if index else 30) if wide else (29, 19)
    bias = 31 if wide else 25
    return Layer(
        kind="depthwise3x3" if len(shape) == 3 else "pointwise",
        weight=weight,
        multiplier=np.minimum((1 << product) // largest, INT32_MAX).astype(np.int32),
        shift=shift,
        bias=random.randint(-(1 << bias), 1 << bias, (256, outputs)).astype(np.int32),
        upsample=upsample,
        factor=1 if upsample == "none" else 4,
        wide=wide,
    )
