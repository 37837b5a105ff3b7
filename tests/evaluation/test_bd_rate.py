"""BD-rate says by how many percent sizes differ, and refuses to when nothing can be compared."""

import math

import pytest

from pico_deploy.evaluation.bd_rate import Curve, CurveError, Point, bd_rate

POINTS = [Point(0.1, 25.0), Point(0.2, 28.5), Point(0.45, 31.0), Point(1.0, 35.5), Point(2.1, 40.0)]


def scaled(factor: float) -> Curve:
    return Curve.of(Point(p.bits_per_pixel * factor, p.quality) for p in POINTS)


@pytest.mark.parametrize(("factor", "percent"), [(1.0, 0.0), (2.0, 100.0), (0.5, -50.0)])
def test_curve_with_its_rate_scaled_has_exactly_that_rate_difference(
    factor: float, percent: float
) -> None:
    found = bd_rate(scaled(1), scaled(factor))
    assert found.percent == pytest.approx(percent, abs=1e-9)
    assert (found.low, found.high) == (25.0, 40.0)


def test_only_the_common_range_counts() -> None:
    # twice the rate below 31 dB, which the other curve does not reach
    shorter = Curve.of(POINTS[2:])
    bent = Curve.of(
        [Point(p.bits_per_pixel * (2 if p.quality < 31 else 1), p.quality) for p in POINTS]
    )
    found = bd_rate(shorter, bent)
    assert found.low == 31.0
    assert abs(found.percent) < 5


def test_curves_without_a_common_range_are_a_typed_error() -> None:
    with pytest.raises(CurveError, match="no common range"):
        bd_rate(Curve.of(POINTS[:2]), Curve.of(POINTS[3:]))
    with pytest.raises(CurveError, match="0 usable points"):
        bd_rate(Curve.of([]), Curve.of(POINTS))


def test_a_cap_leaves_out_what_either_reaches_only_above_it() -> None:
    # equal up to 0.45 bits per pixel, twice the rate above
    bent = Curve.of(
        Point(p.bits_per_pixel * (2 if p.bits_per_pixel > 0.45 else 1), p.quality) for p in POINTS
    )
    assert bd_rate(scaled(1), bent).percent > 20
    capped = bd_rate(scaled(1), bent, cap=0.45)
    assert capped.high == pytest.approx(31.0)
    assert abs(capped.percent) < 3
    assert bd_rate(scaled(1), scaled(2), cap=1.0).high == pytest.approx(31.4, abs=0.5)


def test_a_cap_below_the_first_point_is_a_typed_error() -> None:
    with pytest.raises(CurveError, match=r"up to 0\.05 bits per pixel"):
        bd_rate(scaled(1), scaled(1), cap=0.05)


def test_points_that_would_fold_the_curve_are_left_out_and_named() -> None:
    worse, lossless = Point(0.3, 28.0), Point(9.0, math.inf)
    curve = Curve.of([*POINTS, worse, lossless])
    assert curve.points == tuple(POINTS)
    assert curve.left_out == (worse, lossless)
