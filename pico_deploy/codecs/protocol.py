"""What converters and the bundle see of a codec: its parts, its integers, its level table.

A codec of any other package takes part by having these members; nothing is inherited or
registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from pico_deploy.codecs.shuffle import ShuffleOrder
from pico_deploy.entropy.model import EntropyModel, Geometry, Layer, Table, ZTables

PartName = Literal["analysis", "synthesis"]
ACCELERATOR_PARTS: tuple[PartName, PartName] = ("analysis", "synthesis")


@dataclass(frozen=True)
class Tables:
    """Integer frequency tables of the exact core: one per scale index for ``y``, factorised ones
    for ``z``."""

    y: tuple[Table, ...]
    z: ZTables


@dataclass(frozen=True)
class Parts:
    """The deployable parts of a codec.

    ``analysis(x, anchors, y_mask, z_mask) -> (z, y)`` and ``synthesis(z, y, anchors) -> x_hat``
    run on the accelerator: float32 tensors of batch 1 and static shapes, symbols as exact
    integers, traceable by ``torch.export``. ``scale_decoder`` and ``tables`` run in the exact core.

    Shapes for tile side T and strides s_y, s_z: ``x [1, 3, T, T]`` in 0…1, ``anchors [1, A]``,
    ``y_mask [1, 1, T/s_y, T/s_y]``, ``z_mask [1, 1, T/s_z, T/s_z]`` (1 = coded, 0 = void).
    """

    analysis: nn.Module
    scale_decoder: tuple[Layer, ...]
    synthesis: nn.Module
    tables: Tables


@runtime_checkable
class Codec(Protocol):
    """A trained codec, ready for conversion."""

    @property
    def name(self) -> str:
        """Short identifier, used in file names: ``[a-z0-9-]+``."""
        ...

    @property
    def geometry(self) -> Geometry:
        """Tile geometry, channel and level counts."""
        ...

    @property
    def anchor_table(self) -> npt.NDArray[np.float32]:
        """Anchor weights of every level, ``float32 [levels, anchors]``: the float parts' level
        input."""
        ...

    @property
    def entropy_model(self) -> EntropyModel:
        """The integer entropy model, made of stored integers: no forward pass, no calibration at
        export."""
        ...

    @classmethod
    def load(cls, weights: Path) -> Self:
        """Read a checkpoint; raises ``CheckpointError`` when it is unsafe, incomplete or holds
        NaN."""
        ...

    def parts(self, order: ShuffleOrder) -> Parts:
        """Folded, inference-only parts whose depth-to-space reads channels in ``order``."""
        ...

    def synthesis_weights(self) -> Mapping[str, Tensor]:
        """Canonical float weights of ``synthesis``; their hash is the pixel fingerprint of
        streams."""
        ...
