"""Teach hyper-analysis to say in z what the linear scale decoder can read.

z of a codec that was trained beside `conv` leaves to that network what a single layer cannot do:
to look at neighbours, and to bend. Here hyper-analysis learns together with the linear scale
decoder, on latents that stay as they are, so that a step costs a fraction of one of the whole
codec. z predicts µ and q too, and what reads it there stays: the decoder is not touched.

Rate alone would be won by coarser steps q. So the error that quantisation leaves in the latent is
held at every anchor a little below where it was, by a price on it that rises while it is larger and
falls while it is smaller (dual ascent on the Lagrangian of a constrained problem).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec, fold_networks
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.errors import TrainingError
from pico_deploy.training.calibrate import Sample, levels_a_crop
from pico_deploy.training.data import CropSampler
from pico_deploy.training.fit_scale_decoder import Entrance
from pico_deploy.training.integer_twin import IntegerTwin
from pico_deploy.training.objective import balance, code, index_bits, level_lambda

SEED = 777
LEVEL_WEIGHT_POWER = 0.5
FIRST_PRICE = 2.0
"""In units of a level's λ: what an error of the latent costs at first. It is worth more than its
own share of the mean squared error, because errors of a channel resemble what the encoder already
left out of it."""
PRICE_RATE = 0.03
LARGEST_RATIO = 2.0
HELD_AT = 0.985
"""Of the error that was there. It grows more like what the encoder left out, and a picture then
loses more than its share of it: held at all of it, Kodak lost 0.05 to 0.1 dB."""
WARM_UP = 500
"""Steps over which the rate of hyper-analysis rises, while the scale decoder catches up with z."""
PROBE = 0.5
PROBED_CROPS = 2
PROBED_SIDE = 128
CHUNK = 8


@dataclass(frozen=True)
class HyperFit:
    """How hyper-analysis (Adam) and the linear scale decoder, in coordinates in which z is white,
    are fitted to ``crops`` crops of a tile, ``batch`` of them a step; both rates end in zero."""

    crops: int = 1000
    steps: int = 4000
    batch: int = 4
    learning_rate: float = 3e-4
    linear_learning_rate: float = 1e-2


@dataclass(frozen=True)
class Latents:
    """What the encoder makes of crops: ``values float32 [N, M, H, W]``, the ``anchor`` of each of
    ``levels`` and of the batch, int64 ``[N]``."""

    values: Tensor
    anchor: Tensor
    levels: Tensor
    table: Tensor  # weights of the anchors at their own levels, float32 [anchors, anchors]

    def batch(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Latents and anchor weights ``[n, A]`` of some samples."""
        return self.values[numbers], self.table[self.anchor[numbers]]


@torch.no_grad()
def latents_of(
    network: PicoCodec, crops: CropSampler, count: int, report: Callable[[int, int], None]
) -> Latents:
    """Encode ``count`` crops, each at :func:`levels_a_crop` of the anchors by turns; 1 MB each for
    `pico-s`."""
    config = network.config
    weights = anchor_weights(config.levels, config.anchors)
    levels = anchor_levels(weights)
    table = torch.from_numpy(weights)[list(levels)]
    encoder = fold_networks(network, "crd").encoder.eval()
    share = levels_a_crop(len(levels), count)
    values, anchor = [], []
    for number in range(count):
        x = _as_input(crops.draw(number))
        for turn in range(number * share, (number + 1) * share):
            which = turn % len(levels)
            values.append(encoder(x, table[which][None]))
            anchor.append(which)
        report(number + 1, count)
    return Latents(torch.cat(values), torch.tensor(anchor), torch.tensor(levels), table)


@torch.no_grad()
def symbols_of(network: PicoCodec, latents: Latents) -> tuple[Sample, ...]:
    """What ``network`` as it is now makes of the latents."""
    found = []
    for numbers in _chunks(latents):
        coded = code(network, *latents.batch(numbers), noise=False)
        for number, z, y in zip(numbers, coded.z, coded.y, strict=True):
            level = int(latents.levels[latents.anchor[number]])
            found.append(Sample(level, z.to(torch.int8).numpy(), y.to(torch.int8).numpy()))
    return tuple(found)


