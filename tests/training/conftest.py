from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_pico import TINY

from pico_deploy.codecs.config import PRESETS
from pico_deploy.training.config import TrainConfig
from pico_deploy.training.data import Photos, load_photos


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """Five smooth random photos of 160×160, PNG."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(5)
    for i in range(5):
        coarse = rng.integers(0, 256, (10, 10, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((160, 160), Image.Resampling.BICUBIC).save(
            folder / f"{i}.png"
        )
    return folder


@pytest.fixture
def photos(photo_folder: Path) -> Photos:
    return load_photos(photo_folder, None, 128, 4, lambda _: None)


@pytest.fixture
def tiny_preset(monkeypatch: pytest.MonkeyPatch) -> str:
    """A preset that trains in milliseconds."""
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    return "tiny"


@pytest.fixture
def settings(tiny_preset: str) -> TrainConfig:
    return TrainConfig(
        preset=tiny_preset,
        steps=6,
        decay_steps=2,
        warmup_steps=2,
        batch=2,
        crop=128,
        bf16=False,
        log_every=1,
        validate_every=3,
        holdout_every=4,
    )
