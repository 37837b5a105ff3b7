"""The codecs of today, each at settings that span about 0.1 to 1.6 bits per pixel on photos.

At 8 bits and 4:2:0 where the format has a choice, because that is what phones and web pages store;
only VVC gets 10 bits, for which its encoder was made. JPEG XL and JPEG 2000 have no such choice
here and keep full colour.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

from PIL import features

from pico_deploy.errors import MissingDependencyError
from pico_deploy.evaluation.coders import Coder, PillowCoder
from pico_deploy.evaluation.heic import open_heic
from pico_deploy.evaluation.vvc import open_vvc

_EXTRA = "pip install 'pico-deploy[evaluate]'"


def _pillow_library(feature: str, name: str) -> str:
    """Name and version of a library inside Pillow; raises ``MissingDependencyError``."""
    if not features.check(feature):
        raise MissingDependencyError(f"this Pillow was built without {name}; install a wheel")
    return f"{name} {features.version(feature)}"


def _jpeg() -> Coder:
    settings = (5, 12, 25, 45, 70, 90)
    options = {"subsampling": "4:2:0", "optimize": True}
    return PillowCoder(
        "JPEG", "JPEG", settings, _pillow_library("libjpeg_turbo", "libjpeg-turbo"), options
    )


def _webp() -> Coder:
    settings = (0, 10, 30, 55, 80, 92)
    return PillowCoder("WebP", "WEBP", settings, _pillow_library("webp", "libwebp"), {"method": 6})


def _avif() -> Coder:
    options = {"speed": 4, "subsampling": "4:2:0", "max_threads": 1, "codec": "aom"}
    library = _pillow_library("avif", "libavif")
    return PillowCoder("AVIF", "AVIF", (12, 25, 40, 55, 70), library, options)


def _jpeg_xl() -> Coder:
    try:
        import pillow_jxl  # noqa: F401  # registers the format with Pillow
    except ImportError as error:
        raise MissingDependencyError(f"JPEG XL needs pillow-jxl-plugin: {_EXTRA}") from error
    library = f"pillow-jxl-plugin {metadata.version('pillow-jxl-plugin')}"
    options = {"effort": 7, "num_threads": 1}
    return PillowCoder("JPEG XL", "JXL", (5, 20, 45, 65, 82), library, options)


def _compression_ratio(setting: int) -> dict[str, Any]:
    return {"quality_layers": [setting]}


def _jpeg_2000() -> Coder:
    library = _pillow_library("jpg_2000", "OpenJPEG")
    options = {"quality_mode": "rates", "irreversible": True, "mct": 1}
    ratios = (192, 96, 48, 28, 16)
    return PillowCoder("JPEG 2000", "JPEG2000", ratios, library, options, _compression_ratio)


PEERS: dict[str, Callable[[], Coder]] = {
    "jpeg": _jpeg,
    "webp": _webp,
    "avif": _avif,
    "heic": open_heic,
    "jxl": _jpeg_xl,
    "jpeg2000": _jpeg_2000,
    "vvc": open_vvc,
}
"""Name → maker, which raises ``MissingDependencyError`` where its codec cannot run."""
