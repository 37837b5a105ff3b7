"""A folder of photos as one small file to train from: crops, WebP, without near-duplicates.

The file is a zip with ``manifest.json`` and a picture per crop. The manifest names the seed, every
photo with its hash, author and licence, and of which place each crop is, so that the same photos
and options give the same pack.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from pico_deploy.errors import InputError, TrainingError
from pico_deploy.outputs import new_file
from pico_deploy.training.data import Photos, Pixels, decoded_photos, split

MANIFEST = "manifest.json"
FORMAT = 1
LIMIT_BYTES = 60_000_000
LOSSLESS = 100
# Crops whose 64-bit difference hashes are so near show the same thing.
NEAR_BITS = 4
ROUNDS = 64


class PackedPhoto(BaseModel):
    """A source photo; licence, author and source are as the list of licences has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str
    licence: str | None = None
    author: str | None = None
    source: str | None = None


class PackedCrop(BaseModel):
    """One picture of the pack; ``photo`` counts in the list of photos, or of texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    photo: int
    left: int
    top: int
    text: bool


class PackManifest(BaseModel):
    """What a pack holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    seed: int
    crop: int
    quality: int
    photos: tuple[PackedPhoto, ...]
    texts: tuple[PackedPhoto, ...]
    crops: tuple[PackedCrop, ...]
    near_duplicates: int
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class PackOptions:
    """``crop``: side in pixels. ``quality``: of WebP, 100 is lossless; text always is. A crop that
    would carry the file over ``limit_bytes`` ends the pack.
    """

    crop: int = 512
    quality: int = 95
    limit_bytes: int = LIMIT_BYTES
    seed: int = 0


