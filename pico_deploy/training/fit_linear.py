"""Fit the linear scale decoder to symbols that a finished codec emits.

During training it only looks on, at the learning rate of everything else; one layer on fixed
symbols is a small problem of its own, and an order of magnitude better solved as one.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.scale_decoder import FloatScaleDecoder
from pico_deploy.training.calibrate import Sample
from pico_deploy.training.objective import gaussian_bits, index_to_scale

LEARNING_RATE = 1e-2
BATCH = 4
SEED = 7


def fit_linear(network: PicoCodec, samples: tuple[Sample, ...], steps: int) -> list[float]:
    """Train ``network``'s linear scale decoder in place; returns bits per symbol of every step.

    Adam with a half-cosine decay on the code length of the samples' y; nothing else changes.
    """
    config = network.config
    decoder = network.scale_decoders["linear"]
    assert isinstance(decoder, FloatScaleDecoder)
    table = torch.from_numpy(anchor_weights(config.levels, config.anchors))
    low, high = config.scale_range
    parameters = [*decoder.weight, *decoder.bias]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE)
    rng = np.random.default_rng(SEED)
    history = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        drawn = [samples[i] for i in rng.integers(len(samples), size=BATCH)]
        z = torch.from_numpy(np.stack([s.z for s in drawn])).float()
        y = torch.from_numpy(np.stack([s.y for s in drawn])).float()
        anchors = table[[s.level for s in drawn]]
        scale = index_to_scale(decoder(z, anchors), low, high, config.scale_count)
        # Each sample counts by its own rate, or the highest levels would be all that is heard.
        per_sample = gaussian_bits(y, scale).mean((1, 2, 3))
        loss = (per_sample / per_sample.detach()).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        history.append(per_sample.mean().item())
    for parameter in parameters:
        parameter.requires_grad_(False)
    return history
