"""A conformance vector as data: ``vector.json``, and the same expectation as lines for C.

A vector is a folder: ``stream.pico``, ``vector.json``, ``expect.txt`` and, where pixels are
compared, ``source.png`` and ``reference.png``. What must come out of the stream stands in
``vector.json``; ``expect.txt`` is generated from it, for runners that have no JSON parser.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pico_deploy.conformance.thresholds import ToleranceClass
from pico_deploy.errors import InputError

SCHEMA_VERSION: Literal[1] = 1
STREAM_FILE = "stream.pico"
VECTOR_FILE = "vector.json"
EXPECT_FILE = "expect.txt"
SOURCE_FILE = "source.png"
REFERENCE_FILE = "reference.png"

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern="^[a-z0-9-]{1,63}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChunkExpectation(_Frozen):
    """One metadata chunk; ``sha256`` is that of its payload and null when it is not intact."""

    type: Annotated[str, Field(pattern="^[A-Za-z]{4}$")]
    status: str
    size: int
    sha256: Sha256 | None = None


class TileExpectation(_Frozen):
    """SHA-256 of a tile's symbols and scale indices, one byte an element in (channel, row, column)
    order.

    Void elements of ``z`` and ``y`` are 0 and included; ``indices`` are those of the whole tile.
    """

    tile: int
    level: int
    z: Sha256
    indices: Sha256
    y: Sha256


class StreamExpectation(_Frozen):
    """Status of one stream of the file, and its tiles if it is ``ok``."""

    status: str
    tiles: tuple[TileExpectation, ...] = ()


class Expectation(_Frozen):
    """What a decoder must make of the file.

    ``status`` is that of the first error met, in the order: entropy model, header, streams. Nothing
    but ``status`` is there when the model or the header is refused. ``encode`` is the skip
    threshold with which an encoder makes the same bytes from the same symbols: ``auto`` for its own
    choice, null when no encoder writes this file.
    """

    status: str
    width: int | None = None
    height: int | None = None
    lanes: int | None = None
    tiles_per_stream: int | None = None
    chunks: tuple[ChunkExpectation, ...] = ()
    streams: tuple[StreamExpectation, ...] = ()
    encode: Literal["auto"] | int | None = None

    @property
    def tiles(self) -> tuple[TileExpectation, ...]:
        """Tiles of all streams that decode."""
        return tuple(tile for stream in self.streams for tile in stream.tiles)


class PixelExpectation(_Frozen):
    """``reference.png`` is the decode of the stream that all others are compared with.

    ``tolerance`` names the class of a decoder in fp32; lower precisions have classes of their own.
    ``source.png`` is what was encoded.
    """

    tolerance: ToleranceClass
    made_with: str
    bits_per_pixel: float
    psnr_db: Annotated[float, Field(description="of the reference decode against the source")]


class Vector(_Frozen):
    """``vector.json``. ``model`` names a file of ``models/``, without its suffix."""

    schema_name: Literal["pico-deploy/vector"] = "pico-deploy/vector"
    schema_version: Literal[1] = SCHEMA_VERSION
    name: Name
    description: str
    exercises: tuple[str, ...]
    symbols: Annotated[
        Literal["analysis", "synthetic"],
        Field(description="emitted by the conformance model, or made up to reach a corner"),
    ]
    provenance: str
    model: Name
    stream_sha256: Sha256
    stream_bytes: int
    exit_code: Annotated[int, Field(description="of pico-deploy decode --any-pixel-model")]
    expect: Expectation
    pixels: PixelExpectation | None = None

    @property
    def refused(self) -> bool:
        """True when a decoder must report an error."""
        return self.expect.status != "ok"


def expectation_text(model: str, expect: Expectation) -> str:
    """The lines of ``expect.txt``, which ``core/tools/conform.c`` writes from what it finds."""
    lines = ["pico-vector 1", f"model {model}"]
    if expect.width is not None:
        lines.append(f"size {expect.width} {expect.height}")
        lines.append(f"layout {expect.lanes} {expect.tiles_per_stream}")
    for number, chunk in enumerate(expect.chunks):
        line = f"chunk {number} {chunk.type} {chunk.status} {chunk.size}"
        lines.append(f"{line} {chunk.sha256}" if chunk.sha256 else line)
    for number, stream in enumerate(expect.streams):
        lines.append(f"stream {number} {stream.status}")
        lines += [
            f"tile {t.tile} level {t.level} z {t.z} indices {t.indices} y {t.y}"
            for t in stream.tiles
        ]
    lines.append(f"status {expect.status}")
    if expect.encode is not None:
        lines.append(f"encode {expect.encode}")
    return "\n".join(lines) + "\n"


def combined_sha256(tiles: tuple[TileExpectation, ...], what: Literal["z", "indices", "y"]) -> str:
    """One hash for a vector: SHA-256 over the (binary) hashes of its tiles in order."""
    digests = b"".join(bytes.fromhex(getattr(tile, what)) for tile in tiles)
    return hashlib.sha256(digests).hexdigest()


def read_vector(folder: Path) -> Vector:
    """Read ``vector.json``; raises ``InputError`` naming the first field that is wrong."""
    path = folder / VECTOR_FILE
    try:
        return Vector.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "JSON"
        raise InputError(f"{path}: {field}: {first['msg']}") from error


def vector_json(vector: Vector) -> bytes:
    """The bytes of ``vector.json``."""
    return vector.model_dump_json(indent=1).encode() + b"\n"
