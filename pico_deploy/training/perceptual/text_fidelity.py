"""Errors in text, where a plausible wrong letter is worse than a blurred right one."""

from __future__ import annotations

from torch import Tensor


def text_loss(x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error inside the text of each sample, as ``[N]``; 0 where it has none.

    ``x`` and ``y`` are ``[N, 3, H, W]`` in 0…1, ``mask [N, 1, H, W]`` is 1 inside text and else 0.
    """
    error = ((y - x).abs() * mask).sum((1, 2, 3))
    return error / (mask.sum((1, 2, 3)) * x.shape[1]).clamp_min(1)
