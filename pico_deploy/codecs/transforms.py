"""Analysis, synthesis and hyper-analysis transforms of PICO."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pico_deploy.codecs.config import PicoConfig
from pico_deploy.codecs.layers import ConvScale, LevelScale, chain, trunk
from pico_deploy.codecs.resampling import Down, Up


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
            x = stage(trunk(down, x))
            x = x if isinstance(scale, nn.Identity) else trunk(scale, x, anchors)
        return trunk(self.gain, trunk(self.head, x), anchors)


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
        x = trunk(self.head, trunk(self.gain, latent, anchors))
        for stage, scale, up in zip(self.stage, self.scale, self.up, strict=True):
            x = stage(x)
            x = x if isinstance(scale, nn.Identity) else trunk(scale, x, anchors)
            x = trunk(up, x)
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
