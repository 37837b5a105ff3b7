"""From float to integers: close to the float network, as precise as the bound permits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pico_deploy.entropy import quantise as quantise_module
from pico_deploy.entropy.errors import ModelBuildError, OverflowProofError
from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.model import EntropyModel, Geometry, Layer, Upsample
from pico_deploy.entropy.prove import INT32_MAX, prove
from pico_deploy.entropy.quantise import FloatLayer, quantise, with_whole_biases
from pico_deploy.entropy.reference import scale_indices
from pico_deploy.entropy.reference.network import upsample
from pico_deploy.entropy.serialise import to_bytes

from entropy_models import plain_model  # isort: skip

LEVELS = 5


def float_layer(
    rng: np.random.Generator,
    kind: str,
    inputs: int,
    outputs: int,
    *,
    up: Upsample = "none",
    factor: int = 1,
    level: float = 0.0,
) -> FloatLayer:
    shape = (outputs, 3, 3) if kind == "depthwise3x3" else (outputs, inputs)
    fan_in = 9 if kind == "depthwise3x3" else inputs
    weight = rng.standard_normal(shape) / np.sqrt(fan_in)
    bias = rng.standard_normal((LEVELS, outputs)) * 0.3 + level
    return FloatLayer(kind, weight, bias, up, factor)  # type: ignore[arg-type]


def conv_network(rng: np.random.Generator, z: int, hidden: int, y: int) -> list[FloatLayer]:
    """The shape `conv`: 1×1, shuffle, depthwise, 1×1, shuffle, depthwise, 1×1."""
    return [
        float_layer(rng, "pointwise", z, 4 * hidden, up="shuffle", factor=2),
        float_layer(rng, "depthwise3x3", hidden, hidden),
        float_layer(rng, "pointwise", hidden, 4 * hidden, up="shuffle", factor=2),
        float_layer(rng, "depthwise3x3", hidden, hidden),
        replace(
            last := float_layer(rng, "pointwise", hidden, y, level=2.0), weight=10 * last.weight
        ),
    ]


def linear_network(rng: np.random.Generator, z: int, y: int) -> list[FloatLayer]:
    """The shape `linear`: one 1×1, shuffled by four."""
    layer = float_layer(rng, "pointwise", z, 16 * y, up="shuffle", factor=4, level=20.0)
    return [replace(layer, weight=5 * layer.weight)]


def run_float(layers: list[FloatLayer], z: np.ndarray, level: int) -> list[np.ndarray]:
    """Activations of every layer, after ReLU (not the last) and upsampling."""
    activations = []
    x = z.astype(np.float64)
    for number, layer in enumerate(layers):
        c, h, w = x.shape
        if layer.kind == "pointwise":
            v = (layer.weight @ x.reshape(c, -1)).reshape(-1, h, w)
        else:
            padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
            taps = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
            v = np.einsum("chwab,cab->chw", taps, layer.weight)
        v = v + layer.bias[level][:, None, None]
        if number < len(layers) - 1:
            v = np.maximum(v, 0)
        x = upsample(layer, v)  # type: ignore[arg-type]
        activations.append(x)
    return activations


def integer_model(layers: list[FloatLayer], z: np.ndarray, y: int) -> EntropyModel:
    runs = [run_float(layers, z, level) for level in range(LEVELS)]
    maxima = [max(r[n].max() for r in runs) for n in range(len(layers) - 1)]
    geometry = Geometry(120, 4, 16, 64, y, len(z), LEVELS)
    integer = quantise(layers, maxima, geometry.z_max)
    z_tables = replace(
        plain_model().z_tables,
        anchor_of_level=np.zeros(LEVELS, np.uint8),
        row=np.zeros((1, 1, len(z)), np.uint8),
    )
    return EntropyModel(geometry, integer, 4, standard_tables(), z_tables)


@pytest.mark.parametrize("shape", ["conv", "linear"])
def test_integer_indices_are_close_to_the_float_ones(shape: str) -> None:
    rng = np.random.default_rng(1)
    layers = conv_network(rng, 12, 16, 10) if shape == "conv" else linear_network(rng, 12, 10)
    z = np.clip(np.rint(rng.standard_normal((12, 2, 2)) * 3), -31, 31)
    model = integer_model(layers, z, 10)
    to_bytes(model)
    spread = set()
    for level in range(LEVELS):
        wanted = np.clip(run_float(layers, z, level)[-1], 0, 63)
        got = scale_indices(model, z.astype(np.int8), level)
        assert np.abs(got - wanted).max() < 1.5
        assert np.abs(got - wanted).mean() < 0.4
        spread |= set(got.ravel().tolist())
    assert len(spread) > 8, "the indices are nearly constant, so closeness shows nothing"


def test_float_network_of_other_weights_is_not_close() -> None:
    """Control of the closeness above."""
    rng = np.random.default_rng(1)
    layers = conv_network(rng, 12, 16, 10)
    z = np.clip(np.rint(rng.standard_normal((12, 2, 2)) * 3), -31, 31)
    model = integer_model(layers, z, 10)
    other = [*layers[:-1], replace(layers[-1], weight=layers[-1].weight[::-1])]
    wanted = np.clip(run_float(other, z, 0)[-1], 0, 63)
    assert np.abs(scale_indices(model, z.astype(np.int8), 0) - wanted).max() > 1.5


def test_narrow_layers_use_the_whole_int32_range() -> None:
    rng = np.random.default_rng(2)
    layers = quantise(conv_network(rng, 12, 16, 10), [3.0, 3.0, 3.0, 3.0], z_max=31)
    for bounds, layer in zip(prove(layers, 31), layers, strict=True):
        assert not layer.wide
        assert bounds.product_bound > INT32_MAX // 4 or layer.shift == 31


def test_a_layer_that_int32_cannot_hold_precisely_becomes_wide() -> None:
    """A large weight beside many tiny activations: int32 leaves the multipliers too few bits."""
    rng = np.random.default_rng(3)
    weight = rng.standard_normal((4, 4000))
    layers = [
        FloatLayer("pointwise", weight, np.zeros((1, 4))),
        FloatLayer("pointwise", np.ones((2, 4)), np.zeros((1, 2))),
    ]
    first, second = quantise(layers, [1.0], z_max=31)
    assert first.wide and not second.wide
    assert_weights_are_within_half_a_step(weight * 255, first)


def assert_weights_are_within_half_a_step(scaled: np.ndarray, layer: Layer) -> None:
    """scaled: the weights in output steps for an input step."""
    step = layer.multiplier[:, None] / 2.0**layer.shift
    finest = np.abs(scaled).max(axis=1, keepdims=True) / 127
    assert ((step >= finest) & (step <= finest + 2.0**-layer.shift)).all()
    assert np.abs(layer.weight * step - scaled).max() <= step.max() / 2 * (1 + 1e-9)


def test_multipliers_of_few_bits_are_exact_because_weights_are_fitted_to_them() -> None:
    rng = np.random.default_rng(6)
    weight = rng.standard_normal((64, 72)) * np.exp(-np.abs(rng.normal(0, 3, (64, 1))))
    (layer,) = quantise([FloatLayer("pointwise", weight, np.zeros((1, 64)))], [], z_max=31)
    assert not layer.wide and layer.multiplier.min() < 20 < layer.multiplier.max()
    assert_weights_are_within_half_a_step(weight * 16, layer)
    with pytest.raises(AssertionError):  # the control: a multiplier that is off by one
        off = replace(layer, multiplier=layer.multiplier + 1)
        assert_weights_are_within_half_a_step(weight * 16, off)


def largest_differences(
    layers: list[FloatLayer], monkeypatch: pytest.MonkeyPatch, lost_bits: int = 0
) -> tuple[float, int]:
    """Share of indices that differ, and by how much, between all layers narrow and all wide."""
    rng = np.random.default_rng(7)
    channels = len(layers[-1].weight)
    z = np.clip(np.rint(rng.standard_normal((96, 2, 2)) * 3), -31, 31)
    narrow = integer_model(layers, z, channels)
    assert not any(layer.wide for layer in narrow.layers)
    monkeypatch.setattr(quantise_module, "_LARGEST_ERROR", 0.0)
    wide = integer_model(layers, z, channels)
    assert all(layer.wide for layer in wide.layers)
    lossy = replace(
        narrow,
        layers=tuple(
            replace(x, multiplier=x.multiplier >> lost_bits << lost_bits) for x in narrow.layers
        ),
    )
    index = [scale_indices(m, z.astype(np.int8), 1).astype(int) for m in (lossy, wide)]
    return float((index[0] != index[1]).mean()), int(np.abs(index[0] - index[1]).max())


def wide_range_network(rng: np.random.Generator) -> list[FloatLayer]:
    """Pico-s in small: sums that could reach a hundred times what they ever do."""
    return conv_network(rng, 96, 24, 40)


def test_narrow_layers_lose_nothing_against_wide_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = wide_range_network(np.random.default_rng(8))
    share, largest = largest_differences(layers, monkeypatch)
    assert share < 0.02 and largest <= 1


def test_multipliers_cut_to_fewer_bits_do_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of the comparison above."""
    layers = wide_range_network(np.random.default_rng(8))
    share, _ = largest_differences(layers, monkeypatch, lost_bits=8)
    assert share > 0.1


