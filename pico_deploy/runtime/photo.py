"""Reading photos: JPEG, PNG, WebP, AVIF, TIFF, HEIC, PPM in; upright 8-bit RGB rows out.

The decoded file stays in memory as Pillow holds it; orientation and colour are applied strip by
strip, so no second copy of a large photo is made. The rows of a binary PPM are read from the file
as they are needed.
"""

from __future__ import annotations

import os
import threading
import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from pico_deploy._core import LIMITS
from pico_deploy.errors import InputError, MissingDependencyError
from pico_deploy.runtime.colour import ColourPlan, UnsupportedPixelsError, plan_colour
from pico_deploy.runtime.rows import RowFile, open_raw

# Named, so that no exotic parser (PostScript, FITS, …) ever sees a stranger's file.
# Pillow opens MPO as JPEG and knows no format of that name.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "PPM")
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_HEAD_BYTES = 4096
_PILLOW_LIMIT = threading.Lock()


class PixelSource(Protocol):
    """Upright RGB rows, read as often as needed."""

    @property
    def width(self) -> int:
        """Pixels in a row."""
        ...

    @property
    def height(self) -> int:
        """Number of rows."""
        ...

    def rows(self, first: int, end: int) -> NDArray[np.uint8]:
        """Rows ``first … end - 1``, ``uint8 [end - first, width, 3]``; the next call may overwrite
        them.
        """
        ...


class OpenedPhoto(PixelSource, Protocol):
    """A photo file: rows, and what travels with them.

    ``notes`` say what was kept or converted, ``warnings`` what was lost.
    """

    @property
    def icc(self) -> bytes | None:
        """Profile of the RGB rows, None for sRGB."""
        ...

    @property
    def exif(self) -> bytes | None:
        """EXIF block with orientation 1."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was kept or converted."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was lost."""
        ...


class ArrayPixels:
    """A picture that is already an array, ``uint8 [H, W, 3]``."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]

    def rows(self, first: int, end: int) -> NDArray[np.uint8]:
        """Rows as a view."""
        return self.pixels[first:end]


# EXIF orientation → how Pillow turns it upright, whether upright rows are stored columns, and
# whether those count from the far end.
_ORIENTATIONS: dict[int, tuple[Image.Transpose, bool, bool]] = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, False, False),
    3: (Image.Transpose.ROTATE_180, False, True),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, False, True),
    5: (Image.Transpose.TRANSPOSE, True, False),
    6: (Image.Transpose.ROTATE_270, True, False),
    7: (Image.Transpose.TRANSVERSE, True, True),
    8: (Image.Transpose.ROTATE_90, True, True),
}


class Photo:
    """A decoded photo. ``icc`` is the profile of its RGB rows; ``exif`` has its orientation reset.

    ``notes`` say what was kept or converted, ``warnings`` what was lost.
    """

    def __init__(self, image: Image.Image, plan: ColourPlan, extra: tuple[str, ...]) -> None:
        self._image = image
        self._plan = plan
        self._turn = _ORIENTATIONS.get(_orientation(image))
        stored = image.size
        self.width, self.height = stored[::-1] if self._turn and self._turn[1] else stored
        self.icc = plan.icc
        self.notes = plan.notes + (("turned upright as EXIF says",) if self._turn else ())
        self.warnings = plan.warnings + extra

    def rows(self, first: int, end: int) -> NDArray[np.uint8]:
        """Upright RGB rows, ``uint8 [end - first, width, 3]``."""
        width, height = self._image.size
        turn, swapped, reverse = self._turn or (None, False, False)
        length = width if swapped else height
        a, b = (length - end, length - first) if reverse else (first, end)
        strip = self._image.crop((a, 0, b, height) if swapped else (0, a, width, b))
        strip = self._plan.to_rgb(strip)
        return np.asarray(strip if turn is None else strip.transpose(turn))

    @property
    def exif(self) -> bytes | None:
        """The EXIF block, from its TIFF header on, with orientation 1; None without a
        readable one.
        """
        try:
            with _quiet():
                exif = self._image.getexif()
                if not exif:
                    return None
                exif[ExifTags.Base.Orientation] = 1
                return exif.tobytes().removeprefix(b"Exif\0\0")
        except Exception:  # a broken EXIF block must not cost the photo
            return None


def _orientation(image: Image.Image) -> int:
    try:
        with _quiet():
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as above
        return 1


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings off stderr: what matters of them is said in the photo's own."""
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        yield


