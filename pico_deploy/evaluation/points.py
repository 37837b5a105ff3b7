"""Code every photo at every setting of every coder; what was coded before is taken from the
cache.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pico_deploy.conformance.pixels import Pixels, compare_pixels, pixels_sha256
from pico_deploy.evaluation.bd_rate import Point
from pico_deploy.evaluation.coders import Coder
from pico_deploy.evaluation.corpus import Photo
from pico_deploy.outputs import write_bytes

CACHE_VERSION = 1
"""Raised when the same key would give another value."""

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
    """Small results that took long, one JSON file each, named by everything they depend on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: Mapping[str, Any]) -> Any:
        """The value of a key; None when it is not known. A damaged entry counts as unknown."""
        try:
            entry = json.loads(self._path(key).read_bytes())
            return entry["value"] if entry["key"] == dict(key) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: Mapping[str, Any], value: Any) -> None:
        """Keep what JSON can hold."""
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"key": dict(key), "value": value}, indent=1)
        write_bytes(self._path(key), text.encode())

    def _path(self, key: Mapping[str, Any]) -> Path:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self._folder / f"{digest[:32]}.json"


def image_key(coder: Coder, setting: int, pixels: Pixels) -> dict[str, Any]:
    """What figures of a coded image depend on."""
    return {
        "version": CACHE_VERSION,
        "coder": coder.name,
        "identity": coder.identity,
        "setting": setting,
        "image": f"{pixels.shape[1]}x{pixels.shape[0]} {pixels_sha256(pixels)}",
    }


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
        height, width = pixels.shape[:2]
        for coder in coders:
            for setting in coder.settings:
                progress(done, total, f"{photo.name} {coder.name} {setting}")
                size, psnr = _figures(coder, setting, pixels, cache)
                done += 1
                yield Sample(photo.name, coder.name, setting, width, height, size, psnr)
    progress(done, total, "done")


def _figures(coder: Coder, setting: int, pixels: Pixels, cache: Cache) -> tuple[int, float]:
    key = image_key(coder, setting, pixels)
    known = cache.get(key)
    if known is not None:
        # JSON has no infinity: null is the PSNR of a picture that came back without loss
        size, psnr = known
        return int(size), math.inf if psnr is None else float(psnr)
    size, psnr = measure(coder, setting, pixels)
    cache.put(key, (size, psnr if math.isfinite(psnr) else None))
    return size, psnr
