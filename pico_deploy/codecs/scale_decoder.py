"""The scale decoder as it is trained; what ships are its integers (``pico_deploy.entropy``)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pico_deploy.codecs.config import PicoConfig
from pico_deploy.codecs.shuffle import depth_to_space_dcr_batched


class FloatScaleDecoder(nn.Module):
    """Scale decoder in float: hyper-latent → real-valued CDF index, the training twin of the
    integer network.

    ``conv`` is deep (1×1, shuffle, depthwise 3×3, …), ``linear`` one 1×1; both have one bias
    vector per anchor and layer and nothing else that depends on the level.
    """

    def __init__(self, config: PicoConfig, shape: Literal["conv", "linear"]) -> None:
        super().__init__()
        z, c, m, a = (
            config.hyper_channels,
            config.scale_channels,
            config.latent_channels,
            config.anchors,
        )
        # (kind, in, out, upsampling factor after the layer)
        spec: list[tuple[str, int, int, int]]
        if shape == "conv":
            spec = [
                ("pointwise", z, 4 * c, 2),
                ("depthwise", c, c, 1),
                ("pointwise", c, 4 * c, 2),
                ("depthwise", c, c, 1),
                ("pointwise", c, m, 1),
            ]
        else:
            spec = [("pointwise", z, 16 * m, 4)]
        self.spec = tuple(spec)
        self.weight = nn.ParameterList()
        self.bias = nn.ParameterList()
        for i, (kind, cin, cout, _) in enumerate(spec):
            last = i == len(spec) - 1
            if kind == "pointwise":
                std = (0.5 if last else 1.4) / cin**0.5
                self.weight.append(nn.Parameter(torch.randn(cout, cin, 1, 1) * std))
            else:
                w = torch.randn(cout, 1, 3, 3) * 0.1
                w[:, :, 1, 1] += 1
                self.weight.append(nn.Parameter(w))
            self.bias.append(nn.Parameter(torch.full((a, cout), 12.0 if last else 0.1)))

    def layer(self, number: int, x: Tensor, anchors: Tensor) -> Tensor:
        """A layer's sums and bias, before ReLU and upsampling."""
        weight = self.weight[number].to(x.dtype)
        if self.spec[number][0] == "depthwise":
            x = F.conv2d(x, weight, padding=1, groups=len(weight))
        else:
            x = F.conv2d(x, weight)
        bias: Tensor = (anchors @ self.bias[number])[:, :, None, None]
        return x + bias.to(x.dtype)

    def layers(self, z: Tensor, anchors: Tensor) -> list[Tensor]:
        """Activations of the hidden layers before upsampling, then the index."""
        outputs = []
        x = z
        for i, (_, _, _, up) in enumerate(self.spec):
            x = self.layer(i, x, anchors)
            if i < len(self.spec) - 1:
                x = F.relu(x)
            outputs.append(x)
            if up > 1:
                x = depth_to_space_dcr_batched(x, up)
        return [*outputs[:-1], x]

    def forward(self, z: Tensor, anchors: Tensor) -> Tensor:
        """Hyper-latent ``[N, Z, h, w]`` (integers) → index ``[N, M, 4h, 4w]``, real-valued, not
        clamped."""
        return self.layers(z, anchors)[-1]
