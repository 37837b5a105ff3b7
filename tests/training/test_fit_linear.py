import copy

import numpy as np
import pytest
import torch

from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.training.calibrate import Sample
from pico_deploy.training.fit_linear import fit_linear


@pytest.fixture
def network(tiny_preset) -> PicoCodec:
    torch.manual_seed(0)
    return PicoCodec(PRESETS[tiny_preset]).eval().requires_grad_(False)


@pytest.fixture
def samples() -> tuple[Sample, ...]:
    """Symbols whose spread z announces: that of y follows |z|."""
    rng = np.random.default_rng(3)
    made = []
    for level in (0, 30, 70) * 4:
        z = rng.integers(-3, 4, (8, 2, 2), dtype=np.int8)
        spread = np.kron(np.abs(z).astype(float) * 0.25 + 0.15, np.ones((1, 4, 4)))
        y = np.clip(np.rint(rng.normal(size=spread.shape) * spread), -127, 127)
        made.append(Sample(level, z, y.astype(np.int8)))
    return tuple(made)


def test_fitting_lowers_the_rate_and_touches_nothing_else(network, samples) -> None:
    before = copy.deepcopy(network.state_dict())
    history = fit_linear(network, samples, 200)
    assert np.mean(history[-20:]) < 0.95 * np.mean(history[:20])
    changed = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    assert changed and all(n.startswith("scale_decoders.linear.") for n in changed)
    assert not any(p.requires_grad for p in network.parameters())


def test_fitting_is_repeatable(network, samples) -> None:
    twin = copy.deepcopy(network)
    assert fit_linear(network, samples, 5) == fit_linear(twin, samples, 5)
