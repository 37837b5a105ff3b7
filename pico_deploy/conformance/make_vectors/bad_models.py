"""An ``entropy.bin`` with one field that no exporter writes, its checksum made to hold.

Offsets are those of docs/bitstream.md, section 8, for a model of one level, one anchor and one
pointwise layer of one channel.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pico_deploy.entropy.crc32c import crc32c

_Y_MAX, _Z_ROW = 30, 41
_LAYER = 42
_MULTIPLIER = _LAYER + 28 + 1
_TABLES = _MULTIPLIER + 4 + 4


def sealed(data: bytearray) -> bytes:
    """The same with its size and CRC set right."""
    struct.pack_into("<I", data, 12, len(data))
    struct.pack_into("<I", data, len(data) - 4, crc32c(bytes(data[:-4])))
    return bytes(data)


def bad_entropy_models(good: bytes) -> Iterator[tuple[str, str, str, bytes]]:
    """(name, status, description, bytes) of each."""

    def changed(at: int, form: str, value: int) -> bytes:
        data = bytearray(good)
        struct.pack_into("<" + form, data, at, value)
        return sealed(data)

    yield "magic", "model-format", "entropy.bin of another magic", changed(0, "B", 0x51)
    yield "version", "model-version", "entropy.bin of major version 2", changed(8, "B", 2)
    flipped = bytearray(good)
    flipped[_MULTIPLIER] ^= 1
    yield "checksum", "model-checksum", "one bit of entropy.bin", bytes(flipped)
    yield "cut", "model-format", "entropy.bin without its last byte", good[:-1]
    yield "payload", "model-geometry", "a tile its strides do not divide", changed(16, "H", 18)
    yield "y-max", "model-geometry", "y_max 0", changed(_Y_MAX, "B", 0)
    yield "channels", "model-network", "a layer with two inputs", changed(_LAYER + 8, "I", 2)
    yield "multiplier", "model-network", "a negative multiplier", changed(_MULTIPLIER, "i", -1)
    yield "overflow", "model-overflow", "a product of 2^31", changed(_MULTIPLIER, "i", 2**31 - 1)
    yield (
        "bounds",
        "model-bounds",
        "a stored bound that is not the true one",
        changed(_LAYER + 16, "I", 2),
    )
    yield (
        "table-sum",
        "model-tables",
        "frequencies that sum to 4095",
        changed(_TABLES + 1, "H", 4094),
    )
    yield "table-zero", "model-tables", "a frequency of 0", changed(_TABLES + 3, "H", 0)
    yield "table-row", "model-tables", "a z table that does not exist", changed(_Z_ROW, "B", 1)
