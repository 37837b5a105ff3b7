"""Every field of an ``entropy.bin``: docs/bitstream.md, section 8."""

from __future__ import annotations

from pico_deploy import _core
from pico_deploy.runtime.fields import Field, FieldReader

_KINDS = ("pointwise", "depthwise 3×3")
_UPSAMPLINGS = ("none", "nearest", "shuffle")


def model_fields(data: bytes) -> list[Field]:
    """All fields in order; raises ``EntropyModelError`` unless the model is sound."""
    _core.Model(data)
    r = FieldReader(data)
    r.take(8, "magic")
    r.number(1, "major version {}")
    r.number(1, "minor version {}")
    r.number(2, "reserved")
    r.number(4, "size of the file: {} bytes")
    r.number(2, "payload: {} pixels")
    r.number(1, "border: {} pixels")
    r.number(1, "probability bits: {}")
    r.number(2, "y_stride: {} pixels")
    r.number(2, "z_stride: {} pixels")
    r.number(2, "{} y channels")
    z_channels = r.number(2, "{} z channels")
    levels = r.number(2, "{} levels")
    r.number(1, "y_max: {}")
    r.number(1, "z_max: {}")
    r.number(1, "fraction bits of the index: {}")
    layers = r.number(1, "{} layers")
    y_tables = r.number(1, "{} y tables")
    z_tables = r.number(1, "{} z tables")
    anchors = r.number(1, "{} table anchors")
    banks = r.number(1, "{} banks")
    bank_tables = r.number(1, "{} bank tables")
    r.number(1, "reserved")
    r.take(levels, "table anchor of each level")
    r.take(anchors * banks * z_channels, "z table of each (anchor, bank, channel)")
    for number in range(layers):
        _layer(r, number, levels)
    for name, count in (("y", y_tables), ("z", z_tables), ("bank", bank_tables)):
        for number in range(count):
            entries = r.number(1, f"{name} table {number}: {{}} entries")
            r.take(2 * entries, f"{name} table {number}: frequencies")
    r.number(4, "CRC of the file: 0x{:08x}, holds")
    return r.fields


def _layer(r: FieldReader, number: int, levels: int) -> None:
    name = f"layer {number}"
    kind = r.number(1, lambda v: f"{name}: {_KINDS[v]}")
    r.number(1, lambda v: f"{name}: upsampling {_UPSAMPLINGS[v]}")
    r.number(1, f"{name}: upsampling factor {{}}")
    r.number(1, f"{name}: shift {{}}")
    r.number(1, f"{name}: wide {{}}")
    r.take(3, f"{name}: reserved")
    inputs = r.number(4, f"{name}: {{}} channels in")
    outputs = r.number(4, f"{name}: {{}} channels out")
    r.number(4, f"{name}: |acc| ≤ {{}}")
    r.number(8, f"{name}: |acc · m| + |bias| + half ≤ {{}}")
    r.take(outputs * (9 if kind else inputs), f"{name}: weights")
    r.take(4 * outputs, f"{name}: multipliers")
    r.take(4 * levels * outputs, f"{name}: biases")