def difference_hash(pixels: Pixels) -> int:
    """64 bits: whether each cell of an 8×8 grid is darker than its right neighbour."""
    small = Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.BOX)
    cells = np.asarray(small).astype(np.int16)
    bits = (cells[:, 1:] > cells[:, :-1]).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def licences(path: Path) -> dict[str, dict[str, str]]:
    """Rows of a tab-separated list by their column ``file``; raises ``InputError``."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the list of licences {path}: {error}") from error
    if not rows or "file" not in rows[0] or "licence" not in rows[0]:
        raise InputError(f"{path} is no tab-separated list with columns file and licence")
    return {row["file"]: row for row in rows}


@dataclass
class _Packing:
    """What has been put into the pack so far."""

    options: PackOptions
    archive: zipfile.ZipFile
    crops: list[PackedCrop] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    near_duplicates: int = 0
    size: int = 0

    def add(self, pixels: Pixels, photo: int, left: int, top: int, text: bool) -> bool:
        """Store one crop unless it is near another; False when the pack is full."""
        own = difference_hash(pixels)
        if any((own ^ other).bit_count() <= NEAR_BITS for other in self.hashes):
            self.near_duplicates += 1
            return True
        buffer = io.BytesIO()
        lossless = text or self.options.quality >= LOSSLESS
        Image.fromarray(pixels).save(
            buffer, "WEBP", lossless=lossless, quality=self.options.quality, method=4
        )
        data = buffer.getvalue()
        # Beside its bytes a file costs its names in the zip and its place in the manifest.
        cost = len(data) + 400
        if self.size + cost > self.options.limit_bytes:
            return False
        name = f"crops/{len(self.crops):05d}.webp"
        # A fixed date: the same crops give the same bytes.
        self.archive.writestr(zipfile.ZipInfo(name), data)
        self.crops.append(PackedCrop(file=name, photo=photo, left=left, top=top, text=text))
        self.hashes.append(own)
        self.size += cost
        return True


def _crops(pixels: Pixels, side: int, seed: tuple[int, ...], count: int) -> list[tuple[int, int]]:
    """Places (left, top) of ``count`` random crops that overlap by less than half, if there are."""
    rng = np.random.default_rng(seed)
    places: list[tuple[int, int]] = []
    for _ in range(8 * count):
        left = int(rng.integers(pixels.shape[1] - side + 1))
        top = int(rng.integers(pixels.shape[0] - side + 1))
        apart = (max(abs(left - a), abs(top - b)) >= side // 2 for a, b in places)
        if all(apart):
            places.append((left, top))
        if len(places) == count:
            break
    return places


def write_pack(
    photos: Path,
    text: Path | None,
    out: Path,
    options: PackOptions,
    known: dict[str, dict[str, str]],
    warn: Callable[[str], None],
    report: Callable[[int], None] = lambda crops: None,
) -> PackManifest:
    """Make ``out`` of the photos below ``photos`` and the pictures of text below ``text``.

    Text goes in first, one crop a picture; then photos in rounds, one crop each a round, until the
    pack is full or no place is left. Raises ``TrainingError`` when no photo is usable.
    """
    skipped: list[str] = []
    with new_file(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        packing = _Packing(options, archive)
        sources: dict[bool, list[PackedPhoto]] = {True: [], False: []}
        folders = [(True, text), (False, photos)] if text is not None else [(False, photos)]
        for is_text, folder in folders:
            assert folder is not None
            held: list[tuple[int, Pixels, list[tuple[int, int]]]] = []
            for path, pixels in decoded_photos(folder, options.crop, warn, skipped):
                number = len(sources[is_text])
                sources[is_text].append(_source(path, known))
                count = 1 if is_text else ROUNDS
                seed = (options.seed, number, int(is_text))
                held.append((number, pixels, _crops(pixels, options.crop, seed, count)))
            _rounds(packing, held, is_text, report)
        if not sources[False]:
            raise TrainingError(
                f"no usable photo of at least {options.crop}×{options.crop} px below {photos} "
                f"({len(skipped)} skipped)"
            )
        manifest = PackManifest(
            format=FORMAT,
            seed=options.seed,
            crop=options.crop,
            quality=options.quality,
            photos=tuple(sources[False]),
            texts=tuple(sources[True]),
            crops=tuple(packing.crops),
            near_duplicates=packing.near_duplicates,
            skipped=tuple(skipped),
        )
        archive.writestr(zipfile.ZipInfo(MANIFEST), manifest.model_dump_json(indent=1))
    return manifest


def _source(path: Path, known: dict[str, dict[str, str]]) -> PackedPhoto:
    row = known.get(path.name, {})
    return PackedPhoto(
        name=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence=row.get("licence") or None,
        author=row.get("author") or None,
        source=row.get("source") or row.get("package") or None,
    )


def _rounds(
    packing: _Packing,
    held: list[tuple[int, Pixels, list[tuple[int, int]]]],
    text: bool,
    report: Callable[[int], None],
) -> None:
    side = packing.options.crop
    for turn in range(max((len(places) for _, _, places in held), default=0)):
        for number, pixels, places in held:
            if turn < len(places):
                left, top = places[turn]
                crop = pixels[top : top + side, left : left + side]
                if not packing.add(crop, number, left, top, text):
                    return
                report(len(packing.crops))


def load_pack(path: Path, crop: int, holdout_every: int) -> Photos:
    """Decode a pack into memory; every n-th source photo, with all its crops, is held out.

    Raises ``TrainingError`` when it is no pack or its crops are smaller than ``crop``.
    """
    train: list[Pixels] = []
    text: list[Pixels] = []
    holdout: list[Pixels] = []
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = PackManifest.model_validate_json(archive.read(MANIFEST))
            if manifest.format != FORMAT or manifest.crop < crop:
                raise TrainingError(
                    f"{path} has format {manifest.format} and crops of {manifest.crop} px; "
                    f"expected format {FORMAT} and at least {crop} px"
                )
            for entry in manifest.crops:
                with Image.open(io.BytesIO(archive.read(entry.file))) as image:
                    pixels = np.asarray(image.convert("RGB"))
                held = split(entry.photo, holdout_every)
                (text if entry.text else holdout if held else train).append(pixels)
    except (OSError, KeyError, zipfile.BadZipFile, ValidationError, json.JSONDecodeError) as error:
        first = str(error).partition("\n")[0]
        raise TrainingError(f"{path} is no pack of training crops: {first}") from error
    if not train:
        raise TrainingError(f"{path} holds no photo to train on")
    return Photos(tuple(train), tuple(text), tuple(holdout), manifest.skipped)
