"""The photos of a folder, read alike for every codec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pico_deploy.errors import InputError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".avif", ".heic", ".tif", ".tiff", ".bmp", ".ppm"}
)


@dataclass(frozen=True)
class Photo:
    """A photo of the folder: name without suffix, and where it lies."""

    name: str
    path: Path


def photos_in(folder: Path) -> list[Photo]:
    """The photos of a folder by name; raises ``InputError`` when there are none."""
    try:
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror or error}") from error
    if not paths:
        raise InputError(
            f"{folder} holds no photo; expected files ending in {', '.join(sorted(SUFFIXES))}"
        )
    names = [path.stem for path in paths]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{folder} holds several photos named {', '.join(repeated)}; rename them")
    return [Photo(path.stem, path) for path in paths]
