"""What is in a ``.pico`` file, or in an ``entropy.bin``. Field by field: `stream_fields` and
`model_fields`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pico_deploy import _core
from pico_deploy.entropy.model import Geometry
from pico_deploy.entropy.serialise import MAGIC as ENTROPY_MAGIC
from pico_deploy.entropy.serialise import from_bytes


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
class LayerInfo:
    """One layer of the integer network; ``macs`` are multiply-adds for one tile."""

    kind: str
    inputs: int
    outputs: int
    upsample: str
    factor: int
    wide: bool
    macs: int


@dataclass(frozen=True)
class ModelFileInfo:
    """What an ``entropy.bin`` holds. ``fingerprint`` is what streams carry."""

    version: str
    size_bytes: int
    fingerprint: str
    geometry: Geometry
    layers: tuple[LayerInfo, ...]
    y_tables: int
    z_tables: int
    anchors: int
    banks: int


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


def is_entropy_model(data: bytes) -> bool:
    """Whether the bytes begin like an ``entropy.bin``."""
    return data.startswith(ENTROPY_MAGIC)


def inspect_model(data: bytes) -> ModelFileInfo:
    """Check an ``entropy.bin`` and say what is in it; raises ``EntropyModelError``."""
    fingerprint = _core.Model(data).fingerprint
    model = from_bytes(data)
    side = model.geometry.z_side
    layers = []
    for layer in model.layers:
        macs = layer.weight.size * side**2
        layers.append(
            LayerInfo(
                *(layer.kind, layer.inputs, layer.outputs, layer.upsample, layer.factor),
                *(layer.wide, macs),
            )
        )
        side *= layer.factor
    return ModelFileInfo(
        version=f"{data[8]}.{data[9]}",
        size_bytes=len(data),
        fingerprint=fingerprint.hex(),
        geometry=model.geometry,
        layers=tuple(layers),
        y_tables=len(model.y_tables),
        z_tables=len(model.z_tables.rows),
        anchors=model.z_tables.anchors,
        banks=model.z_tables.banks,
    )
