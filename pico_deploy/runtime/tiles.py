"""From rows of pixels to tiles and back, holding no more rows than one row of tiles needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pico_deploy import _core
from pico_deploy.bundle.manifest import Tensor
from pico_deploy.runtime.backend import stored
from pico_deploy.runtime.photo import PixelSource
from pico_deploy.runtime.picture import RowSink

CONCEALED = 128
"""Value of all samples of a tile that is lost."""


class TileReader:
    """Cuts tiles, border included, out of a source; cheap when tiles are asked for row by row."""

    def __init__(self, source: PixelSource, grid: _core.Grid) -> None:
        self._source, self._grid = source, grid
        self._range = (0, 0)
        self._rows: NDArray[np.uint8] = np.empty((0, source.width, 3), np.uint8)

    def read(self, tile: int, tensor: Tensor) -> NDArray[Any]:
        """One tile as the input ``tensor`` of ``analysis`` wants it."""
        wanted = self._grid.source_rows(tile)
        if wanted != self._range:
            self._rows = np.ascontiguousarray(self._source.rows(*wanted))
            self._range = wanted
        if tensor.dtype == "float32" or tensor.dtype == "float16":
            layout: _core.PixelLayout = "hwc" if tensor.layout == "nhwc" else "chw"
            return _core.pixels_to_tile(
                self._rows, wanted[0], self._grid, tile, tensor.dtype, layout
            )
        real = _core.pixels_to_tile(self._rows, wanted[0], self._grid, tile)
        return stored(real, tensor)


class BandWriter:
    """Puts tiles together into bands of rows and hands each band to a sink when its last tile is
    in.

    Tiles must come in order.
    """

    def __init__(self, sink: RowSink, grid: _core.Grid) -> None:
        self._sink, self._grid = sink, grid
        rows = min(grid.payload, grid.height)
        self._buffer = np.empty((rows, grid.width, 3), np.uint8)
        self._band = self._buffer

    def write(self, tile: int, pixels: NDArray[Any] | None) -> int:
        """Add a tile ``[1, 3, T, T]``, or a grey one for None. Returns how many samples
        were NaN.
        """
        left, top, right, bottom = self._grid.payload_box(tile)
        if left == 0:
            self._band = self._buffer[: bottom - top]
        nan = 0
        if pixels is None:
            self._band[:, left:right] = CONCEALED
        else:
            nan = _core.tile_to_pixels(pixels, self._band, top, self._grid, tile)
        if right == self._grid.width:
            self._sink.write(self._band)
        return nan
