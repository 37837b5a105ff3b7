"""A regression is claimed when the samples show it, and only then."""

import numpy as np
import pytest
from sample_results import make_result, make_run

from pico_deploy.errors import RegressionError, UsageError
from pico_deploy.measure.compare import compare, ratio_of, require_no_regression
from pico_deploy.measure.result import Provenance


def samples(median: int, seed: int, count: int = 12) -> list[int]:
    return [int(v) for v in np.random.default_rng(seed).normal(median, median / 100, count)]


def test_slower_samples_are_called_slower_and_land_in_their_bucket() -> None:
    ratio = ratio_of(samples(100_000, 1), samples(134_000, 2))
    assert ratio.change == "slower"
    assert ratio.bucket == 1.3
    assert ratio.low is not None and ratio.high is not None
    assert ratio.low < 1.34 < ratio.high or abs(ratio.ratio - 1.34) < 0.02


def test_samples_of_the_same_distribution_are_not_called_a_change() -> None:
    ratio = ratio_of(samples(100_000, 1), samples(100_000, 2))
    assert ratio.change == "no change shown"
    assert ratio.bucket is None


def test_faster_samples_are_called_faster_in_the_inverse_bucket() -> None:
    ratio = ratio_of(samples(200_000, 1), samples(95_000, 2))
    assert (ratio.change, ratio.bucket) == ("faster", 2.0)


def test_too_few_samples_give_a_ratio_and_no_claim() -> None:
    ratio = ratio_of([100] * 9, [300, 301, 300, 301])
    assert ratio.ratio == pytest.approx(3.005)
    assert ratio.change == "too few samples"
    assert ratio.bucket is None


def test_comparison_is_reproducible() -> None:
    assert ratio_of(samples(10_000, 1), samples(11_000, 2)) == ratio_of(
        samples(10_000, 1), samples(11_000, 2)
    )


def test_no_samples_or_a_clock_that_never_ticked_cannot_be_compared() -> None:
    with pytest.raises(UsageError):
        ratio_of([], [1])
    with pytest.raises(UsageError):
        ratio_of([0, 0], [1, 1])


def test_every_figure_of_both_results_is_compared_and_the_rest_is_named() -> None:
    old = make_result(runs=[make_run("onnx"), make_run("tflite")])
    new = make_result(
        runs=[make_run("onnx", decode_ms=(300, 301, 302, 300, 303)), make_run("torch")]
    )
    report = compare(old, new)
    figures = {(c.runtime, c.figure): c.ratio for c in report.figures}
    assert figures["onnx", "decode"].bucket == 2.0
    assert {figure for _, figure in figures} >= {"encode", "decode", "cold load", "encode analysis"}
    assert {name.split()[0] for name in report.unmatched} == {"tflite", "torch"}


def test_results_that_measure_different_things_are_told_apart() -> None:
    assert compare(make_result(), make_result()).not_the_same == ()
    other = make_result(Provenance.EMULATED, level=30, runs=[make_run(threads=1)])
    reasons = compare(make_result(), other).not_the_same
    assert [reason.split()[0] for reason in reasons] == ["provenance", "level", "onnx:"]


def test_regression_beyond_the_limit_fails_and_names_the_worst_figure_others_pass() -> None:
    old = make_result()
    slower = make_result(runs=[make_run(decode_ms=(300, 301, 302, 300, 303))])
    require_no_regression(compare(old, make_result()), 1.0)
    require_no_regression(compare(old, slower), 2.5)
    require_no_regression(compare(slower, old), 1.0)
    with pytest.raises(RegressionError, match=r"worst: onnx decode, 2\.0"):
        require_no_regression(compare(old, slower), 1.1)


def test_results_that_cannot_be_compared_never_pass_as_no_regression() -> None:
    with pytest.raises(RegressionError, match="level differs"):
        require_no_regression(compare(make_result(), make_result(level=30)), 1.1)
    with pytest.raises(RegressionError, match="no figure in common"):
        require_no_regression(compare(make_result(), make_result(runs=[make_run("torch")])), 1.1)
