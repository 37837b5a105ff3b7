"""Header, directories and checksums: docs/bitstream.md, sections 2, 3 and 7."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy import limits
from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.reference.damage import Damage
from pico_deploy.entropy.reference.grid import Grid
from pico_deploy.entropy.reference.stream import decode_stream, encode_stream
from pico_deploy.entropy.reference.varint import ByteReader, varint
from pico_deploy.entropy.serialise import fingerprint, to_bytes

MAGIC = b"PICO"
_FIXED = struct.Struct("<4sBBBBI16s8sIIHBBH")


@dataclass(frozen=True, eq=False)
class Header:
    """What a header says. chunks: (type, payload); streams: payloads in order.

    damaged_chunks: numbers of the chunks whose checksum does not hold; nothing else is lost.
    """

    lanes: int
    entropy_fingerprint: bytes
    pixel_fingerprint: bytes
    width: int
    height: int
    payload: int
    border: int
    tiles_per_stream: int
    levels: NDArray[np.uint8]
    chunks: tuple[tuple[str, bytes], ...]
    streams: tuple[bytes, ...]
    damaged_chunks: frozenset[int] = frozenset()


def default_layout(tiles: int) -> tuple[int, int]:
    """(lanes, tiles per stream) that the core's encoder takes unless told otherwise."""
    return (4 if tiles <= 4 else 16 if tiles <= 16 else 32), 8


def encode_file(
    model: EntropyModel,
    width: int,
    height: int,
    levels: NDArray[np.uint8],
    pixel_fingerprint: bytes,
    z: NDArray[np.int8],
    y: NDArray[np.int8],
    *,
    chunks: Sequence[tuple[str, bytes]] = (),
    lanes: int = 0,
    tiles_per_stream: int = 0,
    skip: int | Sequence[int] | None = None,
) -> bytes:
    """A whole `.pico` file. levels uint8 [tiles], z int8 [tiles, Cz, h, w], y int8 [tiles, Cy, H,
    W]; skip: a threshold for all tiles or for each of them, None to choose."""
    grid = Grid(width, height, model.geometry)
    default_lanes, default_tiles = default_layout(grid.tiles)
    lanes, per_stream = lanes or default_lanes, tiles_per_stream or default_tiles
    streams = []
    for first in range(0, grid.tiles, per_stream):
        tiles = range(first, min(first + per_stream, grid.tiles))
        group = slice(tiles.start, tiles.stop)
        own = skip if skip is None or isinstance(skip, int) else skip[group]
        streams.append(encode_stream(model, grid, tiles, levels, z[group], y[group], lanes, own))
    uniform = bool((levels == levels[0]).all())
    directory = varint(len(chunks))
    directory += b"".join(kind.encode() + varint(len(data)) for kind, data in chunks)
    directory += b"".join(varint(len(payload)) for payload in streams)
    level_bytes = levels[:1].tobytes() if uniform else levels.tobytes()
    size = _FIXED.size + len(level_bytes) + len(directory) + 4
    header = _FIXED.pack(
        *(MAGIC, 1, 0, 0, lanes, size, fingerprint(to_bytes(model)), pixel_fingerprint),
        *(width, height, model.geometry.payload, model.geometry.border, int(uniform), per_stream),
    )
    header += level_bytes + directory
    header_crc = crc32c(header)
    sealed = [_sealed(header_crc, b"C", i, data) for i, (_, data) in enumerate(chunks)]
    sealed += [_sealed(header_crc, b"S", i, payload) for i, payload in enumerate(streams)]
    return header + struct.pack("<I", header_crc) + b"".join(sealed)


