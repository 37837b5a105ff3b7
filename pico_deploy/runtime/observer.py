"""What an encode or decode tells while it runs: progress, times, symbols. A listener overrides what
it wants.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Phase = Literal["pixels_in", "analysis", "entropy", "synthesis", "pixels_out"]
"""Encode: pixels_in, analysis, entropy. Decode: entropy, synthesis, pixels_out.

``entropy`` is the core's work on a group of tiles, scale indices included; the others are per tile.
Analysis and synthesis end when their outputs are readable on the CPU. ``pixels_out`` includes a
finished band's way into the sink.
"""


class Observer:
    """Hears everything and does nothing."""

    def begin(self, label: str, tiles: int) -> None:
        """A pass over all tiles begins."""

    def progress(self, tiles: int) -> None:
        """So many tiles are finished in this pass."""

    def span(self, phase: Phase, index: int, start_ns: int, end_ns: int) -> None:
        """A phase worked on a tile (``entropy``: on a group) in this time. Called from
        several threads.
        """

    def symbols(self, tile: int, z: NDArray[Any], y: NDArray[Any]) -> None:
        """Symbols of a tile, ``[1, C, h, w]``, in order of the tiles: what ``analysis``
        emitted or the core decoded.
        """


@contextmanager
def timed(observer: Observer, phase: Phase, index: int) -> Iterator[None]:
    """Report the duration of a block that ends without an error."""
    start = time.perf_counter_ns()
    yield
    observer.span(phase, index, start, time.perf_counter_ns())


class SymbolHash(Observer):
    """SHA-256 over all symbols as int8: tile by tile ``z`` then ``y``, each in (channel, row,
    column) order.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def symbols(self, tile: int, z: NDArray[Any], y: NDArray[Any]) -> None:
        """Add one tile."""
        for array in (z, y):
            self._digest.update(np.ascontiguousarray(array, np.int8).tobytes())

    def hexdigest(self) -> str:
        """Hash of the tiles so far."""
        return self._digest.hexdigest()
