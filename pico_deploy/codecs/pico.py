"""PICO: a hyperprior codec whose context model runs in one shot and whose scales come from
integers.

``PicoCodec`` is what trains. ``parts`` turns it into the graphs that are deployed: ``analysis``
and ``synthesis`` for the accelerator; the scale decoder becomes an integer network
(``pico_deploy.entropy``).

Source: arXiv 2605.05148. Widths, latent channels and the conditioning on the level are not public;
they are fields of :class:`PicoConfig` and ours.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pico_deploy.codecs.layers import (
    ConvScale,
    Down,
    LevelScale,
    Resampling,
    ShuffleOrder,
    Up,
    chain,
    depth_to_space,
    fold,
)

Y_LIMIT = 127
Z_LIMIT = 31
# Order in which the four positions of each 2×2 cell become known: the diagonal first.
GRID_STEPS = ((0, 0), (1, 1), (0, 1), (1, 0))


@dataclass(frozen=True)
class PicoConfig:
    """Every hyper-parameter of a PICO codec.

    ``*_channels`` and ``*_depths`` run from stride 4 over 8 to 16. ``lambda_range`` is the weight
    of the mean squared error (0…255 scale) at the lowest and the highest level. The four switches
    at the end are the paper's ablations.
    """

    name: str
    encoder_channels: tuple[int, int, int]
    encoder_depths: tuple[int, int, int]
    decoder_channels: tuple[int, int, int]
    decoder_depths: tuple[int, int, int]
    expand_e: float
    expand_f: float
    latent_channels: int
    hyper_channels: int
    hyper_depth: int
    prior_channels: int
    context_channels: int
    scale_channels: int
    scale_decoder: Literal["conv", "linear"] = "conv"
    tile: int = 512
    border: int = 4
    levels: int = 71
    anchors: int = 8
    lambda_range: tuple[float, float] = (0.0008, 0.08)
    scale_range: tuple[float, float] = (0.11, 20.0)
    scale_count: int = 64
    q_min: float = 0.25
    context_model: bool = True
    learned_quantisation: bool = True
    learned_scales: bool = True
    resampling: Resampling = "haar"

    y_stride: int = 16
    z_stride: int = 64


PRESETS: dict[str, PicoConfig] = {
    "pico-s": PicoConfig(
        name="pico-s",
        encoder_channels=(32, 64, 160),
        encoder_depths=(2, 2, 3),
        decoder_channels=(32, 64, 160),
        decoder_depths=(2, 2, 3),
        expand_e=1.0,
        expand_f=1.0,
        latent_channels=160,
        hyper_channels=96,
        hyper_depth=1,
        prior_channels=128,
        context_channels=128,
        scale_channels=96,
    ),
    "pico": PicoConfig(
        name="pico",
        encoder_channels=(64, 160, 320),
        encoder_depths=(2, 4, 6),
        decoder_channels=(64, 144, 288),
        decoder_depths=(2, 3, 4),
        expand_e=1.0,
        expand_f=2.0,
        latent_channels=192,
        hyper_channels=128,
        hyper_depth=2,
        prior_channels=256,
        context_channels=224,
        scale_channels=88,
    ),
}


def round_half_up(x: Tensor) -> Tensor:
    """Return ⌊x + ½⌋: the one rounding rule of every runtime."""
    return torch.floor(x + 0.5)


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


class Encoder(nn.Module):
    """Analysis transform: pixels → latent ``[N, M, H/16, W/16]``."""

    def __init__(self, config: PicoConfig) -> None:
        super().__init__()
        c, r, ls = config.encoder_channels, config.resampling, config.learned_scales
        first = [3, c[0], c[1]]
        self.down = nn.ModuleList(
            Down(
                first[i],
                c[i],
                blocks=2 if i == 0 else 1,
                offset=-0.5 if i == 0 else 0.0,
                resampling=r,
                learned_scales=ls,
            )
            for i in range(3)
        )
        self.stage = nn.ModuleList(
            chain(
                c[i], config.encoder_depths[i], config.expand_e, config.expand_f, learned_scales=ls
            )
            for i in range(3)
        )
        self.scale = nn.ModuleList(
            LevelScale(config.anchors, c[i]) if ls else nn.Identity() for i in range(3)
        )
        self.head = ConvScale(c[2], config.latent_channels, gain=0.5, learned_scales=ls)
        # λ weighs squared error, so amplitudes start out proportional to its root.
        low, high = config.lambda_range
        start = torch.logspace(0, 1, config.anchors, base=high / low).sqrt()
        self.gain = LevelScale(config.anchors, config.latent_channels, start)

    def forward(self, x: Tensor, anchors: Tensor) -> Tensor:
        """``x [N, 3, H, W]`` in 0…1 → latent."""
        for down, stage, scale in zip(self.down, self.stage, self.scale, strict=True):
            x = stage(down(x))
            x = x if isinstance(scale, nn.Identity) else scale(x, anchors)
        latent: Tensor = self.gain(self.head(x), anchors)
        return latent


class Decoder(nn.Module):
    """Synthesis transform: latent → pixels."""

    def __init__(self, config: PicoConfig) -> None:
        super().__init__()
        c, r, ls = config.decoder_channels, config.resampling, config.learned_scales
        low, high = config.lambda_range
        start = 1 / torch.logspace(0, 1, config.anchors, base=high / low).sqrt()
        self.gain = LevelScale(config.anchors, config.latent_channels, start)
        self.head = ConvScale(config.latent_channels, c[2], learned_scales=ls)
        self.stage = nn.ModuleList(
            chain(
                c[i], config.decoder_depths[i], config.expand_e, config.expand_f, learned_scales=ls
            )
            for i in (2, 1, 0)
        )
        self.scale = nn.ModuleList(
            LevelScale(config.anchors, c[i]) if ls else nn.Identity() for i in (2, 1, 0)
        )
        out = (c[1], c[0], 3)
        self.up = nn.ModuleList(
            Up(
                c[2 - i],
                out[i],
                blocks=2 if i == 2 else 1,
                offset=0.5 if i == 2 else 0.0,
                gain=0.1 if i == 2 else 1.0,
                resampling=r,
                learned_scales=ls,
            )
            for i in range(3)
        )

    def forward(self, latent: Tensor, anchors: Tensor) -> Tensor:
        """Latent → ``[N, 3, H, W]``, nominally 0…1, not clamped."""
        x: Tensor = self.head(self.gain(latent, anchors))
        for stage, scale, up in zip(self.stage, self.scale, self.up, strict=True):
            x = stage(x)
            x = x if isinstance(scale, nn.Identity) else scale(x, anchors)
            x = up(x)
        return x


class HyperEncoder(nn.Module):
    """Latent → hyper-latent ``[N, Z, H/64, W/64]``; compiled as part of ``analysis``."""

    def __init__(self, config: PicoConfig) -> None:
        super().__init__()
        c, ls = config.hyper_channels, config.learned_scales

        def stage() -> nn.Sequential:
            return chain(c, config.hyper_depth, 1.0, 1.0, learned_scales=ls)

        def down() -> Down:
            return Down(c, c, resampling=config.resampling, learned_scales=ls)

        self.net = nn.Sequential(
            ConvScale(config.latent_channels, c, learned_scales=ls),
            stage(),
            down(),
            stage(),
            down(),
            ConvScale(c, c, learned_scales=ls),
        )
        self.scale = LevelScale(config.anchors, c)

    def forward(self, latent: Tensor, anchors: Tensor) -> Tensor:
        """Latent → unrounded hyper-latent."""
        z: Tensor = self.scale(self.net(latent), anchors)
        return z


class ContextModel(nn.Module):
    """Context decoder and the one-shot 2×2 context model: µ and q of every latent, in four steps.

    The prior p and the latents already known enter at half the latent's resolution, where each of
    the four grid positions is a map of its own; a step therefore costs a quarter of a pass over
    the whole latent.
    """

    def __init__(self, config: PicoConfig) -> None:
        super().__init__()
        self.config = config
        p, c, m = config.prior_channels, config.context_channels, config.latent_channels
        ls = config.learned_scales
        self.prior = nn.Sequential(
            Up(config.hyper_channels, p, resampling=config.resampling, learned_scales=ls),
            *chain(p, config.hyper_depth, 1.0, 1.0, learned_scales=ls),
        )
        self.prior_scale = LevelScale(config.anchors, p)
        known = range(4) if config.context_model else (0, 0, 0, 0)
        self.enter = nn.ModuleList(ConvScale(p + k * m, c, learned_scales=ls) for k in known)
        self.mix = nn.ModuleList(ConvScale(c, c, 3, learned_scales=ls) for _ in range(4))
        outputs = 2 * m if config.learned_quantisation else m
        self.leave = nn.ModuleList(
            ConvScale(c, outputs, gain=0.3, learned_scales=ls) for _ in range(4)
        )

    def decode_prior(self, z: Tensor, anchors: Tensor) -> Tensor:
        """Hyper-latent ``[N, Z, h, w]`` → prior ``[N, P, 2h, 2w]``."""
        prior: Tensor = F.relu(self.prior_scale(self.prior(z), anchors))
        return prior

    def step(self, k: int, prior: Tensor, known: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Μ and q of the ``k``-th grid position, each ``[N, M, 2h, 2w]``; q is None when it is
        fixed at 1."""
        inputs = [prior, *known] if self.config.context_model else [prior]
        x = torch.cat(inputs, 1) if len(inputs) > 1 else prior
        x = self.leave[k](F.relu(self.mix[k](F.relu(self.enter[k](x)))))
        if not self.config.learned_quantisation:
            return x, None
        mu, t = x.chunk(2, 1)
        limit = -math.log(self.config.q_min)
        return mu, torch.exp(torch.clamp(t, -limit, limit))


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

    def layers(self, z: Tensor, anchors: Tensor) -> list[Tensor]:
        """Outputs of all layers before upsampling, ReLU applied but on the last one (an index)."""
        outputs = []
        x = z
        for i, (kind, _, _, up) in enumerate(self.spec):
            pad, groups = (1, self.spec[i][2]) if kind == "depthwise" else (0, 1)
            x = F.conv2d(x, self.weight[i].to(x.dtype), padding=pad, groups=groups)
            x = x + (anchors @ self.bias[i])[:, :, None, None].to(x.dtype)
            if i < len(self.spec) - 1:
                x = F.relu(x)
            outputs.append(x)
            if up > 1:
                x = depth_to_space_dcr_batched(x, up)
        self_index = x
        return [*outputs[:-1], self_index]

    def forward(self, z: Tensor, anchors: Tensor) -> Tensor:
        """Hyper-latent ``[N, Z, h, w]`` (integers) → index ``[N, M, 4h, 4w]``, real-valued, not
        clamped."""
        return self.layers(z, anchors)[-1]


