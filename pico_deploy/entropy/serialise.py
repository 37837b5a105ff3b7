"""`entropy.bin`: the bytes of an entropy model, written deterministically and read back.

Syntax: docs/bitstream.md, section 8. The same model always gives the same bytes: integers only, no
dates.
"""

from __future__ import annotations

import hashlib
import struct

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.check import check_model
from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.model import (
    PROBABILITY_BITS,
    EntropyModel,
    Geometry,
    Layer,
    LayerKind,
    Table,
    Upsample,
    ZTables,
)
from pico_deploy.entropy.prove import LayerBounds

MAGIC = b"PICOENT\0"
VERSION = (1, 0)
_FIXED = struct.Struct("<HBBHHHHHBBBBBBBBBB")
_LAYER = struct.Struct("<BBBBBBHIIIQ")
_KINDS: tuple[LayerKind, ...] = ("pointwise", "depthwise3x3")
_UPSAMPLES: tuple[Upsample, ...] = ("none", "nearest", "shuffle")


def to_bytes(model: EntropyModel) -> bytes:
    """The model as `entropy.bin`; raises `ModelBuildError` or `OverflowProofError` if it is not
    sound."""
    bounds = check_model(model)
    g, z = model.geometry, model.z_tables
    body = [
        _FIXED.pack(
            *(
                g.payload,
                g.border,
                PROBABILITY_BITS,
                g.y_stride,
                g.z_stride,
                g.y_channels,
                g.z_channels,
            ),
            *(
                g.levels,
                g.y_max,
                g.z_max,
                model.fraction_bits,
                len(model.layers),
                len(model.y_tables),
            ),
            *(len(z.rows), z.anchors, z.banks, len(z.bank_rows), 0),
        ),
        z.anchor_of_level.astype(np.uint8).tobytes(),
        z.row.astype(np.uint8).tobytes(),
    ]
    body += [_layer_bytes(layer, b) for layer, b in zip(model.layers, bounds, strict=True)]
    for table in (*model.y_tables, *z.rows, *z.bank_rows):
        body.append(struct.pack("<B", len(table)) + table.astype("<u2").tobytes())
    content = b"".join(body)
    size = len(MAGIC) + 8 + len(content) + 4
    data = MAGIC + struct.pack("<BBHI", *VERSION, 0, size) + content
    return data + struct.pack("<I", crc32c(data))


def fingerprint(entropy_bin: bytes) -> bytes:
    """What streams carry: the first 16 bytes of the SHA-256."""
    return hashlib.sha256(entropy_bin).digest()[:16]


def _layer_bytes(layer: Layer, bounds: LayerBounds) -> bytes:
    head = _LAYER.pack(
        *(_KINDS.index(layer.kind), _UPSAMPLES.index(layer.upsample), layer.factor, layer.shift),
        *(int(layer.wide), 0, 0, layer.inputs, layer.outputs),
        *(bounds.accumulator_bound, bounds.product_bound),
    )
    return b"".join(
        [
            head,
            layer.weight.astype(np.int8).tobytes(),
            layer.multiplier.astype("<i4").tobytes(),
            layer.bias.astype("<i4").tobytes(),
        ]
    )


def from_bytes(data: bytes) -> EntropyModel:
    """Read an `entropy.bin`; raises `ModelBuildError` if it is not one, or not a sound one."""
    if data[:8] != MAGIC:
        raise ModelBuildError(f"not an entropy.bin: begins with {data[:8]!r}, expected {MAGIC!r}")
    if len(data) < 20 or data[8] != VERSION[0]:
        raise ModelBuildError(
            f"entropy.bin of {len(data)} bytes, version {data[8:10].hex()}; expected 1.0"
        )
    if struct.unpack_from("<HI", data, 10) != (0, len(data)):
        raise ModelBuildError(f"entropy.bin has {len(data)} bytes, which is not what it says")
    if struct.unpack_from("<I", data, len(data) - 4)[0] != crc32c(data[:-4]):
        raise ModelBuildError("entropy.bin is damaged (checksum); copy it again from the bundle")
    try:
        model, bounds = _read(_Reader(data[16:-4]))
    except (IndexError, ValueError) as error:
        raise ModelBuildError(f"entropy.bin is malformed: {error}") from error
    proved = [(b.accumulator_bound, b.product_bound) for b in check_model(model)]
    if proved != bounds:
        raise ModelBuildError(
            f"bounds stored in entropy.bin are {bounds}, recomputed ones {proved}"
        )
    return model


class _Reader:
    """A cursor over bytes that refuses to run off the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise ValueError(f"ends at byte {len(self._data)}, {size} more expected")
        self._at += size
        return self._data[self._at - size : self._at]

    def unpack(self, form: struct.Struct) -> tuple[int, ...]:
        return form.unpack(self.take(form.size))

    def array(self, dtype: str, *shape: int) -> NDArray[np.generic]:
        count = int(np.prod(shape))
        raw = np.frombuffer(self.take(count * np.dtype(dtype).itemsize), dtype)
        return raw.astype(np.dtype(dtype).newbyteorder("=")).reshape(shape)

    def done(self) -> bool:
        return self._at == len(self._data)


def _read(reader: _Reader) -> tuple[EntropyModel, list[tuple[int, int]]]:
    fixed = reader.unpack(_FIXED)
    payload, border, bits, y_stride, z_stride, y_channels, z_channels, levels, y_max, z_max = fixed[
        :10
    ]
    fraction_bits, layer_count, y_count, z_count, anchors, banks, bank_count, unused = fixed[10:]
    if bits != PROBABILITY_BITS or unused != 0:
        raise ValueError(
            f"probabilities of {bits} bits, reserved field {unused}; expected 12 and 0"
        )
    geometry = Geometry(
        *(payload, border, y_stride, z_stride, y_channels, z_channels, levels, y_max, z_max)
    )
    anchor_of_level = reader.array("u1", levels).astype(np.uint8)
    row = reader.array("u1", anchors, banks, z_channels).astype(np.uint8)
    layers, bounds = [], []
    for _ in range(layer_count):
        layer, bound = _read_layer(reader, levels)
        layers.append(layer)
        bounds.append(bound)
    y_tables, z_rows, bank_rows = (
        tuple(_read_table(reader) for _ in range(count)) for count in (y_count, z_count, bank_count)
    )
    if not reader.done():
        raise ValueError("bytes after the tables")
    z_tables = ZTables(z_rows, anchor_of_level, row, bank_rows)
    return EntropyModel(geometry, tuple(layers), fraction_bits, y_tables, z_tables), bounds


def _read_layer(reader: _Reader, levels: int) -> tuple[Layer, tuple[int, int]]:
    kind, upsample, factor, shift, wide, *reserved = reader.unpack(_LAYER)
    inputs, outputs, acc_bound, product_bound = reserved[2:]
    if reserved[:2] != [0, 0] or wide > 1:
        raise ValueError("a reserved field of a layer is not 0")
    shape = (outputs, inputs) if _KINDS[kind] == "pointwise" else (outputs, 3, 3)
    layer = Layer(
        kind=_KINDS[kind],
        weight=reader.array("i1", *shape).astype(np.int8),
        multiplier=reader.array("<i4", outputs).astype(np.int32),
        shift=shift,
        bias=reader.array("<i4", levels, outputs).astype(np.int32),
        upsample=_UPSAMPLES[upsample],
        factor=factor,
        wide=bool(wide),
    )
    return layer, (acc_bound, product_bound)


def _read_table(reader: _Reader) -> Table:
    (entries,) = reader.unpack(struct.Struct("<B"))
    return reader.array("<u2", entries).astype(np.uint16)
