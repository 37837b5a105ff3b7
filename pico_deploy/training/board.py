"""A run in TensorBoard: scalars, and held-out crops beside what the codec makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


class Board:
    """Writes event files below ``folder``; does nothing when TensorBoard is not installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None
        self.available = True

    def _open(self) -> Any:
        if self._writer is None and self.available:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                self.available = False
            else:
                self._writer = SummaryWriter(str(self._folder))
        return self._writer

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One value a name."""
        writer = self._open()
        if writer is not None:
            for name, value in values.items():
                writer.add_scalar(name, value, step)

    def pairs(self, step: int, name: str, original: Tensor, decoded: Tensor) -> None:
        """Pictures ``[3, H, W]`` in 0…1 side by side, original on the left."""
        writer = self._open()
        if writer is not None:
            both = torch.cat((original, decoded), 2).clamp(0, 1).cpu()
            writer.add_image(name, both, step)

    def flush(self) -> None:
        """Everything so far to the disk."""
        if self._writer is not None:
            self._writer.flush()