def test_a_bias_that_only_saturates_does_not_cost_precision() -> None:
    rng = np.random.default_rng(4)
    layer = linear_network(rng, 12, 10)[0]
    bias = layer.bias.copy()
    bias[0, :5] = [1e9, -1e9, 1e30, -1e30, 1e12]
    calm = quantise([layer], [], z_max=31)[0]
    extreme = quantise([replace(layer, bias=bias)], [], z_max=31)[0]
    assert not extreme.wide and calm.shift - extreme.shift <= 2
    z = rng.integers(-31, 32, (12, 2, 2)).astype(np.int8)
    model = integer_model([replace(layer, bias=bias)], z.astype(np.float64), 10)
    wanted = np.clip(run_float([replace(layer, bias=bias)], z, 0)[-1], 0, 63)
    assert np.abs(scale_indices(model, z, 0) - wanted).max() < 1.5


def test_channels_whose_weights_are_all_zero_give_their_bias() -> None:
    layer = FloatLayer("pointwise", np.zeros((3, 2)), np.array([[1.0, 2.0, 3.25]]))
    (integer,) = quantise([layer], [], z_max=31)
    assert not integer.weight.any() and not integer.multiplier.any()
    assert (integer.bias[0] / 2.0**integer.shift / 16).tolist() == [1.0, 2.0, 3.25]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    layer = FloatLayer("pointwise", np.array([[1.0, value]]), np.zeros((1, 1)))
    with pytest.raises(ModelBuildError, match="not finite"):
        quantise([layer], [], z_max=31)
    with pytest.raises(ModelBuildError, match="activation maxima"):
        quantise([layer, layer], [value], z_max=31)
    with pytest.raises(ModelBuildError):
        quantise([layer], [1.0], z_max=31)


