"""Encode and decode: sizes, borders, void elements, streaming, backends that exchange streams."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_codec import GEOMETRY, NumpyPart, flat_blocks

from pico_deploy import _core
from pico_deploy.bundle.manifest import Role
from pico_deploy.core_errors import SymbolError
from pico_deploy.errors import UsageError
from pico_deploy.runtime.backend import LoadedPart
from pico_deploy.runtime.decode import Decoded, decode, open_stream
from pico_deploy.runtime.encode import StreamSettings, encode
from pico_deploy.runtime.observer import Observer, Phase, SymbolHash
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session

SIZES = [(1, 1), (1, 300), (300, 1), (7, 5), (120, 120), (121, 119), (125, 361), (240, 483)]
LEVEL = 10


class Symbols(Observer):
    """Keeps every tile's symbols."""

    def __init__(self) -> None:
        self.tiles: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def symbols(self, tile: int, z: NDArray[Any], y: NDArray[Any]) -> None:
        assert tile == len(self.tiles)
        self.tiles.append((z.copy(), y.copy()))


class Recording(NumpyPart):
    """Keeps every tile's inputs."""

    def __init__(self) -> None:
        super().__init__("analysis")
        self.seen: list[Mapping[Role, NDArray[Any]]] = []

    def __call__(self, inputs: Mapping[Role, NDArray[Any]]) -> dict[Role, NDArray[Any]]:
        self.seen.append(inputs)
        return super().__call__(inputs)


def decoded(
    stream: bytes, session: Session, synthesis: LoadedPart, observer: Observer | None = None
) -> tuple[NDArray[np.uint8], Decoded]:
    sink = ArraySink()
    result = decode(open_stream(stream, session), session, synthesis, sink, observer=observer)
    return sink.pixels(), result


@pytest.mark.parametrize("height,width", SIZES)
def test_any_size_comes_back_in_its_size(session: Session, height: int, width: int) -> None:
    pixels = np.broadcast_to(np.uint8([200, 100, 30]), (height, width, 3))
    stream = encode(ArrayPixels(pixels), session, NumpyPart("analysis"), LEVEL)
    result, _ = decoded(stream, session, NumpyPart("synthesis"))
    assert result.shape == pixels.shape
    assert np.abs(result.astype(int) - pixels).max() <= 2  # one step of the quantiser


def test_every_pixel_comes_back_in_its_place(session: Session) -> None:
    """A ramp in each direction: the error stays far below what a misplaced tile would cause."""
    rows, columns = np.mgrid[0:430, 0:370] // 2
    pixels = np.stack([rows, columns, 215 - rows], 2).astype(np.uint8)
    stream = encode(ArrayPixels(pixels), session, NumpyPart("analysis"), LEVEL)
    result, _ = decoded(stream, session, NumpyPart("synthesis"))
    assert np.abs(result.astype(int) - pixels).max() <= 5


