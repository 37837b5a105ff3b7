"""Photo → ``.pico``: analysis on the runtime, coding in the core, both at the same time.

Tiles are streamed: whatever the size of the photo, only a few tiles and the symbols of a few groups
are in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pico_deploy import _core
from pico_deploy.bundle.manifest import Role
from pico_deploy.core_errors import SymbolError
from pico_deploy.errors import UsageError
from pico_deploy.runtime.backend import Array, LoadedPart, stored
from pico_deploy.runtime.observer import Observer, timed
from pico_deploy.runtime.photo import PixelSource
from pico_deploy.runtime.pipeline import ahead
from pico_deploy.runtime.session import Session
from pico_deploy.runtime.tiles import TileReader


@dataclass(frozen=True)
class StreamSettings:
    """How symbols are packed; 0 and None take the core's defaults. ``chunks``: (type, payload)
    of metadata.
    """

    lanes: int = 0
    tiles_per_stream: int = 0
    skip: int | None = None
    chunks: tuple[tuple[str, bytes], ...] = ()


_Group = tuple[int, list[NDArray[Any]], list[NDArray[Any]]]


def _levels(levels: int | NDArray[np.uint8], count: int, tiles: int) -> NDArray[np.uint8]:
    array = np.full(tiles, levels) if isinstance(levels, int) else levels
    if array.shape != (tiles,) or array.min() < 0 or array.max() >= count:
        raise UsageError(f"levels must be 0…{count - 1}, one or {tiles} of them, not {levels}")
    return array.astype(np.uint8)


def compact(symbols: NDArray[Any]) -> NDArray[Any]:
    """Return symbols as int8 if that loses nothing; otherwise as they are, for the core to refuse.

    The symbols of several groups wait for the core at once; as float32 they would be most of what
    the pipeline holds.
    """
    with np.errstate(invalid="ignore"):  # a NaN is found by the comparison
        narrow = symbols.astype(np.int8, order="C")
    return narrow if np.array_equal(narrow, symbols) else symbols


def encode(
    source: PixelSource,
    session: Session,
    analysis: LoadedPart,
    levels: int | NDArray[np.uint8],
    settings: StreamSettings | None = None,
    observer: Observer | None = None,
) -> bytes:
    """Encode a picture at one level, or at a level for each tile (``uint8 [tiles]``).

    Raises ``UsageError`` for an impossible level, ``SymbolError`` when the runtime's symbols are
    not sound.
    """
    settings, watch = settings or StreamSettings(), observer or Observer()
    grid = session.model.grid(source.width, source.height)
    per_tile = _levels(levels, session.model.levels, grid.tiles)
    encoder = _core.Encoder(
        session.model,
        source.width,
        source.height,
        levels if isinstance(levels, int) else per_tile,
        session.pixel_fingerprint,
        chunks=settings.chunks,
        lanes=settings.lanes,
        tiles_per_stream=settings.tiles_per_stream,
        skip=settings.skip,
    )
    reader = TileReader(source, grid)
    tensors = analysis.inputs

    def prepare(tile: int) -> tuple[int, dict[Role, Array]]:
        with timed(watch, "pixels_in", tile):
            canonical: dict[Role, Array] = {
                "anchors": session.manifest.anchors(int(per_tile[tile])),
                "y_mask": grid.y_mask(tile),
                "z_mask": grid.z_mask(tile),
            }
            inputs = {role: stored(array, tensors[role]) for role, array in canonical.items()}
            inputs["x"] = reader.read(tile, tensors["x"])
        return tile, inputs

    def analysed(tiles: Iterator[tuple[int, dict[Role, Array]]]) -> Iterator[_Group]:
        for group in range(encoder.groups):
            z: list[NDArray[Any]] = []
            y: list[NDArray[Any]] = []
            for _ in encoder.tiles_of(group):
                tile, inputs = next(tiles)
                with timed(watch, "analysis", tile):
                    outputs = analysis(inputs)
                watch.symbols(tile, outputs["z"], outputs["y"])
                z.append(compact(outputs["z"]))
                y.append(compact(outputs["y"]))
            yield group, z, y

    def code(item: _Group) -> int:
        group, z, y = item
        try:
            with timed(watch, "entropy", group):
                encoder.encode_group(group, z, y)
        except SymbolError as error:
            report = analysis.report
            error.args = (f"analysis on {report.library} {report.version}: {error}",)
            raise
        return len(z)

    label = f"encode at level {levels}" if isinstance(levels, int) else "encode"
    watch.begin(label, grid.tiles)
    done = 0
    with ThreadPoolExecutor(1) as pixel_thread, ThreadPoolExecutor(1) as core_thread:
        tiles = ahead(prepare, range(grid.tiles), pixel_thread)
        for count in ahead(code, analysed(tiles), core_thread):
            done += count
            watch.progress(done)
    return encoder.finish()
