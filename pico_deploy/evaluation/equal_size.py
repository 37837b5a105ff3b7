"""Several codecs at one file size: the setting of each whose file is nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pico_deploy.conformance.pixels import Pixels
from pico_deploy.evaluation.coders import Coder

SETTINGS: dict[str, Sequence[int]] = {
    "jpeg": range(1, 96),
    "webp": range(101),
    "avif": range(101),
    "heic": range(101),
    "jxl": range(100),
    "jpeg2000": range(800, 3, -1),
    "vvc": range(63, 9, -1),
}
"""Peer → all its settings, in rising order of file size."""


@dataclass(frozen=True)
class Sized:
    """A coded picture and what came back."""

    coder: str
    setting: int
    file_bytes: int
    pixels: Pixels


def at_setting(coder: Coder, pixels: Pixels, setting: int) -> Sized:
    """Encode and decode."""
    data = coder.encode(pixels, setting)
    return Sized(coder.name, setting, len(data), coder.decode(data))


def at_size(coder: Coder, pixels: Pixels, target: int, settings: Sequence[int]) -> Sized:
    """The setting whose file is nearest to ``target`` bytes, by bisection.

    ``settings`` rise in size. Sizes need not rise strictly: of the two settings around the target
    the nearer one is taken, the smaller file when both are as near.
    """
    sizes: dict[int, int] = {}

    def size(index: int) -> int:
        if index not in sizes:
            sizes[index] = len(coder.encode(pixels, settings[index]))
        return sizes[index]

    low, high = 0, len(settings) - 1
    while low < high:
        middle = (low + high) // 2
        if size(middle) < target:
            low = middle + 1
        else:
            high = middle
    around = [index for index in (low - 1, low) if index >= 0]
    best = min(around, key=lambda index: (abs(size(index) - target), size(index)))
    return at_setting(coder, pixels, settings[best])
