"""A PICO of a few thousand parameters and a tile of 128 px: same structure, milliseconds a step."""

import dataclasses

from pico_deploy.codecs.config import PRESETS, PicoConfig
from pico_deploy.codecs.trained import ScaleShape
from pico_deploy.training.fit_scale_decoder import FITS, Fit

TINY: PicoConfig = dataclasses.replace(
    PRESETS["pico-s"],
    name="tiny",
    encoder_channels=(8, 8, 16),
    encoder_depths=(1, 1, 1),
    decoder_channels=(8, 8, 16),
    decoder_depths=(1, 1, 1),
    latent_channels=8,
    hyper_channels=8,
    prior_channels=8,
    context_channels=8,
    scale_channels=8,
    tile=128,
)


def short_fits(steps: int) -> dict[ScaleShape, Fit]:
    """How a test fits both scale decoders: as ever, in that many steps."""
    return {shape: dataclasses.replace(fit, steps=steps) for shape, fit in FITS.items()}
