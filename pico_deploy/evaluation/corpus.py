"""The photos of a folder, read alike for every codec."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pico_deploy.errors import InputError
from pico_deploy.evaluation.coders import Pixels

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".avif", ".heic", ".tif", ".tiff", ".bmp", ".ppm"}
)


@dataclass(frozen=True)
class Photo:
    """A photo of the folder: name without suffix, and where it lies."""

    name: str
    path: Path


def photos_in(folder: Path) -> list[Photo]:
    """The photos of a folder by name; raises ``InputError`` when there are none."""
    try:
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror or error}") from error
    if not paths:
        raise InputError(
            f"{folder} holds no photo; expected files ending in {', '.join(sorted(SUFFIXES))}"
        )
    names = [path.stem for path in paths]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{folder} holds several photos named {', '.join(repeated)}; rename them")
    return [Photo(path.stem, path) for path in paths]


def pixels_sha256(pixels: Pixels) -> str:
    """Hash of an image's size and pixels."""
    digest = hashlib.sha256(f"{pixels.shape[1]}x{pixels.shape[0]}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def psnr_db(reference: Pixels, decoded: Pixels) -> float:
    """PSNR in dB of the MSE over all RGB samples; infinite for equal images.

    Raises ``InputError`` when the sizes differ.
    """
    if reference.shape != decoded.shape:
        raise InputError(f"decoded image is {decoded.shape}, the original {reference.shape}")
    difference = reference.astype(np.int16) - decoded
    # summed as int64: the squares of a large photo do not fit 32 bits, and so the sum is exact
    mse = int(np.einsum("ijk,ijk->", difference, difference, dtype=np.int64)) / difference.size
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)
