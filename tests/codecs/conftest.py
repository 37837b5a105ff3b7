import pytest
import torch
from tiny_pico import TINY

from pico_deploy.codecs.config import PicoConfig
from pico_deploy.codecs.pico import PicoCodec


@pytest.fixture(scope="session")
def small_config() -> PicoConfig:
    return TINY


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
