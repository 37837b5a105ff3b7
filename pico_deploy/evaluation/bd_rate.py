"""Bjøntegaard rate difference: how many percent more bytes a codec needs for the same PSNR.

Log-rate is interpolated as a function of PSNR by PCHIP (monotone, no overshoot) and averaged over
the range of PSNR that both curves have, as in VCEG-M33 with the interpolation of JVET-H0030.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pico_deploy.errors import InputError, MissingDependencyError


class CurveError(InputError):
    """Two rate-distortion curves cannot be compared: too few points, or no PSNR in common."""


@dataclass(frozen=True)
class Point:
    """One coded image: rate in bits per pixel of the whole file, distortion as PSNR in dB."""

    bits_per_pixel: float
    psnr_db: float


@dataclass(frozen=True)
class Curve:
    """Points in rising order of rate and of PSNR. ``left_out`` are those that do not fit in.

    A point is left out when another one is at least as good for fewer bits (interpolation over PSNR
    would fold back), or when its PSNR is infinite.
    """

    points: tuple[Point, ...]
    left_out: tuple[Point, ...] = ()

    @classmethod
    def of(cls, points: Iterable[Point]) -> Curve:
        """The curve through the points that no other point dominates."""
        kept: list[Point] = []
        left_out: list[Point] = []
        for point in sorted(points, key=lambda p: (p.bits_per_pixel, -p.psnr_db)):
            better = not kept or point.psnr_db > kept[-1].psnr_db
            fits = better and math.isfinite(point.psnr_db) and point.bits_per_pixel > 0
            (kept if fits else left_out).append(point)
        return cls(tuple(kept), tuple(left_out))


@dataclass(frozen=True)
class RateDifference:
    """BD-rate in percent (negative: fewer bytes than the anchor) and the PSNR range it holds
    for.
    """

    percent: float
    low_db: float
    high_db: float


def bd_rate(anchor: Curve, test: Curve) -> RateDifference:
    """Mean rate difference of ``test`` against ``anchor``.

    Raises ``CurveError`` when a curve has fewer than two points or no range of PSNR is common.
    """
    for name, curve in (("anchor", anchor), ("test", test)):
        if len(curve.points) < 2:
            raise CurveError(
                f"the {name} curve has {len(curve.points)} usable points, expected at least 2; "
                "code the image at more settings"
            )
    low = max(anchor.points[0].psnr_db, test.points[0].psnr_db)
    high = min(anchor.points[-1].psnr_db, test.points[-1].psnr_db)
    if low >= high:
        raise CurveError(
            f"no common range of PSNR: {_range(anchor)} and {_range(test)}; code at more settings"
        )
    difference = (_integral(test, low, high) - _integral(anchor, low, high)) / (high - low)
    return RateDifference(100 * math.expm1(difference), low, high)


def _range(curve: Curve) -> str:
    return f"{curve.points[0].psnr_db:.2f}…{curve.points[-1].psnr_db:.2f} dB"


def _integral(curve: Curve, low: float, high: float) -> float:
    try:
        from scipy.interpolate import PchipInterpolator
    except ImportError as error:
        raise MissingDependencyError(
            "BD-rate needs scipy; install it with: pip install 'pico-deploy[train]'"
        ) from error
    psnr = np.asarray([p.psnr_db for p in curve.points])
    log_rate = np.log([p.bits_per_pixel for p in curve.points])
    return float(PchipInterpolator(psnr, log_rate).integrate(low, high))
