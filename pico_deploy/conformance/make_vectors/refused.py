"""Files that every decoder must refuse, each with the error that docs/bitstream.md demands.

Where a checksum is not the subject, it holds: whoever forges a field can forge its CRC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pico_deploy.conformance.make_vectors.bad_models import bad_entropy_models
from pico_deploy.conformance.make_vectors.coding import coded, draw
from pico_deploy.conformance.make_vectors.forge import FileParts
from pico_deploy.conformance.make_vectors.forged import forged
from pico_deploy.conformance.make_vectors.recipe import Draft, NamedModel, bad
from pico_deploy.entropy.reference.varint import varint


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
    yield from forged(models, base)


def _preamble(base: Draft) -> Iterator[Draft]:
    data, parts = base.stream, FileParts.of(base.stream)
    yield bad(base, "empty", "not-pico", "no byte at all", b"")
    yield bad(base, "magic", "not-pico", "another file", b"PICA" + data[4:])
    yield bad(base, "only-magic", "truncated", "ends after the magic", data[:4])
    yield bad(
        *(base, "version", "unsupported-version", "major version 2"),
        parts.with_fields(major=2).to_bytes(),
    )
    for name, status, size, what in (
        ("header-size-small", "header-damaged", 40, "is less than the fixed part"),
        ("header-size-large", "over-limit", (1 << 20) + 1, "is beyond the limit"),
        ("header-size-beyond", "truncated", 1 << 20, "is more than the file has"),
    ):
        stream = parts.with_fields(stated_header_size=size).to_bytes()
        yield bad(base, name, status, f"the stated size of the header {what}", stream)
    damaged = bytearray(data)
    damaged[36] ^= 1
    yield bad(
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
        yield bad(base, name, status, description, stream)
    level = replace(parts, levels=bytes([71]))
    yield bad(base, "level", "header-damaged", "level 71 of 71", level.to_bytes())


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
        yield bad(base, name, status, description, stream)
    many = parts.with_fields(width=parts.fields["width"] + parts.fields["payload"])
    yield bad(
        *(base, "tile-count", "header-damaged", "wider by a tile than there are streams for"),
        many.to_bytes(),
    )
    yield bad(base, "trailing", "trailing-bytes", "a byte after the end", base.stream + b"\0")


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
        yield bad(base, name, "truncated", description, data[:size])


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
        yield bad(base, name, "stream-damaged", description, bytes(damaged))
    data, sizes = base.stream, [len(p) + 4 for p in parts.streams]
    swapped = data[:at] + data[at + sizes[0] : at + sizes[0] + sizes[1]] + data[at : at + sizes[0]]
    directory = replace(parts, sizes=(sizes[1] - 4, sizes[0] - 4, sizes[2] - 4))
    header = directory.to_bytes()[: parts.fields["header_size"]]
    yield bad(
        *(base, "swapped", "stream-damaged", "the first two streams have changed places"),
        header + swapped[parts.fields["header_size"] :] + data[at + sizes[0] + sizes[1] :],
    )
    foreign = FileParts.of(other)
    alien = other[len(other) - len(foreign.streams[0]) - 4 :]
    single = replace(parts.with_fields(tiles_per_stream=8), sizes=(len(foreign.streams[0]),))
    taken = single.to_bytes()
    yield bad(
        *(base, "foreign", "stream-damaged", "a good stream of another file"),
        taken[: len(taken) - sum(sizes)] + alien,
    )


def bad_models(models: dict[str, NamedModel]) -> Iterator[tuple[Draft, bytes]]:
    """Vectors whose entropy.bin must be refused before the stream is looked at, and its bytes."""
    least = models["tables-least"]
    good = coded(least, "", "", (), (16, 16), draw(96), 0)
    base = replace(good, provenance="a small sound model with one field changed", encode=None)
    for name, status, description, data in bad_entropy_models(least.data):
        draft = bad(base, f"model-{name}", status, description, base.stream)
        yield replace(draft, model=f"bad-{name}"), data
