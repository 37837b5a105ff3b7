"""Every field of a ``.pico`` file: docs/bitstream.md, sections 3, 5 and 7. Needs no model."""

from __future__ import annotations

import struct

from pico_deploy import _core
from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.reference.damage import Damage
from pico_deploy.entropy.reference.exceptions import Exceptions, list_exceptions
from pico_deploy.runtime.fields import Field, FieldReader
from pico_deploy.runtime.inspection import CHUNK_MEANINGS

LISTED = 4
"""Of many levels, exceptions or escapes the meaning names the first few."""


def stream_fields(data: bytes) -> list[Field]:
    """All fields in order; raises ``StreamError`` when the header cannot be used.

    What is cut off, or is damaged so that it does not divide into fields, is one field that says
    so.
    """
    image = _core.parse(data)
    header = FieldReader(data[: image.header_size])
    _header(header, image)
    fields = header.fields
    for number, chunk in enumerate(image.chunks):
        name = f"chunk {number} {chunk.type}"
        body = FieldReader(data[: chunk.offset + chunk.size], chunk.offset)
        meaning = CHUNK_MEANINGS.get(chunk.type, "unknown, optional")
        fields += _sealed(data, body, chunk.size, name, b"C", number, image.header_crc, meaning)
    for number, stream in enumerate(image.streams):
        name = f"stream {number}"
        body = FieldReader(data[: stream.offset + stream.size], stream.offset)
        if body.left == stream.size:
            fields += _stream(data, body, stream.tiles, image.lanes, stream.first_tile)
            fields += _crc(data, body.offset, stream.size, name, b"S", number, image.header_crc)
        else:
            fields += _sealed(data, body, stream.size, name, b"S", number, image.header_crc, "")
    return fields


def _header(r: FieldReader, image: _core.Image) -> None:
    r.take(4, "magic")
    r.number(1, "major version {}")
    r.number(1, "minor version {}")
    r.number(1, "content {}: one still image in tiles")
    r.number(1, "{} lanes")
    r.number(4, "size of the header: {} bytes")
    r.take(16, "entropy fingerprint")
    r.take(8, "pixel fingerprint")
    r.number(4, "width: {} pixels")
    r.number(4, "height: {} pixels")
    r.number(2, "payload of a tile: {} pixels")
    r.number(1, "border: {} pixels")
    flags = r.number(1, lambda v: f"flags: {'one level for all tiles' if v else 'a level a tile'}")
    r.number(2, "{} tiles per stream")
    levels = image.levels[:1] if flags else image.levels
    named = ", ".join(str(level) for level in levels[:LISTED])
    more = ", …" if len(levels) > LISTED else ""
    r.take(len(levels), f"level of all tiles: {named}" if flags else f"levels: {named}{more}")
    chunks = r.varint("{} chunks")
    for number in range(chunks):
        r.take(4, f"type of chunk {number}: {image.chunks[number].type}")
        r.varint(f"size of chunk {number}: {{}} bytes")
    for number in range(len(image.streams)):
        r.varint(f"size of stream {number}: {{}} bytes")
    r.number(4, "CRC of the header: 0x{:08x}, holds")


def _stream(data: bytes, r: FieldReader, tiles: int, lanes: int, first_tile: int) -> list[Field]:
    """Fields of a whole payload; those from the first impossible one on become one."""
    try:
        for tile in range(first_tile, first_tile + tiles):
            r.number(1, f"skip threshold of tile {tile}: {{}}")
        count = r.varint("{} exceptions")
        rice = r.number(1, "Rice parameter of the gaps: {}") if count else 0
        exception_bytes = r.varint("exception section: {} bytes") if count else 0
        escapes = r.varint("{} escapes")
        for lane in range(lanes):
            r.number(4, f"initial state of lane {lane}: 0x{{:08x}}")
        words = r.left - escapes - exception_bytes
        if words < 0 or words % 2:
            raise Damage("the sections do not fit the payload")
        r.take(words, f"{words // 2} rANS words")
        values = data[r.offset : r.offset + escapes]
        r.take(escapes, "escapes: " + _some(struct.unpack(f"{escapes}b", values)))
        section = data[r.offset : r.offset + exception_bytes]
        r.take(exception_bytes, _exceptions(Exceptions(count, rice, section)))
    except Damage as damage:
        r.take(r.left, f"not readable: {damage}")
    return r.fields


def _exceptions(exceptions: Exceptions) -> str:
    listed = list_exceptions(exceptions)
    first = ", ".join(f"{value} after {gap}" for gap, value in listed[:LISTED])
    return f"exceptions: {first}{', …' if len(listed) > LISTED else ''}"


def _some(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values[:LISTED])) + (", …" if len(values) > LISTED else "")


def _sealed(
    data: bytes,
    body: FieldReader,
    size: int,
    name: str,
    kind: bytes,
    number: int,
    header_crc: int,
    meaning: str,
) -> list[Field]:
    """A payload as one field and its CRC; of a file that is cut off, what there is."""
    if body.left < size:
        body.take(body.left, f"{name}: cut off, {body.left} of {size} bytes")
    else:
        body.take(size, f"{name}: {meaning}")
    return body.fields + _crc(data, body.offset, size, name, kind, number, header_crc)


def _crc(
    data: bytes, offset: int, size: int, name: str, kind: bytes, number: int, header_crc: int
) -> list[Field]:
    stored = data[offset : offset + 4]
    if len(stored) < 4:
        return [Field(offset, stored, f"CRC of {name}: cut off")] if stored else []
    place = struct.pack("<I1sI", header_crc, kind, number)
    computed = crc32c(place + data[offset - size : offset])
    value = int.from_bytes(stored, "little")
    verdict = "holds" if value == computed else f"does not hold: 0x{computed:08x} computed"
    return [Field(offset, stored, f"CRC of {name}: 0x{value:08x}, {verdict}")]
