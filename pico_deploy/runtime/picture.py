"""Where decoded rows go: a file in the format its suffix names, or an array."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pico_deploy.errors import OutputError, UsageError
from pico_deploy.outputs import new_file
from pico_deploy.runtime import rows
from pico_deploy.runtime.png import PngWriter

# Lossless where the format can be: a decoded picture should not lose more by being stored.
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "lossless": True},
    ".avif": {"format": "AVIF", "quality": 90},
    ".tif": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    ".tiff": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    ".bmp": {"format": "BMP"},
}
SUFFIXES = (".png", *_SAVE_OPTIONS, *rows.SUFFIXES)
WITHOUT_METADATA = (".bmp", *rows.SUFFIXES)
"""Formats that hold neither a colour profile nor EXIF."""


class RowSink(Protocol):
    """Takes the rows of a picture from top to bottom."""

    def write(self, rows: NDArray[np.uint8], /) -> None:
        """Append rows ``uint8 [R, width, 3]``; they may be overwritten after the call."""
        ...


@dataclass
class ArraySink:
    """Collects rows; ``pixels()`` is the whole picture."""

    bands: list[NDArray[np.uint8]] = field(default_factory=list)

    def write(self, rows: NDArray[np.uint8]) -> None:
        """Append a copy of the rows."""
        self.bands.append(rows.copy())

    def pixels(self) -> NDArray[np.uint8]:
        """``uint8 [H, W, 3]``."""
        return np.concatenate(self.bands)


class _PillowSink:
    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height))
        self._next = 0

    def write(self, rows: NDArray[np.uint8]) -> None:
        self.image.paste(Image.fromarray(rows), (0, self._next))
        self._next += rows.shape[0]


def check_suffix(path: Path) -> str:
    """Suffix of a picture file that can be written; raises ``UsageError`` for another."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{path}: cannot write {suffix or 'without a suffix'}; use one of {' '.join(SUFFIXES)}"
        )
    return suffix


@contextmanager
def picture_file(
    path: Path, width: int, height: int, *, icc: bytes | None = None, exif: bytes | None = None
) -> Iterator[RowSink]:
    """Yield a sink whose rows become the picture ``path`` when the block ends without an error.

    PNG, PPM and bare samples (``.rgb``) are streamed; other formats need 4 bytes of memory a
    pixel. Raises ``UsageError`` or ``OutputError``.
    """
    suffix = check_suffix(path)
    with new_file(path) as temporary:
        if suffix == ".png":
            with temporary.open("wb") as file:
                writer = PngWriter(file, width, height, icc, exif)
                yield writer
                writer.finish()
            return
        if suffix in rows.SUFFIXES:
            with temporary.open("wb") as file:
                yield rows.RowFileSink(file, rows.header_of(suffix, width, height))
            return
        sink = _PillowSink(width, height)
        yield sink
        options = dict(_SAVE_OPTIONS[suffix])
        if icc:
            options["icc_profile"] = icc
        if exif:
            options["exif"] = b"Exif\0\0" + exif
        try:
            sink.image.save(temporary, **options)
        except (ValueError, OSError, KeyError) as error:
            raise OutputError(
                f"{path}: {suffix} cannot hold this picture ({error}); write a .png"
            ) from error