def parse(data: bytes) -> Header:
    """Read a complete file; raises `Damage`, but not for an optional chunk that is damaged."""
    if data[:4] != MAGIC or len(data) < _FIXED.size or data[4] != 1:
        raise Damage("not a .pico file of version 1")
    fields = _FIXED.unpack_from(data)
    _, _, _, content, lanes, size, entropy_print, pixel_print, width, height = fields[:10]
    payload, border, flags, per_stream = fields[10:]
    if size > len(data) or not _FIXED.size + 7 <= size <= limits.MAX_HEADER:
        raise Damage("the header is cut short")
    (header_crc,) = struct.unpack_from("<I", data, size - 4)
    if crc32c(data[: size - 4]) != header_crc:
        raise Damage("the header's checksum does not hold")
    if content != 0 or flags > 1 or lanes not in (4, 16, 32):
        raise Damage("the header is malformed or of an unknown kind")
    _within("width", width, 1, limits.MAX_SIDE)
    _within("height", height, 1, limits.MAX_SIDE)
    _within("pixels", width * height, 1, limits.MAX_PIXELS)
    _within("payload", payload, limits.MIN_PAYLOAD, limits.MAX_PAYLOAD)
    _within("border", border, 0, limits.MAX_BORDER)
    _within("tiles per stream", per_stream, 1, limits.MAX_TILES_PER_STREAM)
    tiles = -(-width // payload) * -(-height // payload)
    _within("tiles", tiles, 1, limits.MAX_TILES)
    reader = ByteReader(data[_FIXED.size : size - 4])
    levels = np.frombuffer(reader.take(1 if flags else tiles), np.uint8)
    kinds = [
        _chunk_entry(reader)
        for _ in range(_within("chunks", reader.varint(), 0, limits.MAX_CHUNKS))
    ]
    sizes = [
        _within("size of a stream", reader.varint(), 0, limits.MAX_STREAM)
        for _ in range(-(-tiles // per_stream))
    ]
    if reader.left:
        raise Damage("the directories do not end at the checksum")
    body = ByteReader(data[size:])
    chunks, damaged = [], []
    for i, (kind, n) in enumerate(kinds):
        part, intact = _unsealed(body, header_crc, b"C", i, n)
        chunks.append((kind, part))
        damaged += [] if intact else [i]
    streams = []
    for i, n in enumerate(sizes):
        part, intact = _unsealed(body, header_crc, b"S", i, n)
        if not intact:
            raise Damage(f"the checksum of stream {i} does not hold")
        streams.append(part)
    if body.left:
        raise Damage("bytes after the last stream")
    return Header(
        *(lanes, entropy_print, pixel_print, width, height, payload, border, per_stream),
        *(np.broadcast_to(levels, tiles), tuple(chunks), tuple(streams), frozenset(damaged)),
    )


def decode_file(
    model: EntropyModel, data: bytes
) -> tuple[Header, NDArray[np.int8], NDArray[np.int8]]:
    """(header, z [tiles, Cz, h, w], y [tiles, Cy, H, W]); raises `Damage`."""
    header = parse(data)
    if header.entropy_fingerprint != fingerprint(to_bytes(model)):
        raise Damage("made with another entropy model")
    if (header.payload, header.border) != (model.geometry.payload, model.geometry.border):
        raise Damage("tiles of another size than the model's")
    if header.levels.max() >= model.geometry.levels:
        raise Damage(f"level {header.levels.max()} of a model with {model.geometry.levels}")
    grid = Grid(header.width, header.height, model.geometry)
    z, y = [], []
    for number, payload in enumerate(header.streams):
        first = number * header.tiles_per_stream
        tiles = range(first, min(first + header.tiles_per_stream, grid.tiles))
        z_tiles, y_tiles = decode_stream(model, grid, tiles, header.levels, header.lanes, payload)
        z.append(z_tiles)
        y.append(y_tiles)
    return header, np.concatenate(z), np.concatenate(y)


def _within(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise Damage(f"{name} is {value}, expected {low} to {high}")
    return value


def _chunk_entry(reader: ByteReader) -> tuple[str, int]:
    kind = reader.take(4)
    if not kind.isalpha():  # of bytes: ASCII letters only
        raise Damage(f"{kind!r} is no type of a chunk")
    size = _within("size of a chunk", reader.varint(), 0, limits.MAX_CHUNK)
    if kind[:1].isupper():
        raise Damage(f"an unknown critical chunk {kind.decode()}")
    return kind.decode(), size


def _place(header_crc: int, kind: bytes, number: int) -> bytes:
    return struct.pack("<I1sI", header_crc, kind, number)


def _sealed(header_crc: int, kind: bytes, number: int, payload: bytes) -> bytes:
    return payload + struct.pack("<I", crc32c(_place(header_crc, kind, number) + payload))


def _unsealed(
    body: ByteReader, header_crc: int, kind: bytes, number: int, size: int
) -> tuple[bytes, bool]:
    """A payload, and whether its checksum holds."""
    payload, crc = body.take(size), body.take(4)
    computed = crc32c(_place(header_crc, kind, number) + payload)
    return payload, struct.unpack("<I", crc)[0] == computed
