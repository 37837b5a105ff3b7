"""Moves of data between channels and space, in the two channel orders of the targets.

``crd`` is the order of PyTorch, Core ML and ONNX. ``dcr`` is a pure reshape-transpose-reshape on
NHWC data, which is what TFLite wants. Nothing here computes: all of it is exact in any arithmetic.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ShuffleOrder = Literal["crd", "dcr"]


def depth_to_space(x: Tensor, block: int, order: ShuffleOrder) -> Tensor:
    """Rearrange ``[1, C·block², H, W]`` → ``[1, C, H·block, W·block]``."""
    if order == "crd":
        return F.pixel_shuffle(x, block)
    n, c, h, w = x.shape
    c //= block * block
    x = x.permute(0, 2, 3, 1).reshape(n, h, w, block, block, c).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h * block, w * block, c).permute(0, 3, 1, 2)


def depth_to_space_dcr_batched(x: Tensor, block: int) -> Tensor:
    """DCR depth-to-space for any batch size and layout: the order the integer network uses."""
    n, c, h, w = x.shape
    c //= block * block
    x = x.reshape(n, block, block, c, h, w).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n, c, h * block, w * block)


def shuffle_channels_crd_to_dcr(channels: int, block: int) -> Tensor:
    """Index ``int64 [channels·block²]`` that turns CRD-ordered channels into DCR order."""
    return torch.arange(channels * block * block).view(channels, block * block).t().reshape(-1)


class DepthToSpace(nn.Module):
    """:func:`depth_to_space` as a module."""

    def __init__(self, block: int, order: ShuffleOrder) -> None:
        super().__init__()
        self.block, self.order = block, order

    def forward(self, x: Tensor) -> Tensor:
        """Rearrange depth into space."""
        return depth_to_space(x, self.block, self.order)


def space_to_grid(x: Tensor, order: ShuffleOrder) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Split ``[N, C, H, W]`` into its four 2×2 positions, each ``[N, C, H/2, W/2]``, row by row.

    Exact in every arithmetic, because it only moves data.
    """
    n, c, h, w = x.shape
    if order == "dcr":
        x = x.permute(0, 2, 3, 1).reshape(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5)
        grid = x.reshape(n, h // 2, w // 2, 4 * c).permute(0, 3, 1, 2)
    else:
        cells = F.pixel_unshuffle(x, 2).view(n, c, 4, h // 2, w // 2)
        grid = cells.transpose(1, 2).reshape(n, 4 * c, h // 2, w // 2)
    a, b, d, e = torch.split(grid, c, 1)
    return a, b, d, e


def grid_to_space(parts: tuple[Tensor, ...], order: ShuffleOrder) -> Tensor:
    """Inverse of :func:`space_to_grid`."""
    grid = torch.cat(parts, 1)
    if order == "dcr":
        return depth_to_space(grid, 2, order)
    n, c, h, w = grid.shape
    return F.pixel_shuffle(grid.view(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w), 2)
