"""Take a ``.pico`` file apart and put it together otherwise, with checksums that hold.

What an attacker can do: a CRC is no secret, so every bad field here arrives with a good one.
Written from docs/bitstream.md, sections 2 and 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import Any

from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.reference.varint import ByteReader, varint

_FIXED = struct.Struct("<4sBBBBI16s8sIIHBBH")
_FIELDS = (
    *("magic", "major", "minor", "content", "lanes", "header_size", "entropy_fingerprint"),
    *("pixel_fingerprint", "width", "height", "payload", "border", "flags", "tiles_per_stream"),
)


@dataclass(frozen=True)
class FileParts:
    """Everything a file holds. ``fields``: the fixed part of the header by name."""

    fields: dict[str, Any]
    levels: bytes
    chunks: tuple[tuple[str, bytes], ...]
    streams: tuple[bytes, ...]
    sizes: tuple[int, ...] | None = field(default=None)  # stated in the directory, if not the true

    @classmethod
    def of(cls, data: bytes) -> FileParts:
        """The parts of a well-formed file."""
        fields = dict(zip(_FIELDS, _FIXED.unpack_from(data), strict=True))
        tiles = -(-fields["width"] // fields["payload"]) * -(-fields["height"] // fields["payload"])
        header = ByteReader(data[_FIXED.size : fields["header_size"] - 4])
        levels = header.take(1 if fields["flags"] & 1 else tiles)
        kinds = [(header.take(4).decode("ascii"), header.varint()) for _ in range(header.varint())]
        sizes = [header.varint() for _ in range(-(-tiles // fields["tiles_per_stream"]))]
        body = ByteReader(data[fields["header_size"] :])

        def payload(size: int) -> bytes:
            taken = body.take(size)
            body.take(4)
            return taken

        chunks = tuple((kind, payload(size)) for kind, size in kinds)
        return cls(fields, levels, chunks, tuple(payload(size) for size in sizes))

    def with_fields(self, **fields: Any) -> FileParts:
        """The same with other values in the fixed part of the header."""
        return replace(self, fields=self.fields | fields)

    def with_stream(self, number: int, payload: bytes) -> FileParts:
        """The same with another payload of one stream."""
        streams = list(self.streams)
        streams[number] = payload
        return replace(self, streams=tuple(streams))

    def to_bytes(self, directory: bytes | None = None) -> bytes:
        """The file, sealed. A field ``stated_header_size`` takes the place of the true size;
        ``directory`` that of both directories.
        """
        if directory is None:
            directory = self.directory()
        fields = dict(self.fields)
        size = _FIXED.size + len(self.levels) + len(directory) + 4
        fields["header_size"] = fields.pop("stated_header_size", size)
        header = _FIXED.pack(*(fields[name] for name in _FIELDS)) + self.levels + directory
        header_crc = crc32c(header)
        parts = [header, struct.pack("<I", header_crc)]
        parts += [seal(header_crc, b"C", i, data) for i, (_, data) in enumerate(self.chunks)]
        parts += [seal(header_crc, b"S", i, data) for i, data in enumerate(self.streams)]
        return b"".join(parts)

    def directory(self) -> bytes:
        """Chunk and stream directory."""
        sizes = self.sizes or tuple(len(payload) for payload in self.streams)
        chunks = b"".join(kind.encode() + varint(len(data)) for kind, data in self.chunks)
        return varint(len(self.chunks)) + chunks + b"".join(varint(size) for size in sizes)


def seal(header_crc: int, kind: bytes, number: int, payload: bytes) -> bytes:
    """A payload and the CRC that ties it to its file and place."""
    place = struct.pack("<I1sI", header_crc, kind, number)
    return payload + struct.pack("<I", crc32c(place + payload))


@dataclass(frozen=True)
class StreamParts:
    """The sections of a stream's payload (docs/bitstream.md, section 5)."""

    thresholds: bytes
    exception_count: int
    rice: int
    exceptions: bytes
    escapes: bytes
    states: tuple[int, ...]
    words: bytes
    escape_count: int | None = None  # stated, if not the true one
    exception_size: int | None = None

    @classmethod
    def of(cls, payload: bytes, tiles: int, lanes: int) -> StreamParts:
        """The sections of a well-formed payload."""
        reader = ByteReader(payload)
        thresholds, count = reader.take(tiles), reader.varint()
        rice, size = (reader.take(1)[0], reader.varint()) if count else (0, 0)
        escapes = reader.varint()
        states = struct.unpack(f"<{lanes}I", reader.take(4 * lanes))
        words = reader.take(reader.left - escapes - size)
        escaped = reader.take(escapes)
        return cls(thresholds, count, rice, reader.take(size), escaped, states, words)

    def to_bytes(self) -> bytes:
        """The payload."""
        size = len(self.exceptions) if self.exception_size is None else self.exception_size
        listed = bytes([self.rice]) + varint(size) if self.exception_count else b""
        escapes = len(self.escapes) if self.escape_count is None else self.escape_count
        return b"".join(
            [
                *(self.thresholds, varint(self.exception_count), listed, varint(escapes)),
                struct.pack(f"<{len(self.states)}I", *self.states),
                *(self.words, self.escapes, self.exceptions),
            ]
        )