@torch.no_grad()
def error_weights(network: PicoCodec, crops: CropSampler, first: int, table: Tensor) -> Tensor:
    """By how much the mean squared error of a picture (0…255) grows with that of a latent channel,
    float32 [anchors, M]: measured with signs thrown at every channel by itself, on crops from
    number ``first`` on."""
    folded = fold_networks(network, "crd").eval()
    side = min(PROBED_SIDE, network.config.tile)
    drawn = [crops.draw(first + i)[:side, :side] for i in range(PROBED_CROPS)]
    x = torch.cat([_as_input(pixels) for pixels in drawn])
    generator = torch.Generator().manual_seed(SEED)
    rows = []
    for anchors in table:
        many = anchors.expand(len(x), -1)
        latent = folded.encoder(x, many)
        plain = folded.decoder(latent, many)
        row = []
        for channel in range(latent.shape[1]):
            signs = torch.randint(0, 2, latent[:, 0].shape, generator=generator) * 2 - 1
            moved = latent.clone()
            moved[:, channel] += PROBE * signs
            row.append((folded.decoder(moved, many) - plain).square().mean() * 65025 / PROBE**2)
        rows.append(torch.stack(row))
    return torch.stack(rows)


def latent_error(values: Tensor, latent: Tensor, weights: Tensor) -> Tensor:
    """What of the mean squared error comes from ``values`` instead of ``latent [N, M, H, W]``, with
    :func:`error_weights` ``[N, M]`` of each; float32 [N]."""
    error: Tensor = ((values - latent).square().mean((2, 3)) * weights).sum(1)
    return error


def fit_hyper(
    network: PicoCodec,
    latents: Latents,
    crops: CropSampler,
    fit: HyperFit,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Train hyper-analysis, the prior of z and the linear scale decoder of ``network`` in place,
    on the ``latents`` of the first of ``crops``.

    The loss of a crop is what z and, under ``linear``, y cost, and the priced error of the latent.
    Raises ``TrainingError`` when it is not finite.
    """
    config = network.config
    pixels = config.tile * config.tile
    network.requires_grad_(False)
    weights = error_weights(network, crops, fit.crops, latents.table)
    before = _errors(network, latents, weights)
    linear = network.scale_decoders["linear"]
    linear.requires_grad_(True)
    hyper = [*network.hyper_encoder.parameters(), network.z_log_scale]
    for parameter in hyper:
        parameter.requires_grad_(True)
    entrance = Entrance(IntegerTwin(network, "linear", ()), symbols_of(network, latents))
    optimiser = torch.optim.Adam([{"params": hyper}, {"params": [entrance.coordinates]}])
    low, high = config.lambda_range
    lambdas = level_lambda(latents.levels, config.levels, low, high)
    counts = balance(lambdas, low, high, LEVEL_WEIGHT_POWER)
    price = [FIRST_PRICE] * len(latents.levels)
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    for step in range(fit.steps):
        decay = 0.5 + 0.5 * math.cos(math.pi * step / fit.steps)
        optimiser.param_groups[0]["lr"] = fit.learning_rate * decay * min(1, step / WARM_UP)
        optimiser.param_groups[1]["lr"] = fit.linear_learning_rate * decay
        numbers = torch.from_numpy(rng.integers(len(latents.values), size=fit.batch))
        latent, anchors = latents.batch(numbers)
        of = latents.anchor[numbers]
        coded = code(network, latent, anchors, noise=True)
        y_bits = index_bits(network, coded.y, linear(coded.z, anchors))
        error = latent_error(coded.values, latent, weights[of])
        prices = lambdas[of] * torch.tensor([price[i] for i in of.tolist()])
        loss = (counts[of] * ((coded.z_bits + y_bits) / pixels + prices * error)).mean()
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"the loss of hyper-analysis is not finite at step {step}")
        optimiser.zero_grad()
        linear.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        entrance.pull()
        optimiser.step()
        entrance.push()
        ratios = (error.detach() / before[numbers]).tolist()
        for which, ratio in zip(of.tolist(), ratios, strict=True):
            price[which] *= math.exp(PRICE_RATE * (min(ratio, LARGEST_RATIO) - HELD_AT))
        report(step + 1, fit.steps)
    network.requires_grad_(False)


def _as_input(pixels: npt.NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255


def _chunks(latents: Latents) -> Iterator[Tensor]:
    every = torch.arange(len(latents.values))
    return (every[i : i + CHUNK] for i in range(0, len(every), CHUNK))


@torch.no_grad()
def _errors(network: PicoCodec, latents: Latents, weights: Tensor) -> Tensor:
    found = []
    for numbers in _chunks(latents):
        latent, anchors = latents.batch(numbers)
        coded = code(network, latent, anchors, noise=False)
        found.append(latent_error(coded.values, latent, weights[latents.anchor[numbers]]))
    return torch.cat(found)
