"""One stream: docs/bitstream.md, section 5. Also the choices of the core's encoder, which are not
normative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.limits import MAX_RICE
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.reference.damage import Damage
from pico_deploy.entropy.reference.exceptions import (
    Exceptions,
    read_exceptions,
    write_exceptions,
)
from pico_deploy.entropy.reference.grid import Grid
from pico_deploy.entropy.reference.network import scale_indices
from pico_deploy.entropy.reference.rans import RansDecoder, RansEncoder
from pico_deploy.entropy.reference.tables import COST_BITS, CodingTables, unzigzag, zigzag
from pico_deploy.entropy.reference.varint import ByteReader, varint

NEARLY_ALWAYS_ZERO = 4088
TRUSTING_FROM = 1 << 16
DISAPPOINTED_FROM = 256
SAMPLE_STRIDE = 7
EXCEPTION_COST = 18 << COST_BITS
SYMBOL_PRICE = 1


def encode_stream(
    model: EntropyModel,
    grid: Grid,
    tiles: Sequence[int],
    levels: NDArray[np.uint8],
    z: NDArray[np.int8],
    y: NDArray[np.int8],
    lanes: int,
    skip: int | Sequence[int] | None,
) -> bytes:
    """The payload of a stream. z [n, Cz, h, w], y [n, Cy, H, W] of its tiles; levels of all tiles
    of the image; skip: a threshold for all tiles or for each of them, None to choose."""
    tables = CodingTables.of(model)
    coder = RansEncoder(tables, lanes)
    thresholds: list[int] = []
    skipped: list[NDArray[np.int64]] = []
    for number in reversed(range(len(tiles))):
        tile = tiles[number]
        level = int(levels[tile])
        index, values = _coded_y(model, grid, tile, level, z[number], y[number])
        if skip is None:
            threshold = choose_threshold(model, tables, index, values)
        else:
            threshold = skip if isinstance(skip, int) else skip[number]
        active = index > threshold if threshold else np.ones(len(index), bool)
        coder.encode(index[active], values[active])
        thresholds.insert(0, threshold)
        skipped.insert(0, values[~active])
        _encode_z(model, grid, tables, coder, tile, level, z[number])
    states, words, escapes = coder.finish()
    exceptions = write_exceptions(np.concatenate(skipped))
    listed = bytes([exceptions.rice]) + varint(len(exceptions.data)) if exceptions.count else b""
    return b"".join(
        [
            *(bytes(thresholds), varint(exceptions.count), listed, varint(len(escapes))),
            *(states.astype("<u4").tobytes(), words, escapes, exceptions.data),
        ]
    )


def decode_stream(
    model: EntropyModel,
    grid: Grid,
    tiles: Sequence[int],
    levels: NDArray[np.uint8],
    lanes: int,
    payload: bytes,
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """(z, y) of the tiles of a stream; raises `Damage`."""
    g = model.geometry
    tables = CodingTables.of(model)
    reader = ByteReader(payload)
    thresholds = list(reader.take(len(tiles)))
    if max(thresholds) >= len(model.y_tables):
        raise Damage("a skip threshold is out of range")
    count = reader.varint()
    rice, exception_bytes = (reader.take(1)[0], reader.varint()) if count else (0, 0)
    escapes = reader.varint()
    states = np.frombuffer(reader.take(4 * lanes), "<u4").astype(np.int64)
    word_bytes = reader.left - escapes - exception_bytes
    if word_bytes < 0 or word_bytes % 2 or rice > MAX_RICE:
        raise Damage("the sections do not fit the payload")
    coder = RansDecoder(tables, states, reader.take(word_bytes), reader.take(escapes))
    exceptions = Exceptions(count, rice, reader.take(exception_bytes))
    skipped: list[NDArray[np.bool_]] = []
    z = np.zeros((len(tiles), g.z_channels, g.z_side, g.z_side), np.int8)
    y = np.zeros((len(tiles), g.y_channels, g.y_side, g.y_side), np.int8)
    for number, tile in enumerate(tiles):
        level = int(levels[tile])
        _decode_z(model, grid, coder, tile, level, z[number])
        mask = grid.valid_mask(tile, g.y_stride)
        index = scale_indices(model, z[number], level)[:, mask].ravel().astype(np.int64)
        threshold = thresholds[number]
        active = index > threshold if threshold else np.ones(len(index), bool)
        values = np.zeros(len(index), np.int64)
        values[active] = coder.decode(index[active])
        if np.abs(values).max(initial=0) > g.y_max:
            raise Damage("a symbol of y is out of range")
        y[number][:, mask] = values.reshape(g.y_channels, -1)
        where = np.zeros(y[number].shape, bool)
        where[:, mask] = ~active.reshape(g.y_channels, -1)
        skipped.append(where)
    coder.check_end()
    # All skipped elements of the stream, tile after tile, are one sequence.
    y[np.stack(skipped)] = read_exceptions(exceptions, int(np.sum(skipped)), g.y_max)
    return z, y


def choose_threshold(
    model: EntropyModel, tables: CodingTables, index: NDArray[np.int64], values: NDArray[np.int64]
) -> int:
    """The core's choice of a tile's threshold. In a large tile, what nearly always is 0 by its
    table, unless that gives many exceptions; else what saves most, by a sample."""
    if len(index) > TRUSTING_FROM:
        trusted = tables.frequency[: len(model.y_tables), 0] >= NEARLY_ALWAYS_ZERO
        threshold = max(int(np.cumprod(trusted).sum()) - 1, 0)
        skipped = values[index <= threshold]
        if threshold == 0 or np.count_nonzero(skipped) * DISAPPOINTED_FROM <= len(skipped):
            return threshold
    return _sampled_threshold(model, tables, index, values)


def _sampled_threshold(
    model: EntropyModel, tables: CodingTables, index: NDArray[np.int64], values: NDArray[np.int64]
) -> int:
    row, entry = index[::SAMPLE_STRIDE], zigzag(values[::SAMPLE_STRIDE])
    gain = tables.cost[row, np.minimum(entry, tables.escape[row])] + SYMBOL_PRICE
    gain -= np.where(entry > 0, EXCEPTION_COST, 0)
    by_index = np.zeros(len(model.y_tables), np.int64)
    np.add.at(by_index, row, gain)
    total = np.cumsum(by_index)
    total[0] = 0
    return int(np.argmax(total)) if total.max() > 0 else 0


def _coded_y(
    model: EntropyModel,
    grid: Grid,
    tile: int,
    level: int,
    z: NDArray[np.int8],
    y: NDArray[np.int8],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    mask = grid.valid_mask(tile, model.geometry.y_stride)
    index = scale_indices(model, z, level)[:, mask].ravel().astype(np.int64)
    return index, y[:, mask].ravel().astype(np.int64)


def _z_rows(model: EntropyModel, anchor: int, banks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row of every coded element of z, in coding order; `banks` is the bank of each position."""
    rows = model.z_tables.row[anchor].astype(np.int64) + len(model.y_tables)
    coded: NDArray[np.int64] = rows[banks].T.ravel()
    return coded


