"""How far two decodings of one stream are apart, in 8-bit RGB samples."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pico_deploy.errors import VerificationError

Pixels = NDArray[np.uint8]
"""uint8 [H, W, 3], RGB."""


@dataclass(frozen=True)
class PixelDifference:
    """Largest absolute difference, root mean square, and PSNR in dB (infinite when equal)."""

    peak: int
    rms: float
    psnr_db: float


def compare_pixels(reference: Pixels, found: Pixels) -> PixelDifference:
    """Over all samples; raises ``VerificationError`` when the sizes differ."""
    if reference.shape != found.shape:
        raise VerificationError(
            f"the picture is {_size(found)} instead of {_size(reference)}; nothing can be compared"
        )
    difference = reference.astype(np.int16) - found
    # summed as int64: the squares of a large photo do not fit 32 bits, and so the sum is exact
    total = int(np.einsum("ijk,ijk->", difference, difference, dtype=np.int64))
    mse = total / difference.size
    return PixelDifference(
        peak=int(np.abs(difference).max()),
        rms=math.sqrt(mse),
        psnr_db=math.inf if total == 0 else 10 * math.log10(255**2 / mse),
    )


def pixels_sha256(pixels: Pixels) -> str:
    """SHA-256 of the samples, row by row, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[1]}×{pixels.shape[0]}"
