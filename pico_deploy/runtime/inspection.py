"""What is in a ``.pico`` file. Needs no model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pico_deploy import _core

HEX_WIDTH = 16


@dataclass(frozen=True)
class StreamInfo:
    """One group of tiles; ``complete`` says whether the file reaches its end (damage is found
    by decoding).
    """

    first_tile: int
    tiles: int
    offset: int
    size_bytes: int
    complete: bool


@dataclass(frozen=True)
class ChunkInfo:
    """One metadata chunk; ``meaning`` is empty for a type this release does not know."""

    type: str
    meaning: str
    offset: int
    size_bytes: int
    intact: bool


@dataclass(frozen=True)
class StreamFileInfo:
    """Everything the header says. ``levels``: how many tiles have each level. Sizes include
    CRCs.
    """

    version: str
    size_bytes: int
    width: int
    height: int
    columns: int
    rows: int
    tiles: int
    tile: int
    payload: int
    border: int
    lanes: int
    tiles_per_stream: int
    levels: dict[int, int]
    bits_per_pixel: float
    entropy_fingerprint: str
    pixel_fingerprint: str
    header_bytes: int
    chunk_bytes: int
    stream_bytes: int
    chunks: tuple[ChunkInfo, ...]
    streams: tuple[StreamInfo, ...]


@dataclass(frozen=True)
class Region:
    """A named range of bytes of the file."""

    name: str
    offset: int
    end: int


CHUNK_MEANINGS = {
    "iccp": "ICC profile",
    "cicp": "colour primaries, transfer, matrix, range",
    "exif": "EXIF",
    "xmpm": "XMP",
}
_CRC_BYTES = 4


def inspect_stream(data: bytes) -> StreamFileInfo:
    """Read a file's header and directories; raises ``StreamError``."""
    image = _core.parse(data)
    chunks = tuple(
        ChunkInfo(c.type, CHUNK_MEANINGS.get(c.type, ""), c.offset, c.size, c.intact)
        for c in image.chunks
    )
    streams = tuple(
        StreamInfo(
            s.first_tile, s.tiles, s.offset, s.size, s.offset + s.size + _CRC_BYTES <= len(data)
        )
        for s in image.streams
    )
    return StreamFileInfo(
        version=".".join(map(str, image.version)),
        size_bytes=len(data),
        width=image.width,
        height=image.height,
        columns=image.columns,
        rows=image.rows,
        tiles=image.tiles,
        tile=image.tile,
        payload=image.payload,
        border=image.border,
        lanes=image.lanes,
        tiles_per_stream=image.tiles_per_stream,
        levels=dict(sorted(Counter(image.levels.tolist()).items())),
        bits_per_pixel=8 * len(data) / (image.width * image.height),
        entropy_fingerprint=image.entropy_fingerprint.hex(),
        pixel_fingerprint=image.pixel_fingerprint.hex(),
        header_bytes=image.header_size,
        chunk_bytes=sum(c.size_bytes + _CRC_BYTES for c in chunks),
        stream_bytes=sum(s.size_bytes + _CRC_BYTES for s in streams),
        chunks=chunks,
        streams=streams,
    )


def regions(info: StreamFileInfo) -> list[Region]:
    """All parts of the file in order, each payload apart from its CRC."""
    result = [Region("header", 0, info.header_bytes)]
    parts = [(f"chunk {i} {c.type}", c.offset, c.size_bytes) for i, c in enumerate(info.chunks)]
    parts += [(f"stream {i}", s.offset, s.size_bytes) for i, s in enumerate(info.streams)]
    for name, offset, size in parts:
        result.append(Region(name, offset, offset + size))
        result.append(Region(f"{name} CRC", offset + size, offset + size + _CRC_BYTES))
    return result


def hex_dump(data: bytes, info: StreamFileInfo, bytes_each: int) -> list[str]:
    """Lines with the first ``bytes_each`` bytes of every region."""
    lines = []
    for region in regions(info):
        part = data[region.offset : region.end]
        lines.append(f"{region.name}: {region.end - region.offset} bytes at {region.offset}")
        for start in range(0, min(len(part), bytes_each), HEX_WIDTH):
            row = part[start : start + HEX_WIDTH]
            text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
            lines.append(f"  {region.offset + start:08x}  {row.hex(' '):<47}  {text}")
    return lines
