"""Real tiles for calibration and gates: crops of CC0 photos, shipped beside this module.

``tiles/ATTRIBUTION.md`` says whose they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pico_deploy.errors import InputError

FOLDER = Path(__file__).resolve().parent / "tiles"

Tile = NDArray[np.uint8]
"""RGB pixels, uint8 [side, side, 3]."""


def _fit(pixels: Tile, side: int) -> Tile:
    """Crop the middle, or mirror at the edges, to a square of ``side``."""
    for axis in (0, 1):
        size = pixels.shape[axis]
        if size >= side:
            start = (size - side) // 2
            pixels = pixels.take(np.arange(start, start + side), axis)
        else:
            pad = [(0, 0)] * 3
            pad[axis] = (0, side - size)
            pixels = np.pad(pixels, pad, mode="symmetric")
    return pixels


def load_tiles(side: int, folder: Path = FOLDER) -> tuple[Tile, ...]:
    """Pictures of ``folder`` as tiles of ``side``, in order of name; raises ``InputError``."""
    paths = sorted(p for p in folder.glob("*") if p.suffix in {".webp", ".png"})
    if not paths:
        raise InputError(f"{folder}: no .webp or .png tile; calibration and gates need real tiles")
    tiles = []
    for path in paths:
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"), np.uint8)
        except OSError as error:
            raise InputError(f"{path}: not a readable picture ({error})") from error
        tiles.append(_fit(pixels, side))
    return tuple(tiles)


def to_input(tile: Tile) -> NDArray[np.float32]:
    """Tile as the ``x`` input of ``analysis``, float32 [1, 3, side, side] in 0…1."""
    return (tile.astype(np.float32) / np.float32(255)).transpose(2, 0, 1)[None].copy()
