"""Building blocks of PICO: ConvScale, ConvScale311, level-conditioned scales.

Every layer that carries training-time parametrisation has ``folded(order)``, which returns an
equivalent module of plain convolutions; ``order`` is how depth-to-space reads its channels.

Source: arXiv 2605.05148, section on the architecture; what the paper leaves open is ours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pico_deploy.codecs.shuffle import ShuffleOrder

# Last parts of the names of parameters that multiply whole channels, and of those that shift them.
SCALES = frozenset({"scale_in", "scale_out", "log_scale"})
CHANNELWISE = SCALES | {"bias", "z_log_scale"}


def is_channelwise(name: str) -> bool:
    """Whether a parameter multiplies or shifts whole channels: rounding it would shift whole
    pictures."""
    return name.rsplit(".", 1)[-1] in CHANNELWISE


# Of a residual block, which is added to what every value passes through.
_BRANCHES = frozenset({"conv3", "conv1", "project"})


def is_trunk(name: str) -> bool:
    """Whether a parameter is of what every value passes between pixels and latent: resampling and
    the 1×1 layers at the latent. See :func:`trunk`."""
    return name.startswith(("encoder.", "decoder.")) and not _BRANCHES & set(name.split("."))


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


def trunk(module: nn.Module, *inputs: Tensor) -> Tensor:
    """``module(*inputs)`` in float32, also under autocast.

    What every value passes through decides the mean of a picture: a gain or a 1×1 weight that bf16
    rounds is off by up to 0.4 %, a grey level, in training alone, and what learns to make up
    for it is wrong in deployment. Residual branches are small beside what they are added to.
    """
    kind = inputs[0].device.type
    if not torch.is_autocast_enabled(kind):
        result: Tensor = module(*inputs)
    else:
        with torch.autocast(kind, enabled=False):
            result = module(*(value.float() for value in inputs))
    return result


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
