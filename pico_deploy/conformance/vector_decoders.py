"""What each implementation of this machine makes of a vector, in the words of its expectation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from pico_deploy import _core
from pico_deploy.conformance.vector import (
    ChunkExpectation,
    Expectation,
    StreamExpectation,
    TileExpectation,
)
from pico_deploy.core_errors import CoreError
from pico_deploy.entropy import reference
from pico_deploy.entropy.serialise import from_bytes
from pico_deploy.errors import PicoError

Encode = Literal["auto"] | int | None
CRC_SIZE = 4


@dataclass(frozen=True)
class VectorDecoder:
    """``describe(model, stream, encode)`` says what comes out; ``encode`` is that of the vector.

    ``states_errors``: reports the status of what it refuses, and decodes the streams of a file that
    are whole when others are not. Otherwise it only refuses.
    """

    name: str
    describe: Callable[[bytes, bytes, Encode], Expectation]
    states_errors: bool = True


def vector_decoders() -> tuple[list[VectorDecoder], Mapping[str, str]]:
    """All of this machine, and by reason those that its CPU cannot run."""
    kernels = _core.kernels()
    found = [core_decoder(name) for name, runs_here in kernels.items() if runs_here]
    found.append(VectorDecoder("numpy reference", describe_reference, states_errors=False))
    reason = "this CPU does not have its instructions"
    return found, {f"core/{name}": reason for name, runs in kernels.items() if not runs}


def core_decoder(kernels: str) -> VectorDecoder:
    """The core with one of its kernel sets."""

    def describe(entropy_bin: bytes, stream: bytes, encode: Encode) -> Expectation:
        try:
            model = _core.Model(entropy_bin, kernels)
            decoder = _core.Decoder(model, stream)
        except CoreError as error:
            return Expectation(status=error.status)
        return _describe_core(model, decoder, stream, encode)

    return VectorDecoder(f"core/{kernels}", describe)


def _describe_core(
    model: _core.Model, decoder: _core.Decoder, data: bytes, encode: Encode
) -> Expectation:
    image = decoder.image
    streams, symbols = [], []
    for group in range(decoder.groups):
        try:
            z, y = decoder.decode_group(group, "int8")
        except CoreError as error:
            streams.append(StreamExpectation(status=error.status))
            continue
        numbers = list(decoder.tiles_of(group))
        levels = np.asarray(image.levels)[numbers]
        indices = model.scale_indices(z, levels)
        tiles = [tile_expectation(*row) for row in zip(numbers, levels, z, indices, y, strict=True)]
        streams.append(StreamExpectation(status="ok", tiles=tuple(tiles)))
        symbols.append((z, y))
    status = next((s.status for s in streams if s.status != "ok"), "ok")
    same = status == "ok" and encode is not None and _encode(model, image, symbols, encode) == data
    return Expectation(
        status=status,
        width=image.width,
        height=image.height,
        lanes=image.lanes,
        tiles_per_stream=image.tiles_per_stream,
        chunks=tuple(_chunk(chunk, data) for chunk in image.chunks),
        streams=tuple(streams),
        encode=encode if same else None,
    )


def tile_expectation(
    number: int, level: int, z: NDArray[Any], indices: NDArray[np.uint8], y: NDArray[Any]
) -> TileExpectation:
    """Hashes of one tile's arrays: int8 symbols, uint8 indices."""

    def sha256(array: NDArray[Any]) -> str:
        return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()

    return TileExpectation(
        tile=int(number), level=int(level), z=sha256(z), indices=sha256(indices), y=sha256(y)
    )


def _chunk(chunk: _core.Chunk, data: bytes) -> ChunkExpectation:
    if chunk.intact:
        sha256 = hashlib.sha256(chunk.data).hexdigest()
        return ChunkExpectation(type=chunk.type, status="ok", size=chunk.size, sha256=sha256)
    cut = chunk.offset + chunk.size + CRC_SIZE > len(data)
    return ChunkExpectation(
        type=chunk.type, status="truncated" if cut else "chunk-damaged", size=chunk.size
    )


def _skip(encode: Encode) -> int | None:
    return None if encode == "auto" else cast("int", encode)


def _encode(
    model: _core.Model,
    image: _core.Image,
    symbols: list[tuple[NDArray[Any], NDArray[Any]]],
    encode: Encode,
) -> bytes:
    levels = np.asarray(image.levels)
    encoder = _core.Encoder(
        model,
        image.width,
        image.height,
        levels,
        image.pixel_fingerprint,
        chunks=[(chunk.type, chunk.data) for chunk in image.chunks],
        lanes=image.lanes,
        tiles_per_stream=image.tiles_per_stream,
        skip=_skip(encode),
    )
    for group, (z, y) in enumerate(symbols):
        encoder.encode_group(group, z, y)
    return encoder.finish()


def describe_reference(entropy_bin: bytes, stream: bytes, encode: Encode) -> Expectation:
    """NumPy. It decodes whole files only, and has no status of its own: "refused"."""
    try:
        model = from_bytes(entropy_bin)
        header, z, y = reference.decode_file(model, stream)
    except PicoError:
        return Expectation(status="refused")
    per_stream = header.tiles_per_stream
    tiles = [
        tile_expectation(
            number,
            level,
            z[number],
            reference.scale_indices(model, z[number], int(level)),
            y[number],
        )
        for number, level in enumerate(header.levels)
    ]
    streams = [
        StreamExpectation(status="ok", tiles=tuple(tiles[first : first + per_stream]))
        for first in range(0, len(tiles), per_stream)
    ]
    same = encode is not None and stream == reference.encode_file(
        model,
        header.width,
        header.height,
        np.asarray(header.levels),
        header.pixel_fingerprint,
        z,
        y,
        chunks=header.chunks,
        lanes=header.lanes,
        tiles_per_stream=per_stream,
        skip=_skip(encode),
    )
    return Expectation(
        status="ok",
        width=header.width,
        height=header.height,
        lanes=header.lanes,
        tiles_per_stream=per_stream,
        chunks=tuple(
            ChunkExpectation(
                type=kind,
                status="chunk-damaged" if number in header.damaged_chunks else "ok",
                size=len(data),
                sha256=None
                if number in header.damaged_chunks
                else hashlib.sha256(data).hexdigest(),
            )
            for number, (kind, data) in enumerate(header.chunks)
        ),
        streams=tuple(streams),
        encode=encode if same else None,
    )
