"""Streams whose contents are wrong although every checksum holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pico_deploy.conformance.make_vectors.coding import coded, draw
from pico_deploy.conformance.make_vectors.forge import FileParts, StreamParts
from pico_deploy.conformance.make_vectors.recipe import Draft, NamedModel, bad
from pico_deploy.conformance.make_vectors.symbols import extreme

LOW, HIGH = 1 << 15, 1 << 31


def forged(models: dict[str, NamedModel], base: Draft) -> Iterator[Draft]:
    """All of them. ``base``: a sound file with a stream a tile, of the convolutional model."""
    model = models["conformance-conv"]
    yield from _sections(base)
    yield from _coder(base)
    yield from _exceptions(replace(base, stream=_with_exceptions(model)))
    yield from _escapes(replace(base, stream=_with_escapes(model)))
    yield from _other_models(models, base)


def _sections(base: Draft) -> Iterator[Draft]:
    parts = FileParts.of(base.stream)
    s = StreamParts.of(parts.streams[0], 1, parts.fields["lanes"])
    states = s.states
    for name, description, changed in (
        ("threshold", "skip threshold 64 of 64 tables", replace(s, thresholds=bytes([64]))),
        ("state-low", "an initial state below 2^15", replace(s, states=(LOW - 1, *states[1:]))),
        ("state-high", "an initial state of 2^31", replace(s, states=(HIGH, *states[1:]))),
        ("state-other", "an initial state that is in range and wrong",
         replace(s, states=(states[0] ^ 1, *states[1:]))),
        ("words-few", "the last rANS word is missing", replace(s, words=s.words[:-2])),
        ("words-many", "one rANS word too many", replace(s, words=s.words + b"\0\0")),
        ("words-odd", "half a rANS word", replace(s, words=s.words + b"\0")),
        ("escapes-more", "one escape too many", replace(s, escapes=s.escapes + b"\x7f")),
        ("escapes-beyond", "more escapes stated than bytes left",
         replace(s, escape_count=1 << 20)),
        ("exceptions-beyond", "more exception bytes stated than bytes left",
         replace(s, exception_count=1, exception_size=1 << 20)),
        ("rice", "Rice parameter 25", replace(s, exception_count=1, rice=25, exceptions=b"\0")),
        ("no-payload", "an empty stream", None),
    ):  # fmt: skip
        payload = b"" if changed is None else changed.to_bytes()
        stream = parts.with_stream(0, payload).to_bytes()
        yield bad(base, f"forged-{name}", "stream-damaged", description, stream)


def _coder(base: Draft) -> Iterator[Draft]:
    parts = FileParts.of(base.stream)
    s = StreamParts.of(parts.streams[0], 1, parts.fields["lanes"])
    middle = len(s.words) // 4 * 2
    flipped = s.words[:middle] + bytes([s.words[middle] ^ 0x40]) + s.words[middle + 1 :]
    yield bad(
        *(base, "forged-word", "stream-damaged", "one bit of a rANS word, checksum forged"),
        parts.with_stream(0, replace(s, words=flipped).to_bytes()).to_bytes(),
    )
    swapped = replace(s, states=(s.states[1], s.states[0], *s.states[2:]))
    yield bad(
        *(base, "forged-lanes", "stream-damaged", "two lanes have changed places"),
        parts.with_stream(0, swapped.to_bytes()).to_bytes(),
    )
    # 0 can only be decoded from such words when the final states are wrong.
    ended = replace(s, words=s.words[:-2] + bytes([s.words[-2] ^ 1, s.words[-1]]))
    yield bad(
        *(base, "forged-end", "stream-damaged", "the last rANS word: a final state is not L"),
        parts.with_stream(0, ended.to_bytes()).to_bytes(),
    )


def _with_exceptions(model: NamedModel) -> bytes:
    """One tile, everything skipped, exceptions of every form."""
    side = model.model.geometry.payload
    rows = len(model.model.y_tables)
    return coded(model, "", "", (), (side, 40), draw(92, rare=0.05), skip=rows - 1, lanes=4).stream


def _exceptions(base: Draft) -> Iterator[Draft]:
    parts = FileParts.of(base.stream)
    s = StreamParts.of(parts.streams[0], 1, parts.fields["lanes"])
    few = replace(s, exception_count=s.exception_count - 1)
    # Fewer than eight bits of padding are no room for three more, which take three bits each.
    more = replace(s, exception_count=s.exception_count + 3)
    # Bits, first one lowest: gap 0 (k = 0), then the value.
    zero = replace(s, exception_count=1, rice=0, exceptions=bytes([0b10, 0]))
    one = replace(s, exception_count=1, rice=0, exceptions=bytes([0b110, 0]))
    far = replace(s, exception_count=1, rice=24, exceptions=bytes([0xFE, 0xFF, 0xFF, 0xFF, 0]))
    endless = replace(s, exception_count=1, rice=0, exceptions=b"\xff" * 40)
    padded = replace(s, exceptions=s.exceptions + b"\0")
    for name, description, changed in (
        ("few", "one exception fewer stated than there are", few),
        ("many", "three exceptions more stated than there are", more),
        ("zero", "an exception of magnitude 0", zero),
        ("one", "magnitude 1 in the long form", one),
        ("far", "an exception beyond the last skipped element", far),
        ("endless", "a gap that never ends", endless),
        ("padded", "a byte after the last exception", padded),
    ):
        stream = parts.with_stream(0, changed.to_bytes()).to_bytes()
        yield bad(base, f"forged-exception-{name}", "stream-damaged", description, stream)


def _with_escapes(model: NamedModel) -> bytes:
    """One tile in which every symbol of ``y`` is an escape."""
    side = model.model.geometry.payload
    return coded(
        *(model, "", "", (), (side, 40)),
        lambda m, grid, levels: extreme(m, grid, 93, smallest=64),
        skip=0,
        lanes=4,
    ).stream


def _escapes(base: Draft) -> Iterator[Draft]:
    parts = FileParts.of(base.stream)
    s = StreamParts.of(parts.streams[0], 1, parts.fields["lanes"])
    last = len(s.escapes) - 1
    for name, description, place, value in (
        ("small", "an escape of 0, which has an entry of its own", last, 0),
        ("minimum", "an escape of −128", last, 0x80),
        ("z", "an escape of z beyond ±31", 0, 32),
    ):
        escapes = bytearray(s.escapes)
        escapes[place] = value
        stream = parts.with_stream(0, replace(s, escapes=bytes(escapes)).to_bytes()).to_bytes()
        yield bad(base, f"forged-escape-{name}", "stream-damaged", description, stream)
    missing = replace(s, escapes=s.escapes[:-1])
    # One byte less must leave whole words, so a word goes with another escape.
    stream = parts.with_stream(0, missing.to_bytes()).to_bytes()
    yield bad(base, "forged-escape-missing", "stream-damaged", "one escape too few", stream)


def _other_models(models: dict[str, NamedModel], base: Draft) -> Iterator[Draft]:
    linear = models["conformance-linear"]
    side = linear.model.geometry.payload
    wrong = coded(linear, "", "", (), (side, 20), draw(94)).stream
    fingerprint = FileParts.of(base.stream).fields["entropy_fingerprint"]
    yield bad(
        *(base, "model-shape", "wrong-model", "made with the other scale decoder's model"), wrong
    )
    forged = FileParts.of(wrong).with_fields(entropy_fingerprint=fingerprint).to_bytes()
    yield bad(
        *(base, "model-forged", "stream-damaged", "the same, with this model's fingerprint forged"),
        forged,
    )
    least = models["tables-least"]
    tiny = coded(least, "", "", (), (16, 16), draw(95, rare=1.0), 0, skip=0)
    parts = FileParts.of(tiny.stream)
    s = StreamParts.of(parts.streams[0], 1, parts.fields["lanes"])
    escapes = s.escapes[:-1] + b"\x02"
    yield bad(
        replace(base, model="tables-least"),
        *("forged-escape-y", "stream-damaged", "an escape of y beyond ±1"),
        parts.with_stream(0, replace(s, escapes=escapes).to_bytes()).to_bytes(),
    )
