"""The photos of a run, from a folder or a pack, with text masks when the configuration asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pico_deploy.errors import UsageError
from pico_deploy.training.config import TrainConfig
from pico_deploy.training.data import Photos, load_photos
from pico_deploy.training.pack import load_pack


def open_photos(
    config: TrainConfig,
    folder: Path | None,
    pack: Path | None,
    text: Path | None,
    masks: Path | None,
    warn: Callable[[str], None],
) -> Photos:
    """Exactly one of ``folder`` and ``pack``; raises ``UsageError`` otherwise.

    ``masks`` is the file that keeps text masks; without it none are made.
    """
    if (folder is None) == (pack is None):
        raise UsageError("give the photos either as a folder (--data) or as a pack (--pack)")
    if folder is not None:
        photos = load_photos(folder, text, config.crop, config.holdout_every, warn)
    else:
        assert pack is not None
        if text is not None:
            raise UsageError("a pack brings its own text; --text goes with --data")
        photos = load_pack(pack, config.crop, config.holdout_every)
    if photos.skipped:
        warn(f"{len(photos.skipped)} file(s) skipped")
    if config.perceptual.needs_masks and masks is not None:
        from pico_deploy.training.masks import with_masks
        from pico_deploy.training.perceptual.text_mask import load_text_detector

        warn("finding text in the photos, once")
        photos = with_masks(photos, load_text_detector(), masks)
    return photos
