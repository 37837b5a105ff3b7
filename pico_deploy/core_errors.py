"""The core's statuses as exceptions: a `PicoError` each, with the core's stable status name.

`libpico` reports a status (append-only enum, `core/include/pico.h`) and a few numbers; the binding
calls `raise_status`, and nothing else here has a caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from pico_deploy.errors import (
    BundleError,
    ModelMismatchError,
    PicoError,
    StreamError,
    UsageError,
)


class CoreError(PicoError):
    """Base of what the core raises.

    `status` is the stable name (`pico_deploy._core.STATUSES`); `stream` and `tiles` name the group
    that is lost, when the error belongs to one.
    """

    status: str = ""
    stream: int | None = None
    tiles: tuple[int, ...] = ()


class CoreUsageError(CoreError, UsageError):
    """The caller passed an array, size or number that the core cannot use."""


class EntropyModelError(CoreError, BundleError):
    """The bytes of an `entropy.bin` are not a sound model."""


class SymbolError(CoreError, UsageError):
    """A symbol to be coded is not an integer, out of range, or set where the element is void."""


class WrongModelError(CoreError, ModelMismatchError):
    """The stream was made with another entropy model."""


class CoreStreamError(CoreError, StreamError):
    """The header of a `.pico` file cannot be used."""


class UnsupportedStreamError(CoreStreamError):
    """A version, content kind or critical chunk this library does not know."""


class LimitError(CoreStreamError):
    """A size is beyond the limits of the format."""


class DamagedStreamError(CoreStreamError):
    """One group of tiles is damaged; `stream` and `tiles` name it. No other group is affected."""


class TruncatedStreamError(DamagedStreamError):
    """The file ends before the header or this group does."""


_CLASSES: dict[str, type[CoreError]] = {
    "argument": CoreUsageError,
    "buffer-too-small": CoreUsageError,
    "symbol-not-integer": SymbolError,
    "symbol-out-of-range": SymbolError,
    "symbol-in-void": SymbolError,
    "model-format": EntropyModelError,
    "model-version": EntropyModelError,
    "model-checksum": EntropyModelError,
    "model-geometry": EntropyModelError,
    "model-network": EntropyModelError,
    "model-overflow": EntropyModelError,
    "model-tables": EntropyModelError,
    "model-bounds": EntropyModelError,
    "wrong-model": WrongModelError,
    "not-pico": CoreStreamError,
    "header-damaged": CoreStreamError,
    "trailing-bytes": CoreStreamError,
    "unsupported-version": UnsupportedStreamError,
    "unsupported-content": UnsupportedStreamError,
    "unsupported-chunk": UnsupportedStreamError,
    "over-limit": LimitError,
    "stream-damaged": DamagedStreamError,
    "chunk-damaged": CoreStreamError,
    "truncated": TruncatedStreamError,
}


def raise_status(
    status: str,
    text: str,
    what: str,
    index: int,
    tile: int,
    found: int,
    expected: int,
    stream: int | None,
    tiles: Sequence[int],
) -> NoReturn:
    """Raise the exception that belongs to a status of the core.

    `what`, `index`, `tile`, `found` and `expected` are a `pico_fault` of `pico.h`; `text` is the
    sentence that says what to try; `stream` and `tiles` are the group an error in it is about.
    """
    error = _CLASSES[status](_message(text, what, index, tile, found, expected, stream, tiles))
    error.status = status
    error.stream = stream
    error.tiles = tuple(tiles)
    raise error


def _message(
    text: str,
    what: str,
    index: int,
    tile: int,
    found: int,
    expected: int,
    stream: int | None,
    tiles: Sequence[int],
) -> str:
    place = ""
    if stream is not None:
        named = f"tile {tiles[0]}" if len(tiles) == 1 else f"tiles {tiles[0]} to {tiles[-1]}"
        place = f"stream {stream} ({named}): "
        if tile:
            place = f"stream {stream} ({named}), tile {tile}: "
    subject = f"{what} {index}" if what.rsplit(" ", 1)[-1] in _COUNTED else what
    numbers = ""
    if "checksum" in what:
        numbers = f" is {found:#010x}, expected {expected:#010x}"
    elif expected:
        numbers = f": found {found}, expected {expected}"
    elif found:
        numbers = f": {found}"
    return f"{place}{subject}{numbers}. {text}" if what else text


_COUNTED = {"layer", "table", "channel", "lane", "tile", "chunk", "stream", "level"}
