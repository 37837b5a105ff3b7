"""PICO with every mechanism and few channels, tile 128, random but benign weights."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from converters.formats import Converted
from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.protocol import Parts
from pico_deploy.codecs.trained import TrainedPico, geometry_of
from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.model import EntropyModel, Layer, ZTables

CONFIG = dataclasses.replace(
    PRESETS["pico-s"],
    name="small-pico",
    tile=128,
    encoder_channels=(8, 12, 16),
    decoder_channels=(8, 12, 16),
    encoder_depths=(1, 1, 1),
    decoder_depths=(1, 1, 1),
    expand_e=1.0,
    expand_f=1.0,
    latent_channels=12,
    hyper_channels=8,
    prior_channels=16,
    context_channels=16,
    scale_channels=8,
    scale_decoder="linear",
)


def make() -> TrainedPico:
    """The codec; its entropy model has scales that depend on the level alone."""
    torch.manual_seed(0)
    network = PicoCodec(CONFIG)
    geometry = geometry_of(CONFIG)
    outputs = 16 * geometry.y_channels
    index = np.linspace(10, 50, geometry.levels).astype(np.int32)
    layer = Layer(
        kind="pointwise",
        weight=np.zeros((outputs, geometry.z_channels), np.int8),
        multiplier=np.ones(outputs, np.int32),
        shift=0,
        bias=np.repeat(index[:, None], outputs, 1),
        upsample="shuffle",
        factor=4,
    )
    z_tables = ZTables(
        rows=(np.full(64, 64, np.uint16),),
        anchor_of_level=np.zeros(geometry.levels, np.uint8),
        row=np.zeros((1, 1, geometry.z_channels), np.uint8),
    )
    model = EntropyModel(geometry, (layer,), 0, standard_tables(), z_tables)
    return TrainedPico(CONFIG, network, {"linear": model})


@dataclass(frozen=True)
class PicoArtefacts:
    """Every float artefact of the small PICO, ungated."""

    codec: TrainedPico
    parts: Parts
    converted: Converted
    folder: Path
