"""Code every photo at every setting of every coder; what was coded before is taken from the
cache.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pico_deploy.conformance.pixels import Pixels, compare_pixels, pixels_sha256
from pico_deploy.evaluation.bd_rate import Point
from pico_deploy.evaluation.coders import Coder
from pico_deploy.evaluation.corpus import Photo
from pico_deploy.outputs import write_bytes

CACHE_VERSION = 1

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what is next)."""


@dataclass(frozen=True)
class Sample:
    """One photo coded at one setting: size of the whole file and RGB PSNR of what comes back."""

    photo: str
    coder: str
    setting: int
    width: int
    height: int
    file_bytes: int
    psnr_db: float

    @property
    def point(self) -> Point:
        """The sample in the rate-distortion plane."""
        return Point(8 * self.file_bytes / (self.width * self.height), self.psnr_db)


class Cache:
    """Figures of a coder's output, one small JSON file each, named by everything they depend on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _key(self, coder: Coder, setting: int, image: str) -> dict[str, Any]:
        return {
            "version": CACHE_VERSION,
            "coder": coder.name,
            "identity": coder.identity,
            "setting": setting,
            "image": image,
        }

    def _path(self, key: dict[str, Any]) -> Path:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self._folder / f"{digest[:32]}.json"

    def get(self, coder: Coder, setting: int, image: str) -> tuple[int, float] | None:
        """(file_bytes, psnr_db), or None when they are not known. A damaged entry counts as
        unknown.
        """
        key = self._key(coder, setting, image)
        try:
            entry = json.loads(self._path(key).read_bytes())
            if entry["key"] != key:
                return None
            psnr = entry["psnr_db"]
            return int(entry["file_bytes"]), math.inf if psnr is None else float(psnr)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, coder: Coder, setting: int, image: str, file_bytes: int, psnr: float) -> None:
        """Keep a figure; an infinite PSNR is null, because JSON has no infinity."""
        key = self._key(coder, setting, image)
        figures = {"file_bytes": file_bytes, "psnr_db": psnr if math.isfinite(psnr) else None}
        self._folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self._path(key), json.dumps({"key": key, **figures}, indent=1).encode())


def measure(coder: Coder, setting: int, pixels: Pixels) -> tuple[int, float]:
    """Encode and decode once: bytes of the file, and PSNR in dB over all RGB samples.

    Raises ``VerificationError`` when the size of the picture does not survive.
    """
    data = coder.encode(pixels, setting)
    return len(data), compare_pixels(pixels, coder.decode(data)).psnr_db


def samples(
    photos: Sequence[Photo],
    coders: Sequence[Coder],
    read: Callable[[Path], Pixels],
    cache: Cache,
    progress: Progress = lambda done, total, what: None,
) -> Iterator[Sample]:
    """All samples, photo by photo; each is in the cache before it is yielded."""
    total = len(photos) * sum(len(coder.settings) for coder in coders)
    done = 0
    for photo in photos:
        pixels = read(photo.path)
        image = f"{pixels.shape[1]}x{pixels.shape[0]} {pixels_sha256(pixels)}"
        for coder in coders:
            for setting in coder.settings:
                progress(done, total, f"{photo.name} {coder.name} {setting}")
                figures = cache.get(coder, setting, image)
                if figures is None:
                    figures = measure(coder, setting, pixels)
                    cache.put(coder, setting, image, *figures)
                done += 1
                height, width = pixels.shape[:2]
                yield Sample(photo.name, coder.name, setting, width, height, *figures)
    progress(done, total, "done")
