"""Multi-scale structural similarity as a loss."""

from __future__ import annotations

from torch import Tensor

from pico_deploy.errors import MissingDependencyError

SMALLEST = 161
"""Pixels that a side must have for the five scales."""


def ms_ssim_loss(x: Tensor, y: Tensor) -> Tensor:
    """1 − MS-SSIM of ``x`` and ``y``, both ``[N, 3, H, W]`` in 0…1, as ``[N]``.

    Raises ``MissingDependencyError`` without pytorch-msssim.
    """
    try:
        from pytorch_msssim import ms_ssim
    except ImportError as error:
        raise MissingDependencyError(
            "MS-SSIM needs pytorch-msssim: pip install 'pico-deploy[evaluate]'"
        ) from error
    similarity: Tensor = ms_ssim(x.contiguous(), y.contiguous(), data_range=1.0, size_average=False)
    return 1 - similarity
