"""Files that every decoder must refuse, each with the error that docs/bitstream.md demands.

Where a checksum is not the subject, it holds: whoever forges a field can forge its CRC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pico_deploy.conformance.make_vectors.decodable import coded, draw
from pico_deploy.conformance.make_vectors.forge import FileParts, StreamParts
from pico_deploy.conformance.make_vectors.recipe import Draft, NamedModel
from pico_deploy.conformance.make_vectors.symbols import extreme
from pico_deploy.entropy.reference.varint import varint

LOW, HIGH = 1 << 15, 1 << 31


def refused(models: dict[str, NamedModel]) -> Iterator[Draft]:
    """All of them but those of damaged entropy models (``bad_models``)."""
    model = models["conformance-conv"]
    side = model.model.geometry.payload
    chunks = (("iccp", bytes(range(32))), ("cicp", bytes([1, 13, 0, 1])))
    base = coded(
        model, "", "", (), (2 * side + 9, 30), draw(90), chunks=chunks, tiles_per_stream=1, lanes=4
    )
    base = replace(
        base,
        encode=None,
        provenance="coded by the NumPy reference, then changed; checksums hold unless they are the "
        "subject",
    )
    yield from _preamble(base)
    yield from _fields(base)
    yield from _directories(base)
    yield from _truncated(base)
    yield from _checksums(base, coded(model, "", "", (), (2 * side + 9, 30), draw(91)).stream)
    yield from _sections(base)
    yield from _coder(base)
    yield from _exceptions(replace(base, stream=_with_exceptions(model)))
    yield from _escapes(replace(base, stream=_with_escapes(model)))
    yield from _other_models(models, base)


def _bad(base: Draft, name: str, status: str, description: str, stream: bytes) -> Draft:
    return replace(
        base,
        name=f"bad-{name}",
        description=description,
        exercises=("refusal",),
        stream=stream,
        status=status,
        z=None,
        y=None,
    )


def _preamble(base: Draft) -> Iterator[Draft]:
    data, parts = base.stream, FileParts.of(base.stream)
    yield _bad(base, "empty", "not-pico", "no byte at all", b"")
    yield _bad(base, "magic", "not-pico", "another file", b"PICA" + data[4:])
    yield _bad(base, "only-magic", "truncated", "ends after the magic", data[:4])
    yield _bad(
        *(base, "version", "unsupported-version", "major version 2"),
        parts.with_fields(major=2).to_bytes(),
    )
    for name, status, size, what in (
        ("header-size-small", "header-damaged", 40, "is less than the fixed part"),
        ("header-size-large", "over-limit", (1 << 20) + 1, "is beyond the limit"),
        ("header-size-beyond", "truncated", 1 << 20, "is more than the file has"),
    ):
        stream = parts.with_fields(stated_header_size=size).to_bytes()
        yield _bad(base, name, status, f"the stated size of the header {what}", stream)
    damaged = bytearray(data)
    damaged[36] ^= 1
    yield _bad(
        *(base, "header-checksum", "header-damaged", "one bit of the width is wrong"),
        bytes(damaged),
    )


def _fields(base: Draft) -> Iterator[Draft]:
    parts = FileParts.of(base.stream)
    payload = parts.fields["payload"]
    for name, status, description, fields in (
        ("content-fallback", "unsupported-content", "content 1, reserved", {"content": 1}),
        ("content-frames", "unsupported-content", "content 2, reserved", {"content": 2}),
        ("flags", "unsupported-content", "an unknown flag", {"flags": 3}),
        ("lanes-0", "header-damaged", "no lane", {"lanes": 0}),
        ("lanes-8", "header-damaged", "8 lanes", {"lanes": 8}),
        ("lanes-64", "header-damaged", "64 lanes", {"lanes": 64}),
        ("group-0", "header-damaged", "no tile a stream", {"tiles_per_stream": 0}),
        ("group-1025", "over-limit", "1025 tiles a stream", {"tiles_per_stream": 1025}),
        ("payload-small", "header-damaged", "payload 15", {"payload": 15}),
        ("payload-large", "over-limit", "payload 4097", {"payload": 4097}),
        ("border-large", "over-limit", "border 65", {"border": 65}),
        ("width-0", "over-limit", "width 0", {"width": 0}),
        ("height-0", "over-limit", "height 0", {"height": 0}),
        ("width-65536", "over-limit", "width 65536", {"width": 65536}),
        ("pixels", "over-limit", "2^28 + 2^14 pixels", {"width": 1 << 14, "height": (1 << 14) + 1}),
        ("tiles", "over-limit", "16512 tiles", {"width": 2048, "height": 2064, "payload": 16}),
        ("payload-other", "header-damaged", "another payload than the model's, as many tiles",
         {"payload": payload - 1}),
        ("border-other", "header-damaged", "another border than the model's", {"border": 5}),
        ("model-other", "wrong-model", "another entropy model's fingerprint",
         {"entropy_fingerprint": bytes(16)}),
    ):  # fmt: skip
        stream = parts.with_fields(**fields).to_bytes()
        yield _bad(base, name, status, description, stream)
    level = replace(parts, levels=bytes([71]))
    yield _bad(base, "level", "header-damaged", "level 71 of 71", level.to_bytes())


def _directories(base: Draft) -> Iterator[Draft]:
    parts = FileParts.of(base.stream)
    streams = [len(payload) for payload in parts.streams]
    empty = varint(0)

    def sizes(values: list[int]) -> bytes:
        return b"".join(varint(value) for value in values)

    def kinds(*types: bytes) -> bytes:
        return varint(len(types)) + b"".join(kind + varint(0) for kind in types)

    for name, status, description, directory in (
        ("chunk-count", "over-limit", "65 chunks", kinds(*[b"many"] * 65) + sizes(streams)),
        ("chunk-type", "header-damaged", "a chunk type with a digit",
         kinds(b"ic2p") + sizes(streams)),
        ("chunk-size", "over-limit", "a chunk of 2^24 + 1 bytes",
         varint(1) + b"huge" + varint((1 << 24) + 1) + sizes(streams)),
        ("chunk-critical", "unsupported-chunk", "an unknown critical chunk",
         kinds(b"Must") + sizes(streams)),
        ("chunk-fallback", "unsupported-chunk", "FBCK, reserved", kinds(b"FBCK") + sizes(streams)),
        ("chunk-frame", "unsupported-chunk", "FRME, reserved", kinds(b"FRME") + sizes(streams)),
        ("stream-size", "over-limit", "a stream of 2^28 + 1 bytes",
         empty + sizes([(1 << 28) + 1, *streams[1:]])),
        ("stream-missing", "header-damaged", "one stream fewer than the tiles need",
         empty + sizes(streams[1:])),
        ("stream-many", "header-damaged", "one stream more than the tiles need",
         empty + sizes([*streams, 1])),
        ("varint-long", "header-damaged", "a varint that is not the shortest",
         empty + b"\x81\x00" + sizes(streams[1:])),
        ("varint-large", "header-damaged", "a varint of 2^32 and more",
         empty + b"\xff\xff\xff\xff\x10" + sizes(streams[1:])),
    ):  # fmt: skip
        stream = replace(parts, chunks=()).to_bytes(directory)
        yield _bad(base, name, status, description, stream)
    many = parts.with_fields(width=parts.fields["width"] + parts.fields["payload"])
    yield _bad(
        *(base, "tile-count", "header-damaged", "wider by a tile than there are streams for"),
        many.to_bytes(),
    )
    yield _bad(base, "trailing", "trailing-bytes", "a byte after the end", base.stream + b"\0")


def _truncated(base: Draft) -> Iterator[Draft]:
    data, parts = base.stream, FileParts.of(base.stream)
    header, first = parts.fields["header_size"], len(parts.chunks[0][1]) + 4
    second = header + first + len(parts.chunks[1][1]) + 4
    for name, size, description in (
        ("cut-fixed", 30, "ends in the fixed part of the header"),
        ("cut-directory", header - 6, "ends in the directory"),
        ("cut-header", header, "ends after the header: both chunks and all streams are missing"),
        ("cut-chunk", header + 5, "ends in a chunk"),
        ("cut-streams", second, "ends before the first stream"),
        ("cut-stream", second + 20, "ends in the first stream"),
        ("cut-second", second + len(parts.streams[0]) + 4 + 9, "ends in the second stream"),
        ("cut-last", len(data) - 1, "the last byte is missing"),
    ):
        yield _bad(base, name, "truncated", description, data[:size])


def _checksums(base: Draft, other: bytes) -> Iterator[Draft]:
    parts = FileParts.of(base.stream)
    at = len(base.stream) - sum(len(p) + 4 for p in parts.streams)
    middle = at + len(parts.streams[0]) + 4 + 10
    for name, place, description in (
        ("checksum-first", at + 10, "one bit of the first stream"),
        ("checksum-middle", middle, "one bit of the second stream: the other two decode"),
        ("checksum-last", len(base.stream) - 1, "one bit of the last checksum"),
    ):
        damaged = bytearray(base.stream)
        damaged[place] ^= 0x10
        yield _bad(base, name, "stream-damaged", description, bytes(damaged))
    data, sizes = base.stream, [len(p) + 4 for p in parts.streams]
    swapped = data[:at] + data[at + sizes[0] : at + sizes[0] + sizes[1]] + data[at : at + sizes[0]]
    directory = replace(parts, sizes=(sizes[1] - 4, sizes[0] - 4, sizes[2] - 4))
    header = directory.to_bytes()[: parts.fields["header_size"]]
    yield _bad(
        *(base, "swapped", "stream-damaged", "the first two streams have changed places"),
        header + swapped[parts.fields["header_size"] :] + data[at + sizes[0] + sizes[1] :],
    )
    foreign = FileParts.of(other)
    alien = other[len(other) - len(foreign.streams[0]) - 4 :]
    single = replace(parts.with_fields(tiles_per_stream=8), sizes=(len(foreign.streams[0]),))
    taken = single.to_bytes()
    yield _bad(
        *(base, "foreign", "stream-damaged", "a good stream of another file"),
        taken[: len(taken) - sum(sizes)] + alien,
    )


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
        yield _bad(base, f"forged-{name}", "stream-damaged", description, stream)


def _coder(base: Draft) -> Iterator[Draft]:
    parts = FileParts.of(base.stream)
    s = StreamParts.of(parts.streams[0], 1, parts.fields["lanes"])
    middle = len(s.words) // 4 * 2
    flipped = s.words[:middle] + bytes([s.words[middle] ^ 0x40]) + s.words[middle + 1 :]
    yield _bad(
        *(base, "forged-word", "stream-damaged", "one bit of a rANS word, checksum forged"),
        parts.with_stream(0, replace(s, words=flipped).to_bytes()).to_bytes(),
    )
    swapped = replace(s, states=(s.states[1], s.states[0], *s.states[2:]))
    yield _bad(
        *(base, "forged-lanes", "stream-damaged", "two lanes have changed places"),
        parts.with_stream(0, swapped.to_bytes()).to_bytes(),
    )
    # 0 can only be decoded from such words when the final states are wrong.
    ended = replace(s, words=s.words[:-2] + bytes([s.words[-2] ^ 1, s.words[-1]]))
    yield _bad(
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
        yield _bad(base, f"forged-exception-{name}", "stream-damaged", description, stream)


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
        yield _bad(base, f"forged-escape-{name}", "stream-damaged", description, stream)
    missing = replace(s, escapes=s.escapes[:-1])
    # One byte less must leave whole words, so a word goes with another escape.
    stream = parts.with_stream(0, missing.to_bytes()).to_bytes()
    yield _bad(base, "forged-escape-missing", "stream-damaged", "one escape too few", stream)


def _other_models(models: dict[str, NamedModel], base: Draft) -> Iterator[Draft]:
    linear = models["conformance-linear"]
    side = linear.model.geometry.payload
    wrong = coded(linear, "", "", (), (side, 20), draw(94)).stream
    fingerprint = FileParts.of(base.stream).fields["entropy_fingerprint"]
    yield _bad(
        *(base, "model-shape", "wrong-model", "made with the other scale decoder's model"), wrong
    )
    forged = FileParts.of(wrong).with_fields(entropy_fingerprint=fingerprint).to_bytes()
    yield _bad(
        *(base, "model-forged", "stream-damaged", "the same, with this model's fingerprint forged"),
        forged,
    )
    least = models["tables-least"]
    tiny = coded(least, "", "", (), (16, 16), draw(95, rare=1.0), 0, skip=0)
    parts = FileParts.of(tiny.stream)
    s = StreamParts.of(parts.streams[0], 1, parts.fields["lanes"])
    escapes = s.escapes[:-1] + b"\x02"
    yield _bad(
        replace(base, model="tables-least"),
        *("forged-escape-y", "stream-damaged", "an escape of y beyond ±1"),
        parts.with_stream(0, replace(s, escapes=escapes).to_bytes()).to_bytes(),
    )


def bad_models(models: dict[str, NamedModel]) -> Iterator[tuple[Draft, bytes]]:
    """Vectors whose entropy.bin must be refused before the stream is looked at, and its bytes."""
    from pico_deploy.conformance.make_vectors.bad_models import bad_entropy_models

    least = models["tables-least"]
    good = coded(least, "", "", (), (16, 16), draw(96), 0)
    base = replace(good, provenance="a small sound model with one field changed", encode=None)
    for name, status, description, data in bad_entropy_models(least.data):
        draft = _bad(base, f"model-{name}", status, description, base.stream)
        yield replace(draft, model=f"bad-{name}"), data
