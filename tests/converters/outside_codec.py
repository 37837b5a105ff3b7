"""A scale-hyperprior codec that belongs to nobody: converters meet it only through the protocol.

Block DCT as the transform (16×16, the 4×4 lowest frequencies of each colour), a hyper-latent that
says how busy a neighbourhood is, scales from it by an integer layer, no context model. It has real
rates and real PSNR without training, ignores ``z`` in its synthesis, and its transposed
convolution, unused input and odd parameter names are traps for converters.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pico_deploy.codecs.protocol import Parts, Tables
from pico_deploy.codecs.shuffle import ShuffleOrder
from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.model import EntropyModel, Geometry, Layer, ZTables

BLOCK, KEPT, BUSY = 16, 4, 6
GEOMETRY = Geometry(
    payload=120,
    border=4,
    y_stride=BLOCK,
    z_stride=64,
    y_channels=3 * KEPT * KEPT,
    z_channels=BUSY,
    levels=11,
)
GAINS = (2.0, 6.0, 15.0)


def dct_basis() -> Tensor:
    """Orthonormal basis of the kept frequencies, float32 [48, 3, 16, 16]."""
    n = np.arange(BLOCK)
    rows = np.cos(np.pi * (2 * n[None] + 1) * n[:KEPT, None] / (2 * BLOCK)) * np.sqrt(2 / BLOCK)
    rows[0] /= np.sqrt(2)
    block = np.einsum("ui,vj->uvij", rows, rows).reshape(KEPT * KEPT, BLOCK, BLOCK)
    basis = np.zeros((3, KEPT * KEPT, 3, BLOCK, BLOCK), np.float32)
    for colour in range(3):
        basis[colour, :, colour] = block
    return torch.from_numpy(basis.reshape(-1, 3, BLOCK, BLOCK))


class _Gain(nn.Module):
    def __init__(self, gains: Tensor) -> None:
        super().__init__()
        self.mix = nn.Conv2d(len(gains), 1, 1, bias=False).requires_grad_(False)
        self.mix.weight.copy_(gains.view(1, -1, 1, 1))

    def forward(self, level: Tensor) -> Tensor:
        gain: Tensor = self.mix(level[:, :, None, None])
        return gain


class Coder(nn.Module):
    """Pixels to symbols."""

    def __init__(self, basis: Tensor, gains: Tensor) -> None:
        super().__init__()
        channels = basis.shape[0]
        self.transform = nn.Conv2d(3, channels, BLOCK, stride=BLOCK).requires_grad_(False)
        self.transform.weight.copy_(basis)
        self.transform.bias.copy_(-0.5 * basis.sum((1, 2, 3)))  # type: ignore[union-attr]
        self.busy = nn.Conv2d(channels, BUSY, 4, stride=4, bias=False).requires_grad_(False)
        self.busy.weight.zero_()
        for k in range(BUSY):
            self.busy.weight[k, k::BUSY] = 1 / 16
        self.gain = _Gain(gains)

    def forward(
        self, image: Tensor, level: Tensor, kept: Tensor, kept_coarse: Tensor
    ) -> tuple[Tensor, Tensor]:
        y = torch.floor(self.transform(image) * self.gain(level) + 0.5)
        y = torch.clamp(y, -127, 127) * kept
        magnitude = torch.relu(y) + torch.relu(-1.0 * y)
        z = torch.clamp(torch.floor(self.busy(magnitude) + 0.5), -31, 31) * kept_coarse
        return z, y


class Decoder(nn.Module):
    """Symbols to pixels; the scales were the coder's matter, so ``coarse`` is not read."""

    def __init__(self, basis: Tensor, gains: Tensor) -> None:
        super().__init__()
        self.inverse = nn.ConvTranspose2d(basis.shape[0], 3, BLOCK, stride=BLOCK)
        self.inverse.requires_grad_(False)
        self.inverse.weight.copy_(basis)
        self.inverse.bias.fill_(0.5)  # type: ignore[union-attr]
        self.gain = _Gain(gains)

    def forward(self, coarse: Tensor, symbols: Tensor, level: Tensor) -> Tensor:
        return torch.clamp(self.inverse(symbols / self.gain(level)), 0.0, 1.0)


class DctHyperprior:
    """The protocol, without inheriting from anything."""

    name = "dct-hyperprior"
    geometry = GEOMETRY

    def __init__(self, basis: Tensor, gains: Tensor) -> None:
        self.basis, self.gains = basis, gains

    @property
    def anchor_table(self) -> npt.NDArray[np.float32]:
        position = np.linspace(0, len(self.gains) - 1, GEOMETRY.levels)
        distance = np.abs(position[:, None] - np.arange(len(self.gains)))
        return np.maximum(0, 1 - distance).astype(np.float32)

    @property
    def entropy_model(self) -> EntropyModel:
        """Index = 2·z of the channel's group + a start that grows with the level."""
        outputs = 16 * GEOMETRY.y_channels
        weight = np.zeros((outputs, BUSY), np.int8)
        weight[np.arange(outputs), np.arange(outputs) % GEOMETRY.y_channels % BUSY] = 2
        start = np.linspace(14, 28, GEOMETRY.levels).astype(np.int32)
        layer = Layer(
            kind="pointwise",
            weight=weight,
            multiplier=np.ones(outputs, np.int32),
            shift=0,
            bias=np.repeat(start[:, None], outputs, 1),
            upsample="shuffle",
            factor=4,
        )
        z_tables = ZTables(
            rows=(np.full(64, 64, np.uint16),),
            anchor_of_level=np.zeros(GEOMETRY.levels, np.uint8),
            row=np.zeros((1, 1, BUSY), np.uint8),
        )
        return EntropyModel(GEOMETRY, (layer,), 0, standard_tables(), z_tables)

    @classmethod
    def load(cls, weights: Path) -> Self:
        tensors = load_file(weights)
        return cls(tensors["basis"], tensors["gains"])

    def save(self, weights: Path) -> None:
        save_file({"basis": self.basis, "gains": self.gains}, weights)

    def parts(self, order: ShuffleOrder) -> Parts:
        model = self.entropy_model
        with torch.no_grad():
            coder, decoder = Coder(self.basis, self.gains), Decoder(self.basis, self.gains)
        tables = Tables(model.y_tables, model.z_tables)
        return Parts(coder.eval(), model.layers, decoder.eval(), tables)

    def synthesis_weights(self) -> Mapping[str, Tensor]:
        return {"basis": self.basis, "gains": self.gains}


def make() -> DctHyperprior:
    """The codec as its author would have saved it."""
    return DctHyperprior(dct_basis(), torch.tensor(GAINS))
