"""Rate and distortion of a codec in training form, with uniform noise in place of rounding for the
rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pico_deploy.codecs.config import Y_LIMIT, Z_LIMIT
from pico_deploy.codecs.context import GRID_STEPS
from pico_deploy.codecs.pico import PicoCodec, round_half_up
from pico_deploy.codecs.shuffle import grid_to_space, space_to_grid

# A thin, wide tail beside the Gaussian: keeps a gradient where the Gaussian's own mass underflows.
TAIL_SHARE = 4e-6
TAIL_SCALE = 16.0
# How far an index may leave its range before its gradient is cut.
INDEX_SLACK = 4.0


@dataclass(frozen=True)
class Simulation:
    """One pass of the codec.

    Bits are per sample, ``float32 [N]``; ``x_hat`` is ``[N, 3, H, W]``, not clamped.
    """

    x_hat: Tensor
    y_bits: Tensor
    z_bits: Tensor
    linear_y_bits: Tensor | None


def straight_through(x: Tensor, value: Tensor) -> Tensor:
    """``value``, exactly, in the forward pass, the gradient of ``x`` in the backward pass."""
    return value.detach() + (x - x.detach())


def gaussian_bits(value: Tensor, scale: Tensor) -> Tensor:
    """Bits of ``value`` under a zero-mean Gaussian integrated over a unit bin, elementwise."""
    magnitude = value.abs()
    inverse = 0.5**0.5 / scale
    mass = 0.5 * (torch.erfc((magnitude - 0.5) * inverse) - torch.erfc((magnitude + 0.5) * inverse))
    tail = TAIL_SHARE / (1 + (magnitude / TAIL_SCALE).square())
    return -torch.log2(mass + tail)


def index_to_scale(index: Tensor, low: float, high: float, count: int) -> Tensor:
    """Real-valued index → σ on the log-spaced grid; out-of-range indices are clamped, their
    gradient kept near."""
    limited = index.clamp(-INDEX_SLACK, count - 1 + INDEX_SLACK)
    limited = straight_through(limited, limited.clamp(0, count - 1))
    ratio = math.log(high / low) / (count - 1)
    return low * torch.exp(limited * ratio)


@dataclass(frozen=True)
class Coded:
    """What hyper-analysis and context model make of a latent ``[N, M, H, W]``.

    ``z`` is rounded (straight through), ``y`` is what the rate is to see, ``values`` the latent as
    the decoder gets it; ``z_bits`` are per sample, ``float32 [N]``.
    """

    z: Tensor
    z_bits: Tensor
    y: Tensor
    values: Tensor


def code(
    codec: PicoCodec, latent: Tensor, anchors: Tensor, *, noise: bool, bf16: bool = False
) -> Coded:
    """Everything between the transforms, with ``anchors [N, A]``; ``noise`` as in
    :func:`simulate`."""

    def autocast() -> torch.autocast:
        return torch.autocast(latent.device.type, torch.bfloat16, enabled=bf16)

    def perturbed(value: Tensor, rounded: Tensor) -> Tensor:
        return value + (torch.rand_like(value) - 0.5) if noise else rounded

    with autocast():
        z = codec.hyper_encoder(latent, anchors)
    latent, z = latent.float(), z.float().clamp(-Z_LIMIT, Z_LIMIT)
    z_hat = straight_through(z, round_half_up(z))
    z_scale = torch.exp(anchors @ codec.z_log_scale)[:, :, None, None]
    z_bits = gaussian_bits(perturbed(z, z_hat), z_scale).sum((1, 2, 3))

    with autocast():
        prior = codec.context.decode_prior(z_hat, anchors)
    cells = space_to_grid(latent, "crd")
    known: list[Tensor] = []
    symbols: list[Tensor] = [latent] * 4
    values: list[Tensor] = [latent] * 4
    for k, (row, column) in enumerate(GRID_STEPS):
        cell = 2 * row + column
        with autocast():
            mu, q = codec.context.step(k, prior, known)
        mu = mu.float()
        q = torch.ones_like(mu) if q is None else q.float()
        residual = (cells[cell] - mu) / q
        # A clipped symbol passes no gradient, so that the error it leaves moves µ and q instead.
        limited = residual.clamp(-Y_LIMIT, Y_LIMIT)
        symbol = straight_through(limited, round_half_up(limited))
        symbols[cell] = perturbed(residual, symbol)
        values[cell] = symbol * q + mu
        known.append(values[cell])
    return Coded(
        z_hat, z_bits, grid_to_space(tuple(symbols), "crd"), grid_to_space(tuple(values), "crd")
    )


def index_bits(codec: PicoCodec, y: Tensor, index: Tensor) -> Tensor:
    """Bits of ``y [N, M, H, W]`` at real-valued indices of that shape, ``float32 [N]``."""
    low, high = codec.config.scale_range
    scale = index_to_scale(index, low, high, codec.config.scale_count)
    return gaussian_bits(y, scale).sum((1, 2, 3))


def simulate(
    codec: PicoCodec, x: Tensor, anchors: Tensor, *, noise: bool, bf16: bool, linear: bool = False
) -> Simulation:
    """Encode and decode ``x [N, 3, H, W]`` (0…1) with ``anchors [N, A]``.

    With ``noise`` the rate sees additive uniform noise while the decoder sees rounded symbols
    (straight through); without, both see rounded symbols. ``linear`` also runs the linear scale
    decoder, which learns beside the codec and never steers it.
    """

    def autocast() -> torch.autocast:
        return torch.autocast(x.device.type, torch.bfloat16, enabled=bf16)

    with autocast():
        latent = codec.encoder(x, anchors)
    coded = code(codec, latent, anchors, noise=noise, bf16=bf16)
    decoders = codec.scale_decoders
    y_bits = index_bits(codec, coded.y, decoders["conv"](coded.z, anchors))
    linear_bits = None
    if linear:
        index = decoders["linear"](coded.z.detach(), anchors)
        linear_bits = index_bits(codec, coded.y.detach(), index)
    with autocast():
        x_hat = codec.decoder(coded.values, anchors)
    return Simulation(x_hat.float(), y_bits, coded.z_bits, linear_bits)


def level_lambda(levels: Tensor, config_levels: int, low: float, high: float) -> Tensor:
    """Λ of each level, log-spaced between ``low`` and ``high``; weighs the MSE on the 0…255
    scale."""
    return low * (high / low) ** (levels.float() / (config_levels - 1))


def balance(weight: Tensor, low: float, high: float, power: float) -> Tensor:
    """What the loss of a level with λ ``weight`` counts, so that the highest levels do not drown
    the lowest ones."""
    return (weight / math.sqrt(low * high)) ** -power
