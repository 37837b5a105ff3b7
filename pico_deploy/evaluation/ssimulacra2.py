"""SSIMULACRA 2 by the functions of the ``ssimulacra2`` package, one channel at a time.

The package blurs all channels of both pictures at once and takes 510 bytes a pixel, which at 24
megapixels is more than most machines have left. The planes of one channel take less than half of
that, and their averages are those of the package, to the last bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from ssimulacra2 import ssimulacra2 as package

from pico_deploy.conformance.pixels import Pixels

CHANNELS = 3
SMALLEST_SCALE = 8
Planes = npt.NDArray[np.float64]


def ssimulacra2(reference: Pixels, found: Pixels) -> float:
    """Score of ``found`` against ``reference``, both ``uint8 [H, W, 3]`` sRGB; 100 for equal ones.

    Memory: about 220 bytes a pixel.
    """
    of_byte = package.srgb_to_linear(np.arange(256))
    first, second = of_byte[reference], of_byte[found]
    scales = package.Msssim()
    for scale in range(package.kNumScales):
        if scale:
            first, second = package.downsample(first, 2, 2), package.downsample(second, 2, 2)
        if min(first.shape[:2]) < SMALLEST_SCALE:
            break
        scales.scales.append(_averages(first, second))
    return float(scales.score())


def _averages(first: Planes, second: Planes) -> package.MsssimScale:
    """Averages of the maps of one scale, of two pictures in linear light."""
    x, y = _xyb(first), _xyb(second)
    averages = package.MsssimScale()
    for channel in range(CHANNELS):
        a, b = (np.ascontiguousarray(image[:, :, channel : channel + 1]) for image in (x, y))
        mean_a, mean_b = package.blur_image(a), package.blur_image(b)
        edges = package.edge_diff_map(a, mean_a, b, mean_b)
        squares = (package.blur_image(one * other) for one, other in ((a, a), (b, b), (a, b)))
        structure = package.ssim_map(mean_a, mean_b, *squares)
        # A single channel's two means, or four, stand in the place of every channel's.
        averages.avg_ssim[2 * channel : 2 * channel + 2] = structure[:2]
        averages.avg_edgediff[4 * channel : 4 * channel + 4] = edges[:4]
    return averages


def _xyb(linear: Planes) -> Planes:
    xyb: Planes = package.make_positive_xyb(package.linear_rgb_to_xyb(linear))
    return xyb
