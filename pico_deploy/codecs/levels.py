"""Quality levels: 71 steps interpolated between 8 anchors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def anchor_weights(levels: int, anchors: int) -> npt.NDArray[np.float32]:
    """Weights of the anchors for every level, ``float32 [levels, anchors]``.

    Each row has at most two neighbouring non-zero entries and sums to 1. The same numbers enter
    the float parts of every runtime, so the table travels in the bundle's manifest.
    """
    position = np.arange(levels) * (anchors - 1) / (levels - 1)
    low = np.minimum(position.astype(int), anchors - 2)
    table = np.zeros((levels, anchors), np.float64)
    fraction = position - low
    rows = np.arange(levels)
    table[rows, low] = 1 - fraction
    table[rows, low + 1] = fraction
    return table.astype(np.float32)