@contextmanager
def _format_limit_instead_of_pillows() -> Iterator[None]:
    """Lift Pillow's limit (89 Mpx) while a header is read; the format's is checked right after."""
    with _PILLOW_LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _formats_for(path: Path, head: bytes) -> tuple[str, ...]:
    if head[4:8] != b"ftyp" or head[8:12] not in _HEIC_BRANDS:
        return FORMATS
    try:
        import pi_heif
    except ImportError as error:
        raise MissingDependencyError(
            f"{path}: HEIC needs the package pi-heif; run `pip install pico-deploy[heic]`"
        ) from error
    pi_heif.register_heif_opener()
    return ("HEIF", "AVIF")


def _bits(image: Image.Image, head: bytes) -> int:
    """Bits a sample had in the file; Pillow itself hands out 8 for most formats."""
    if image.mode.startswith("I;16"):
        return 16
    if image.format == "PNG":
        return head[24]
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(258, (8,))))  # type: ignore[attr-defined]
    if image.format == "AVIF":
        at = head.find(b"av1C")  # type, version, profile and level, then the flags
        flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
        return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    return int(image.info.get("bit_depth", 8))


def _losses(image: Image.Image, head: bytes) -> tuple[str, ...]:
    result = []
    bits = _bits(image, head)
    if bits > 8:
        result.append(f"{bits} bits a sample reduced to 8")
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        result.append("transparency dropped")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        result.append(f"only the first of {image.n_frames} pictures is used")  # type: ignore[attr-defined]
    return tuple(result)


def _check_size(path: Path, width: int, height: int) -> None:
    side, pixels = LIMITS["side"], LIMITS["pixels"]
    if max(width, height) > side or width * height > pixels:
        raise InputError(
            f"{path}: {width}×{height} is more than a stream can hold "
            f"({side} a side, {pixels >> 20} Mpx in all); reduce or cut the photo"
        )


def _plain_rows(path: Path, image: Image.Image) -> RowFile | None:
    """The rows of a binary 8-bit RGB PPM where they lie in the file; None for anything else."""
    if not isinstance(image, ImageFile.ImageFile) or image.format != "PPM":
        return None
    tile = image.tile[0]
    mode = tile.args[0] if isinstance(tile.args, tuple) else tile.args
    if tile.codec_name != "raw" or mode != "RGB":
        return None
    found = path.stat().st_size - tile.offset
    if found < 3 * image.width * image.height:
        raise InputError(
            f"{path}: cut off ({found} of {3 * image.width * image.height} bytes of pixels); "
            "copy the picture again"
        )
    return RowFile(path, tile.offset, *image.size)


def open_photo(path: Path, raw_size: tuple[int, int] | None = None) -> OpenedPhoto:
    """Decode a photo completely; a binary PPM is only opened, and so are the bare RGB samples that
    ``raw_size`` (width, height) says a file holds.

    Raises ``InputError``, or ``MissingDependencyError`` for HEIC without pi-heif.
    """
    if raw_size is not None:
        _check_size(path, *raw_size)
        return open_raw(path, *raw_size)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror}); check the path") from error
    if not size:
        raise InputError(f"{path}: is empty (0 bytes); copy the photo again")
    formats = _formats_for(path, head)
    try:
        with _quiet(), _format_limit_instead_of_pillows():
            image = Image.open(path, formats=formats)
            _check_size(path, *image.size)
        rows = _plain_rows(path, image)
        if rows is not None:
            return rows
        with _quiet():
            losses = _losses(image, head)
            image.load()
        plan = plan_colour(image.mode, image.info.get("icc_profile"))
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path}: is no JPEG, PNG, WebP, AVIF, TIFF, HEIC or PPM, or is cut off in its header; "
            "check what the file really is"
        ) from error
    except UnsupportedPixelsError as error:
        raise InputError(
            f"{path}: its pixels are of type {error} (32-bit or floating point); "
            "save it with 8 or 16 bits a sample"
        ) from error
    except InputError:
        raise
    except Exception as error:  # what third-party parsers raise on damaged files is anybody's guess
        raise InputError(
            f"{path}: damaged or cut off ({' '.join(str(error).split()) or type(error).__name__}); "
            "copy the photo again"
        ) from error
    return Photo(image, plan, losses)
