"""The tiny codec in PyTorch, as a codec of another package would be: it inherits and registers
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tiny_codec
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pico_deploy.codecs.protocol import Parts, Tables
from pico_deploy.entropy.model import EntropyModel, Geometry


def _quantised(mean: Tensor, gain: Tensor, limit: float, mask: Tensor) -> Tensor:
    return torch.clamp(torch.floor((mean - 0.5) * gain + 0.5), -limit, limit) * mask


class _Part(nn.Module):
    gains: Tensor

    def __init__(self, gains: Tensor) -> None:
        super().__init__()
        self.register_buffer("gains", gains[:, None])

    def gain(self, anchors: Tensor) -> Tensor:
        return (anchors @ self.gains).reshape(1, 1, 1, 1)


class TinyAnalysis(_Part):
    def forward(
        self, x: Tensor, anchors: Tensor, y_mask: Tensor, z_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        gain = self.gain(anchors)
        cells = F.avg_pool2d(x, 8).reshape(1, 3, 8, 2, 8, 2).permute(0, 3, 5, 1, 2, 4)
        y = _quantised(cells.reshape(1, 12, 8, 8), gain, 127, y_mask)
        return _quantised(F.avg_pool2d(x, 64), gain, 31, z_mask), y


class TinySynthesis(_Part):
    def forward(self, z: Tensor, y: Tensor, anchors: Tensor) -> Tensor:
        mean = y / self.gain(anchors) + 0.5 + 0 * z.sum()
        cells = mean.reshape(1, 2, 2, 3, 8, 8).permute(0, 3, 4, 1, 5, 2).reshape(1, 3, 16, 16)
        return torch.clamp(cells.repeat_interleave(8, 2).repeat_interleave(8, 3), 0.0, 1.0)


class TinyTorch:
    """Has the members of the ``Codec`` protocol."""

    name = "tiny"
    geometry: Geometry = tiny_codec.GEOMETRY

    def __init__(self, gains: Tensor) -> None:
        self.gains = gains

    @property
    def anchor_table(self) -> npt.NDArray[np.float32]:
        return tiny_codec.anchor_table()

    @property
    def entropy_model(self) -> EntropyModel:
        return tiny_codec.entropy_model()

    @classmethod
    def load(cls, weights: Path) -> Self:
        state: dict[str, Any] = torch.load(weights, weights_only=True)
        return cls(state["gain"])

    def parts(self, order: str) -> Parts:
        model = self.entropy_model
        return Parts(
            analysis=TinyAnalysis(self.gains).eval(),
            scale_decoder=model.layers,
            synthesis=TinySynthesis(self.gains).eval(),
            tables=Tables(y=model.y_tables, z=model.z_tables),
        )

    def synthesis_weights(self) -> Mapping[str, Tensor]:
        return {"gain": self.gains}


def save_weights(path: Path, factor: float = 1.0) -> Path:
    """A checkpoint of the tiny codec; a factor other than 1 makes it another model."""
    torch.save({"gain": torch.from_numpy(tiny_codec.ANCHOR_GAINS) * factor}, path)
    return path
