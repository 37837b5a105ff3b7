"""The image that is measured: a photo, the demo's, or a synthetic one of the same size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pico_deploy.conformance.images import photo_like
from pico_deploy.runtime.photo import open_photo

WIDTH, HEIGHT = 4032, 3024
"""12 MP, the size that published latencies are about."""
SYNTHETIC = "synthetic photo-like image"


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels in memory, ``uint8 [H, W, 3]``, and what they are."""

    name: str
    source: Literal["file", "synthetic"]
    pixels: NDArray[np.uint8]


def demo_photo() -> Path | None:
    """The demo's photo, where this runs from a checkout."""
    path = Path(__file__).resolve().parents[2] / "demo" / "photo.jpg"
    return path if path.is_file() else None


def load_picture(photo: Path | None) -> Picture:
    """Decode a photo; without one, make the synthetic image. Raises ``InputError``."""
    if photo is None:
        return Picture(SYNTHETIC, "synthetic", photo_like(HEIGHT, WIDTH))
    opened = open_photo(photo)
    return Picture(photo.name, "file", np.ascontiguousarray(opened.rows(0, opened.height)))
