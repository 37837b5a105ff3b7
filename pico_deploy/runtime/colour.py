"""From whatever a photo stores to 8-bit RGB, and what becomes of its ICC profile.

An RGB profile stays valid for the decoded pixels and travels with them. A grey or CMYK profile
would not, so those pixels are converted to sRGB. Everything that is lost on the way is said.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

_FAMILY = {
    **dict.fromkeys(("RGB", "RGBA", "RGBa", "RGBX", "P", "PA"), "RGB"),
    **dict.fromkeys(("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N"), "GRAY"),
    **dict.fromkeys(("CMYK",), "CMYK"),
    **dict.fromkeys(("YCbCr",), "YCbCr"),
    **dict.fromkeys(("LAB",), "Lab"),
}
_OPAQUE = {"RGBa": "RGBA", "La": "LA"}
_CMS_MODE = {"GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}


class UnsupportedPixelsError(Exception):
    """The photo's pixel format has no agreed way to 8-bit RGB."""


@dataclass(frozen=True)
class ColourPlan:
    """How strips of a photo become RGB. ``icc``: profile of the result, None for sRGB or
    unknown.
    """

    to_rgb: Callable[[Image.Image], Image.Image]
    icc: bytes | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _reduced(strip: Image.Image) -> Image.Image:
    """Drop the low byte of 16-bit grey, as Pillow does for 16-bit RGB."""
    return Image.fromarray((np.asarray(strip).astype(np.uint16) >> 8).astype(np.uint8))


def _plain_rgb(strip: Image.Image) -> Image.Image:
    if strip.mode.startswith("I;16"):
        strip = _reduced(strip)
    if strip.mode in _OPAQUE:  # Pillow converts premultiplied modes in no other way
        strip = strip.convert(_OPAQUE[strip.mode])
    return strip.convert("RGB")


def _managed_rgb(
    profile: ImageCms.ImageCmsProfile, mode: str
) -> Callable[[Image.Image], Image.Image]:
    transform = ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )

    def convert(strip: Image.Image) -> Image.Image:
        if strip.mode.startswith("I;16"):
            strip = _reduced(strip)
        if strip.mode in _OPAQUE:
            strip = strip.convert(_OPAQUE[strip.mode])
        result = ImageCms.applyTransform(strip.convert(mode), transform)
        assert result is not None  # only an in-place transform returns nothing
        return result

    return convert


def _without_profile(family: str) -> ColourPlan:
    if family == "Lab":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return ColourPlan(_managed_rgb(profile, "LAB"), notes=("Lab pixels converted to sRGB",))
    if family == "CMYK":
        warning = "CMYK without a usable profile: colours are approximate (plain formula)"
        return ColourPlan(_plain_rgb, warnings=(warning,))
    return ColourPlan(_plain_rgb)


def plan_colour(mode: str, icc: bytes | None) -> ColourPlan:
    """Decide how pixels of a Pillow ``mode`` become RGB and whether the profile is kept.

    Raises :class:`UnsupportedPixelsError` for 32-bit integer and floating-point pixels, whose range
    nobody states.
    """
    family = _FAMILY.get(mode)
    if family is None:
        raise UnsupportedPixelsError(mode)
    plain = _without_profile(family)
    if not icc:
        return plain
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        space = profile.profile.xcolor_space.strip()
        name = ImageCms.getProfileDescription(profile).strip() or "without a name"
        if space == family == "RGB" or (space == "RGB" and family == "YCbCr"):
            return ColourPlan(_plain_rgb, icc, (f"ICC profile kept: {name}",))
        if space == family and family in _CMS_MODE:
            convert = _managed_rgb(profile, _CMS_MODE[family])
            return ColourPlan(convert, None, (f"ICC profile {name}: pixels converted to sRGB",))
    except (OSError, ImageCms.PyCMSError) as error:
        reason = f"ICC profile dropped: it cannot be used ({str(error) or type(error).__name__})"
    else:
        reason = f"ICC profile dropped: it is for {space}, the pixels are {family}"
    return ColourPlan(plain.to_rgb, None, plain.notes, (*plain.warnings, reason))