@pytest.mark.parametrize("height,width", SIZES)
def test_tiles_are_cut_from_the_picture_with_its_edge_repeated(
    session: Session, height: int, width: int
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    part = Recording()
    encode(ArrayPixels(pixels), session, part, LEVEL)
    g = GEOMETRY
    rows, columns = -(-height // g.payload), -(-width // g.payload)
    padding = (rows * g.payload + g.border - height, columns * g.payload + g.border - width)
    padded = np.pad(pixels, ((g.border, padding[0]), (g.border, padding[1]), (0, 0)), "edge")
    assert len(part.seen) == rows * columns
    for number, inputs in enumerate(part.seen):
        top, left = (g.payload * i for i in divmod(number, columns))
        expected = padded[top : top + g.tile, left : left + g.tile].transpose(2, 0, 1)
        assert np.array_equal(inputs["x"][0] * 255, expected.astype(np.float32))


@pytest.mark.parametrize("height,width", SIZES)
def test_cells_that_do_not_touch_the_picture_are_masked(
    session: Session, height: int, width: int
) -> None:
    part = Recording()
    encode(ArrayPixels(flat_blocks(height, width)), session, part, LEVEL)
    g = GEOMETRY
    columns = -(-width // g.payload)
    for number, inputs in enumerate(part.seen):
        top, left = (g.payload * i - g.border for i in divmod(number, columns))
        for role, stride in (("y_mask", g.y_stride), ("z_mask", g.z_stride)):
            cells = np.arange(g.tile // stride) * stride
            expected = (top + cells < height)[:, None] & (left + cells < width)[None]
            assert np.array_equal(inputs[role][0, 0], expected), (role, number)  # type: ignore[index]


def test_symbols_decode_as_analysis_emitted_them(session: Session) -> None:
    emitted, received = Symbols(), Symbols()
    picture = ArrayPixels(flat_blocks(300, 500))
    stream = encode(picture, session, NumpyPart("analysis"), LEVEL, observer=emitted)
    decoded(stream, session, NumpyPart("synthesis"), received)
    assert len(emitted.tiles) == 15
    for sent, got in zip(emitted.tiles, received.tiles, strict=True):
        assert np.array_equal(sent[0], got[0])
        assert np.array_equal(sent[1], got[1])


@pytest.mark.parametrize("encoder", ["onnx", "numpy"])
def test_what_one_runtime_encodes_another_decodes(
    session: Session, numpy_backend: str, encoder: str
) -> None:
    pictures = {}
    emitted = SymbolHash()
    analysis = session.load("analysis", encoder)
    source = ArrayPixels(flat_blocks(250, 250))
    stream = encode(source, session, analysis, 7, observer=emitted)
    for decoder in ("onnx", numpy_backend):
        received = SymbolHash()
        part = session.load("synthesis", decoder)
        pictures[decoder], result = decoded(stream, session, part, received)
        assert received.hexdigest() == emitted.hexdigest()
        assert result.nan_samples == 0
    difference = pictures["onnx"].astype(int) - pictures[numpy_backend]
    assert np.abs(difference).max() <= 1


def test_hash_of_symbols_notices_a_single_symbol() -> None:
    """Control of the hash that other tests rely on."""
    z, y = np.zeros((1, 3, 2, 2), np.float32), np.zeros((1, 12, 8, 8), np.float32)
    one, other = SymbolHash(), SymbolHash()
    one.symbols(0, z, y)
    y[0, 5, 3, 3] = 1
    other.symbols(0, z, y)
    assert one.hexdigest() != other.hexdigest()


def test_higher_level_takes_more_bytes_and_gives_a_better_picture(session: Session) -> None:
    pixels = flat_blocks(240, 240)
    sizes, errors = [], []
    for level in (0, 5, 10):
        stream = encode(ArrayPixels(pixels), session, NumpyPart("analysis"), level)
        result, _ = decoded(stream, session, NumpyPart("synthesis"))
        sizes.append(len(stream))
        errors.append(np.square(result.astype(float) - pixels).mean())
    assert sizes == sorted(set(sizes))
    assert errors == sorted(errors, reverse=True)


def test_each_tile_can_have_its_own_level(session: Session) -> None:
    part = Recording()
    levels = np.array([0, 10, 5, 3], np.uint8)
    stream = encode(ArrayPixels(flat_blocks(240, 240)), session, part, levels)
    assert np.array_equal(_core.parse(stream).levels, levels)
    for level, inputs in zip(levels, part.seen, strict=True):
        assert np.array_equal(inputs["anchors"], session.manifest.anchors(int(level)))
    assert decoded(stream, session, NumpyPart("synthesis"))[0].shape == (240, 240, 3)


@pytest.mark.parametrize("levels", [11, -1, np.zeros(3, np.uint8), np.full(4, 11, np.uint8)])
def test_impossible_level_is_a_usage_error(session: Session, levels: Any) -> None:
    with pytest.raises(UsageError, match="levels must be 0…10"):
        encode(ArrayPixels(flat_blocks(240, 240)), session, NumpyPart("analysis"), levels)


@pytest.mark.parametrize("lanes,tiles,skip", [(4, 1, 0), (16, 3, None), (32, 100, 5)])
def test_packing_changes_no_pixel(
    session: Session, lanes: int, tiles: int, skip: int | None
) -> None:
    source = ArrayPixels(flat_blocks(300, 300))
    settings = StreamSettings(lanes=lanes, tiles_per_stream=tiles, skip=skip)
    plain = encode(source, session, NumpyPart("analysis"), LEVEL)
    packed = encode(source, session, NumpyPart("analysis"), LEVEL, settings)
    assert packed != plain
    pictures = [decoded(s, session, NumpyPart("synthesis"))[0] for s in (plain, packed)]
    assert np.array_equal(*pictures)


class Census:
    """Counts arrays of a whole tile of pixels that are alive at once."""

    def __init__(self) -> None:
        self.alive, self.most = 0, 0

    def watch(self, array: NDArray[Any]) -> None:
        while array.base is not None:
            array = array.base
        self.alive += 1
        self.most = max(self.most, self.alive)
        weakref.finalize(array, self._gone)

    def _gone(self) -> None:
        self.alive -= 1


class CountedPart(NumpyPart):
    def __init__(self, part: Any, census: Census) -> None:
        super().__init__(part)
        self.census = census

    def __call__(self, inputs: Mapping[Role, NDArray[Any]]) -> dict[Role, NDArray[Any]]:
        outputs = super().__call__(inputs)
        if "x" in inputs:
            self.census.watch(inputs["x"])
            self.census.watch(outputs["y"])
        else:
            self.census.watch(outputs["x_hat"])
        return outputs


class Strips:
    """A source that makes rows when they are asked for, and remembers the most that it was
    asked.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width, self.most = height, width, 0

    def rows(self, first: int, end: int) -> NDArray[np.uint8]:
        self.most = max(self.most, end - first)
        return np.full((end - first, self.width, 3), 77, np.uint8)


class Bands:
    """A sink that forgets."""

    def __init__(self) -> None:
        self.rows, self.most = 0, 0

    def write(self, rows: NDArray[np.uint8]) -> None:
        self.rows += len(rows)
        self.most = max(self.most, len(rows))


@pytest.mark.parametrize("rows_of_tiles", [3, 12])
def test_tiles_in_memory_do_not_grow_with_the_picture(session: Session, rows_of_tiles: int) -> None:
    gc.disable()  # reference counts alone must free tiles
    try:
        source, census = Strips(120 * rows_of_tiles, 480), Census()
        settings = StreamSettings(tiles_per_stream=2)
        stream = encode(source, session, CountedPart("analysis", census), LEVEL, settings)
        assert (
            census.most <= 2 + 3 * 2
        )  # pixels: cut and in use; y: a group filling, waiting, coded
        assert source.most == GEOMETRY.tile
        sink, census = Bands(), Census()
        decoder = open_stream(stream, session)
        decode(decoder, session, CountedPart("synthesis", census), sink)
        assert census.most <= 4
        assert (sink.rows, sink.most) == (source.height, GEOMETRY.payload)
    finally:
        gc.enable()


def test_census_sees_tiles_that_are_kept() -> None:
    """Control of the memory test: a part that keeps its tiles is found out."""
    census = Census()
    kept = [np.zeros((1, 3, 128, 128)) for _ in range(20)]
    for array in kept:
        census.watch(array)
    assert census.most == 20


class Spans(Observer):
    def __init__(self) -> None:
        self.phases: list[tuple[Phase, int]] = []

    def span(self, phase: Phase, index: int, start_ns: int, end_ns: int) -> None:
        assert start_ns <= end_ns
        self.phases.append((phase, index))


def test_every_phase_of_every_tile_and_group_is_reported(session: Session) -> None:
    spans = Spans()
    source = ArrayPixels(flat_blocks(240, 360))
    settings = StreamSettings(tiles_per_stream=4)
    stream = encode(source, session, NumpyPart("analysis"), LEVEL, settings, spans)
    tiles, groups = range(6), range(2)
    expected = [(p, t) for p in ("pixels_in", "analysis") for t in tiles]
    assert sorted(spans.phases) == sorted(expected + [("entropy", g) for g in groups])
    spans = Spans()
    decoded(stream, session, NumpyPart("synthesis"), spans)
    expected = [(p, t) for p in ("synthesis", "pixels_out") for t in tiles]
    assert sorted(spans.phases) == sorted(expected + [("entropy", g) for g in groups])


def test_nan_from_a_runtime_is_counted(session: Session) -> None:
    class Overflowing(NumpyPart):
        def __call__(self, inputs: Mapping[Role, NDArray[Any]]) -> dict[Role, NDArray[Any]]:
            outputs = super().__call__(inputs)
            outputs["x_hat"][0, 1, 60, 60] = np.nan
            return outputs

    stream = encode(ArrayPixels(flat_blocks(120, 240)), session, NumpyPart("analysis"), LEVEL)
    pixels, result = decoded(stream, session, Overflowing("synthesis"))
    assert result.nan_samples == 2
    assert pixels[56, 56, 1] == 0


def test_failure_of_the_runtime_reaches_the_caller(session: Session) -> None:
    class Failing(NumpyPart):
        def __call__(self, inputs: Mapping[Role, NDArray[Any]]) -> dict[Role, NDArray[Any]]:
            if self.calls == 3:
                raise MemoryError("no more")
            return super().__call__(inputs)

    source = ArrayPixels(flat_blocks(240, 360))
    with pytest.raises(MemoryError, match="no more"):
        encode(source, session, Failing("analysis"), LEVEL)
    stream = encode(source, session, NumpyPart("analysis"), LEVEL)
    with pytest.raises(MemoryError, match="no more"):
        decoded(stream, session, Failing("synthesis"))


@pytest.mark.parametrize("value", [0.5, np.nan, 200.0])
def test_symbols_that_are_no_symbols_are_refused_and_not_repaired(
    session: Session, value: float
) -> None:
    class Unsound(NumpyPart):
        def __call__(self, inputs: Mapping[Role, NDArray[Any]]) -> dict[Role, NDArray[Any]]:
            outputs = super().__call__(inputs)
            outputs["y"][0, 0, 0, 0] = value
            return outputs

    with pytest.raises(SymbolError, match=r"^analysis on numpy "):
        encode(ArrayPixels(flat_blocks(120, 120)), session, Unsound("analysis"), LEVEL)


def test_manifest_and_entropy_model_must_agree(tiny_bundle: Path) -> None:
    from dataclasses import replace

    from pico_deploy.bundle.read import open_bundle
    from pico_deploy.errors import BundleError

    with open_bundle(tiny_bundle) as bundle:
        manifest = bundle.manifest
        Session(bundle)  # the control
        other = replace(manifest.geometry, y_channels=13)
        bundle.manifest = manifest.model_copy(update={"geometry": other})
        with pytest.raises(BundleError, match="states y_channels 13"):
            Session(bundle)