def _bank_rows(model: EntropyModel, anchor: int, count: int) -> NDArray[np.int64]:
    return np.full(count, len(model.y_tables) + len(model.z_tables.rows) + anchor, np.int64)


def _encode_z(
    model: EntropyModel,
    grid: Grid,
    tables: CodingTables,
    coder: RansEncoder,
    tile: int,
    level: int,
    z: NDArray[np.int8],
) -> None:
    anchor = int(model.z_tables.anchor_of_level[level])
    coded = z[:, grid.valid_mask(tile, model.geometry.z_stride)].astype(np.int64)
    banks = np.zeros(coded.shape[1], np.int64)
    if model.z_tables.banks > 1:
        banks = choose_banks(model, tables, anchor, coded)
    coder.encode(_z_rows(model, anchor, banks), coded.ravel())
    if model.z_tables.banks > 1:
        coder.encode(_bank_rows(model, anchor, len(banks)), unzigzag(banks))


def choose_banks(
    model: EntropyModel, tables: CodingTables, anchor: int, coded: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The core's choice: for every position of z [Cz, positions] the bank that costs fewest
    bits."""
    bank_row = len(model.y_tables) + len(model.z_tables.rows) + anchor
    costs = []
    for bank in range(model.z_tables.banks):
        rows = model.z_tables.row[anchor, bank].astype(np.int64)[:, None] + len(model.y_tables)
        entries = np.minimum(zigzag(coded), tables.escape[rows])
        costs.append(tables.cost[rows, entries].sum(axis=0) + tables.cost[bank_row, bank])
    banks: NDArray[np.int64] = np.argmin(np.stack(costs), axis=0)
    return banks


def _decode_z(
    model: EntropyModel,
    grid: Grid,
    coder: RansDecoder,
    tile: int,
    level: int,
    z: NDArray[np.int8],
) -> None:
    anchor = int(model.z_tables.anchor_of_level[level])
    mask = grid.valid_mask(tile, model.geometry.z_stride)
    positions = int(mask.sum())
    banks = np.zeros(positions, np.int64)
    if model.z_tables.banks > 1:
        banks = zigzag(coder.decode(_bank_rows(model, anchor, positions)))
        if (banks >= model.z_tables.banks).any():
            raise Damage("a bank number is an escape")
    values = coder.decode(_z_rows(model, anchor, banks))
    if np.abs(values).max(initial=0) > model.geometry.z_max:
        raise Damage("a symbol of z is out of range")
    z[:, mask] = values.reshape(-1, positions)
