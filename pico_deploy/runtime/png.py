"""A PNG writer that takes rows as they are decoded, so a picture of any size needs memory for one
band.

Pillow would need the whole picture at once. Source: PNG specification, third edition, sections 9
(filters) and 11 (chunks).
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

COMPRESSION_LEVEL = 5


_Samples = NDArray[np.int16]


def _paeth(left: _Samples, up: _Samples, corner: _Samples) -> _Samples:
    to_left = np.abs(up - corner)
    to_up = np.abs(left - corner)
    to_corner = np.abs(left + up - 2 * corner)
    nearest = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)


def filter_rows(rows: NDArray[np.uint8], above: NDArray[np.uint8]) -> bytes:
    """Filter RGB rows ``[R, W, 3]`` that follow the row ``above [W, 3]``; one filter byte a row.

    Each row takes the filter (1 Sub, 2 Up, 4 Paeth) with the least sum of absolute residuals, as
    libpng does.
    """
    height, width, _ = rows.shape
    padded = np.zeros((height + 1, width + 1, 3), np.int16)
    padded[0, 1:], padded[1:, 1:] = above, rows
    x, left, up = padded[1:, 1:], padded[1:, :-1], padded[:-1, 1:]
    best = np.empty((height, 1 + 3 * width), np.uint8)
    least = np.full(height, np.iinfo(np.int64).max)
    for kind in (1, 2, 4):
        prediction = left if kind == 1 else up if kind == 2 else _paeth(left, up, padded[:-1, :-1])
        residual = (x - prediction).astype(np.uint8)
        cost = np.abs(residual.view(np.int8).astype(np.int16)).sum((1, 2), dtype=np.int64)
        better = cost < least
        least[better] = cost[better]
        best[better, 0] = kind
        best[better, 1:] = residual[better].reshape(-1, 3 * width)
    return best.tobytes()


class PngWriter:
    """Writes an 8-bit RGB PNG to a binary file: ``write`` bands of rows in order, then
    ``finish``.
    """

    def __init__(
        self, file: BinaryIO, width: int, height: int, icc: bytes | None, exif: bytes | None
    ) -> None:
        self._file = file
        self._above = np.zeros((width, 3), np.uint8)
        self._deflate = zlib.compressobj(COMPRESSION_LEVEL)
        file.write(b"\x89PNG\r\n\x1a\n")
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        if icc:
            self._chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc, 9))
        if exif:
            self._chunk(b"eXIf", exif)

    def _chunk(self, kind: bytes, data: bytes) -> None:
        self._file.write(struct.pack(">I", len(data)) + kind + data)
        self._file.write(struct.pack(">I", zlib.crc32(kind + data)))

    def write(self, rows: NDArray[np.uint8]) -> None:
        """Append rows ``uint8 [R, W, 3]``."""
        data = self._deflate.compress(filter_rows(rows, self._above))
        self._above = rows[-1].copy()
        if data:
            self._chunk(b"IDAT", data)

    def finish(self) -> None:
        """End the picture."""
        self._chunk(b"IDAT", self._deflate.flush())
        self._chunk(b"IEND", b"")
