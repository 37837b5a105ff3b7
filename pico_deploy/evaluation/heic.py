"""HEIC with HEVC by x265, through pillow_heif, as one of the codecs that are compared.

Not through Pillow's registry: the reader of HEIC photos registers there too, without an encoder.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import metadata

import numpy as np
from PIL import Image

from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import MissingDependencyError
from pico_deploy.evaluation.coders import Coder


@dataclass(frozen=True)
class HeicCoder:
    """HEVC intra in a HEIF file, 8 bits, 4:2:0; ``library`` names the encoder and its version."""

    library: str
    name: str = "HEIC"
    settings: tuple[int, ...] = (8, 18, 28, 38, 50)

    @property
    def identity(self) -> str:
        """The versions of pillow_heif and of the encoder."""
        return f"HEIC (4:2:0), pillow_heif {metadata.version('pillow_heif')}, {self.library}"

    def encode(self, pixels: Pixels, setting: int) -> bytes:
        """The whole file."""
        import pillow_heif

        buffer = io.BytesIO()
        image = pillow_heif.from_pillow(Image.fromarray(pixels))
        image.save(buffer, quality=setting, chroma=420)
        return buffer.getvalue()

    def decode(self, data: bytes) -> Pixels:
        """The pixels of a file."""
        import pillow_heif

        return np.asarray(pillow_heif.open_heif(io.BytesIO(data)).to_pillow().convert("RGB"))


def open_heic() -> Coder:
    """Raises ``MissingDependencyError`` without pillow_heif, or when it cannot encode."""
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingDependencyError(
            "HEIC needs pillow_heif: pip install 'pico-deploy[evaluate]'"
        ) from error
    encoder = pillow_heif.libheif_info().get("HEIF")
    if not encoder:
        raise MissingDependencyError("this pillow_heif was built without a HEVC encoder")
    return HeicCoder(encoder)
