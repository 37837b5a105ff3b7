"""Photos in, random crops out; crop number i is a function of the seed and i alone, so a run can
resume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from pico_deploy.errors import TrainingError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Photos:
    """Decoded photos, each ``uint8 [H, W, 3]``, split for training and validation; and the files
    left out. Masks, where there are any, say where the photo of the same place has text."""

    train: tuple[Pixels, ...]
    text: tuple[Pixels, ...]
    holdout: tuple[Pixels, ...]
    skipped: tuple[str, ...]
    train_masks: tuple[Mask, ...] = ()
    text_masks: tuple[Mask, ...] = ()


def split(number: int, holdout_every: int) -> bool:
    """Whether photo ``number`` is for validation only."""
    return number % holdout_every == holdout_every - 1


def decoded_photos(
    folder: Path, smallest: int, warn: Callable[[str], None], skipped: list[str]
) -> Iterator[tuple[Path, Pixels]]:
    """Every photo below ``folder`` whose shorter side is at least ``smallest`` px, by name.

    A file that cannot be decoded is named through ``warn``, added to ``skipped`` and left out.
    Raises ``TrainingError`` when ``folder`` is none.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder} is not a folder; expected one with photos below it")
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        try:
            with Image.open(path) as image:
                if min(image.size) < smallest:
                    raise ValueError(f"smaller than a crop of {smallest} px")
                pixels = np.asarray(image.convert("RGB"))
        except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            skipped.append(path.name)
            warn(f"skipped {path}: {error}")
        else:
            yield path, pixels


def load_photos(
    folder: Path,
    text_folder: Path | None,
    crop: int,
    holdout_every: int,
    warn: Callable[[str], None],
) -> Photos:
    """Decode every photo below ``folder`` (and ``text_folder``) into memory.

    A file that cannot be decoded is named through ``warn``, counted and left out. Raises
    ``TrainingError`` when nothing is left, or for a folder that is none.
    """
    skipped: list[str] = []

    def load(root: Path) -> list[Pixels]:
        return [pixels for _, pixels in decoded_photos(root, crop, warn, skipped)]

    text = load(text_folder) if text_folder is not None else []
    photos = load(folder)
    holdout = [p for i, p in enumerate(photos) if split(i, holdout_every)]
    train = [p for i, p in enumerate(photos) if not split(i, holdout_every)]
    if not train:
        raise TrainingError(
            f"no usable photo of at least {crop}×{crop} px below {folder} ({len(skipped)} skipped)"
        )
    return Photos(tuple(train), tuple(text), tuple(holdout), tuple(skipped))


@dataclass(frozen=True)
class CropSampler:
    """Deterministic random crops: area-weighted photo, optional halving, flips and quarter
    turns."""

    photos: Photos
    crop: int
    seed: int
    halve_probability: float
    text_share: float

    def draw(self, number: int) -> Pixels:
        """Crop ``number``, ``uint8 [crop, crop, 3]``."""
        return self.draw_masked(number)[0]

    def draw_masked(self, number: int) -> tuple[Pixels, Mask | None]:
        """Crop ``number`` and where it has text, ``bool [crop, crop]``; None without masks."""
        rng = np.random.default_rng((self.seed, number))
        from_text = bool(self.photos.text) and rng.random() < self.text_share
        pool = self.photos.text if from_text else self.photos.train
        masks = self.photos.text_masks if from_text else self.photos.train_masks
        index = rng.integers(len(pool))
        photo = pool[index]
        halve = rng.random() < self.halve_probability and min(photo.shape[:2]) >= 2 * self.crop
        side = 2 * self.crop if halve else self.crop
        row = rng.integers(photo.shape[0] - side + 1)
        column = rng.integers(photo.shape[1] - side + 1)
        patch = photo[row : row + side, column : column + side]
        mask = masks[index][row : row + side, column : column + side] if masks else None
        if halve:
            cells = patch.reshape(self.crop, 2, self.crop, 2, 3).astype(np.uint16)
            patch = ((cells.sum((1, 3)) + 2) >> 2).astype(np.uint8)
            if mask is not None:
                mask = np.asarray(mask.reshape(self.crop, 2, self.crop, 2).any((1, 3)))
        flip = rng.random() < 0.5
        turns = 0 if from_text else int(rng.choice(4, p=(0.7, 0.1, 0.1, 0.1)))
        patch = np.rot90(patch[:, ::-1] if flip else patch, turns)
        if mask is not None:
            mask = np.rot90(mask[:, ::-1] if flip else mask, turns)
        return patch, mask

    def batch(self, step: int, size: int) -> Tensor:
        """Batch of ``step``: ``float32 [size, 3, crop, crop]`` in 0…1, channels last in memory."""
        return self.batch_masked(step, size)[0]

    def batch_masked(
        self, step: int, size: int, part: Iterable[int] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """The batch, and where it has text, ``float32 [size, 1, crop, crop]``, 1 inside.

        With ``part`` only these samples of the batch.
        """
        drawn = [self.draw_masked(step * size + i) for i in (range(size) if part is None else part)]
        pixels = torch.from_numpy(np.stack([patch for patch, _ in drawn])).permute(0, 3, 1, 2)
        masks = [mask for _, mask in drawn if mask is not None]
        found = torch.from_numpy(np.stack(masks))[:, None].float() if masks else None
        return pixels.to(torch.float32).div_(255), found