def test_quantiser_never_returns_what_the_proof_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault planted in the choice of the multipliers is caught by the proof at its end."""
    layers = conv_network(np.random.default_rng(5), 12, 16, 10)
    choose = quantise_module._choose

    def too_large(*arguments: object) -> object:
        candidate = choose(*arguments)  # type: ignore[arg-type]
        return replace(candidate, multiplier=4 * candidate.multiplier)

    monkeypatch.setattr(quantise_module, "_choose", too_large)
    with pytest.raises(OverflowProofError):
        quantise(layers, [3.0] * 4, z_max=31)


def test_whole_biases_move_an_index_by_one_and_seldom() -> None:
    rng = np.random.default_rng(9)
    layers = quantise(linear_network(rng, 12, 8), (), 31)
    rounded = with_whole_biases(layers, 31)
    (old,), (new,) = layers, rounded
    assert not np.any(new.bias % (1 << new.shift)) and np.any(old.bias % (1 << old.shift))
    assert np.abs(new.bias - old.bias).max() <= 1 << (new.shift - 1)
    assert np.array_equal(new.weight, old.weight) and new.multiplier is old.multiplier
    model = replace(plain_model(), layers=layers)
    z = rng.integers(-4, 5, (12, 8, 8)).astype(np.int8)
    before, after = (
        scale_indices(replace(model, layers=which), z, 0).astype(int) for which in (layers, rounded)
    )
    moved = np.abs(after - before)
    assert moved.max() <= 1 and 0 < moved.mean() < 0.06


def test_biases_that_would_overflow_when_rounded_are_refused() -> None:
    # Sums, bias and half fill int32 to the last unit; the nearest multiple of the step is above.
    bias = np.full((1, 1), INT32_MAX - 31 - 8, np.int32)
    layer = Layer("pointwise", np.ones((1, 1), np.int8), np.ones(1, np.int32), 4, bias)
    prove([layer], 31)
    with pytest.raises(OverflowProofError):
        with_whole_biases((layer,), 31)
