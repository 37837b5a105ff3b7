"""Every hyper-parameter of a PICO codec, and the presets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pico_deploy.codecs.resampling import Resampling

Y_LIMIT = 127


Z_LIMIT = 31


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
    # 256 of the 768 numbers of a 16×16 cell of RGB: 160 capped the PSNR on Kodak at 35 dB.
    "pico-s": PicoConfig(
        name="pico-s",
        encoder_channels=(48, 96, 256),
        encoder_depths=(2, 2, 3),
        decoder_channels=(48, 96, 256),
        decoder_depths=(2, 2, 3),
        expand_e=0.5,
        expand_f=0.5,
        latent_channels=256,
        hyper_channels=96,
        hyper_depth=1,
        prior_channels=128,
        context_channels=128,
        scale_channels=72,
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
    # Small enough to lie in the repository for ever; see docs/conformance.md.
    "conformance": PicoConfig(
        name="conformance",
        encoder_channels=(12, 24, 40),
        encoder_depths=(1, 1, 1),
        decoder_channels=(12, 24, 40),
        decoder_depths=(1, 1, 1),
        expand_e=1.0,
        expand_f=1.0,
        latent_channels=24,
        hyper_channels=12,
        hyper_depth=1,
        prior_channels=16,
        context_channels=16,
        scale_channels=12,
        tile=128,
    ),
}
# The same network, trained on for what people see; a name of its own, because its streams are.
PRESETS["pico-s-perceptual"] = replace(PRESETS["pico-s"], name="pico-s-perceptual")
# And with a z made for the scale decoder of one layer; it has no other.
PRESETS["pico-s-linear"] = replace(PRESETS["pico-s"], name="pico-s-linear", scale_decoder="linear")
