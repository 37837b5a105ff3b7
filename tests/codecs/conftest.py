import dataclasses

import pytest
import torch

from pico_deploy.codecs.config import PRESETS, PicoConfig
from pico_deploy.codecs.pico import PicoCodec


@pytest.fixture(scope="session")
def small_config() -> PicoConfig:
    """pico-s with a fraction of its width and a tile of 128 px."""
    return dataclasses.replace(
        PRESETS["pico-s"],
        name="tiny",
        encoder_channels=(8, 12, 16),
        encoder_depths=(1, 1, 1),
        decoder_channels=(8, 12, 16),
        decoder_depths=(1, 1, 1),
        latent_channels=12,
        hyper_channels=8,
        prior_channels=12,
        context_channels=12,
        scale_channels=8,
        tile=128,
    )


@pytest.fixture
def small_codec(small_config: PicoConfig) -> PicoCodec:
    """Random weights, with every scale moved off its neutral start."""
    torch.manual_seed(7)
    codec = PicoCodec(small_config)
    with torch.no_grad():
        for name, parameter in codec.named_parameters():
            if "scale" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return codec.eval()
