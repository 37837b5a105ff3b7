"""Encode and decode one picture again and again, every pass timed and checked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pico_deploy import _core
from pico_deploy.conformance.pixels import pixels_sha256
from pico_deploy.conformance.symbols import (
    SymbolRecorder,
    TileSymbols,
    first_difference,
    image_sha256,
)
from pico_deploy.errors import VerificationError
from pico_deploy.measure import memory
from pico_deploy.measure.recorder import OperationRecorder, SpanRecorder
from pico_deploy.measure.result import Hashes, Operation, Phase
from pico_deploy.runtime.backend import LoadedPart
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.observer import Observer
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.session import Session

APART = "the core computes indices inside its entropy call; timed apart, right after the pass"

Doing = Callable[[str], None]


class FrameSink:
    """Rows go into one array, allocated beforehand as an app's frame buffer is."""

    def __init__(self, height: int, width: int) -> None:
        self.pixels = np.zeros((height, width, 3), np.uint8)
        self._next = 0

    def write(self, rows: NDArray[np.uint8]) -> None:
        """Append rows."""
        self.pixels[self._next : self._next + len(rows)] = rows
        self._next += len(rows)

    def rewind(self) -> None:
        """Begin again at the first row."""
        self._next = 0


@dataclass(frozen=True)
class Parts:
    """Everything that is loaded once."""

    session: Session
    analysis: LoadedPart
    synthesis: LoadedPart


@dataclass(frozen=True)
class Measured:
    """What the passes gave."""

    encode: Operation
    decode: Operation
    stream_bytes: int
    hashes: Hashes
    notes: tuple[str, ...]


def measure(
    parts: Parts,
    pixels: NDArray[np.uint8],
    level: int,
    iterations: int,
    warm_up_iterations: int,
    doing: Doing,
) -> Measured:
    """Warm up, then ``iterations`` timed passes of encode, then of decode.

    The first warm-up pass keeps the symbols; every decode must give them back. Raises
    ``VerificationError`` when it does not.
    """
    source = ArrayPixels(pixels)
    notes: list[str] = []

    def encoded(observer: Observer) -> bytes:
        return encode(source, parts.session, parts.analysis, level, observer=observer)

    emitted = SymbolRecorder()
    doing("encode, warm-up")
    stream = encoded(emitted)
    for _ in range(warm_up_iterations - 1):
        encoded(Observer())
    encoder = OperationRecorder()
    if not memory.reset_peak():
        notes.append("peak memory of an operation is that of the whole process so far")
    changed = 0
    for i in range(iterations):
        doing(f"encode {i + 1}/{iterations}")
        spans = SpanRecorder()
        start = time.perf_counter_ns()
        again = encoded(spans)
        encoder.add(time.perf_counter_ns() - start, spans)
        encoder.add_apart(*_scale_indices(parts.session, stream, emitted.tiles))
        changed += again != stream
    if changed:
        notes.append(f"{changed} of {iterations} encodes gave another stream than the first one")
    encoding = encoder.operation(memory.peak_bytes()[0])

    decoded = SymbolRecorder()
    doing("decode, warm-up")
    sink = FrameSink(*pixels.shape[:2])

    def decode_into(observer: Observer) -> None:
        sink.rewind()
        decoder = open_stream(stream, parts.session)
        decode(decoder, parts.session, parts.synthesis, sink, observer=observer)

    decode_into(decoded)
    difference = first_difference(emitted.tiles, decoded.tiles)
    if difference is not None:
        raise VerificationError(f"the decoder's symbols are not those of analysis: {difference}")
    first_pixels = pixels_sha256(sink.pixels)
    for _ in range(warm_up_iterations - 1):
        decode_into(Observer())
    decoder = OperationRecorder()
    memory.reset_peak()
    changed = 0
    for i in range(iterations):
        doing(f"decode {i + 1}/{iterations}")
        spans = SpanRecorder()
        start = time.perf_counter_ns()
        decode_into(spans)
        decoder.add(time.perf_counter_ns() - start, spans)
        decoder.add_apart(*_scale_indices(parts.session, stream, emitted.tiles))
        changed += pixels_sha256(sink.pixels) != first_pixels
    if changed:
        notes.append(f"{changed} of {iterations} decodes gave other pixels than the first one")
    return Measured(
        encode=encoding,
        decode=decoder.operation(memory.peak_bytes()[0]),
        stream_bytes=len(stream),
        hashes=Hashes(
            emitted_symbols_sha256=image_sha256(emitted.tiles),
            decoded_symbols_sha256=image_sha256(decoded.tiles),
            stream_sha256=hashlib.sha256(stream).hexdigest(),
            decoded_pixels_sha256=first_pixels,
        ),
        notes=tuple(notes),
    )


def _scale_indices(
    session: Session, stream: bytes, tiles: dict[int, TileSymbols]
) -> tuple[Phase, Phase, str, tuple[int, ...]]:
    """The integer network on the groups of the stream, as the core runs it inside its entropy
    call.
    """
    decoder = _core.Decoder(session.model, stream)
    levels = decoder.image.levels
    return (
        Phase.SCALE_INDICES,
        Phase.ENTROPY,
        APART,
        tuple(_timed_groups(session, decoder, tiles, levels)),
    )


def _timed_groups(
    session: Session,
    decoder: _core.Decoder,
    tiles: dict[int, TileSymbols],
    levels: NDArray[np.uint8],
) -> Iterator[int]:
    for group in range(decoder.groups):
        members = decoder.tiles_of(group)
        z = [tiles[tile].z for tile in members]
        start = time.perf_counter_ns()
        session.model.scale_indices(z, levels[members.start : members.stop])
        yield time.perf_counter_ns() - start
