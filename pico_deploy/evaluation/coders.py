"""What is compared: anything that makes a file of an image and pixels of the file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image
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


def quality(setting: int) -> dict[str, Any]:
    """The setting as the option most of Pillow's writers have."""
    return {"quality": setting}


@dataclass(frozen=True)
class PillowCoder:
    """A codec that Pillow, or a plug-in of Pillow, writes and reads.

    ``options`` go to ``Image.save`` at every setting, ``of_setting`` adds those that make the
    setting. ``library`` names what does the work, with its version.
    """

    name: str
    format: str
    settings: tuple[int, ...]
    library: str
    options: Mapping[str, Any]
    of_setting: Callable[[int], Mapping[str, Any]] = quality

    @property
    def identity(self) -> str:
        """The versions of Pillow and of the library, and the options."""
        options = ", ".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{self.format} ({options}), Pillow {pillow_version}, {self.library}"

    def encode(self, pixels: Pixels, setting: int) -> bytes:
        """The whole file."""
        buffer = io.BytesIO()
        options = {**self.options, **self.of_setting(setting)}
        Image.fromarray(pixels).save(buffer, self.format, **options)
        return buffer.getvalue()

    def decode(self, data: bytes) -> Pixels:
        """The pixels of a file."""
        with Image.open(io.BytesIO(data), formats=[self.format]) as image:
            return np.asarray(image.convert("RGB"))
