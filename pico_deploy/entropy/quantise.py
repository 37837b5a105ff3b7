"""From a trained scale decoder in float to the integer network that is shipped.

Elementwise float64 arithmetic and comparisons only, no sums, so the same checkpoint gives the same
integers on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.model import Layer, LayerKind, Upsample
from pico_deploy.entropy.prove import ACTIVATION_MAX, INT32_MAX, INT64_MAX, prove

WEIGHT_MAX = 127
LARGEST_INDEX = 127
DEFAULT_FRACTION_BITS = 4
_LARGEST_ERROR = 1.0
"""How far weights that are coarser for the sake of int32 may move a result at the very worst, in
output steps."""


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """One layer as trained: ``weight ∗ x + bias[level]``, ReLU unless it is the last, then
    upsampling.

    weight: float [out, in] or [channels, 3, 3]. bias: float [levels, out]. The last layer gives the
    scale index itself, as a real number.
    """

    kind: LayerKind
    weight: NDArray[np.floating]
    bias: NDArray[np.floating]
    upsample: Upsample = "none"
    factor: int = 1


def quantise(
    layers: Sequence[FloatLayer],
    activation_maxima: Sequence[float],
    z_max: int,
    fraction_bits: int = DEFAULT_FRACTION_BITS,
) -> tuple[Layer, ...]:
    """The integer network of a float one.

    activation_maxima: for every layer but the last, the activation that becomes 255 (from
    calibration, over all levels). Weights get one scale an output channel, of those that a
    multiplier can express exactly; multipliers get as many bits as the int32 bound leaves, and a
    layer for which those are too few becomes wide. Raises `ModelBuildError` for values that are
    not finite, `OverflowProofError` if the result could overflow.
    """
    if len(activation_maxima) != len(layers) - 1:
        raise ModelBuildError(
            f"{len(activation_maxima)} activation maxima for {len(layers)} layers, not one less"
        )
    steps = [1.0, *(float(m) / ACTIVATION_MAX for m in activation_maxima), 2.0**-fraction_bits]
    if not all(np.isfinite(step) and step > 0 for step in steps):
        raise ModelBuildError(f"activation maxima must be positive: {list(activation_maxima)}")
    last = len(layers) - 1
    quantised = tuple(
        _quantise_layer(
            layer,
            name=f"layer {number}",
            step_in=steps[number],
            step_out=steps[number + 1],
            input_max=z_max if number == 0 else ACTIVATION_MAX,
            output_max=LARGEST_INDEX << fraction_bits if number == last else ACTIVATION_MAX,
        )
        for number, layer in enumerate(layers)
    )
    prove(quantised, z_max)
    return quantised


def with_whole_biases(layers: tuple[Layer, ...], z_max: int) -> tuple[Layer, ...]:
    """The last layer's biases rounded to whole output steps, 1/32 of an index at most, where
    nothing is seen of it: fractions of a step are most of what `linear` takes in a file.

    Raises ``ModelBuildError`` if an intermediate then could overflow.
    """
    *others, last = layers
    unit = 1 << last.shift
    bias = np.rint(last.bias / unit).astype(np.int64) * unit
    rounded = (*others, replace(last, bias=bias.astype(np.int32)))
    prove(rounded, z_max)
    return rounded


def _quantise_layer(
    layer: FloatLayer, name: str, step_in: float, step_out: float, input_max: int, output_max: int
) -> Layer:
    weight = layer.weight.astype(np.float64)
    bias = layer.bias.astype(np.float64) / step_out
    if not np.isfinite(weight).all() or not np.isfinite(bias).all():
        raise ModelBuildError(f"{name}: a weight or bias is not finite")
    scaled = weight.reshape(len(weight), -1) * (step_in / step_out)
    candidate = _choose(scaled, bias, input_max, output_max)
    scale = 2.0**candidate.shift
    return Layer(
        kind=layer.kind,
        weight=candidate.weight.reshape(weight.shape).astype(np.int8),
        multiplier=candidate.multiplier.astype(np.int32),
        shift=candidate.shift,
        bias=np.rint(candidate.bias * scale).astype(np.int32),
        upsample=layer.upsample,
        factor=layer.factor,
        wide=candidate.wide,
    )


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A layer's integers at one shift; the bias still in output steps."""

    weight: NDArray[np.int64]
    multiplier: NDArray[np.int64]
    bias: NDArray[np.float64]
    shift: int
    wide: bool


def _choose(
    weight: NDArray[np.float64], bias: NDArray[np.float64], input_max: int, output_max: int
) -> _Candidate:
    """The most precision that int32 products allow, or int64 ones if that is too little.

    weight: [out, taps], what an input of 1 adds to the result, in output steps. A channel's step
    is at most 2**-shift larger than eight bits need, so rounding moves a weight at most
    2**-(shift + 1) further than it had to.
    """
    inputs = weight.shape[1] * input_max
    narrow = _largest_shift(weight, bias, input_max, output_max, wide=False)
    if narrow is not None and inputs <= _LARGEST_ERROR * 2.0 ** (narrow.shift + 1):
        return narrow
    wide = _largest_shift(weight, bias, input_max, output_max, wide=True)
    if wide is None:
        raise ModelBuildError("a layer's weights or biases are too large for any shift")
    return wide


def _largest_shift(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    input_max: int,
    output_max: int,
    wide: bool,
) -> _Candidate | None:
    product_max = INT64_MAX if wide else INT32_MAX
    step = np.abs(weight).max(axis=1) / WEIGHT_MAX
    for shift in range(62 if wide else 31, -1, -1):
        scale = 2.0**shift
        # Rounded up, and the weights fitted to what it is then: it costs resolution, not accuracy.
        multiplier = np.ceil(step * scale)
        if multiplier.max() > INT32_MAX:
            continue
        exact = np.where(multiplier > 0, multiplier, 1.0) / scale
        integer = np.rint(weight / exact[:, None]).astype(np.int64)
        reach = np.abs(integer).sum(axis=1) * input_max
        # A bias beyond the reach of the sums only saturates: limiting it there changes no result.
        limit = reach * exact + output_max + 1
        limited = np.clip(bias, -limit, limit)
        offset = np.rint(np.abs(limited).max(axis=0) * scale)
        if offset.max() > INT32_MAX:
            continue
        product = reach.astype(object) * multiplier.astype(np.int64).astype(object)
        half = (1 << shift) >> 1
        if (product + offset.astype(np.int64).astype(object) + half).max() <= product_max:
            return _Candidate(integer, multiplier.astype(np.int64), limited, shift, wide)
    return None
