"""``.pico`` → picture: the core decodes one group of tiles while a runtime synthesises another."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pico_deploy import _core
from pico_deploy.core_errors import DamagedStreamError, WrongModelError
from pico_deploy.errors import ModelMismatchError
from pico_deploy.runtime.backend import LoadedPart, stored
from pico_deploy.runtime.observer import Observer, timed
from pico_deploy.runtime.picture import RowSink
from pico_deploy.runtime.pipeline import ahead
from pico_deploy.runtime.session import Session
from pico_deploy.runtime.tiles import BandWriter

_Symbols = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Decoded:
    """What became of a stream: errors of the groups that were concealed, and samples that were
    not a number.
    """

    damage: tuple[DamagedStreamError, ...] = ()
    nan_samples: int = 0

    @property
    def lost_tiles(self) -> tuple[int, ...]:
        """Tiles that are grey."""
        return tuple(tile for error in self.damage for tile in error.tiles)


def open_stream(data: bytes, session: Session, *, any_pixel_model: bool = False) -> _core.Decoder:
    """Check a stream against a bundle: the entropy model must be its own, and ``synthesis`` unless
    overridden.

    Raises ``StreamError`` or ``ModelMismatchError``.
    """
    made_with = _core.parse(data).entropy_fingerprint
    if made_with != session.model.fingerprint:
        error = WrongModelError(
            f"the stream was made with entropy model {made_with.hex()}, the bundle holds "
            f"{session.manifest.entropy_fingerprint}; use the bundle it was made with"
        )
        error.status = "wrong-model"
        raise error
    decoder = _core.Decoder(session.model, data)
    found, expected = decoder.image.pixel_fingerprint.hex(), session.manifest.pixel_fingerprint
    if found != expected and not any_pixel_model:
        raise ModelMismatchError(
            f"the stream was made for synthesis weights {found}, the bundle holds {expected}: its "
            "symbols decode, its pixels would be wrong; use the bundle it was made with, "
            "or override with --any-pixel-model"
        )
    return decoder


def _ranges(tiles: tuple[int, ...]) -> str:
    runs: list[list[int]] = []
    for tile in tiles:
        if runs and runs[-1][1] == tile - 1:
            runs[-1][1] = tile
        else:
            runs.append([tile, tile])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def damage_error(damage: tuple[DamagedStreamError, ...], tiles: int) -> DamagedStreamError:
    """One error for all damaged groups of an image, naming every tile that is lost."""
    lost = tuple(tile for error in damage for tile in error.tiles)
    reason = str(damage[0]).partition(". ")[0]
    error = type(damage[0])(
        f"{len(lost)} of {tiles} tiles cannot be decoded (tiles {_ranges(lost)}): {reason}; "
        "fetch the file again, or decode the rest with --conceal"
    )
    error.status, error.stream, error.tiles = damage[0].status, damage[0].stream, lost
    return error


def decode(
    decoder: _core.Decoder,
    session: Session,
    synthesis: LoadedPart,
    sink: RowSink,
    *,
    conceal: bool = False,
    observer: Observer | None = None,
) -> Decoded:
    """Decode all tiles into ``sink``, top to bottom.

    A damaged group raises ``DamagedStreamError``, which names every lost tile of the image; with
    ``conceal`` its tiles become grey and the result says so.
    """
    watch = observer or Observer()
    grid, tensors = decoder.grid, synthesis.inputs
    levels = decoder.image.levels
    bands = BandWriter(sink, grid)
    damage: list[DamagedStreamError] = []

    def symbols(group: int) -> tuple[int, _Symbols | DamagedStreamError]:
        try:
            with timed(watch, "entropy", group):
                # As bytes: the groups that wait take a quarter of what they would as float32.
                return group, decoder.decode_group(group, "int8")
        except DamagedStreamError as error:
            return group, error

    def pictures(
        groups: Iterator[tuple[int, _Symbols | DamagedStreamError]],
    ) -> Iterator[tuple[int, NDArray[Any] | None]]:
        for group, result in groups:
            if isinstance(result, DamagedStreamError):
                damage.append(result)
            if damage and not conceal:
                continue  # no picture comes of it: what is left to learn is what else is damaged
            for i, tile in enumerate(decoder.tiles_of(group)):
                if isinstance(result, DamagedStreamError):
                    yield tile, None
                else:
                    z, y = (part[i : i + 1] for part in result)
                    watch.symbols(tile, z, y)
                    yield tile, picture(tile, z, y)

    def picture(tile: int, z: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        with timed(watch, "synthesis", tile):
            inputs = {
                "z": stored(z, tensors["z"]),
                "y": stored(y, tensors["y"]),
                "anchors": stored(session.manifest.anchors(int(levels[tile])), tensors["anchors"]),
            }
            return synthesis(inputs)["x_hat"]  # type: ignore[arg-type]

    def write(item: tuple[int, NDArray[Any] | None]) -> int:
        tile, pixels = item
        with timed(watch, "pixels_out", tile):
            return bands.write(tile, pixels)

    watch.begin("decode", grid.tiles)
    nan = 0
    with ThreadPoolExecutor(1) as core_thread, ThreadPoolExecutor(1) as pixel_thread:
        groups = ahead(symbols, range(decoder.groups), core_thread)
        for done, count in enumerate(ahead(write, pictures(groups), pixel_thread), 1):
            nan += count
            watch.progress(done)
    if damage and not conceal:
        raise damage_error(tuple(damage), grid.tiles)
    return Decoded(tuple(damage), nan)
