"""How good averaged weights are on photos that were never trained on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.training.data import Pixels
from pico_deploy.training.objective import balance, level_lambda, simulate
from pico_deploy.training.perceptual.terms import PerceptualTerms


@dataclass(frozen=True)
class LevelResult:
    """All held-out photos at one level: rate, PSNR, and the objective that training lowers."""

    level: int
    bits_per_pixel: float
    psnr_db: float
    objective: float


@dataclass(frozen=True)
class Validation:
    """Every anchor level; ``pairs``: original and decoded crops for the eye."""

    levels: tuple[LevelResult, ...]
    pairs: tuple[tuple[Tensor, Tensor], ...]

    @property
    def objective(self) -> float:
        """Mean over the levels; lower is better. Infinite without held-out photos."""
        return fmean(level.objective for level in self.levels) if self.levels else math.inf

    def records(self) -> list[dict[str, float]]:
        """The levels as the log has them."""
        return [asdict(level) for level in self.levels]


PICTURES = 3


@torch.no_grad()
def validate(
    codec: PicoCodec,
    terms: PerceptualTerms,
    photos: tuple[Pixels, ...],
    anchors: Tensor,
    power: float,
    bf16: bool,
) -> Validation:
    """Code the top left tile of every photo with rounded symbols and ideal code lengths.

    ``anchors [levels, A]`` are the anchor weights of every level, on the codec's device.
    """
    crops = [crop for photo in photos if (crop := _crop(photo, codec.config.tile)) is not None]
    low, high = codec.config.lambda_range
    results = []
    pairs: list[tuple[Tensor, Tensor]] = []
    chosen = anchor_levels(anchors.cpu().numpy()) if crops else ()
    for level in chosen:
        index = torch.tensor([level], device=anchors.device)
        weight = level_lambda(index, codec.config.levels, low, high)
        bits = squared = extra = pixels = 0.0
        for number, crop in enumerate(crops):
            x = crop.to(anchors.device)
            out = simulate(codec, x, anchors[level][None], noise=False, bf16=bf16)
            restored = (out.x_hat.clamp(0, 1) * 255).round()
            area = x[0, 0].numel()
            squared += (restored - x * 255).square().mean().item() * area
            bits += (out.y_bits + out.z_bits).sum().item()
            distortion = terms(x, restored / 255, None, None, bf16)
            extra += distortion.total.sum().item() * area
            pixels += area
            if level == chosen[len(chosen) // 2] and number < PICTURES:
                pairs.append((x[0], restored[0] / 255))
        mse = squared / pixels
        rate = bits / pixels
        total = rate + weight.item() * (terms.config.mse * mse + extra / pixels)
        results.append(
            LevelResult(
                level,
                rate,
                10 * math.log10(65025 / max(mse, 1e-9)),
                balance(weight, low, high, power).item() * total,
            )
        )
    return Validation(tuple(results), tuple(pairs))


def _crop(photo: Pixels, tile: int) -> Tensor | None:
    """``float32 [1, 3, h, w]`` in 0…1 with sides that are multiples of 64; None when too small."""
    height, width = (min(tile, side) // 64 * 64 for side in photo.shape[:2])
    if not height or not width:
        return None
    crop = np.array(photo[:height, :width])
    return torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255
