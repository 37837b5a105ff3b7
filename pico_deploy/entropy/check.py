"""Whether an entropy model is sound: sizes, layers that fit together, tables, and the overflow
proof.

The core checks the same when it loads `entropy.bin`; here the exporter learns it first, in its own
words.
"""

from __future__ import annotations

import numpy as np

from pico_deploy.entropy import limits
from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.model import PROBABILITY_BITS, EntropyModel, Geometry, Layer, Table
from pico_deploy.entropy.prove import LayerBounds, prove


def check_model(model: EntropyModel) -> tuple[LayerBounds, ...]:
    """The proved bounds of a sound model; raises `ModelBuildError` or `OverflowProofError`
    otherwise."""
    _check_geometry(model.geometry)
    _check_layers(model)
    _check_tables(model)
    return prove(model.layers, model.geometry.z_max)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ModelBuildError(message)


def _in_range(name: str, value: int, low: int, high: int) -> None:
    _require(low <= value <= high, f"{name} is {value}, expected {low} to {high}")


def _check_geometry(g: Geometry) -> None:
    _in_range("payload", g.payload, limits.MIN_PAYLOAD, limits.MAX_PAYLOAD)
    _in_range("border", g.border, 0, limits.MAX_BORDER)
    _in_range("y channels", g.y_channels, 1, limits.MAX_LATENT_CHANNELS)
    _in_range("z channels", g.z_channels, 1, limits.MAX_LATENT_CHANNELS)
    _in_range("levels", g.levels, 1, limits.MAX_LEVELS)
    _in_range("y_max", g.y_max, 1, limits.MAX_SYMBOL)
    _in_range("z_max", g.z_max, 1, limits.MAX_SYMBOL)
    for name, stride in (("y_stride", g.y_stride), ("z_stride", g.z_stride)):
        _require(
            stride >= limits.MIN_STRIDE and stride & (stride - 1) == 0 and g.tile % stride == 0,
            f"{name} is {stride}, expected a power of two from 4 that divides the tile of {g.tile}",
        )
    for name, channels, side in (("y", g.y_channels, g.y_side), ("z", g.z_channels, g.z_side)):
        _in_range(f"elements of a tile's {name}", channels * side**2, 1, limits.MAX_TILE_ELEMENTS)
    _require(g.z_stride >= g.y_stride, f"z_stride {g.z_stride} is below y_stride {g.y_stride}")
    _require(g.border < g.y_stride, f"border {g.border} is not below y_stride {g.y_stride}")


def _check_layers(model: EntropyModel) -> None:
    g = model.geometry
    _in_range("number of layers", len(model.layers), 1, limits.MAX_LAYERS)
    _in_range("fraction bits", model.fraction_bits, 0, limits.MAX_FRACTION_BITS)
    channels, side = g.z_channels, g.z_side
    for number, layer in enumerate(model.layers):
        _check_layer(number, layer, channels, g.levels)
        sums, side = layer.outputs * side**2, side * layer.factor
        channels = layer.channels
        activation = max(sums, channels * side**2)
        _in_range(f"layer {number}: activation", activation, 1, limits.MAX_TILE_ELEMENTS)
    _require(
        (channels, side) == (g.y_channels, g.y_side),
        f"the network ends with {channels} channels of {side}×{side}, "
        f"expected {g.y_channels} of {g.y_side}×{g.y_side}",
    )


def _check_layer(number: int, layer: Layer, channels: int, levels: int) -> None:
    name = f"layer {number}"
    shape = (layer.outputs, channels) if layer.kind == "pointwise" else (channels, 3, 3)
    _require(layer.weight.shape == shape, f"{name}: weight {layer.weight.shape}, expected {shape}")
    _in_range(f"{name}: outputs", layer.outputs, 1, limits.MAX_LAYER_CHANNELS)
    largest_shift = limits.MAX_WIDE_SHIFT if layer.wide else limits.MAX_SHIFT
    _in_range(f"{name}: shift", layer.shift, 0, largest_shift)
    factors = (1,) if layer.upsample == "none" else (2, 4)
    _require(layer.factor in factors, f"{name}: factor {layer.factor}, expected one of {factors}")
    _require(
        layer.upsample != "shuffle" or layer.outputs % layer.factor**2 == 0,
        f"{name}: {layer.outputs} channels cannot be shuffled by {layer.factor}",
    )
    for field, array, dtype, expected in (
        ("weight", layer.weight, np.int8, shape),
        ("multiplier", layer.multiplier, np.int32, (layer.outputs,)),
        ("bias", layer.bias, np.int32, (levels, layer.outputs)),
    ):
        _require(
            array.dtype == dtype and array.shape == expected,
            f"{name}: {field} is {array.dtype} {array.shape}, "
            f"expected {np.dtype(dtype)} {expected}",
        )
    _require(bool((layer.multiplier >= 0).all()), f"{name}: a multiplier is negative")


def _check_tables(model: EntropyModel) -> None:
    g, z = model.geometry, model.z_tables
    _in_range("y tables", len(model.y_tables), 1, limits.MAX_Y_TABLES)
    _in_range("z tables", len(z.rows), 1, limits.MAX_Z_TABLES)
    _in_range("table anchors", z.anchors, 1, limits.MAX_ANCHORS)
    _in_range("banks", z.banks, 1, limits.MAX_BANKS)
    bank_tables = z.anchors if z.banks > 1 else 0
    _in_range("bank tables", len(z.bank_rows), bank_tables, bank_tables)
    together = len(model.y_tables) + len(z.rows) + bank_tables
    _in_range("tables together", together, 1, limits.MAX_TABLES)
    _require(
        z.anchor_of_level.shape == (g.levels,) and bool((z.anchor_of_level < z.anchors).all()),
        f"anchor_of_level must give each of {g.levels} levels one of {z.anchors} anchors",
    )
    _require(
        z.row.shape[2:] == (g.z_channels,) and bool((z.row < len(z.rows)).all()),
        f"row must give each of {g.z_channels} channels one of {len(z.rows)} tables",
    )
    for name, tables, reach in (("y", model.y_tables, g.y_max), ("z", z.rows, g.z_max)):
        for number, table in enumerate(tables):
            _check_table(f"{name} table {number}", table, 2, 2 * min(reach, limits.MAX_REACH) + 2)
    for number, table in enumerate(z.bank_rows):
        _check_table(f"bank table {number}", table, z.banks + 1, z.banks + 1)


def _check_table(name: str, table: Table, low: int, high: int) -> None:
    _in_range(f"{name}: entries", len(table), low, high)
    total = int(table.sum(dtype=np.int64))
    _require(
        bool((table >= 1).all()) and total == 1 << PROBABILITY_BITS,
        f"{name}: frequencies must be 1 to 4095 and sum to 4096, the sum is {total}",
    )
