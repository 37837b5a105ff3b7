"""Tiles: docs/bitstream.md, section 4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.model import Geometry


@dataclass(frozen=True)
class Grid:
    """How an image divides into tiles, numbered row by row."""

    width: int
    height: int
    geometry: Geometry

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return -(-self.width // self.geometry.payload)

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.height // self.geometry.payload)

    @property
    def tiles(self) -> int:
        """All tiles."""
        return self.rows * self.columns

    def valid(self, tile: int, stride: int) -> tuple[int, int]:
        """(rows, columns) of the elements of a plane that are not void."""
        row, column = divmod(tile, self.columns)
        return self._along(self.height, row, stride), self._along(self.width, column, stride)

    def valid_mask(self, tile: int, stride: int) -> NDArray[np.bool_]:
        """bool [side, side], true where an element is not void."""
        side = self.geometry.tile // stride
        rows, columns = self.valid(tile, stride)
        mask = np.zeros((side, side), bool)
        mask[:rows, :columns] = True
        return mask

    def _along(self, length: int, number: int, stride: int) -> int:
        g = self.geometry
        return min(g.tile // stride, -(-(length - g.payload * number + g.border) // stride))
