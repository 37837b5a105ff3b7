"""Code every photo at every setting of every coder and judge it by every metric; what was done
before is taken from the cache.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pico_deploy.conformance.pixels import Pixels, compare_pixels, pixels_sha256
from pico_deploy.evaluation.bd_rate import Point
from pico_deploy.evaluation.cache import Cache
from pico_deploy.evaluation.coders import Coder
from pico_deploy.evaluation.corpus import Photo
from pico_deploy.evaluation.metrics import Metric

CACHE_VERSION = 2
"""Raised when the same key would give another value."""

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what is next)."""


@dataclass(frozen=True)
class Coded:
    """A photo as a file: its whole size, and the processor time of all threads that it took."""

    file_bytes: int
    encode_cpu_s: float
    decode_cpu_s: float


@dataclass(frozen=True)
class Sample:
    """One photo coded at one setting. ``figures``: metric → value, None where it is not defined."""

    photo: str
    coder: str
    setting: int
    width: int
    height: int
    coded: Coded
    figures: Mapping[str, float | None]

    @property
    def bits_per_pixel(self) -> float:
        """Rate of the whole file."""
        return 8 * self.coded.file_bytes / (self.width * self.height)

    def point(self, metric: Metric) -> Point | None:
        """The sample in the plane of rate and quality; None without a figure or a scale."""
        value = self.figures.get(metric.name)
        if value is None or metric.scale is None:
            return None
        return Point(self.bits_per_pixel, metric.scale(value))


def image_key(coder: Coder, setting: int, pixels: Pixels) -> dict[str, Any]:
    """What figures of a coded image depend on."""
    return {
        "version": CACHE_VERSION,
        "coder": coder.name,
        "identity": coder.identity,
        "setting": setting,
        "image": f"{pixels.shape[1]}x{pixels.shape[0]} {pixels_sha256(pixels)}",
    }


def cpu_seconds() -> float:
    """Processor time so far of this process, all its threads, and finished child processes."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def code(coder: Coder, setting: int, pixels: Pixels) -> tuple[Coded, Pixels]:
    """Encode and decode once; raises ``VerificationError`` when the size does not survive."""
    started = cpu_seconds()
    data = coder.encode(pixels, setting)
    encoded = cpu_seconds()
    found = coder.decode(data)
    decoded = cpu_seconds()
    compare_pixels(pixels, found)
    return Coded(len(data), round(encoded - started, 4), round(decoded - encoded, 4)), found


def samples(
    photos: Sequence[Photo],
    coders: Sequence[Coder],
    metrics: Sequence[Metric],
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
                coded, figures = _figures(coder, setting, pixels, metrics, cache)
                done += 1
                yield Sample(photo.name, coder.name, setting, width, height, coded, figures)
    progress(done, total, "done")


def _figures(
    coder: Coder, setting: int, pixels: Pixels, metrics: Sequence[Metric], cache: Cache
) -> tuple[Coded, dict[str, float | None]]:
    """From the cache; a metric that it lacks is computed alone, and what was timed stays."""
    key = image_key(coder, setting, pixels)
    keys = {metric.name: key | {"metric": metric.identity} for metric in metrics}
    known = cache.get(key)
    # A figure may be None, so values stand in a list.
    found = {name: cache.get(own) for name, own in keys.items()}
    if known is None or any(value is None for value in found.values()):
        coded, decoded = code(coder, setting, pixels)
        if known is None:
            known = [coded.file_bytes, coded.encode_cpu_s, coded.decode_cpu_s]
            cache.put(key, known)
        for metric in metrics:
            if found[metric.name] is None:
                found[metric.name] = [metric.compare(pixels, decoded)]
                cache.put(keys[metric.name], found[metric.name])
    return Coded(*known), {name: value[0] for name, value in found.items()}
