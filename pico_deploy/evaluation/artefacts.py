"""The two artefact figures of the PICO paper: damaged text, and seams between tiles.

The paper (arXiv 2605.05148) names them and does not define them; these definitions are ours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pico_deploy.conformance.pixels import Pixels

BLOCK = 8
"""Side of the blocks whose means are the low frequencies, in pixels."""


def text_l1(reference: Pixels, found: Pixels, mask: npt.NDArray[np.bool_]) -> float | None:
    """Mean absolute error inside ``mask [H, W]``, samples in 0…1; None where nothing is masked."""
    if not mask.any():
        return None
    difference = reference[mask].astype(np.int16) - found[mask]
    return float(np.abs(difference).mean() / 255)


def seam_error(reference: Pixels, found: Pixels, payload: int) -> float | None:
    """Mean step of the low-frequency error across tile seams, samples in 0…1.

    The error is averaged over blocks of 8×8 that touch a seam from both sides; the figure is the
    mean absolute difference of such neighbours. Seams lie at multiples of ``payload`` pixels; those
    with less than a block on a side are passed over. None without a seam.
    """
    error = found.astype(np.float32) - reference
    steps = [_steps(error, payload), _steps(error.swapaxes(0, 1), payload)]
    values = np.concatenate([part.ravel() for part in steps])
    return float(values.mean() / 255) if values.size else None


def _steps(error: npt.NDArray[np.float32], payload: int) -> npt.NDArray[np.float32]:
    """Steps across the horizontal seams of ``error [H, W, 3]``."""
    height, width = error.shape[:2]
    width -= width % BLOCK
    seams = [row for row in range(payload, height - BLOCK + 1, payload) if row >= BLOCK]
    steps = []
    for row in seams:
        around = error[row - BLOCK : row + BLOCK, :width]
        means = around.reshape(2, BLOCK, width // BLOCK, BLOCK, 3).mean((1, 3))
        steps.append(np.abs(means[1] - means[0]))
    return np.stack(steps) if steps else np.empty(0, np.float32)
