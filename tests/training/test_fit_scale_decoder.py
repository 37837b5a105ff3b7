import copy

import numpy as np
import pytest
import torch
from tiny_pico import short_fits

from pico_deploy._core import Model
from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.entropy.model import EntropyModel, ZTables
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.training.calibrate import Sample
from pico_deploy.training.finalise import z_tables
from pico_deploy.training.fit_scale_decoder import (
    SMALLEST_MOMENT,
    Entrance,
    Fit,
    fit_scale_decoder,
    places,
    table_bits,
    whitening,
)
from pico_deploy.training.integer_rate import table_costs
from pico_deploy.training.integer_twin import IntegerTwin, entropy_model

MAXIMA = {"conv": (4.0, 4.0, 4.0, 4.0), "linear": ()}
SHAPES = ["conv", "linear"]


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


@pytest.fixture
def tables(network, samples) -> ZTables:
    return z_tables(samples, network.config, 31)


def bits(model: EntropyModel, twin: IntegerTwin, samples) -> float:
    costs = torch.from_numpy(table_costs(model.y_tables, 127))
    z = torch.from_numpy(np.stack([s.z for s in samples])).float()
    index = twin(z, torch.tensor([s.level for s in samples]))
    y = torch.from_numpy(np.stack([s.y for s in samples])).long()
    return table_bits(costs, index, y).sum().item()


@pytest.mark.parametrize("shape", SHAPES)
def test_fitting_lowers_the_rate_and_touches_nothing_else(network, samples, tables, shape) -> None:
    before = copy.deepcopy(network.state_dict())
    twin = IntegerTwin(network, shape, MAXIMA[shape])
    first = bits(entropy_model(twin, tables, samples), twin, samples)
    model = fit_scale_decoder(twin, tables, samples, Fit(200, 1e-2))
    assert bits(model, twin, samples) < 0.97 * first
    changed = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    assert changed == {n for n in before if n.startswith(f"scale_decoders.{shape}.")}
    assert not any(p.requires_grad for p in network.parameters())


def test_only_what_the_named_channels_read_learns(network, samples, tables) -> None:
    decoder = network.scale_decoders["linear"]
    before = copy.deepcopy(decoder.state_dict())
    count = network.config.latent_channels
    twin = IntegerTwin(network, "linear", ())
    first = entropy_model(twin, tables, samples)
    model = fit_scale_decoder(twin, tables, samples, Fit(20, 1e-2), channels=(1, 4))
    learned = np.isin(np.arange(16 * count) % count, (1, 4))
    for name, value in decoder.state_dict().items():
        moved = (value != before[name]).reshape(*value.shape[:2], -1).any(2)
        assert np.array_equal(moved.any(1 if name.startswith("weight") else 0), learned), name
    # the same in the indices, whatever the order in which channels become places
    core, old = Model(to_bytes(model)), Model(to_bytes(first))
    z, level = np.stack([samples[0].z]), np.array([samples[0].level], np.uint8)
    moved = (core.scale_indices(z, level) != old.scale_indices(z, level))[0].any((1, 2))
    assert set(np.flatnonzero(moved)) <= {1, 4}
    assert moved.any()


def test_a_deep_shape_has_no_weights_of_a_channel(network, samples, tables) -> None:
    twin = IntegerTwin(network, "conv", MAXIMA["conv"])
    with pytest.raises(ValueError, match="one layer"):
        fit_scale_decoder(twin, tables, samples, Fit(1, 1e-2), channels=(0,))


@pytest.mark.parametrize("shape", SHAPES)
def test_no_step_leaves_a_scale_decoder_as_it_was(network, samples, tables, shape) -> None:
    before = copy.deepcopy(network.state_dict())
    twin = IntegerTwin(network, shape, MAXIMA[shape])
    model = fit_scale_decoder(twin, tables, samples, short_fits(0)[shape])
    assert all(torch.equal(v, before[n]) for n, v in network.state_dict().items())
    assert to_bytes(model) == to_bytes(entropy_model(twin, tables, samples))


def test_places_are_what_one_position_of_z_says_of_y(samples) -> None:
    pieces = places(samples[1])
    assert [p.z.shape for p in pieces] == [(8, 1, 1)] * 4
    assert [p.y.shape for p in pieces] == [(8, 4, 4)] * 4
    assert all(p.level == samples[1].level for p in pieces)
    z, y = (np.stack([getattr(p, name) for p in pieces]) for name in "zy")
    assert np.array_equal(z[:, :, 0, 0].T.reshape(8, 2, 2), samples[1].z)
    whole = y.reshape(2, 2, 8, 4, 4).transpose(2, 0, 3, 1, 4).reshape(8, 8, 8)
    assert np.array_equal(whole, samples[1].y)


def test_fitting_is_repeatable(network, samples, tables) -> None:
    twins = [IntegerTwin(n, "linear", ()) for n in (network, copy.deepcopy(network))]
    first, second = (fit_scale_decoder(t, tables, samples, Fit(5, 1e-2)) for t in twins)
    assert to_bytes(first) == to_bytes(second)


def test_bits_are_those_of_the_table_and_slope_to_its_neighbours() -> None:
    costs = torch.tensor([[3.0, 1.0, 5.0], [4.0, 2.0, 4.0], [7.0, 5.0, 1.0]])  # values −1, 0, 1
    index = torch.tensor([0.0, 1.0, 2.0, 1.0], requires_grad=True)
    found = table_bits(costs, index, torch.tensor([0, -1, 1, 1]))
    assert found.tolist() == [1.0, 4.0, 1.0, 4.0]
    found.sum().backward()
    assert index.grad.tolist() == [1.0, 2.0, -3.0, -2.0]


def test_whitened_inputs_are_white() -> None:
    rng = np.random.default_rng(1)
    mixed = rng.normal(size=(5, 4000)) * np.array([1e3, 1, 1, 0.5, 0.4])[:, None]
    mixed = np.linalg.qr(rng.normal(size=(5, 5)))[0] @ mixed
    white = whitening(mixed @ mixed.T / 4000) @ mixed
    np.testing.assert_allclose(white @ white.T / 4000, np.eye(5), atol=1e-6)
    silent = whitening(np.zeros((2, 2)))
    np.testing.assert_allclose(silent, np.eye(2) / SMALLEST_MOMENT**0.5)


def test_coordinates_have_the_gradient_of_the_weights_they_stand_for(network, samples) -> None:
    twin = IntegerTwin(network, "linear", ())
    entrance = Entrance(twin, samples)
    weight, bias = twin.decoder.weight[0], twin.decoder.bias[0]
    twin.decoder.requires_grad_(True)

    def value() -> torch.Tensor:
        return (weight[:, :, 0, 0].double() ** 2).sum() + (bias.double() ** 2).sum()

    value().backward()
    entrance.pull()
    step = 1e-3 * torch.randn_like(entrance.coordinates)
    with torch.no_grad():
        found = []
        for sign in (1, -1):
            entrance.coordinates += sign * step
            entrance.push()
            found.append(value())
            entrance.coordinates -= sign * step
    slope = (entrance.coordinates.grad * step).sum() * 2
    torch.testing.assert_close(found[0] - found[1], slope.double(), rtol=1e-3, atol=1e-6)
