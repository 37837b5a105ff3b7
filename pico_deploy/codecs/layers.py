"""Building blocks of PICO: ConvScale, ConvScale311, Haar resampling, level-conditioned scales.

Every layer that carries training-time parametrisation has ``folded(order)``, which returns an
equivalent module of plain convolutions. ``order`` is how a depth-to-space reads its channels:
``crd`` (PyTorch, Core ML, ONNX) or ``dcr`` (a pure reshape-transpose-reshape on NHWC data, what
TFLite wants).

Source: arXiv 2605.05148, section on the architecture; what the paper leaves open is ours.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ShuffleOrder = Literal["crd", "dcr"]
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


def depth_to_space(x: Tensor, block: int, order: ShuffleOrder) -> Tensor:
    """Rearrange ``[1, C·block², H, W]`` → ``[1, C, H·block, W·block]``."""
    if order == "crd":
        return F.pixel_shuffle(x, block)
    n, c, h, w = x.shape
    c //= block * block
    x = x.permute(0, 2, 3, 1).reshape(n, h, w, block, block, c).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h * block, w * block, c).permute(0, 3, 1, 2)


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


def plain_conv(
    weight: Tensor, bias: Tensor, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> nn.Conv2d:
    """Wrap ``weight`` and ``bias`` into an inference-only ``nn.Conv2d``."""
    out_channels, in_per_group, kernel, _ = weight.shape
    conv = nn.Conv2d(
        in_per_group * groups, out_channels, kernel, stride=stride, padding=padding, groups=groups
    )
    with torch.no_grad():
        conv.weight.copy_(weight)
        conv.bias.copy_(bias)  # type: ignore[union-attr]
    return conv.requires_grad_(False)


class ConvScale(nn.Module):
    """Convolution with trainable input and output scales: W' = s_in·s_out·W, b' = s_out·b.

    The scales cost nothing at inference: :meth:`folded` multiplies them into the weights.
    ``learned_scales=False`` is the paper's ablation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        *,
        groups: int = 1,
        gain: float = 1.0,
        learned_scales: bool = True,
    ) -> None:
        super().__init__()
        self.kernel, self.groups = kernel, groups
        fan_in = in_channels // groups * kernel * kernel
        self.weight = nn.Parameter(
            torch.randn(out_channels, in_channels // groups, kernel, kernel) * (1.4 / fan_in**0.5)
        )
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.scale_in = nn.Parameter(
            torch.ones(1, in_channels // groups, 1, 1), requires_grad=learned_scales
        )
        self.scale_out = nn.Parameter(
            torch.full((out_channels, 1, 1, 1), gain), requires_grad=learned_scales
        )

    def effective(self) -> tuple[Tensor, Tensor]:
        """Weights ``[K, C/G, k, k]`` and bias ``[K]`` with the scales multiplied in."""
        return (
            self.weight * self.scale_in * self.scale_out,
            self.bias * self.scale_out.flatten(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → ``[N, K, H, W]``, zero padding."""
        weight, bias = self.effective()
        return F.conv2d(x, weight, bias, padding=self.kernel // 2, groups=self.groups)

    def folded(self, order: ShuffleOrder) -> nn.Module:
        """Return the equivalent plain convolution."""
        weight, bias = self.effective()
        return plain_conv(weight, bias, padding=self.kernel // 2, groups=self.groups)


class ConvScale311(nn.Module):
    """Modified inverted residual of kernels 3×3, 1×1, 1×1 and channels C → E·C → F·C → C."""

    def __init__(
        self, channels: int, expand_e: float, expand_f: float, *, learned_scales: bool = True
    ) -> None:
        super().__init__()
        e, f = round(channels * expand_e), round(channels * expand_f)
        self.conv3 = ConvScale(channels, e, 3, learned_scales=learned_scales)
        self.conv1 = ConvScale(e, f, learned_scales=learned_scales)
        # A small start keeps the residual chain close to the identity.
        self.project = ConvScale(f, channels, gain=0.3, learned_scales=learned_scales)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → same shape."""
        y: Tensor = x + self.project(F.relu(self.conv1(F.relu(self.conv3(x)))))
        return y


def chain(
    channels: int, repeats: int, expand_e: float, expand_f: float, *, learned_scales: bool = True
) -> nn.Sequential:
    """CS-Chain(C, R, E, F): R ConvScale311 blocks in a row."""
    return nn.Sequential(
        *(
            ConvScale311(channels, expand_e, expand_f, learned_scales=learned_scales)
            for _ in range(repeats)
        )
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


class LevelScale(nn.Module):
    """Learned elementwise scale per channel, interpolated between level anchors.

    ``log_scale`` is ``[anchors, C]``; the interpolation is linear in the scale itself, so that
    every runtime computes it with one small matrix product of the anchor weights.
    """

    def __init__(self, anchors: int, channels: int, initial: Tensor | None = None) -> None:
        super().__init__()
        start = torch.zeros(anchors, channels) if initial is None else initial.log()[:, None]
        self.log_scale = nn.Parameter(start.expand(anchors, channels).clone())

    def forward(self, x: Tensor, anchors: Tensor) -> Tensor:
        """Scale ``x [N, C, H, W]`` by the gains of ``anchors [N, A]``."""
        gain = anchors @ self.log_scale.exp()
        return x * gain[:, :, None, None].to(x.dtype)

    def folded(self, order: ShuffleOrder) -> nn.Module:
        """Return the gains as one 1×1 convolution over the anchor weights."""
        return FoldedLevelScale(self.log_scale.exp())


class FoldedLevelScale(nn.Module):
    """Inference form of :class:`LevelScale`: a 1×1 convolution ``[N, A, 1, 1]`` → ``[N, C, 1,
    1]``."""

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        anchors, channels = scale.shape
        self.gain = nn.Conv2d(anchors, channels, 1, bias=False).requires_grad_(False)
        with torch.no_grad():
            self.gain.weight.copy_(scale.t()[:, :, None, None])

    def forward(self, x: Tensor, anchors: Tensor) -> Tensor:
        """Scale ``x [N, C, H, W]`` by the gains of ``anchors [N, A]``."""
        y: Tensor = x * self.gain(anchors[:, :, None, None])
        return y


def fold(module: nn.Module, order: ShuffleOrder) -> nn.Module:
    """Replace, in place and recursively, every child that has a folded form; return the module."""
    folded = getattr(module, "folded", None)
    if folded is not None:
        with torch.no_grad():
            result = folded(order)
        assert isinstance(result, nn.Module)
        return result
    for name, child in module.named_children():
        setattr(module, name, fold(child, order))
    return module
