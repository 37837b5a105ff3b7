"""From samples to the table: BD-rate per photo, then mean and median over photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from pico_deploy.evaluation.bd_rate import Curve, CurveError, Point, RateDifference, bd_rate
from pico_deploy.evaluation.points import Sample


@dataclass(frozen=True)
class PhotoDifference:
    """BD-rate on one photo, or why there is none."""

    photo: str
    difference: RateDifference | None
    reason: str | None = None


@dataclass(frozen=True)
class Difference:
    """One coder against an anchor over all photos. Photos without a common range stand in
    ``photos`` with their reason and are in neither mean nor median.
    """

    test: str
    anchor: str
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
    """Mean over photos of rate and of PSNR at one setting, for the plot."""

    coder: str
    setting: int
    bits_per_pixel: float
    psnr_db: float


def photos_of(samples: Sequence[Sample]) -> list[str]:
    """Names of the photos, in order of appearance."""
    return list(dict.fromkeys(sample.photo for sample in samples))


def coders_of(samples: Sequence[Sample]) -> list[str]:
    """Names of the coders, in order of appearance."""
    return list(dict.fromkeys(sample.coder for sample in samples))


def curve(samples: Sequence[Sample], photo: str, coder: str) -> Curve:
    """The curve of a coder on one photo."""
    return Curve.of(s.point for s in samples if s.photo == photo and s.coder == coder)


def difference(samples: Sequence[Sample], test: str, anchor: str) -> Difference:
    """BD-rate of ``test`` against ``anchor`` on every photo."""
    rows = []
    for photo in photos_of(samples):
        try:
            found = bd_rate(curve(samples, photo, anchor), curve(samples, photo, test))
            rows.append(PhotoDifference(photo, found))
        except CurveError as error:
            rows.append(PhotoDifference(photo, None, str(error)))
    return Difference(test, anchor, tuple(rows))


def left_out(samples: Sequence[Sample]) -> list[tuple[str, str, Point]]:
    """(photo, coder, point) of every sample that no curve uses."""
    return [
        (photo, coder, point)
        for photo in photos_of(samples)
        for coder in coders_of(samples)
        for point in curve(samples, photo, coder).left_out
    ]


def mean_points(samples: Sequence[Sample]) -> list[MeanPoint]:
    """Mean curves; settings at which a photo came back without loss have no mean PSNR and are
    left out.
    """
    points = []
    for coder in coders_of(samples):
        for setting in sorted({s.setting for s in samples if s.coder == coder}):
            found = [s.point for s in samples if s.coder == coder and s.setting == setting]
            psnr = fmean(p.psnr_db for p in found)
            if psnr != float("inf"):
                points.append(
                    MeanPoint(coder, setting, fmean(p.bits_per_pixel for p in found), psnr)
                )
    return points
