"""The integer cost of a bundle is of its own checkpoint, of all photos and levels, and is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from tiny_codec import GEOMETRY, entropy_model, flat_blocks

from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.trained import TrainedPico, geometry_of
from pico_deploy.errors import ModelMismatchError
from pico_deploy.evaluation import integer_run
from pico_deploy.evaluation.integer_cost import SymbolBits
from pico_deploy.evaluation.run import Job, evaluate
from pico_deploy.runtime.session import Session

WIDTH, HEIGHT = 150, 130


@pytest.fixture
def job(tiny_bundle: Path, tmp_path: Path) -> Job:
    images = tmp_path / "images"
    images.mkdir()
    for i in range(2):
        Image.fromarray(flat_blocks(HEIGHT, WIDTH, i)).save(images / f"photo{i}.png")
    weights = tmp_path / "weights.safetensors"
    return Job(
        tiny_bundle, images, tmp_path / "out", peers=("jpeg",), metrics=("psnr",), weights=weights
    )


class CountingRate:
    """Two bits an element that is not void, three under the integer model."""

    def __init__(self) -> None:
        self.calls = 0

    def measure(
        self,
        z: NDArray[np.int8],
        y: NDArray[np.int8],
        level: int,
        z_valid: tuple[int, int],
        y_valid: tuple[int, int],
    ) -> SymbolBits:
        self.calls += 1
        count = len(z) * z_valid[0] * z_valid[1] + len(y) * y_valid[0] * y_valid[1]
        return SymbolBits(2.0 * count, 2.0 * count, 3.0 * count)


def test_every_tile_of_every_photo_and_level_counts_once_and_is_kept(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = CountingRate()
    monkeypatch.setattr(integer_run, "open_rate", lambda weights, bundle: rate)
    first = evaluate(job).integer_cost
    assert first is not None
    assert (first.percent, first.network_percent) == (pytest.approx(50), pytest.approx(50))
    assert set(first.percent_of_level) == {0, 5, 10}
    assert rate.calls == 2 * 3 * 4  # photos, levels, tiles
    with Session.open(job.bundle) as session:
        grid = session.model.grid(WIDTH, HEIGHT)
        elements = sum(
            GEOMETRY.z_channels * np.prod(grid.z_valid(t))
            + GEOMETRY.y_channels * np.prod(grid.y_valid(t))
            for t in range(grid.tiles)
        )
    assert first.worst.bits.float_model == 2 * elements, "void elements cost nothing"
    assert evaluate(job).integer_cost == first
    assert rate.calls == 24


def test_checkpoint_of_another_bundle_is_refused(job: Job, tmp_path: Path) -> None:
    small = {"latent_channels": 8, "hyper_channels": 8, "prior_channels": 8, "context_channels": 8}
    config = dataclasses.replace(PRESETS["pico-s"], name="other", tile=128, **small)
    model = dataclasses.replace(entropy_model(), geometry=geometry_of(config))
    z = dataclasses.replace(
        model.z_tables,
        anchor_of_level=np.zeros(config.levels, np.uint8),
        row=np.zeros((1, 1, config.hyper_channels), np.uint8),
    )
    layer = dataclasses.replace(
        model.layers[0],
        weight=np.zeros((16 * config.latent_channels, config.hyper_channels), np.int8),
        multiplier=np.ones(16 * config.latent_channels, np.int32),
        bias=np.zeros((config.levels, 16 * config.latent_channels), np.int32),
    )
    model = dataclasses.replace(model, z_tables=z, layers=(layer,))
    torch.manual_seed(1)
    weights = tmp_path / "other.safetensors"
    TrainedPico(config, PicoCodec(config), {"conv": model}).save(weights)
    with pytest.raises(ModelMismatchError, match="none of the integer entropy models"):
        evaluate(dataclasses.replace(job, weights=weights))
