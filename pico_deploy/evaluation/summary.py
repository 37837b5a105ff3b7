"""From samples to the table: BD-rate per photo, then mean and median over photos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from pico_deploy.evaluation.bd_rate import Curve, CurveError, Point, RateDifference, bd_rate
from pico_deploy.evaluation.metrics import Metric
from pico_deploy.evaluation.points import Sample

LOW_RATE = 0.5
"""Bits per pixel up to which the second comparison of every pair goes."""


@dataclass(frozen=True)
class PhotoDifference:
    """BD-rate on one photo, or why there is none."""

    photo: str
    difference: RateDifference | None
    reason: str | None = None


@dataclass(frozen=True)
class Difference:
    """One coder against an anchor over all photos, by one metric, up to ``cap`` bits per pixel.

    Photos without a common range stand in ``photos`` with their reason and are in neither mean nor
    median.
    """

    test: str
    anchor: str
    metric: str
    cap: float | None
    photos: tuple[PhotoDifference, ...]

    @property
    def percents(self) -> list[float]:
        """The photos' BD-rates, where there is one."""
        return [p.difference.percent for p in self.photos if p.difference is not None]

    @property
    def mean_percent(self) -> float | None:
        """Mean over photos."""
        return fmean(self.percents) if self.percents else None

    @property
    def median_percent(self) -> float | None:
        """Median over photos."""
        return median(self.percents) if self.percents else None


@dataclass(frozen=True)
class MeanPoint:
    """Means over photos at one setting. ``figures``: over the photos where they are defined, None
    where they are not finite or nowhere defined; times are processor seconds a megapixel.
    """

    coder: str
    setting: int
    bits_per_pixel: float
    figures: dict[str, float | None]
    encode_cpu_s_per_mpx: float
    decode_cpu_s_per_mpx: float


def photos_of(samples: Sequence[Sample]) -> list[str]:
    """Names of the photos, in order of appearance."""
    return list(dict.fromkeys(sample.photo for sample in samples))


def coders_of(samples: Sequence[Sample]) -> list[str]:
    """Names of the coders, in order of appearance."""
    return list(dict.fromkeys(sample.coder for sample in samples))


def curve(samples: Sequence[Sample], photo: str, coder: str, metric: Metric) -> Curve:
    """The curve of a coder on one photo by one metric."""
    own = (s.point(metric) for s in samples if s.photo == photo and s.coder == coder)
    return Curve.of(point for point in own if point is not None)


def difference(
    samples: Sequence[Sample], test: str, anchor: str, metric: Metric, cap: float | None = None
) -> Difference:
    """BD-rate of ``test`` against ``anchor`` on every photo."""
    rows = []
    for photo in photos_of(samples):
        curves = [curve(samples, photo, name, metric) for name in (anchor, test)]
        try:
            rows.append(PhotoDifference(photo, bd_rate(curves[0], curves[1], cap)))
        except CurveError as error:
            rows.append(PhotoDifference(photo, None, str(error)))
    return Difference(test, anchor, metric.name, cap, tuple(rows))


def left_out(samples: Sequence[Sample], metric: Metric) -> list[tuple[str, str, Point]]:
    """(photo, coder, point) of every sample that no curve of the metric uses."""
    return [
        (photo, coder, point)
        for photo in photos_of(samples)
        for coder in coders_of(samples)
        for point in curve(samples, photo, coder, metric).left_out
    ]


def mean_points(samples: Sequence[Sample], metrics: Sequence[Metric]) -> list[MeanPoint]:
    """Mean curves."""
    points = []
    for coder in coders_of(samples):
        for setting in sorted({s.setting for s in samples if s.coder == coder}):
            own = [s for s in samples if s.coder == coder and s.setting == setting]
            megapixels = sum(s.width * s.height for s in own) / 1e6
            points.append(
                MeanPoint(
                    coder,
                    setting,
                    fmean(s.bits_per_pixel for s in own),
                    {metric.name: _mean(own, metric.name) for metric in metrics},
                    sum(s.coded.encode_cpu_s for s in own) / megapixels,
                    sum(s.coded.decode_cpu_s for s in own) / megapixels,
                )
            )
    return points


def _mean(samples: Sequence[Sample], metric: str) -> float | None:
    values = [v for s in samples if (v := s.figures.get(metric)) is not None]
    mean = fmean(values) if values else math.inf
    return mean if math.isfinite(mean) else None
