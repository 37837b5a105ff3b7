"""Bjøntegaard rate difference: how many percent more bytes a codec needs for the same quality.

Log-rate is interpolated as a function of quality by PCHIP (monotone, no overshoot) and averaged
over the range of quality that both curves have, as in VCEG-M33 with the interpolation of
JVET-H0030. Quality is PSNR in dB, or any other metric on a scale that rises with quality.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pico_deploy.errors import InputError, MissingDependencyError


class CurveError(InputError):
    """Two rate-distortion curves cannot be compared: too few points, or no quality in common."""


@dataclass(frozen=True)
class Point:
    """One coded image: rate in bits per pixel of the whole file, and quality, higher is better."""

    bits_per_pixel: float
    quality: float


@dataclass(frozen=True)
class Curve:
    """Points in rising order of rate and of quality. ``left_out`` are those that do not fit in.

    A point is left out when another one is at least as good for fewer bits (interpolation over
    quality would fold back), or when its quality is infinite.
    """

    points: tuple[Point, ...]
    left_out: tuple[Point, ...] = ()

    @classmethod
    def of(cls, points: Iterable[Point]) -> Curve:
        """The curve through the points that no other point dominates."""
        kept: list[Point] = []
        left_out: list[Point] = []
        for point in sorted(points, key=lambda p: (p.bits_per_pixel, -p.quality)):
            better = not kept or point.quality > kept[-1].quality
            fits = better and math.isfinite(point.quality) and point.bits_per_pixel > 0
            (kept if fits else left_out).append(point)
        return cls(tuple(kept), tuple(left_out))


@dataclass(frozen=True)
class RateDifference:
    """BD-rate in percent (negative: fewer bytes than the anchor) and the range of quality it holds
    for.
    """

    percent: float
    low: float
    high: float


def bd_rate(anchor: Curve, test: Curve, cap: float | None = None) -> RateDifference:
    """Mean rate difference of ``test`` against ``anchor``.

    With ``cap`` only qualities count that both reach at no more than so many bits per pixel. Raises
    ``CurveError`` when a curve has fewer than two points or no range of quality is common.
    """
    for name, curve in (("anchor", anchor), ("test", test)):
        if len(curve.points) < 2:
            raise CurveError(
                f"the {name} curve has {len(curve.points)} usable points, expected at least 2; "
                "code the image at more settings"
            )
    low = max(anchor.points[0].quality, test.points[0].quality)
    high = min(_highest(anchor, cap), _highest(test, cap))
    if low >= high:
        limit = "" if cap is None else f" up to {cap:g} bits per pixel"
        raise CurveError(
            f"no common range of quality{limit}: {_range(anchor)} and {_range(test)}; "
            "code at more settings"
        )
    log_rates = [_log_rate(curve).integrate(low, high) for curve in (anchor, test)]
    difference = float(log_rates[1] - log_rates[0]) / (high - low)
    return RateDifference(100 * math.expm1(difference), low, high)


def _range(curve: Curve) -> str:
    return f"{curve.points[0].quality:.2f}…{curve.points[-1].quality:.2f}"


def _highest(curve: Curve, cap: float | None) -> float:
    """Best quality for at most ``cap`` bits per pixel."""
    first, last = curve.points[0], curve.points[-1]
    if cap is None or last.bits_per_pixel <= cap:
        return last.quality
    if first.bits_per_pixel > cap:
        return -math.inf
    return float(_log_rate(curve).solve(math.log(cap), extrapolate=False)[-1])


def _log_rate(curve: Curve) -> Any:
    """Log-rate over quality, as scipy's piecewise polynomial."""
    try:
        from scipy.interpolate import PchipInterpolator
    except ImportError as error:
        raise MissingDependencyError(
            "BD-rate needs scipy; install it with: pip install 'pico-deploy[evaluate]'"
        ) from error
    quality = np.asarray([p.quality for p in curve.points])
    return PchipInterpolator(quality, np.log([p.bits_per_pixel for p in curve.points]))
