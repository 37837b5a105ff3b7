"""SSIMULACRA 2 as a loss: the metric's maps and weights, differentiable and batched.

The metric, by Jon Sneyers (cloudinary/ssimulacra2), compares two pictures in XYB at six scales by
structural similarity, by edges that one has too many (ringing) and by detail that it lost, each as
a mean and as a mean of fourth powers, which weighs the worst places. The weights of the maps are
read from the ``ssimulacra2`` package, with which `evaluate` measures; tests hold the rest to it.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from pico_deploy.errors import MissingDependencyError

SCALES = 6
SMALLEST_SCALE = 8
SMALLEST = SMALLEST_SCALE << (SCALES - 1)
"""Pixels that a side must have for all scales."""
SIGMA, RADIUS = 1.5, 5
SSIM_C2 = 0.0009
# The score of a sum of weighted maps: 100 - 10 * cubic(sum) ** power.
CUBIC = (2.326765642916932, -0.020884521182843837, 6.248496625763138e-05)
SUM_GAIN, POWER = 0.9562382616834844, 0.6276336467831387
# Keep the gradients of roots finite where two pictures are equal.
EQUAL_FOURTH, EQUAL_SUM = 1e-20, 1e-4


def ssimulacra2_loss(x: Tensor, y: Tensor) -> Tensor:
    """(100 − score) / 100 of ``y`` against ``x``, float32 ``[N, 3, H, W]`` sRGB in 0…1, as ``[N]``.

    0 is no difference; 1 is a score of 0. Scales whose sides would be below ``SMALLEST_SCALE`` are
    left out. Raises ``MissingDependencyError`` without the ssimulacra2 package.
    """
    weights = _weights().to(x.device, x.dtype)
    first, second = _linear(x), _linear(y.clamp(0, 1))
    total = torch.zeros(x.shape[0], device=x.device, dtype=x.dtype)
    for scale in range(SCALES):
        if scale:
            first, second = F.avg_pool2d(first, 2), F.avg_pool2d(second, 2)
        if min(first.shape[2:]) < SMALLEST_SCALE:
            break
        total = total + (_maps(_xyb(first), _xyb(second)) * weights[:, scale]).sum((1, 2))
    total = (total * SUM_GAIN).clamp(min=EQUAL_SUM)
    cubic = total * (CUBIC[0] + total * (CUBIC[1] + total * CUBIC[2]))
    return cubic**POWER / 10


@cache
def _weights() -> Tensor:
    """``[3 channels, 6 scales, 6 maps]``; maps: mean and 4-norm of each of SSIM, ringing, loss."""
    try:
        from ssimulacra2.ssimulacra2 import weights
    except ImportError as error:
        raise MissingDependencyError(
            "the ssimulacra2 term needs ssimulacra2: pip install 'pico-deploy[evaluate]'"
        ) from error
    return torch.from_numpy(weights.reshape(3, SCALES, 6))


def _linear(x: Tensor) -> Tensor:
    """SRGB → linear light."""
    return torch.where(x <= 0.04045, x / 12.92, ((x.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def _xyb(linear: Tensor) -> Tensor:
    """Linear RGB → XYB, shifted to positive numbers as the metric does."""
    absorbance = linear.new_tensor(
        [
            [0.30, 0.622, 0.078],
            [0.23, 0.692, 0.078],
            [0.24342268924547819, 0.20476744424496821, 0.5518098665095536],
        ]
    )
    bias = 0.0037930732552754493
    mixed = torch.einsum("oc,nchw->nohw", absorbance, linear) + bias
    long, medium, short = (mixed ** (1 / 3) - bias ** (1 / 3)).unbind(1)
    luma = 0.5 * (long + medium)
    return torch.stack([7 * (long - medium) + 0.42, luma + 0.01, short - luma + 0.55], 1)


def _maps(x: Tensor, y: Tensor) -> Tensor:
    """What the metric sums, unweighted, ``[N, 3, 6]``."""
    mean_x, mean_y = _blur(x), _blur(y)
    square_x, square_y, product = _blur(x * x), _blur(y * y), _blur(x * y)
    luminance = 1 - (mean_x - mean_y).square()
    covariance = 2 * (product - mean_x * mean_y) + SSIM_C2
    variances = (square_x - mean_x.square()) + (square_y - mean_y.square()) + SSIM_C2
    ssim = (1 - luminance * covariance / variances).clamp(min=0)
    edges = (1 + (y - mean_y).abs()) / (1 + (x - mean_x).abs()) - 1
    maps = torch.stack([ssim, edges.clamp(min=0), (-edges).clamp(min=0)], 2)
    means = maps.mean((3, 4))
    fourth = (maps.square().square().mean((3, 4)) + EQUAL_FOURTH) ** 0.25
    return torch.cat([means, fourth], 2)


def _blur(x: Tensor) -> Tensor:
    """Gaussian blur as two products by banded matrices, which have the metric's edges in them."""
    rows, columns = _gaussian(x.shape[2], True), _gaussian(x.shape[3], False)
    return rows.to(x.device, x.dtype) @ x @ columns.to(x.device, x.dtype).t()


@cache
def _gaussian(size: int, mirror: bool) -> Tensor:
    """``[size, size]``; outside lies the mirror image, or zero."""
    offsets = torch.arange(-RADIUS, RADIUS + 1)
    taps = torch.exp(-0.5 * (offsets / SIGMA).double().square())
    taps = taps / taps.sum()
    matrix = torch.zeros(size, size, dtype=torch.float64)
    for row in range(size):
        for offset, tap in zip(offsets.tolist(), taps.tolist(), strict=True):
            place = row + offset
            if mirror:
                place = -1 - place if place < 0 else place
                place = 2 * size - 1 - place if place >= size else place
            if 0 <= place < size:
                matrix[row, place] += tap
    return matrix
