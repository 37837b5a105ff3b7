"""A scale decoder trained through the integers that it ships as.

Forward runs the integer network that `pico_deploy.entropy.quantise` makes of the weights of this
very step; backward takes the gradient of the float layers, straight through every rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from pico_deploy._core import Model
from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.scale_decoder import FloatScaleDecoder
from pico_deploy.codecs.shuffle import depth_to_space_dcr_batched
from pico_deploy.codecs.trained import ScaleShape, geometry_of
from pico_deploy.entropy.gaussian import gaussian_table, scales
from pico_deploy.entropy.model import EntropyModel, Layer, Upsample, ZTables
from pico_deploy.entropy.prove import ACTIVATION_MAX
from pico_deploy.entropy.quantise import DEFAULT_FRACTION_BITS, FloatLayer, quantise
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.entropy.tables import blend
from pico_deploy.training.calibrate import Sample, y_counts
from pico_deploy.training.objective import INDEX_SLACK, straight_through
from pico_deploy.training.short_weights import as_shipped


def float_layers(
    decoder: FloatScaleDecoder, table: npt.NDArray[np.float32]
) -> tuple[FloatLayer, ...]:
    """A scale decoder's weights as they ship, as arrays, biases interpolated to every level of
    ``table [levels, anchors]``."""
    values = {n: as_shipped(n, p).double().numpy() for n, p in decoder.named_parameters()}
    layers = []
    for number, (kind, _, _, factor) in enumerate(decoder.spec):
        weight = values[f"weight.{number}"]
        by_level = table.astype(np.float64) @ values[f"bias.{number}"]
        upsample: Upsample = "shuffle" if factor > 1 else "none"
        if kind == "pointwise":
            layers.append(FloatLayer("pointwise", weight[:, :, 0, 0], by_level, upsample, factor))
        else:
            layers.append(FloatLayer("depthwise3x3", weight[:, 0], by_level, upsample, factor))
    return tuple(layers)


class IntegerTwin:
    """A scale decoder of ``network`` as integers that follow its weights, with a gradient.

    ``maxima``: the activation of every hidden layer that becomes 255, as `quantise` takes them.
    ``anchor_table``: weights of the anchors at every level, float32 ``[levels, anchors]``.
    """

    fraction_bits = DEFAULT_FRACTION_BITS

    def __init__(self, network: PicoCodec, shape: ScaleShape, maxima: Sequence[float]) -> None:
        decoder = network.scale_decoders[shape]
        assert isinstance(decoder, FloatScaleDecoder)
        self.config, self.decoder, self.maxima = network.config, decoder, maxima
        self.z_max = geometry_of(network.config).z_max
        self.anchor_table = anchor_weights(network.config.levels, network.config.anchors)

    def layers(self) -> tuple[Layer, ...]:
        """The integer network of the weights of now; raises what `quantise` raises."""
        layers = float_layers(self.decoder, self.anchor_table)
        return quantise(layers, self.maxima, self.z_max, self.fraction_bits)

    def __call__(self, z: Tensor, levels: Tensor) -> Tensor:
        """Hyper-latent float32 ``[N, Z, h, w]`` of integers at ``levels`` int64 ``[N]`` → index
        float32 ``[N, M, 4h, 4w]``, whole numbers: those that the core computes."""
        anchors = torch.from_numpy(self.anchor_table)[levels]
        real, exact = z, z.double()
        last = len(self.maxima)
        for number, layer in enumerate(self.layers()):
            real = self.decoder.layer(number, real, anchors)
            value = _requantised(layer, exact, levels)
            if number < last:
                whole = value.clamp(0, ACTIVATION_MAX)
                step = self.maxima[number] / ACTIVATION_MAX
                real = straight_through(real.clamp(0, self.maxima[number]), whole.float() * step)
            else:
                bits, largest = self.fraction_bits, self.config.scale_count - 1
                whole = value.clamp(0, largest << bits) + ((1 << bits) >> 1) >> bits
                # As far beyond as `index_to_scale` keeps a gradient.
                near = real.clamp(-INDEX_SLACK, largest + INDEX_SLACK)
                real = straight_through(near, whole.float())
            exact = whole.double()
            if layer.factor > 1:
                real = depth_to_space_dcr_batched(real, layer.factor)
                exact = depth_to_space_dcr_batched(exact, layer.factor)
        return real


def entropy_model(twin: IntegerTwin, tables: ZTables, samples: tuple[Sample, ...]) -> EntropyModel:
    """Integer network and tables, those of y adapted to what the integer indices really select."""
    config, layers = twin.config, twin.layers()
    geometry = geometry_of(config)
    low, high = config.scale_range
    gaussian = tuple(gaussian_table(float(s)) for s in scales(config.scale_count, low, high))
    plain = EntropyModel(geometry, layers, twin.fraction_bits, gaussian, tables)
    core = Model(to_bytes(plain))
    indices = [core.scale_indices(s.z[None], np.array([s.level], np.uint8))[0] for s in samples]
    counts = y_counts(samples, indices, config.scale_count, geometry.y_max)
    return EntropyModel(geometry, layers, twin.fraction_bits, blend(gaussian, counts), tables)


def _requantised(layer: Layer, x: Tensor, levels: Tensor) -> Tensor:
    """``(sums·m + bias[level] + half) >> shift`` of a layer, int64; ``x`` float64 of integers, in
    which sums below 2³¹ are exact."""
    weight = torch.from_numpy(layer.weight).double()
    if layer.kind == "pointwise":
        sums = F.conv2d(x, weight[:, :, None, None])
    else:
        sums = F.conv2d(x, weight[:, None], padding=1, groups=len(weight))
    multiplier = torch.from_numpy(layer.multiplier).long()[:, None, None]
    bias = torch.from_numpy(layer.bias).long()[levels][:, :, None, None]
    return sums.long() * multiplier + bias + ((1 << layer.shift) >> 1) >> layer.shift
