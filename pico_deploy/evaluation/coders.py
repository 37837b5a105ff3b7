"""What is compared: anything that makes a file of an image and pixels of the file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from PIL import Image, features
from PIL import __version__ as pillow_version

from pico_deploy.conformance.pixels import Pixels


class Coder(Protocol):
    """A codec with its settings. ``identity`` changes whenever its output may."""

    @property
    def name(self) -> str:
        """Name in tables and legends."""
        ...

    @property
    def identity(self) -> str:
        """Everything the output depends on besides image and setting: versions, fingerprints,
        options.
        """
        ...

    @property
    def settings(self) -> tuple[int, ...]:
        """Quality settings of a curve."""
        ...

    def encode(self, pixels: Pixels, setting: int) -> bytes:
        """The whole file."""
        ...

    def decode(self, data: bytes) -> Pixels:
        """The pixels of a file."""
        ...


@dataclass(frozen=True)
class PillowCoder:
    """A codec that Pillow writes; ``options`` go to ``Image.save`` beside ``quality``."""

    name: str
    format: str
    settings: tuple[int, ...]
    library: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Pillow's and the library's version, and the options."""
        options = ", ".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        version = features.version(self.library)
        return f"{self.format} ({options}), Pillow {pillow_version}, {self.library} {version}"

    def encode(self, pixels: Pixels, setting: int) -> bytes:
        """The whole file."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, self.format, quality=setting, **self.options)
        return buffer.getvalue()

    def decode(self, data: bytes) -> Pixels:
        """The pixels of a file."""
        with Image.open(io.BytesIO(data), formats=[self.format]) as image:
            return np.asarray(image.convert("RGB"))


def _jpeg() -> Coder | None:
    settings = (5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95)
    options = {"subsampling": "4:2:0", "optimize": True}
    return PillowCoder("JPEG", "JPEG", settings, "jpg", options)


def _webp() -> Coder | None:
    if not features.check("webp"):
        return None
    settings = (0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100)
    return PillowCoder("WebP", "WEBP", settings, "webp", {"method": 6})


PEERS: dict[str, Callable[[], Coder | None]] = {"jpeg": _jpeg, "webp": _webp}
"""Name → maker; a maker gives None where this installation cannot run its codec."""
