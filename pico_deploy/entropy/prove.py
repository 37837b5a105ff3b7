"""The proof that no intermediate of the integer network overflows, from the weights themselves.

For every layer and output channel, with X the largest magnitude of an input (z_max in the first
layer, 255 later), any partial sum in any order obeys ``|acc| ≤ Σ|w|·X``; for every level,
``|acc·m + bias + half| ≤ bound(acc)·m + |bias| + half``. The first must fit int32, the second int32
in a layer that is not wide, int64 in one that is. The core recomputes the same bounds when it loads
a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.errors import OverflowProofError
from pico_deploy.entropy.model import Layer

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
ACTIVATION_MAX = 255


@dataclass(frozen=True, eq=False)
class LayerBounds:
    """What is proved about one layer. Arrays of Python integers, so the proof itself cannot
    overflow.

    accumulator: [out], bound of |acc|. product: [levels, out], bound of |acc·m + bias + half|.
    result: [levels, out, 2], least and largest v, before it is clamped.
    """

    accumulator: NDArray[np.object_]
    product: NDArray[np.object_]
    result: NDArray[np.object_]

    @property
    def accumulator_bound(self) -> int:
        """Over all channels."""
        return int(self.accumulator.max())

    @property
    def product_bound(self) -> int:
        """Over all channels and levels."""
        return int(self.product.max())

    @property
    def accumulator_headroom_bits(self) -> float:
        """How many bits int32 has left above the sums."""
        return float(np.log2(INT32_MAX / max(self.accumulator_bound, 1)))


def layer_bounds(layer: Layer, input_max: int) -> LayerBounds:
    """Bounds of one layer whose inputs lie in ±input_max. Raises nothing: `prove` judges."""
    weight = layer.weight.reshape(layer.outputs, -1).astype(np.int64)
    accumulator = np.abs(weight).sum(axis=1).astype(object) * input_max
    multiplier = layer.multiplier.astype(object)
    bias = layer.bias.astype(object)
    half = (1 << layer.shift) >> 1
    product = accumulator * multiplier + np.abs(bias) + half
    spread = np.broadcast_to(accumulator * multiplier, bias.shape)
    low = (bias - spread + half) >> layer.shift
    high = (bias + spread + half) >> layer.shift
    return LayerBounds(accumulator, product, np.stack([low, high], axis=-1))


def prove(layers: Sequence[Layer], z_max: int) -> tuple[LayerBounds, ...]:
    """Bounds of every layer; raises `OverflowProofError` if one does not fit its type."""
    proved = []
    for number, layer in enumerate(layers):
        bounds = layer_bounds(layer, z_max if number == 0 else ACTIVATION_MAX)
        _judge(number, layer, bounds)
        proved.append(bounds)
    return tuple(proved)


def _judge(number: int, layer: Layer, bounds: LayerBounds) -> None:
    if bounds.accumulator_bound > INT32_MAX:
        channel = int(np.argmax(bounds.accumulator))
        raise OverflowProofError(
            f"layer {number}, channel {channel}: a sum can reach {bounds.accumulator_bound}, "
            f"more than int32 holds ({INT32_MAX}); use fewer input channels or smaller weights"
        )
    limit = INT64_MAX if layer.wide else INT32_MAX
    if bounds.product_bound > limit:
        level, channel = divmod(int(np.argmax(bounds.product)), layer.outputs)
        width = 64 if layer.wide else 32
        raise OverflowProofError(
            f"layer {number}, level {level}, channel {channel}: a product can reach "
            f"{bounds.product_bound}, more than int{width} holds ({limit}); "
            "lower the precision of the multipliers"
        )
