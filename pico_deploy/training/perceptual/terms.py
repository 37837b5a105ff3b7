"""The distortion of stage 2: terms beside the MSE, each with a weight that may be 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pico_deploy.errors import UsageError
from pico_deploy.training.config import PerceptualConfig
from pico_deploy.training.perceptual.discriminator import (
    PatchDiscriminator,
    adversarial_loss,
    discriminator_loss,
)
from pico_deploy.training.perceptual.lpips import Lpips, load_lpips
from pico_deploy.training.perceptual.ms_ssim import SMALLEST, ms_ssim_loss
from pico_deploy.training.perceptual.ssimulacra2 import SMALLEST as SSIMULACRA2_SMALLEST
from pico_deploy.training.perceptual.ssimulacra2 import ssimulacra2_loss
from pico_deploy.training.perceptual.text_fidelity import text_loss
from pico_deploy.training.perceptual.tiling import tiling_loss


def _chosen(count: int, share: float, step: int) -> Tensor:
    """Indices of the samples that the dearest network sees, evenly spread and shifted every step,
    so that all places of a batch, and with them all levels, get their turn.
    """
    few = max(1, round(share * count))
    return (torch.arange(few) * count // few + step) % count


@dataclass(frozen=True)
class Distortion:
    """``total``: all terms with their weights, ``[N]``, in units of MSE on the 0…255 scale;
    ``parts``: each term's mean before its weight, for the log.
    """

    total: Tensor
    parts: dict[str, float]


class PerceptualTerms(nn.Module):
    """Holds the networks that the terms with a weight need, and nothing for the others."""

    def __init__(self, config: PerceptualConfig, crop: int, border: int) -> None:
        super().__init__()
        for name, weight, smallest in (
            ("ms_ssim", config.ms_ssim, SMALLEST),
            ("ssimulacra2", config.ssimulacra2, SSIMULACRA2_SMALLEST),
        ):
            if weight and crop < smallest:
                raise UsageError(f"{name} needs crops of at least {smallest} px, not {crop}")
        self.config, self.border = config, border
        self.lpips: Lpips | None = load_lpips() if config.lpips else None
        self.discriminator = PatchDiscriminator(config.gan_channels) if config.gan else None

    def gan_weight(self, step: int) -> float:
        """Zero until the discriminator had ``gan_start`` steps alone, then rising linearly."""
        if not self.config.gan:
            return 0.0
        risen = (step - self.config.gan_start) / max(1, self.config.gan_rise)
        return self.config.gan * min(1.0, max(0.0, risen))

    def forward(
        self, x: Tensor, y: Tensor, mask: Tensor | None, step: int | None, bf16: bool
    ) -> Distortion:
        """Distortion of ``y`` from ``x``, ``[N, 3, H, W]`` in 0…1.

        ``mask [N, 1, H, W]`` is where text is. ``step`` decides the weight of the adversarial term;
        without one (for validation) the term is left out.
        """
        total = torch.zeros(x.shape[0], device=x.device)
        parts: dict[str, float] = {}
        for name, weight, term in self._terms(x, y, mask, step, bf16):
            total = total + weight * term
            parts[name] = term.detach().mean().item()
        return Distortion(total, parts)

    def _terms(
        self, x: Tensor, y: Tensor, mask: Tensor | None, step: int | None, bf16: bool
    ) -> Iterator[tuple[str, float, Tensor]]:
        config = self.config
        if self.lpips is not None:
            share = 1.0 if step is None else config.lpips_share
            chosen = _chosen(x.shape[0], share, step or 0).to(x.device)
            with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
                with torch.no_grad():
                    original = self.lpips.features(x[chosen])
                decoded = self.lpips.features(y[chosen])
            term = self.lpips.distance(original, decoded) * (x.shape[0] / len(chosen))
            spread = torch.zeros(x.shape[0], device=x.device)
            yield "lpips", config.lpips, spread.index_copy(0, chosen, term)
        if config.ms_ssim:
            yield "ms_ssim", config.ms_ssim, ms_ssim_loss(x, y.clamp(0, 1))
        if config.ssimulacra2:
            yield "ssimulacra2", config.ssimulacra2, ssimulacra2_loss(x, y)
        if config.tiling:
            yield "tiling", config.tiling, tiling_loss(x, y, self.border)
        if config.text and mask is not None:
            yield "text", config.text, text_loss(x, y, mask)
        weight = 0.0 if step is None else self.gan_weight(step)
        if self.discriminator is not None and weight:
            self.discriminator.requires_grad_(False)
            with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
                logits = self.discriminator(y)
            yield "gan", weight, adversarial_loss(logits.float(), mask)
            self.discriminator.requires_grad_(True)

    def discriminate(self, x: Tensor, y: Tensor, bf16: bool) -> Tensor:
        """Loss of the discriminator on photos ``x`` and decoded ones ``y``, whose graph is cut."""
        assert self.discriminator is not None
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            real, decoded = self.discriminator(x), self.discriminator(y.detach())
        return discriminator_loss(real.float(), decoded.float())
