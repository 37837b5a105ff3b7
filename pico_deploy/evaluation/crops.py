"""The list of crops on which codecs are shown side by side (TOML), and the crops themselves."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import InputError
from pico_deploy.runtime.photo import open_photo


class Crop(BaseModel):
    """What is coded, and the part of it that is shown.

    The ``coded`` square of a photo is coded as a picture of its own, so that search stays quick and
    tile seams lie where the bundle's payload puts them. ``shown`` is (left, top, width, height) in
    that square.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    photo: str
    left: int = Field(ge=0)
    top: int = Field(ge=0)
    side: int = Field(gt=0)
    shown: tuple[int, int, int, int]
    level: int = Field(ge=0)
    author: str
    licence: str
    origin: str
    note: str = ""


class CropList(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop: tuple[Crop, ...] = Field(min_length=1)


def load_crops(path: Path) -> tuple[Crop, ...]:
    """Read a list; raises ``InputError`` naming the first field that is wrong."""
    try:
        found = CropList.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the list of crops {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {field}: {first['msg']}") from error
    for crop in found.crop:
        left, top, width, height = crop.shown
        inside = min(left, top) >= 0 and max(left + width, top + height) <= crop.side
        if not inside or min(width, height) <= 0:
            raise InputError(f"{path}: {crop.name} shows {crop.shown} of a square of {crop.side}")
    return found.crop


def coded_part(crop: Crop, folders: Sequence[Path]) -> Pixels:
    """The square that is coded, ``uint8 [side, side, 3]``, of the photo in the first folder that
    has it; raises ``InputError``.
    """
    found = [folder / crop.photo for folder in folders if (folder / crop.photo).is_file()]
    if not found:
        raise InputError(f"no {crop.photo} in {', '.join(map(str, folders))}; add its folder")
    photo = open_photo(found[0])
    if crop.left + crop.side > photo.width or crop.top + crop.side > photo.height:
        raise InputError(
            f"{crop.photo} is {photo.width}×{photo.height}; {crop.name} needs "
            f"{crop.side} px from ({crop.left}, {crop.top})"
        )
    rows = photo.rows(crop.top, crop.top + crop.side)
    return rows[:, crop.left : crop.left + crop.side].copy()


def shown_part(crop: Crop, pixels: Pixels) -> Pixels:
    """The part that is shown."""
    left, top, width, height = crop.shown
    return pixels[top : top + height, left : left + width]
