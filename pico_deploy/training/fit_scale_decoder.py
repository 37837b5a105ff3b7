"""Fit a scale decoder to symbols that a finished codec emits: through its integers, to the tables
it ships with.

During training the linear one only looks on, at the learning rate of everything else; one layer on
fixed symbols is a small problem of its own, and an order of magnitude better solved as one. The
deep one, which the codec was trained with, learns here what rounding does to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pico_deploy._core import Model
from pico_deploy.codecs.scale_decoder import FloatScaleDecoder
from pico_deploy.codecs.trained import ScaleShape
from pico_deploy.entropy.model import EntropyModel, ZTables
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.training.calibrate import Sample
from pico_deploy.training.integer_rate import table_costs
from pico_deploy.training.integer_twin import IntegerTwin, entropy_model

BATCH = 4
PLACES = 256
"""Places of z a step, for the shape that sees one at a time: as many as `BATCH` tiles have, but of
many tiles. `linear` of `pico-s` costs 0.2 % less for it."""
SEED = 7
TABLES_EVERY = 250
"""Steps after which the tables follow the indices."""
SMALLEST_MOMENT = 0.1
"""What a direction of z counts as holding at least. Weights along those that hold less would grow
until eight bits a weight are too few for the others: `linear` of `pico-s` costs 0.9 % more with
1e-4. With 1e-2 it is as good, but needs a coarser shift; with 0.3 it costs 0.2 % more."""


@dataclass(frozen=True)
class Fit:
    """How a scale decoder is fitted; no step leaves it as it was trained."""

    steps: int
    learning_rate: float


FITS: Mapping[ScaleShape, Fit] = {"conv": Fit(500, 3e-4), "linear": Fit(2000, 5e-2)}


def fit_scale_decoder(
    twin: IntegerTwin,
    z_tables: ZTables,
    samples: tuple[Sample, ...],
    fit: Fit,
    channels: Sequence[int] | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> EntropyModel:
    """Train the twin's scale decoder in place; returns the model with the tables that it ends in.

    Adam with a half-cosine decay on what the samples' y cost in the tables that the integer indices
    select; nothing else changes. The tables are fitted again as the indices move. ``channels``
    of y, for the shape of one layer: the weights of all others stay, bit for bit.
    """
    decoder = twin.decoder
    decoder.requires_grad_(True)
    entrance = Entrance(twin, samples, channels)
    inner = [*decoder.weight[1:], *decoder.bias[1:]]
    optimiser = torch.optim.Adam([entrance.coordinates, *inner], lr=fit.learning_rate)
    alone = len(decoder.spec) == 1
    pieces = [p for s in samples for p in places(s)] if alone else list(samples)
    owner = np.repeat(np.arange(len(samples)), [s.z[0].size if alone else 1 for s in samples])
    rng = np.random.default_rng(SEED)
    for step in range(fit.steps):
        if step % TABLES_EVERY == 0:
            model = entropy_model(twin, z_tables, samples)
            costs = torch.from_numpy(table_costs(model.y_tables, model.geometry.y_max)).float()
            rates = _rates(model, costs, samples)
        for group in optimiser.param_groups:
            group["lr"] = fit.learning_rate * (0.5 + 0.5 * math.cos(math.pi * step / fit.steps))
        numbers = rng.integers(len(pieces), size=PLACES if alone else BATCH)
        drawn = [pieces[i] for i in numbers]
        z = torch.from_numpy(np.stack([s.z for s in drawn])).float()
        y = torch.from_numpy(np.stack([s.y for s in drawn])).long()
        index = twin(z, torch.tensor([s.level for s in drawn]))
        # Each sample counts by its own rate, or the highest levels would be all that is heard.
        loss = (table_bits(costs, index, y).mean((1, 2, 3)) / rates[owner[numbers]]).mean()
        decoder.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        entrance.pull()
        optimiser.step()
        entrance.push()
        report(step + 1, fit.steps)
    decoder.requires_grad_(False)
    return entropy_model(twin, z_tables, samples)


def places(sample: Sample) -> list[Sample]:
    """What each single position of z says of y: z ``[Z, 1, 1]``, y ``[M, 4, 4]``; views."""
    _, rows, columns = sample.z.shape
    high, wide = sample.y.shape[1] // rows, sample.y.shape[2] // columns
    return [
        Sample(
            sample.level,
            sample.z[:, i : i + 1, j : j + 1],
            sample.y[:, high * i : high * (i + 1), wide * j : wide * (j + 1)],
        )
        for i in range(rows)
        for j in range(columns)
    ]


def _rates(model: EntropyModel, costs: Tensor, samples: tuple[Sample, ...]) -> Tensor:
    """Mean bits of a symbol of y, float32 [samples]."""
    core, bits, entry = Model(to_bytes(model)), costs.numpy(), model.geometry.y_max
    indices = (core.scale_indices(s.z[None], np.array([s.level], np.uint8))[0] for s in samples)
    means = [bits[i, s.y.astype(int) + entry].mean() for i, s in zip(indices, samples, strict=True)]
    return torch.tensor(means, dtype=torch.float32)


def table_bits(costs: Tensor, index: Tensor, y: Tensor) -> Tensor:
    """What every y costs in the table of its index, elementwise; its gradient is the slope between
    the neighbouring tables.

    costs: float32 [tables, 2·y_max + 1], value −y_max first. index: whole numbers, float32. y:
    int64. The last two of one shape.
    """
    last, entry = len(costs) - 1, y + costs.shape[1] // 2
    here = index.detach().long()
    above, below = (here + 1).clamp(max=last), (here - 1).clamp(min=0)
    slope = (costs[above, entry] - costs[below, entry]) / (above - below)
    return costs[here, entry] + slope * (index - index.detach())


class Entrance:
    """The weights that z meets, in coordinates in which z is white.

    Directions of z differ hundreds of thousands of times in power. Adam, which makes the steps of
    all weights alike, needs several times the steps without.
    """

    def __init__(
        self,
        twin: IntegerTwin,
        samples: tuple[Sample, ...],
        channels: Sequence[int] | None = None,
    ) -> None:
        self._decoder: FloatScaleDecoder = twin.decoder
        self._rows = torch.arange(len(twin.decoder.weight[0]))
        if channels is not None:
            if len(twin.decoder.spec) > 1:
                raise ValueError("only the shape of one layer has weights of a channel's own")
            # What becomes depth first names the place in the cell, then the channel.
            own = self._rows % twin.config.latent_channels
            self._rows = self._rows[torch.isin(own, torch.tensor(list(channels)))]
        self._to_weights = torch.from_numpy(whitening(_moments(twin, samples))).float()
        back = torch.linalg.inv(self._to_weights.double()).float()
        with torch.no_grad():
            self.coordinates = self._joined(twin.decoder.weight[0], twin.decoder.bias[0]) @ back

    def _joined(self, weight: Tensor, bias: Tensor) -> Tensor:
        """[rows, z channels + anchors]: a bias is the weight of an anchor's share."""
        return torch.cat([weight[:, :, 0, 0], bias.t()], dim=1)[self._rows]

    def pull(self) -> None:
        """Take over the gradient of the weights."""
        weight, bias = self._decoder.weight[0].grad, self._decoder.bias[0].grad
        assert weight is not None and bias is not None
        self.coordinates.grad = self._joined(weight, bias) @ self._to_weights.t()

    @torch.no_grad()
    def push(self) -> None:
        """Set the weights to what the coordinates have become."""
        weight, bias = self._decoder.weight[0], self._decoder.bias[0]
        joined = self.coordinates @ self._to_weights
        weight[self._rows] = joined[:, : weight.shape[1], None, None]
        bias[:, self._rows] = joined[:, weight.shape[1] :].t()


def _moments(twin: IntegerTwin, samples: tuple[Sample, ...]) -> npt.NDArray[np.float64]:
    """Mean products of everything that meets a weight at a position: z and the anchors' shares,
    float64 [z channels + anchors, same]."""
    table = twin.anchor_table.astype(np.float64)
    size = twin.config.hyper_channels + twin.config.anchors
    moments, positions = np.zeros((size, size)), 0
    for sample in samples:
        z = sample.z.reshape(len(sample.z), -1).astype(np.float64)
        shares = np.repeat(table[sample.level][:, None], z.shape[1], axis=1)
        inputs = np.concatenate([z, shares])
        moments += inputs @ inputs.T
        positions += z.shape[1]
    return moments / positions


def whitening(moments: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The symmetric inverse square root."""
    power, directions = np.linalg.eigh(moments)
    scaled = directions / np.sqrt(np.maximum(power, SMALLEST_MOMENT))
    root: npt.NDArray[np.float64] = scaled @ directions.T
    return root
