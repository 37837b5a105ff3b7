"""Limits in the serialiser and in the reference: at the limit accepted, one beyond it refused, and
the core says the same of the same bytes.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, replace

import numpy as np
import pytest

from pico_deploy import _core
from pico_deploy.core_errors import CoreError
from pico_deploy.entropy import limits
from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.model import EntropyModel, Geometry, Layer, Table, ZTables
from pico_deploy.entropy.reference import file as reference
from pico_deploy.entropy.reference.damage import Damage
from pico_deploy.entropy.reference.varint import varint
from pico_deploy.entropy.serialise import to_bytes


def table(entries: int) -> Table:
    frequencies = np.ones(entries, np.uint16)
    frequencies[0] = 4096 - (entries - 1)
    return frequencies


@dataclass(frozen=True)
class Shape:
    """A model by its numbers; weights are zero."""

    payload: int = 56
    border: int = 4
    y_stride: int = 8
    z_stride: int = 8
    y_channels: int = 1
    z_channels: int = 1
    levels: int = 1
    y_max: int = 127
    z_max: int = 127
    fraction_bits: int = 0
    layers: int = 1
    middle: int = 1
    shift: int = 0
    wide: bool = False
    y_tables: int = 1
    z_tables: int = 1
    anchors: int = 1
    banks: int = 1
    entries: int = 2

    def layer(self, inputs: int, outputs: int) -> Layer:
        return Layer(
            kind="pointwise",
            weight=np.zeros((outputs, inputs), np.int8),
            multiplier=np.zeros(outputs, np.int32),
            shift=self.shift,
            bias=np.zeros((self.levels, outputs), np.int32),
            wide=self.wide,
        )

    def model(self) -> EntropyModel:
        channels = [self.z_channels, *[self.middle] * (self.layers - 1), self.y_channels]
        bank_tables = self.anchors if self.banks > 1 else 0
        return EntropyModel(
            Geometry(
                *(self.payload, self.border, self.y_stride, self.z_stride),
                *(self.y_channels, self.z_channels, self.levels, self.y_max, self.z_max),
            ),
            tuple(self.layer(a, b) for a, b in itertools.pairwise(channels)),
            self.fraction_bits,
            tuple(table(self.entries) for _ in range(self.y_tables)),
            ZTables(
                tuple(table(2) for _ in range(self.z_tables)),
                np.zeros(self.levels, np.uint8),
                np.zeros((self.anchors, self.banks, self.z_channels), np.uint8),
                tuple(table(self.banks + 1) for _ in range(bank_tables)),
            ),
        )


WHOLE = Shape(border=0, payload=4096, y_stride=4, z_stride=4)
"""2**20 positions: sixteen channels are as many elements as a plane may have."""
MODEL_LIMITS = [
    (Shape(), "payload", limits.MIN_PAYLOAD, -1),
    (Shape(), "payload", limits.MAX_PAYLOAD, 8),
    (Shape(payload=128, y_stride=128, z_stride=128), "border", limits.MAX_BORDER, 1),
    (Shape(payload=62, border=1, z_stride=4), "y_stride", limits.MIN_STRIDE, -2),
    (Shape(), "y_channels", limits.MAX_LATENT_CHANNELS, 1),
    (Shape(), "z_channels", limits.MAX_LATENT_CHANNELS, 1),
    (Shape(), "levels", limits.MAX_LEVELS, 1),
    (Shape(), "y_max", limits.MAX_SYMBOL, 1),
    (Shape(), "z_max", limits.MAX_SYMBOL, 1),
    (Shape(), "fraction_bits", limits.MAX_FRACTION_BITS, 1),
    (Shape(), "layers", limits.MAX_LAYERS, 1),
    (Shape(layers=2), "middle", limits.MAX_LAYER_CHANNELS, 1),
    (Shape(), "shift", limits.MAX_SHIFT, 1),
    (Shape(wide=True), "shift", limits.MAX_WIDE_SHIFT, 1),
    (Shape(), "y_tables", limits.MAX_Y_TABLES, 1),
    (Shape(), "z_tables", limits.MAX_Z_TABLES, 1),
    (Shape(y_tables=128), "z_tables", limits.MAX_TABLES - 128, 1),
    (Shape(), "anchors", limits.MAX_ANCHORS, 1),
    (Shape(), "banks", limits.MAX_BANKS, 1),
    (Shape(), "entries", limits.MAX_TABLE_ENTRIES, 1),
    (Shape(y_max=10), "entries", 22, 1),
    (WHOLE, "y_channels", 16, 1),
    (WHOLE, "z_channels", 16, 1),
    (replace(WHOLE, layers=2), "middle", 16, 1),
]


@pytest.mark.parametrize(
    ("shape", "field", "limit", "step"), MODEL_LIMITS, ids=lambda v: str(v) if v != "" else ""
)
def test_a_model_at_a_limit_is_written_and_loads_and_one_beyond_it_is_neither(
    shape: Shape, field: str, limit: int, step: int
) -> None:
    _core.Model(to_bytes(replace(shape, **{field: limit}).model()))
    with pytest.raises(ModelBuildError):
        to_bytes(replace(shape, **{field: limit + step}).model())


@dataclass(frozen=True)
class HeaderFields:
    """A header by its numbers, of an image without streams behind it."""

    width: int = 100
    height: int = 50
    payload: int = 56
    border: int = 4
    per_stream: int = 2
    lanes: int = 4
    chunks: int = 1
    chunk: int = 5
    stream: int = 7

    def data(self) -> bytes:
        columns, rows = -(-self.width // self.payload), -(-self.height // self.payload)
        streams = -(-columns * rows // self.per_stream) if self.per_stream else 0
        body = b"\0" + varint(self.chunks) + (b"exif" + varint(self.chunk)) * self.chunks
        body += varint(self.stream) * min(streams, 2 * limits.MAX_TILES)
        fixed = reference._FIXED.pack(
            *(b"PICO", 1, 0, 0, self.lanes, 50 + len(body) + 4, bytes(16), bytes(8)),
            *(self.width, self.height, self.payload, self.border, 1, self.per_stream),
        )
        return fixed + body + struct.pack("<I", crc32c(fixed + body))


HEADER_LIMITS = [
    (HeaderFields(), "width", limits.MAX_SIDE, 1),
    (HeaderFields(), "height", limits.MAX_SIDE, 1),
    (HeaderFields(width=1 << 14, payload=4096), "height", limits.MAX_PAYLOAD * 4, 1),
    (HeaderFields(height=2048, payload=16), "width", 2048, 1),
    (HeaderFields(), "payload", limits.MAX_PAYLOAD, 1),
    (HeaderFields(), "payload", limits.MIN_PAYLOAD, -1),
    (HeaderFields(), "border", limits.MAX_BORDER, 1),
    (HeaderFields(), "per_stream", limits.MAX_TILES_PER_STREAM, 1),
    (HeaderFields(), "per_stream", 1, -1),
    (HeaderFields(), "lanes", limits.MAX_LANES, 1),
    (HeaderFields(), "chunks", limits.MAX_CHUNKS, 1),
    (HeaderFields(), "chunk", limits.MAX_CHUNK, 1),
    (HeaderFields(), "stream", limits.MAX_STREAM, 1),
]


@pytest.mark.parametrize(("fields", "field", "limit", "step"), HEADER_LIMITS)
def test_core_and_reference_read_a_header_at_a_limit_and_refuse_one_beyond_it(
    fields: HeaderFields, field: str, limit: int, step: int
) -> None:
    """The reference reads whole files: at the limit it gets as far as the missing chunk."""
    at_limit = replace(fields, **{field: limit}).data()
    _core.parse(at_limit)
    with pytest.raises(Damage, match="bytes expected, 0 left"):
        reference.parse(at_limit)
    beyond = replace(fields, **{field: limit + step}).data()
    with pytest.raises(CoreError):
        _core.parse(beyond)
    with pytest.raises(Damage) as refused:
        reference.parse(beyond)
    assert "bytes expected" not in str(refused.value)
