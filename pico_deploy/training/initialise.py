"""Start from a transform codec: resampling layers begin as the Karhunen–Loève transform of real
crops.

A random start spends its first thousands of steps on learning to carry the signal at all, and the
highest rates suffer longest. Here every ``Down`` keeps the strongest principal components of its
input, every ``Up`` is the transpose, and everything between is close to the identity. Features are
kept at unit variance, and the trainable scales of ConvScale carry the variances, because Adam
moves every weight by the same amount: with raw components, a step that is small for the mean of a
tile would drown its details.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pico_deploy.codecs.layers import ConvScale, ConvScale311
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.resampling import Down, Up

RESIDUAL_GAIN = 0.005
CONTEXT_GAIN = 0.01
# Deviation that a latent may start with: at the smallest q, four of them still lie within ±127.
LARGEST_DEVIATION = 7.0
HYPER_GAIN = 0.3
# Amplitude of a latent of quantisation step 1: from dR/dD = −λ at high resolution,
# Δ² = STEP_CONSTANT / λ with STEP_CONSTANT = 36 / (2 ln 2 · 255²), for pixels in 0…1.
STEP_CONSTANT = 36 / (2 * 0.6931 * 255**2)


def _bands(x: Tensor, layer: Down) -> Tensor:
    """Input of ``layer`` in its Haar domain, ``[N, C·s², H/s, W/s]``."""
    n, c, h, w = x.shape
    s = layer.stride
    cells = F.pixel_unshuffle(x, s).view(n, c, s * s, h // s, w // s)
    return torch.einsum("bp,ncphw->ncbhw", layer.mix, cells).reshape(n, c * s * s, h // s, w // s)


def _deviation(x: Tensor) -> Tensor:
    """Root mean square of every channel, ``[C]``."""
    return x.square().mean((0, 2, 3)).sqrt().clamp_min(1e-6)


def _principal(x: Tensor, count: int) -> Tensor:
    """Strongest ``count`` principal directions of the channels of ``x``, ``[count, C]``, strongest
    first."""
    flat = x.transpose(0, 1).flatten(1).double()
    _, vectors = torch.linalg.eigh(flat @ flat.t() / flat.shape[1])
    directions = vectors.flip(1)[:, :count].t()
    # The sign of an eigenvector is arbitrary; fixed, it does not depend on the library.
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    oriented: Tensor = directions * largest.sign()
    return oriented.float()


def _set(
    layer: ConvScale, matrix: Tensor, *, scale_in: Tensor | None, scale_out: Tensor | None
) -> None:
    """Make the 1×1 ``layer`` compute ``matrix``, cut to its size or padded with small noise.

    ``scale_in`` and ``scale_out`` are factored out of the weights into the layer's scales.
    """
    rows, columns = (min(a, b) for a, b in zip(matrix.shape, layer.weight.shape[:2], strict=True))
    layer.scale_in.fill_(1)
    layer.scale_out.fill_(1)
    if scale_in is not None:
        layer.scale_in[0, :columns, 0, 0] = scale_in[:columns]
    if scale_out is not None:
        layer.scale_out[:rows, 0, 0, 0] = scale_out[:rows]
    layer.weight.mul_(0.01)
    layer.weight[:rows, :columns, 0, 0] = matrix[:rows, :columns]
    layer.weight[:rows, :columns].div_(layer.scale_in[:, :columns] * layer.scale_out[:rows])


def _pass_through(layer: object) -> None:
    """Make a 3×3 convolution, where there is one, the identity."""
    if isinstance(layer, ConvScale):
        layer.weight.mul_(0.01)
        for i in range(min(layer.weight.shape[:2])):
            layer.weight[i, i, 1, 1] = 1


def _transforms(codec: PicoCodec, crops: Tensor) -> Tensor:
    """Set all ``Down`` and ``Up`` layers; returns the deviation of the last features, ``[C]``."""
    x = crops - 0.5
    before = torch.ones(x.shape[1], device=x.device)
    for down, up in zip(codec.encoder.down, reversed(list(codec.decoder.up)), strict=True):
        assert isinstance(down, Down)
        assert isinstance(up, Up)
        bands = _bands(x, down)
        matrix = _principal(bands, down.conv.weight.shape[0])
        x = F.conv2d(bands, matrix[:, :, None, None])
        after = _deviation(x)
        # `before` normalises the pixels of the input; what the layer sees are its sub-bands.
        inputs = before.repeat_interleave(down.stride**2)
        spread = _deviation(bands) / inputs
        _set(
            down.conv,
            matrix * inputs / after[:, None],
            scale_in=1 / spread,
            scale_out=None,
        )
        _set(up.conv, (matrix * after[:, None] / inputs).t(), scale_in=None, scale_out=spread)
        _pass_through(down.extra)
        _pass_through(up.extra)
        before = after
    return before


@torch.no_grad()
def initialise(codec: PicoCodec, crops: Tensor) -> None:
    """Set the transforms of ``codec`` from ``crops [N, 3, H, W]`` in 0…1, in place."""
    config = codec.config
    deviation = _transforms(codec, crops)
    for head in (codec.encoder.head, codec.decoder.head):
        identity = torch.eye(max(head.weight.shape[:2]), device=crops.device)
        _set(head, identity, scale_in=None, scale_out=None)
    for module in codec.modules():
        if isinstance(module, ConvScale311):
            module.project.scale_out.fill_(RESIDUAL_GAIN)

    low, high = config.lambda_range
    steps = torch.logspace(0, 1, config.anchors, base=high / low, device=crops.device) * low
    amplitude = torch.ones(config.latent_channels, device=crops.device)
    count = min(len(deviation), len(amplitude))
    amplitude[:count] = deviation[:count]
    gain = ((steps / STEP_CONSTANT).sqrt()[:, None] * amplitude).clamp_max(LARGEST_DEVIATION)
    codec.encoder.gain.log_scale.copy_(gain.log())
    codec.decoder.gain.log_scale.copy_(-gain.log())

    # Whatever reads or predicts latents sees them at unit variance for a middle level.
    typical = gain[config.anchors // 2]
    first = codec.hyper_encoder.net[0]
    assert isinstance(first, ConvScale)
    first.scale_in[0, :, 0, 0] = 1 / typical
    last = codec.hyper_encoder.net[-1]
    assert isinstance(last, ConvScale)
    last.scale_out.fill_(HYPER_GAIN)
    for enter, leave in zip(codec.context.enter, codec.context.leave, strict=True):
        assert isinstance(enter, ConvScale)
        assert isinstance(leave, ConvScale)
        known = (enter.weight.shape[1] - config.prior_channels) // config.latent_channels
        enter.scale_in[0, config.prior_channels :, 0, 0] = (1 / typical).repeat(known)
        leave.scale_out.fill_(CONTEXT_GAIN)
        leave.scale_out[: config.latent_channels, 0, 0, 0] *= typical
