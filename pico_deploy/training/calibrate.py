"""Statistics of a trained codec over real crops: what its integer entropy model is fitted to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.training.data import CropSampler

Counts = npt.NDArray[np.int64]

# More crops teach more than more levels of the same ones: at equal cost, two levels of 192 crops
# instead of eight of 48 took the linear scale decoder from 3.5 to 2.7 % over float `conv` on Kodak.
LEVELS_A_CROP = 2


@dataclass(frozen=True)
class Sample:
    """Symbols of one crop at one anchor level, as ``analysis`` emits them."""

    level: int
    z: npt.NDArray[np.int8]  # [Z, h, w]
    y: npt.NDArray[np.int8]  # [M, H, W]


@dataclass(frozen=True)
class Calibration:
    """All samples, and per scale decoder the largest activation of every layer but the last."""

    samples: tuple[Sample, ...]
    activation_maxima: dict[str, tuple[float, ...]]


def levels_a_crop(levels: int, crops: int) -> int:
    """At how many anchor levels each crop is taken; more where levels would be left without one."""
    return min(levels, max(LEVELS_A_CROP, math.ceil(levels / max(crops, 1))))


@torch.no_grad()
def calibrate(
    network: PicoCodec, crops: CropSampler, count: int, report: Callable[[int, int], None]
) -> Calibration:
    """Run ``analysis`` on ``count`` crops of tile size, each at :func:`levels_a_crop` of the anchor
    levels by turns.

    ``network`` must already hold the weights that ship (rounded), because its symbols are
    counted.
    """
    config = network.config
    analysis, _ = network.folded("crd")
    inputs = network.example_inputs("analysis")
    weights = anchor_weights(config.levels, config.anchors)
    table = torch.from_numpy(weights)
    levels = anchor_levels(weights)
    share = levels_a_crop(len(levels), count)
    samples: list[Sample] = []
    maxima: dict[str, list[float]] = {
        name: [0.0] * (len(decoder.spec) - 1)  # type: ignore[arg-type]
        for name, decoder in network.scale_decoders.items()
    }
    for number in range(count):
        pixels = torch.from_numpy(np.ascontiguousarray(crops.draw(number)))
        x = pixels.permute(2, 0, 1)[None].float() / 255
        for turn in range(number * share, (number + 1) * share):
            level = levels[turn % len(levels)]
            anchors = table[level][None]
            z, y = analysis(x, anchors, inputs["y_mask"], inputs["z_mask"])
            samples.append(Sample(level, _int8(z), _int8(y)))
            for name, decoder in network.scale_decoders.items():
                hidden = decoder.layers(z, anchors)[:-1]  # type: ignore[operator]
                for i, value in enumerate(hidden):
                    maxima[name][i] = max(maxima[name][i], float(value.max()))
        report(number + 1, count)
    return Calibration(tuple(samples), {k: tuple(v) for k, v in maxima.items()})


def _int8(symbols: Tensor) -> npt.NDArray[np.int8]:
    return symbols[0].to(torch.int8).numpy()


def z_counts(samples: tuple[Sample, ...], levels: tuple[int, ...], z_max: int) -> Counts:
    """Histogram of z per anchor and channel, ``int64 [anchors, Z, 2·z_max + 1]``, value −z_max
    first."""
    channels = samples[0].z.shape[0]
    counts = np.zeros((len(levels), channels, 2 * z_max + 1), np.int64)
    for sample in samples:
        anchor = levels.index(sample.level)
        rows = np.broadcast_to(np.arange(channels)[:, None, None], sample.z.shape)
        np.add.at(counts[anchor], (rows.ravel(), sample.z.ravel().astype(int) + z_max), 1)
    return counts


def y_counts(
    samples: tuple[Sample, ...], indices: list[npt.NDArray[np.uint8]], rows: int, y_max: int
) -> Counts:
    """Histogram of y per scale index, ``int64 [rows, 2·y_max + 1]``, value −y_max first."""
    counts = np.zeros((rows, 2 * y_max + 1), np.int64)
    for sample, index in zip(samples, indices, strict=True):
        flat = index.ravel().astype(np.int64) * (2 * y_max + 1) + sample.y.ravel() + y_max
        counts += np.bincount(flat, minlength=counts.size).reshape(counts.shape)
    return counts
