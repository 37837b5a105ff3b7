"""PICO: a hyperprior codec with a one-shot context model and scales that come from integers.

``PicoCodec`` is what trains. ``folded`` turns it into the graphs that are deployed: ``analysis``
and ``synthesis`` for the accelerator; the scale decoder becomes an integer network.

Source: arXiv 2605.05148. Widths, latent channels and the conditioning on the level are not public;
they are fields of :class:`~pico_deploy.codecs.config.PicoConfig` and ours.
"""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import Tensor, nn

from pico_deploy.codecs.config import Y_LIMIT, Z_LIMIT, PicoConfig
from pico_deploy.codecs.context import GRID_STEPS, ContextModel
from pico_deploy.codecs.layers import fold
from pico_deploy.codecs.scale_decoder import FloatScaleDecoder
from pico_deploy.codecs.shuffle import ShuffleOrder, grid_to_space, space_to_grid
from pico_deploy.codecs.transforms import Decoder, Encoder, HyperEncoder


def round_half_up(x: Tensor) -> Tensor:
    """Return ⌊x + ½⌋: the one rounding rule of every runtime."""
    return torch.floor(x + 0.5)


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
