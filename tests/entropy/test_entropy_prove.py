"""The overflow proof holds, is tight, and fails the export when an overflow is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from entropy_models import plain_model, random_model
from hypothesis import given, settings
from hypothesis import strategies as st

from pico_deploy.entropy.errors import OverflowProofError
from pico_deploy.entropy.model import EntropyModel, Layer
from pico_deploy.entropy.prove import layer_bounds, prove
from pico_deploy.entropy.reference.network import requantise, sums
from pico_deploy.entropy.serialise import to_bytes


def with_layer(model: EntropyModel, **changes: object) -> EntropyModel:
    return replace(model, layers=(replace(model.layers[0], **changes), *model.layers[1:]))


def test_a_planted_overflow_of_a_product_fails_the_export() -> None:
    model = plain_model()
    to_bytes(model)
    multiplier = model.layers[0].multiplier.copy()
    multiplier[3] = 1 << 20
    with pytest.raises(OverflowProofError, match=r"layer 0, level \d, channel 3") as error:
        to_bytes(with_layer(model, multiplier=multiplier))
    assert error.value.code == "overflow-proof-failed"


def test_a_planted_overflow_by_one_level_s_bias_fails_the_export() -> None:
    model = plain_model()
    bias = model.layers[0].bias.copy()
    bias[1, 2] = 2**31 - 1
    with pytest.raises(OverflowProofError, match="level 1, channel 2"):
        to_bytes(with_layer(model, bias=bias))


def test_a_wide_layer_may_hold_what_a_narrow_one_may_not() -> None:
    model = plain_model()
    multiplier = np.full(model.layers[0].outputs, 2**31 - 1, np.int32)
    with pytest.raises(OverflowProofError):
        to_bytes(with_layer(model, multiplier=multiplier))
    to_bytes(with_layer(model, multiplier=multiplier, wide=True))


def test_sums_beyond_int32_fail_the_proof() -> None:
    inputs = 70_000
    layer = Layer(
        kind="pointwise",
        weight=np.full((1, inputs), 127, np.int8),
        multiplier=np.zeros(1, np.int32),
        shift=0,
        bias=np.zeros((1, 1), np.int32),
    )
    prove([layer], z_max=31)
    with pytest.raises(OverflowProofError, match="a sum can reach"):
        prove([layer, layer], z_max=31)


def test_the_limit_itself_passes_and_one_more_does_not() -> None:
    def layer(bias: int) -> Layer:
        return Layer(
            kind="pointwise",
            weight=np.array([[100]], np.int8),
            multiplier=np.array([1000], np.int32),
            shift=1,
            bias=np.array([[bias]], np.int32),
        )

    at_limit = 2**31 - 1 - 100 * 31 * 1000 - 1
    (bounds,) = prove([layer(at_limit)], z_max=31)
    assert bounds.product_bound == 2**31 - 1
    with pytest.raises(OverflowProofError):
        prove([layer(at_limit + 1)], z_max=31)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_no_input_leaves_the_bounds_and_the_worst_one_reaches_them(seed: int) -> None:
    """Control inside: the bound is attained, so it is not merely large."""
    model = random_model(seed)
    layer, z_max = model.layers[0], model.geometry.z_max
    bounds = layer_bounds(layer, z_max)
    rng = np.random.default_rng(seed)
    side = 3
    x = rng.integers(-z_max, z_max + 1, (layer.inputs, side, side))
    acc = sums(layer, x)
    assert (np.abs(acc).max(axis=(1, 2)) <= bounds.accumulator.astype(np.int64)).all()
    for level in range(model.geometry.levels):
        v = requantise(layer, acc, level)
        low, high = bounds.result[level, :, 0], bounds.result[level, :, 1]
        assert (v >= low.astype(np.int64)[:, None, None]).all()
        assert (v <= high.astype(np.int64)[:, None, None]).all()
    channel = int(rng.integers(layer.outputs))
    worst = np.sign(layer.weight[channel].astype(np.int64)) * z_max
    if layer.kind == "pointwise":
        x = np.broadcast_to(worst[:, None, None], (layer.inputs, 1, 1))
        reached = sums(layer, x)[channel, 0, 0]
    else:
        x = np.zeros((layer.inputs, 3, 3), np.int64)
        x[channel] = worst
        reached = sums(layer, x)[channel, 1, 1]
    assert reached == bounds.accumulator[channel]
