"""Where the training photos have text: found once, kept in a file beside the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from pico_deploy.conformance.pixels import pixels_sha256
from pico_deploy.outputs import make_folder, new_file
from pico_deploy.training.data import Mask, Photos, Pixels

KEEP_EVERY = 25


class Detector(Protocol):
    """What finds text; ``version`` names it, so that another one's masks are not mistaken."""

    @property
    def version(self) -> str:
        """Name and version."""
        ...

    def mask(self, pixels: Pixels) -> Mask:
        """``bool [H, W]``, true in text."""
        ...


def with_masks(
    photos: Photos,
    detector: Detector,
    cache: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Photos:
    """``photos`` with a mask for every one that is trained on; those in ``cache`` are taken from
    there, the others are added to it.
    """
    known = _read(cache)
    total = len(photos.train) + len(photos.text)
    masks: list[Mask] = []
    fresh = 0
    for pixels in (*photos.train, *photos.text):
        key = f"{detector.version} {pixels_sha256(pixels)}"
        if key not in known:
            known[key] = np.packbits(detector.mask(pixels))
            fresh += 1
            if fresh % KEEP_EVERY == 0:
                _write(cache, known)
        height, width = pixels.shape[:2]
        bits = np.unpackbits(known[key], count=height * width)
        masks.append(bits.reshape(height, width).astype(bool))
        report(len(masks), total)
    if fresh:
        _write(cache, known)
    count = len(photos.train)
    return replace(photos, train_masks=tuple(masks[:count]), text_masks=tuple(masks[count:]))


def _read(cache: Path) -> dict[str, npt.NDArray[np.uint8]]:
    try:
        with np.load(cache) as stored:
            return dict(stored)
    except (OSError, ValueError, EOFError, BadZipFile):
        return {}


def _write(cache: Path, known: dict[str, npt.NDArray[np.uint8]]) -> None:
    make_folder(cache.parent)
    arrays: dict[str, Any] = dict(known)
    with new_file(cache) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
