"""Haar resampling, folded into the neighbouring 1×1 convolution.

Source: arXiv 2605.05148, section on the architecture; what the paper leaves open is ours.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pico_deploy.codecs.layers import ConvScale, plain_conv
from pico_deploy.codecs.shuffle import DepthToSpace, ShuffleOrder, shuffle_channels_crd_to_dcr

Resampling = Literal["haar", "shuffle", "strided"]


# Rows: low-low, horizontal, vertical, diagonal detail; columns: pixels (0,0), (0,1), (1,0), (1,1).
_HAAR = ((1, 1, 1, 1), (1, -1, 1, -1), (1, 1, -1, -1), (1, -1, -1, 1))


def haar_matrix() -> Tensor:
    """Orthonormal, symmetric 4×4 Haar mix of a 2×2 pixel cell, ``float32 [4, 4]``."""
    return torch.tensor(_HAAR, dtype=torch.float32) / 2


def haar_down(x: Tensor) -> Tensor:
    """Haar analysis, ``[N, C, H, W]`` → ``[N, 4C, H/2, W/2]``; exact on integers 0…255."""
    n, c, h, w = x.shape
    cells = F.pixel_unshuffle(x, 2).view(n, c, 4, h // 2, w // 2)
    return torch.einsum("kp,ncphw->nckhw", haar_matrix().to(x), cells).reshape(
        n, 4 * c, h // 2, w // 2
    )


def haar_up(x: Tensor) -> Tensor:
    """Haar synthesis, the inverse (= transpose) of :func:`haar_down`."""
    n, c, h, w = x.shape
    bands = x.view(n, c // 4, 4, h, w)
    return F.pixel_shuffle(
        torch.einsum("kp,nckhw->ncphw", haar_matrix().to(x), bands).reshape(n, c, h, w), 2
    )


def _mix(blocks: int, resampling: Resampling) -> Tensor:
    """Orthonormal ``[4^blocks, 4^blocks]``: pixel position → sub-band of ``blocks`` Haar levels.

    Rows count sub-bands coarsest level first; columns count pixels row by row. The identity for
    ``shuffle``.
    """
    side = 2**blocks
    if resampling != "haar":
        return torch.eye(side * side)
    pixels = torch.eye(side * side).view(side * side, 1, side, side)
    for _ in range(blocks):
        pixels = haar_down(pixels)
    return pixels.view(side * side, side * side).t().contiguous()


class Down(nn.Module):
    """Resample down by 2^blocks and mix channels, as one strided convolution.

    Parameters live in the Haar domain (with trainable scales per sub-band); the fixed Haar
    transform is folded into the weights on every call, because it is far smaller than the data.
    ``offset`` is added to the input.
    """

    mix: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        blocks: int = 1,
        resampling: Resampling = "haar",
        offset: float = 0.0,
        learned_scales: bool = True,
    ) -> None:
        super().__init__()
        self.stride, self.offset = 2**blocks, offset
        self.in_channels = in_channels
        self.padding = 0
        self.conv = ConvScale(
            in_channels * self.stride**2, out_channels, learned_scales=learned_scales
        )
        self.register_buffer("mix", _mix(blocks, resampling), persistent=False)
        # The strided ablation sees a 3×3 (or larger, overlapping) window instead of the bare cell.
        self.extra = (
            ConvScale(in_channels, in_channels, 3, learned_scales=learned_scales)
            if resampling == "strided"
            else None
        )

    def effective(self) -> tuple[Tensor, Tensor]:
        """Weights ``[K, C, s, s]`` and bias ``[K]`` of the strided convolution."""
        weight, bias = self.conv.effective()
        k, s = weight.shape[0], self.stride
        weight = (weight.view(k, self.in_channels, s * s) @ self.mix).view(
            k, self.in_channels, s, s
        )
        if self.offset:
            bias = bias + self.offset * weight.sum((1, 2, 3))
        return weight, bias

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → ``[N, K, H/s, W/s]``."""
        if self.extra is not None:
            x = self.extra(x)
        weight, bias = self.effective()
        return F.conv2d(x, weight, bias, stride=self.stride)

    def folded(self, order: ShuffleOrder) -> nn.Module:
        """Return the equivalent plain strided convolution."""
        weight, bias = self.effective()
        conv = plain_conv(weight, bias, stride=self.stride)
        return conv if self.extra is None else nn.Sequential(self.extra.folded(order), conv)


class Up(nn.Module):
    """Mix channels with a 1×1 and resample up by 2^blocks: inverse Haar folded into the 1×1, then a
    shuffle.

    ``offset`` is added to the output.
    """

    mix: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        blocks: int = 1,
        resampling: Resampling = "haar",
        offset: float = 0.0,
        gain: float = 1.0,
        learned_scales: bool = True,
    ) -> None:
        super().__init__()
        self.block, self.offset = 2**blocks, offset
        self.out_channels = out_channels
        self.conv = ConvScale(
            in_channels, out_channels * self.block**2, gain=gain, learned_scales=learned_scales
        )
        self.register_buffer("mix", _mix(blocks, resampling), persistent=False)
        self.extra = (
            ConvScale(out_channels, out_channels, 3, learned_scales=learned_scales)
            if resampling == "strided"
            else None
        )

    def effective(self) -> tuple[Tensor, Tensor]:
        """Weights ``[K·s², C, 1, 1]`` in CRD order and bias ``[K·s²]`` of the 1×1 convolution."""
        weight, bias = self.conv.effective()
        cells = (self.out_channels, self.block**2)
        weight = torch.einsum("kp,oki->opi", self.mix, weight.view(*cells, -1))
        bias = (bias.view(cells) @ self.mix).flatten() + self.offset
        return weight.reshape(bias.numel(), -1, 1, 1), bias

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → ``[N, K, H·s, W·s]``."""
        weight, bias = self.effective()
        x = F.pixel_shuffle(F.conv2d(x, weight, bias), self.block)
        return x if self.extra is None else self.extra(x)

    def folded(self, order: ShuffleOrder) -> nn.Module:
        """Return the equivalent 1×1 convolution and depth-to-space in ``order``."""
        weight, bias = self.effective()
        if order == "dcr":
            index = shuffle_channels_crd_to_dcr(self.out_channels, self.block)
            weight, bias = weight[index], bias[index]
        parts: list[nn.Module] = [plain_conv(weight, bias), DepthToSpace(self.block, order)]
        if self.extra is not None:
            parts.append(self.extra.folded(order))
        return nn.Sequential(*parts)
