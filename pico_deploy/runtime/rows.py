"""Uncompressed RGB files, read and written by rows: binary PPM (``.ppm``) and bare samples
(``.rgb``), so that a picture of any size needs memory for one row of tiles.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from pico_deploy.errors import InputError

SUFFIXES = (".ppm", ".rgb")


class RowFile:
    """Upright 8-bit RGB rows that lie one after the other in a file, from ``offset`` on.

    Such a file has neither profile nor EXIF: ``icc`` and ``exif`` are None. Every read goes into
    the same buffer: a band of rows allocated anew each time leaves an allocator with holes as
    large.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __init__(self, path: Path, offset: int, width: int, height: int) -> None:
        self._path, self._offset = path, offset
        self.width, self.height = width, height
        self._buffer = np.empty((0, width, 3), np.uint8)

    def rows(self, first: int, end: int) -> NDArray[np.uint8]:
        """Rows ``first … end - 1``, ``uint8 [end - first, width, 3]``, valid until the next call;
        raises ``InputError`` when the file has become shorter.
        """
        count = end - first
        if len(self._buffer) < count:
            # A little more, because inner rows of tiles have two borders and the first one has one.
            room = min(count + count // 8, self.height)
            self._buffer = np.empty((room, self.width, 3), np.uint8)
        rows = self._buffer[:count]
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(self._offset + first * 3 * self.width)
                read = file.readinto(rows.data)
        except OSError as error:
            raise InputError(f"{self._path}: cannot read ({error.strerror or error})") from error
        if read != rows.nbytes:
            raise InputError(
                f"{self._path}: ends before row {end} of {self.height}; copy the picture again"
            )
        return rows


def open_raw(path: Path, width: int, height: int) -> RowFile:
    """Bare RGB samples of a known size; raises ``InputError`` unless the file has exactly so
    many.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror}); check the path") from error
    expected = 3 * width * height
    if size != expected:
        raise InputError(
            f"{path}: {size} bytes, but {width}×{height} RGB pixels take {expected}; "
            "check --raw-size"
        )
    return RowFile(path, 0, width, height)


class RowFileSink:
    """Writes rows as they come; ``header`` goes first."""

    def __init__(self, file: BinaryIO, header: bytes) -> None:
        self._file = file
        file.write(header)

    def write(self, rows: NDArray[np.uint8]) -> None:
        """Append rows ``uint8 [R, W, 3]``."""
        self._file.write(np.ascontiguousarray(rows).data)


def header_of(suffix: str, width: int, height: int) -> bytes:
    """What a file of ``suffix`` begins with, before its rows."""
    return b"P6\n%d %d\n255\n" % (width, height) if suffix == ".ppm" else b""
