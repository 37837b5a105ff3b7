import dataclasses

import numpy as np
import pytest
import torch
from tiny_pico import short_fits

from pico_deploy._core import Model
from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.trained import TrainedPico
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.training import finalise as finalising
from pico_deploy.training.finalise import finalise
from pico_deploy.training.fit_scale_decoder import fit_scale_decoder
from pico_deploy.training.integer_twin import IntegerTwin

LEVELS = (0, 7, 33, 70)
SHAPES = ["conv", "linear"]


def finish(photos, path) -> TrainedPico:
    torch.manual_seed(4)
    network = PicoCodec(PRESETS["tiny"]).eval()
    return TrainedPico.load(finalise(network, photos, path, crops=1, fits=short_fits(3)))


@pytest.fixture
def finished(tiny_preset, photos, tmp_path) -> TrainedPico:
    return finish(photos, tmp_path / "tiny.safetensors")


def symbols(spread: float) -> np.ndarray:
    """Hyper-latents of two tiles a level, int8 [N, 8, 2, 2]."""
    z = np.random.default_rng(0).normal(0, spread, (2 * len(LEVELS), 8, 2, 2))
    return np.clip(np.rint(z), -31, 31).astype(np.int8)


def twin_of(network: PicoCodec, shape, largest: float) -> IntegerTwin:
    return IntegerTwin(network, shape, (largest,) * (4 if shape == "conv" else 0))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spread", [2, 40], ids=["usual", "saturated"])
def test_training_sees_the_indices_of_the_core(finished, shape, spread) -> None:
    network = finished.network
    with torch.no_grad():
        for parameter in network.scale_decoders[shape].parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    twin = twin_of(network, shape, 9.0)
    model = dataclasses.replace(finished.entropy_models[shape], layers=twin.layers())
    z, levels = symbols(spread), np.repeat(np.array(LEVELS, np.uint8), 2)
    shipped = Model(to_bytes(model)).scale_indices(z, levels)
    seen = twin(torch.from_numpy(z).float(), torch.from_numpy(levels).long())
    np.testing.assert_array_equal(seen.detach().numpy(), shipped)
    assert len(np.unique(shipped)) > 10
    old = Model(to_bytes(finished.entropy_models[shape])).scale_indices(z, levels)
    assert (old != shipped).any(), "the twin follows its weights"


def test_the_stored_weights_give_the_stored_integers(
    tiny_preset, photos, tmp_path, monkeypatch
) -> None:
    """They are rounded on the way into the file: training saw the integers of rounded ones."""
    maxima = {}

    def noted(twin, tables, samples, fit):
        maxima[len(twin.maxima)] = twin.maxima
        return fit_scale_decoder(twin, tables, samples, fit)

    monkeypatch.setattr(finalising, "fit_scale_decoder", noted)
    finished = finish(photos, tmp_path / "again.safetensors")
    for shape, hidden in (("conv", 4), ("linear", 0)):
        stored = finished.entropy_models[shape].layers
        made = IntegerTwin(finished.network, shape, maxima[hidden]).layers()
        for one, other in zip(stored, made, strict=True):
            assert one.shift == other.shift
            for name in ("weight", "multiplier", "bias"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_weight_learns_through_the_integers(finished, shape) -> None:
    twin = twin_of(finished.network, shape, 9.0)
    twin.decoder.requires_grad_(True)
    levels = torch.tensor(LEVELS).repeat_interleave(2)
    twin(torch.from_numpy(symbols(2)).float(), levels).square().mean().backward()
    for name, parameter in twin.decoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_an_activation_that_saturates_passes_no_gradient(finished) -> None:
    twin = twin_of(finished.network, "conv", 1e-3)
    twin.decoder.requires_grad_(True)
    with torch.no_grad():
        twin.decoder.bias[0].fill_(1.0)  # a thousand times what becomes 255
    twin(torch.zeros(1, 8, 2, 2), torch.tensor([0])).sum().backward()
    assert (twin.decoder.weight[0].grad == 0).all() and (twin.decoder.bias[0].grad == 0).all()
    assert twin.decoder.bias[-1].grad.abs().max() > 0
