"""The patch discriminator: is this patch of a photo or of a decoded one?

A few strided convolutions with spectral normalisation and hinge losses (arXiv 1802.05957, patches
as in 1611.07004). It judges pairs of the picture and its blurred self, so that it cannot ask for
detail that contradicts the low frequencies.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

STRIDE = 8
SLOPE = 0.2
BLUR = 8


class PatchDiscriminator(nn.Module):
    """``[N, 3, H, W]`` in 0…1 → one logit per patch, ``[N, 1, H/8, W/8]``, high for photos."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        widths = (6, channels, 2 * channels, 4 * channels)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in pairwise(widths)
        )
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of every patch."""
        low = F.interpolate(F.avg_pool2d(x, BLUR), scale_factor=BLUR, mode="nearest")
        h = torch.cat((x - low, low), 1) * 2
        for layer in self.layers:
            h = F.leaky_relu(layer(h), SLOPE)
        logits: Tensor = self.head(h)
        return logits


def discriminator_loss(real: Tensor, decoded: Tensor) -> Tensor:
    """Hinge loss of the discriminator over logits of photos and of decoded photos."""
    return F.relu(1 - real).mean() + F.relu(1 + decoded).mean()


def adversarial_loss(decoded: Tensor, mask: Tensor | None) -> Tensor:
    """How sure the discriminator is that patches are decoded, as ``[N]``; negative when fooled.

    Patches count as much as they are free of text (``mask [N, 1, H, W]``), so that no letters are
    invented.
    """
    if mask is None:
        return -decoded.mean((1, 2, 3))
    weight = 1 - F.avg_pool2d(mask, STRIDE)
    return -(decoded * weight).mean((1, 2, 3))
