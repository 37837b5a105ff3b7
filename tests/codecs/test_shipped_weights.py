"""What the two shipped checkpoints promise of each other."""

from pathlib import Path

import pytest
import torch

from pico_deploy.codecs.trained import ScaleShape, TrainedPico
from pico_deploy.entropy.serialise import to_bytes

WEIGHTS = Path(__file__).resolve().parents[2] / "pico_deploy/weights"


@pytest.fixture(scope="module")
def pair() -> tuple[TrainedPico, TrainedPico]:
    names = ("pico-s", "pico-s-perceptual")
    faithful, perceptual = (TrainedPico.load(WEIGHTS / f"{name}.safetensors") for name in names)
    return faithful, perceptual


@pytest.mark.parametrize("shape", ["conv", "linear"])
def test_pico_s_and_its_perceptual_twin_have_one_entropy_model(pair, shape: ScaleShape) -> None:
    faithful, perceptual = (to_bytes(codec.entropy_models[shape]) for codec in pair)
    assert faithful == perceptual


def test_they_make_the_same_symbols_and_other_pixels(pair) -> None:
    inputs = pair[0].network.example_inputs("analysis")
    inputs["x"] = torch.rand(inputs["x"].shape, generator=torch.Generator().manual_seed(1))
    parts = [codec.parts("crd") for codec in pair]
    with torch.no_grad():
        symbols = [part.analysis(**inputs) for part in parts]
        pixels = [part.synthesis(*symbols[0], inputs["anchors"]) for part in parts]
    for faithful, perceptual in zip(*symbols, strict=True):
        assert torch.equal(faithful, perceptual) and faithful.abs().max() > 0
    assert not torch.equal(*pixels)
