"""Statistics use every sample and say nothing that the samples do not."""

import numpy as np
import pytest

from pico_deploy.errors import UsageError
from pico_deploy.measure.statistics import overlap_efficiency, summarise


def test_percentiles_and_spread_are_those_of_numpy() -> None:
    samples = [5, 1, 4, 2, 3, 100]
    summary = summarise(samples)
    assert summary.p50_ns == np.percentile(samples, 50)
    assert summary.p90_ns == np.percentile(samples, 90)
    assert summary.p99_ns == np.percentile(samples, 99)
    assert summary.cv_percent == pytest.approx(100 * np.std(samples, ddof=1) / np.mean(samples))


def test_no_sample_is_dropped_not_even_an_outlier() -> None:
    calm = summarise([10] * 99)
    with_outlier = summarise([10] * 99 + [10_000])
    assert with_outlier.count == 100
    assert with_outlier.maximum_ns == 10_000
    assert with_outlier.mean_ns > calm.mean_ns


def test_stability_score_is_100_when_every_run_is_alike_and_follows_the_formula_otherwise() -> None:
    assert summarise([7, 7, 7]).stability_score == pytest.approx(100)
    samples = [100, 102, 98, 101, 99]
    cv = 100 * np.std(samples, ddof=1) / 100
    p99 = np.percentile(samples, 99)
    expected = (
        0.5 * (100 - 10 * cv)
        + 0.25 * (100 - 50 * (102 / 98 - 1))
        + 0.25 * (100 - 100 * (p99 / 100 - 1))
    )
    assert summarise(samples).stability_score == pytest.approx(expected)


def test_one_sample_has_no_spread_and_none_is_an_error() -> None:
    assert summarise([5]).cv_percent is None
    assert summarise([5]).stability_score is None
    with pytest.raises(UsageError):
        summarise([])


@pytest.mark.parametrize(
    ("accelerator", "core", "latency", "expected"),
    [
        (100, 40, 100, 1.0),
        (100, 40, 140, 0.0),
        (100, 40, 120, 0.5),
        (100, 40, 160, -0.5),
        (100, 0, 100, None),
    ],
)
def test_overlap_efficiency_is_the_hidden_share_of_the_shorter_side(
    accelerator: int, core: int, latency: int, expected: float | None
) -> None:
    assert overlap_efficiency(accelerator, core, latency) == expected
