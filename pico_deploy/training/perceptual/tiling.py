"""Errors that show as seams between tiles.

The paper's TilingArtifactLoss is an L1 at several resolutions; that it is taken beside the edges is
our reading. A seam is seen when the low frequencies of the error differ between its two sides. A
crop is trained like a tile, so its own edges stand for seams: what is wrong there at low resolution
meets, in a picture, the independent error of a neighbour.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BAND = 32
"""Width of the strip beside each edge, in pixels."""
RESOLUTIONS = (1, 2, 4, 8, 16)
"""Sides of the blocks over which errors are averaged before their absolute value is taken."""


def tiling_loss(x: Tensor, y: Tensor, border: int) -> Tensor:
    """Mean absolute error of block means beside the edges of the payload, as ``[N]``.

    ``x`` and ``y`` are tiles ``[N, 3, H, W]`` in 0…1 whose outer ``border`` pixels are context and
    never shown. The mean runs over resolutions, edges and blocks; corners count twice.
    """
    height, width = x.shape[2] - 2 * border, x.shape[3] - 2 * border
    error = (y - x)[:, :, border : border + height, border : border + width]
    strips = (
        error[:, :, :BAND],
        error[:, :, -BAND:],
        error[:, :, :, :BAND].transpose(2, 3),
        error[:, :, :, -BAND:].transpose(2, 3),
    )
    parts = [
        F.avg_pool2d(strip, side).abs().mean((1, 2, 3)) for strip in strips for side in RESOLUTIONS
    ]
    return torch.stack(parts).mean(0)
