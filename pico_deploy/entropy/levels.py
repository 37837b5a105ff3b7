"""Which levels stand for the anchors that everything of a codec interpolates between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def anchor_levels(anchor_table: NDArray[np.float32]) -> tuple[int, ...]:
    """The level of each anchor's largest weight, from a ``float32 [levels, anchors]`` table."""
    return tuple(sorted({int(level) for level in anchor_table.argmax(0)}))