def depth_to_space_dcr_batched(x: Tensor, block: int) -> Tensor:
    """DCR depth-to-space for any batch size and layout: the order the integer network uses."""
    n, c, h, w = x.shape
    c //= block * block
    x = x.reshape(n, block, block, c, h, w).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n, c, h * block, w * block)


class PicoCodec(nn.Module):
    """All networks of a PICO codec, in training form.

    ``forward`` gives what the rate-distortion loss needs; ``folded_parts`` what is deployed.
    """

    def __init__(self, config: PicoConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.hyper_encoder = HyperEncoder(config)
        self.context = ContextModel(config)
        self.decoder = Decoder(config)
        self.scale_decoders = nn.ModuleDict(
            {
                "conv": FloatScaleDecoder(config, "conv"),
                "linear": FloatScaleDecoder(config, "linear"),
            }
        )
        self.z_log_scale = nn.Parameter(torch.zeros(config.anchors, config.hyper_channels))

    def example_inputs(self, part: Literal["analysis", "synthesis"]) -> dict[str, Tensor]:
        """Inputs of the static shapes a part is exported with; values are plausible, not
        meaningful."""
        cfg = self.config
        y_side, z_side = cfg.tile // cfg.y_stride, cfg.tile // cfg.z_stride
        anchors = torch.zeros(1, cfg.anchors)
        anchors[0, cfg.anchors // 2] = 1
        if part == "analysis":
            return {
                "x": torch.full((1, 3, cfg.tile, cfg.tile), 0.5),
                "anchors": anchors,
                "y_mask": torch.ones(1, 1, y_side, y_side),
                "z_mask": torch.ones(1, 1, z_side, z_side),
            }
        return {
            "z": torch.zeros(1, cfg.hyper_channels, z_side, z_side),
            "y": torch.zeros(1, cfg.latent_channels, y_side, y_side),
            "anchors": anchors,
        }

    def folded(self, order: ShuffleOrder) -> tuple[Analysis, Synthesis]:
        """Deployable analysis and synthesis: scales and Haar folded, inference only."""
        twin = fold_networks(self, order)
        analysis = Analysis(twin, order).eval().requires_grad_(False)
        synthesis = Synthesis(twin, order).eval().requires_grad_(False)
        return analysis, synthesis


def fold_networks(codec: PicoCodec, order: ShuffleOrder) -> PicoCodec:
    """Copy a codec and fold every layer of the copy."""
    twin = copy.deepcopy(codec).float()
    for name in ("encoder", "hyper_encoder", "context", "decoder"):
        fold(getattr(twin, name), order)
    return twin


class Analysis(nn.Module):
    """Tile → symbols, as one graph: encoder, hyper-encoder, context model, quantisation.

    Rounding is ⌊v + ½⌋; symbols are clamped before they serve as context.
    """

    def __init__(self, codec: PicoCodec, order: ShuffleOrder) -> None:
        super().__init__()
        self.order: ShuffleOrder = order
        self.encoder, self.hyper_encoder = codec.encoder, codec.hyper_encoder
        self.context = codec.context

    def forward(
        self, x: Tensor, anchors: Tensor, y_mask: Tensor, z_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """``x [1, 3, T, T]`` in 0…1 → ``z [1, Z, T/64, T/64]``, ``y [1, M, T/16, T/16]``, exact
        integers."""
        latent = self.encoder(x, anchors)
        z = self.hyper_encoder(latent, anchors)
        z = torch.clamp(round_half_up(z), -Z_LIMIT, Z_LIMIT) * z_mask
        prior = self.context.decode_prior(z, anchors)
        cells = space_to_grid(latent, self.order)
        masks = space_to_grid(y_mask, self.order)
        known: list[Tensor] = []
        symbols: list[Tensor | None] = [None] * 4
        for k, (row, column) in enumerate(GRID_STEPS):
            cell = 2 * row + column
            mu, q = self.context.step(k, prior, known)
            residual = cells[cell] - mu
            residual = residual if q is None else residual / q
            symbol = torch.clamp(round_half_up(residual), -Y_LIMIT, Y_LIMIT) * masks[cell]
            symbols[cell] = symbol
            known.append((symbol if q is None else symbol * q) + mu)
        return z, grid_to_space(tuple(s for s in symbols if s is not None), self.order)


class Synthesis(nn.Module):
    """Symbols → tile, as one graph: context decoder, the four context steps, decoder."""

    def __init__(self, codec: PicoCodec, order: ShuffleOrder) -> None:
        super().__init__()
        self.order: ShuffleOrder = order
        self.context, self.decoder = codec.context, codec.decoder

    def forward(self, z: Tensor, y: Tensor, anchors: Tensor) -> Tensor:
        """``z [1, Z, T/64, T/64]``, ``y [1, M, T/16, T/16]`` → pixels ``[1, 3, T, T]`` in 0…1."""
        prior = self.context.decode_prior(z, anchors)
        symbols = space_to_grid(y, self.order)
        known: list[Tensor] = []
        cells: list[Tensor | None] = [None] * 4
        for k, (row, column) in enumerate(GRID_STEPS):
            cell = 2 * row + column
            mu, q = self.context.step(k, prior, known)
            value = (symbols[cell] if q is None else symbols[cell] * q) + mu
            cells[cell] = value
            known.append(value)
        latent = grid_to_space(tuple(c for c in cells if c is not None), self.order)
        return torch.clamp(self.decoder(latent, anchors), 0.0, 1.0)
