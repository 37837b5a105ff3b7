"""Context decoder and one-shot context model of PICO: what predicts µ and q."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pico_deploy.codecs.config import PicoConfig
from pico_deploy.codecs.layers import ConvScale, LevelScale, chain
from pico_deploy.codecs.resampling import Up

# Order in which the four positions of each 2×2 cell become known: the diagonal first.
GRID_STEPS = ((0, 0), (1, 1), (0, 1), (1, 0))


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
