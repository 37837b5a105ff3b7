"""Files that every decoder must read, with symbols made up to reach the corners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pico_deploy.conformance.make_vectors.coding import coded, draw
from pico_deploy.conformance.make_vectors.forge import FileParts
from pico_deploy.conformance.make_vectors.recipe import Draft, NamedModel
from pico_deploy.conformance.make_vectors.symbols import extreme, sparse, zeros


def decodable(models: dict[str, NamedModel]) -> Iterator[Draft]:
    """All of them."""
    yield from _sizes(models["conformance-conv"])
    yield from _values(models["conformance-conv"])
    yield from _thresholds(models["conformance-conv"])
    yield from _layouts(models["conformance-conv"])
    yield from _levels(models["conformance-conv"])
    yield from _shapes(models)
    yield from _chunks(models["conformance-conv"])
    yield from _oddities(models["conformance-conv"])


def _sizes(model: NamedModel) -> Iterator[Draft]:
    payload = model.model.geometry.payload
    sizes = {
        "1x1": ((1, 1), "the smallest image"),
        "1x-tall": ((1, 2 * payload + 1), "one pixel wide, three tiles high"),
        "wide-x2": ((2 * payload + 9, 2), "two pixels high, three tiles wide"),
        "border-cell": ((payload - 8, payload - 7), "void cells begin within the border"),
        "one-tile": ((payload, payload), "exactly one tile, nothing void"),
        "one-over": ((payload + 1, payload), "a second tile that owns one column"),
        "four-tiles": ((2 * payload, 2 * payload), "exactly four tiles"),
        "two-and-remainder": (
            (2 * payload + 77, 2 * payload + 33),
            "two tiles and a remainder both ways, in two streams",
        ),
    }
    for number, (name, (size, description)) in enumerate(sizes.items()):
        yield coded(model, f"size-{name}", description, ["size", "void"], size, draw(100 + number))


def _values(model: NamedModel) -> Iterator[Draft]:
    side = model.model.geometry.payload
    yield coded(
        model,
        "symbols-zero",
        "every symbol is 0",
        ["least rate"],
        (side, side),
        lambda m, g, levels: zeros(m, g),
    )
    yield coded(
        model,
        "symbols-extreme",
        "every symbol is ±127 (y) or ±31 (z)",
        ["extreme symbols", "escapes"],
        (side, side),
        lambda m, g, levels: extreme(m, g, 1),
    )
    yield coded(
        model,
        "symbols-escaped",
        "every symbol of y is beyond all tables, skip off",
        ["escapes"],
        (side, side),
        lambda m, g, levels: extreme(m, g, 2, smallest=64),
        skip=0,
    )
    yield coded(
        model,
        "symbols-anywhere",
        "a fifth of the symbols lie anywhere in range",
        ["escapes", "exceptions"],
        (side + 30, side),
        draw(3, rare=0.2),
    )


def _thresholds(model: NamedModel) -> Iterator[Draft]:
    side, rows = model.model.geometry.payload, len(model.model.y_tables)
    for skip in (0, 1, rows // 2, rows - 1):
        yield coded(
            model,
            f"skip-{skip}",
            f"skip threshold {skip} in both tiles",
            ["skip", "exceptions"],
            (2 * side, 40),
            draw(20 + skip),
            skip=skip,
        )
    yield coded(
        model,
        "skip-each",
        f"each skip threshold 0…{rows - 1} in a tile of its own, one stream",
        ["skip", "exceptions"],
        (8 * side, rows // 8 * side),
        draw(31, rare=0.002),
        skip=list(range(rows)),
        tiles_per_stream=rows,
    )
    yield coded(
        model,
        "skip-sparse",
        "exceptions far apart: a large Rice parameter",
        ["skip", "exceptions"],
        (2 * side, 2 * side),
        lambda m, g, levels: sparse(m, g, 5, 700),
        skip=rows - 1,
    )
    yield coded(
        model,
        "skip-dense",
        "nearly every skipped element is an exception, all of them long",
        ["skip", "exceptions"],
        (side, side),
        lambda m, g, levels: extreme(m, g, 6),
        skip=rows - 1,
    )


def _layouts(model: NamedModel) -> Iterator[Draft]:
    side = model.model.geometry.payload
    for lanes in (4, 16, 32):
        yield coded(
            model,
            f"lanes-{lanes}",
            f"{lanes} lanes, and segments that do not fill them",
            ["lanes"],
            (side + 20, side + 20),
            draw(41),
            lanes=lanes,
        )
    for count in (1, 3, 1024):
        yield coded(
            model,
            f"group-{count}",
            f"{count} tile(s) a stream, five tiles",
            ["streams"],
            (5 * side, 20),
            draw(42),
            tiles_per_stream=count,
        )


def _levels(model: NamedModel) -> Iterator[Draft]:
    geometry = model.model.geometry
    columns = 12
    rows = -(-geometry.levels // columns)
    levels = (np.arange(columns * rows) % geometry.levels).astype(np.uint8)
    size = (columns * geometry.payload, rows * geometry.payload)
    yield coded(
        model,
        "level-each",
        "every level in a tile of its own",
        ["levels"],
        size,
        draw(50, rare=0.002),
        levels,
    )
    for level in (0, geometry.levels - 1):
        yield coded(
            model,
            f"level-{level}",
            f"level {level} for the whole image",
            ["levels"],
            (geometry.payload, 70),
            draw(51),
            level,
        )


def _shapes(models: dict[str, NamedModel]) -> Iterator[Draft]:
    linear, side = models["conformance-linear"], models["conformance-linear"].model.geometry.payload
    banks = linear.model.z_tables.banks
    yield coded(
        linear,
        "shape-linear",
        f"scale decoder of one layer, {banks} banks of z tables",
        ["linear scale decoder", "banks"],
        (2 * side + 5, side + 9),
        draw(60),
    )
    yield coded(
        linear,
        "shape-linear-levels",
        "the same, another level in each tile",
        ["linear scale decoder", "banks", "levels"],
        (3 * side, side),
        draw(61),
        np.array([0, 30, 70], np.uint8),
    )
    yield coded(
        linear,
        "shape-linear-extreme",
        "the same, extreme symbols",
        ["linear scale decoder", "banks", "escapes"],
        (side, side),
        lambda m, g, levels: extreme(m, g, 62),
    )
    least, most = models["tables-least"], models["tables-most"]
    yield coded(
        least,
        "tables-least",
        "tables of two entries, one channel, one level, tiles of 16 pixels",
        ["minimum tables", "smallest tile"],
        (50, 35),
        draw(63, rare=0.2),
        0,
    )
    levels = np.array([0, 85, 170, 255], np.uint8)
    most_side = most.model.geometry.payload
    yield coded(
        most,
        "tables-most",
        "256 tables of up to 128 entries, 16 layers of every kind, 8 banks, 256 levels",
        ["maximum tables", "banks", "wide products"],
        (2 * most_side, most_side + 1),
        draw(64),
        levels,
    )
    yield coded(
        most,
        "tables-most-skip",
        "the same with skip threshold 127: every element of y is skipped",
        ["maximum tables", "skip"],
        (most_side, most_side),
        draw(65),
        128,
        skip=127,
    )


_KNOWN_CHUNKS = (
    ("iccp", bytes(range(256))),
    ("cicp", bytes([1, 13, 0, 1])),
    ("exif", b"Exif\0\0II*\0"),
    ("xmpm", b"<x:xmpmeta/>"),
)


def _chunks(model: NamedModel) -> Iterator[Draft]:
    for number, chunk in enumerate(_KNOWN_CHUNKS):
        yield coded(
            model,
            f"chunk-{chunk[0]}",
            f"one {chunk[0]} chunk",
            ["chunks"],
            (30, 20),
            draw(70 + number),
            chunks=[chunk],
        )
    yield coded(
        model,
        "chunk-unknown",
        "an optional chunk that no decoder knows, between two that all do",
        ["chunks"],
        (30, 20),
        draw(75),
        chunks=[_KNOWN_CHUNKS[0], ("zZzZ", b"skip me"), _KNOWN_CHUNKS[1]],
    )
    yield coded(
        model,
        "chunk-empty",
        "64 chunks, every other one empty",
        ["chunks"],
        (30, 20),
        draw(76),
        chunks=[("emty", b"x" * (i % 2)) for i in range(64)],
    )


def _oddities(model: NamedModel) -> Iterator[Draft]:
    base = coded(model, "", "", (), (40, 30), draw(80), chunks=_KNOWN_CHUNKS[:1])
    parts = FileParts.of(base.stream)
    damaged = bytearray(base.stream)
    damaged[parts.fields["header_size"] + 3] ^= 1
    forged = "coded by the NumPy reference, then changed with checksums that hold"
    yield replace(
        base,
        name="chunk-damaged",
        exercises=("chunks",),
        encode=None,
        stream=bytes(damaged),
        description="the profile is damaged, the picture is not",
        provenance=forged,
    )
    yield replace(
        base,
        name="minor-version",
        exercises=("version",),
        encode=None,
        provenance=forged,
        description="minor version 7: any is read",
        stream=parts.with_fields(minor=7).to_bytes(),
    )
    side = model.model.geometry.payload
    two = coded(model, "", "", (), (2 * side, 8), draw(81))
    separate = FileParts.of(two.stream).with_fields(flags=0)
    yield replace(
        two,
        name="level-bytes-equal",
        exercises=("levels",),
        encode=None,
        provenance=forged,
        description="a level byte for each tile although all are the same",
        stream=replace(separate, levels=separate.levels * 2).to_bytes(),
    )
