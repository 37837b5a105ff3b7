"""Small entropy models and symbols for tests: random within the format, and extreme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.model import EntropyModel, Geometry, Layer, Table, ZTables
from pico_deploy.entropy.reference.grid import Grid
from pico_deploy.entropy.tables import quantise_counts

INT32_MAX = 2**31 - 1


def random_table(rng: np.random.Generator, entries: int) -> Table:
    """A peaked, flat or ragged distribution."""
    decay = rng.choice([0.05, 0.5, 3.0])
    counts = np.exp(-decay * np.arange(entries)) * rng.uniform(0.2, 1.0, entries)
    return quantise_counts((counts * 2**30).astype(np.int64) + 1)


def random_layer(
    rng: np.random.Generator, inputs: int, outputs: int, levels: int, first: bool, z_max: int
) -> Layer:
    """A layer whose products reach anywhere up to the bound of its type."""
    depthwise = inputs == outputs and bool(rng.integers(2))
    shape = (outputs, 3, 3) if depthwise else (outputs, inputs)
    weight = rng.integers(-128, 128, shape).astype(np.int8)
    if rng.integers(4) == 0:
        weight[:] = rng.choice([-128, 127])
    wide = bool(rng.integers(3) == 0)
    shift = int(rng.integers(0, 40 if wide else 24))
    acc = np.abs(weight.astype(np.int64)).reshape(outputs, -1).sum(axis=1) * (
        z_max if first else 255
    )
    room = INT32_MAX if wide else (INT32_MAX - (1 << shift)) // 2
    largest = np.full(outputs, INT32_MAX) if wide else room // np.maximum(acc, 1)
    multiplier = (largest * rng.uniform(0, 1, outputs)).astype(np.int32)
    bias = rng.integers(-room, room, (levels, outputs), endpoint=True).astype(np.int32)
    return Layer(
        kind="depthwise3x3" if depthwise else "pointwise",
        weight=weight,
        multiplier=multiplier,
        shift=shift,
        bias=bias,
        wide=wide,
    )


def random_model(seed: int) -> EntropyModel:
    """A sound model of any shape the format allows, but small."""
    rng = np.random.default_rng(seed)
    y_stride = int(rng.choice([4, 8, 16]))
    factors = [[1], [2], [4], [2, 2], [1, 2, 1]][rng.integers(5)]
    z_stride = y_stride * int(np.prod(factors))
    border = int(rng.integers(0, y_stride))
    tile = z_stride * int(rng.integers(1, 4))
    while tile - 2 * border < 16:
        tile += z_stride
    geometry = Geometry(
        payload=tile - 2 * border,
        border=border,
        y_stride=y_stride,
        z_stride=z_stride,
        y_channels=int(rng.integers(1, 9)),
        z_channels=int(rng.integers(1, 9)),
        levels=int(rng.integers(1, 5)),
        y_max=int(rng.choice([1, 40, 127])),
        z_max=int(rng.choice([1, 31, 127])),
    )
    return EntropyModel(
        geometry=geometry,
        layers=_random_layers(rng, geometry, factors),
        fraction_bits=int(rng.integers(0, 7)),
        y_tables=tuple(
            random_table(rng, int(rng.integers(2, 2 * min(geometry.y_max, 63) + 3)))
            for _ in range(rng.integers(1, 12))
        ),
        z_tables=_random_z_tables(rng, geometry),
    )


def _random_layers(rng: np.random.Generator, g: Geometry, factors: list[int]) -> tuple[Layer, ...]:
    layers = []
    channels = g.z_channels
    for number, factor in enumerate(factors):
        last = number == len(factors) - 1
        after = g.y_channels if last else int(rng.integers(1, 9))
        upsample = "none" if factor == 1 else str(rng.choice(["nearest", "shuffle"]))
        outputs = after * factor**2 if upsample == "shuffle" else after
        layer = random_layer(rng, channels, outputs, g.levels, number == 0, g.z_max)
        layers.append(
            Layer(
                **{
                    **layer.__dict__,
                    "upsample": upsample,
                    "factor": factor,
                }
            )
        )
        channels = after
    return tuple(layers)


def _random_z_tables(rng: np.random.Generator, g: Geometry) -> ZTables:
    anchors, banks = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2, 8]))
    most = 2 * min(g.z_max, 63) + 2
    rows = tuple(random_table(rng, int(rng.integers(2, most + 1))) for _ in range(5))
    return ZTables(
        rows=rows,
        anchor_of_level=rng.integers(0, anchors, g.levels).astype(np.uint8),
        row=rng.integers(0, len(rows), (anchors, banks, g.z_channels)).astype(np.uint8),
        bank_rows=tuple(random_table(rng, banks + 1) for _ in range(anchors if banks > 1 else 0)),
    )


def plain_model(
    y_channels: int = 6, z_channels: int = 4, payload: int = 56, levels: int = 3
) -> EntropyModel:
    """A model like a trained one: standard tables, indices that spread over all of them."""
    rng = np.random.default_rng(7)
    geometry = Geometry(payload, 4, 8, 16, y_channels, z_channels, levels)
    layer = Layer(
        kind="pointwise",
        weight=rng.integers(-127, 128, (4 * y_channels, z_channels)).astype(np.int8),
        multiplier=np.full(4 * y_channels, 1 << 10, np.int32),
        shift=14,
        bias=(rng.integers(0, 40, (levels, 4 * y_channels)) << 18).astype(np.int32),
        upsample="shuffle",
        factor=2,
    )
    rows = (quantise_counts(np.array([40, 20, 20, 8, 8, 2, 2, 1])), random_table(rng, 20))
    z_tables = ZTables(
        rows=rows,
        anchor_of_level=np.zeros(levels, np.uint8),
        row=rng.integers(0, 2, (1, 1, z_channels)).astype(np.uint8),
    )
    return EntropyModel(geometry, (layer,), 4, standard_tables(), z_tables)


@dataclass(frozen=True, eq=False)
class Symbols:
    """z int8 [tiles, Cz, h, w] and y int8 [tiles, Cy, H, W], void elements 0."""

    z: NDArray[np.int8]
    y: NDArray[np.int8]


def random_symbols(model: EntropyModel, grid: Grid, seed: int, rare: float = 0.02) -> Symbols:
    """Mostly small symbols; a share of `rare` goes anywhere in range, so that escapes happen."""
    g = model.geometry
    rng = np.random.default_rng(seed)

    def plane(channels: int, side: int, largest: int, stride: int) -> NDArray[np.int8]:
        shape = (grid.tiles, channels, side, side)
        values = np.rint(rng.standard_normal(shape) * rng.choice([0.2, 1.0, 4.0]))
        anywhere = rng.integers(-largest, largest + 1, shape)
        values = np.where(rng.uniform(size=shape) < rare, anywhere, values)
        values = np.clip(values, -largest, largest).astype(np.int8)
        for tile in range(grid.tiles):
            values[tile, :, ~grid.valid_mask(tile, stride)] = 0
        return values

    z = plane(g.z_channels, g.z_side, g.z_max, g.z_stride)
    return Symbols(z, plane(g.y_channels, g.y_side, g.y_max, g.y_stride))
