"""Is it slower than it was? The ratio of medians with a bootstrap confidence interval, and a
regression bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pico_deploy.errors import RegressionError, UsageError
from pico_deploy.measure.result import Operation, Result, Run

BUCKETS = (1.1, 1.2, 1.3, 1.5, 2.0, 5.0, 10.0)
"""Regression buckets as ai-hub-models has them; their inverses are buckets of improvement."""
CONFIDENCE = 0.95
RESAMPLES = 4000
SEED = 20_260_508
MINIMUM_SAMPLES = 5
"""With fewer samples on a side a resample of them says nothing about their spread."""

Change = Literal["slower", "faster", "no change shown", "too few samples"]


@dataclass(frozen=True)
class Ratio:
    """New over old, of medians: > 1 is slower. The interval is a percentile bootstrap at
    ``CONFIDENCE``.

    ``change`` is what the interval allows to be said; ``bucket`` the largest bucket that the ratio
    reaches, as a factor ≥ 1, None below the first one or without proof.
    """

    old_p50_ns: float
    new_p50_ns: float
    ratio: float
    low: float | None
    high: float | None
    change: Change
    bucket: float | None


@dataclass(frozen=True)
class Comparison:
    """One figure that both results have."""

    runtime: str
    figure: str
    ratio: Ratio


@dataclass(frozen=True)
class ComparisonReport:
    """All figures that two results share, and what a reader must know about them.

    ``not_the_same``: reasons why the results do not measure the same thing. ``unmatched``: figures
    that only one of them has.
    """

    figures: tuple[Comparison, ...]
    not_the_same: tuple[str, ...]
    unmatched: tuple[str, ...]


def ratio_of(old_ns: Sequence[int], new_ns: Sequence[int]) -> Ratio:
    """Ratio of medians of two sets of samples, reproducible: the bootstrap is seeded."""
    if not old_ns or not new_ns:
        raise UsageError("nothing to compare: one side has no samples")
    old, new = np.asarray(old_ns, np.float64), np.asarray(new_ns, np.float64)
    p50_old, p50_new = float(np.median(old)), float(np.median(new))
    if p50_old <= 0 or p50_new <= 0:
        raise UsageError(
            "cannot compare samples with a median of 0 ns; expected a clock that ticks"
        )
    low = high = None
    if min(len(old), len(new)) >= MINIMUM_SAMPLES:
        random = np.random.default_rng(SEED)
        resampled = np.median(random.choice(new, (RESAMPLES, len(new))), axis=1) / np.median(
            random.choice(old, (RESAMPLES, len(old))), axis=1
        )
        tail = 100 * (1 - CONFIDENCE) / 2
        low, high = (float(v) for v in np.percentile(resampled, [tail, 100 - tail]))
    ratio = p50_new / p50_old
    change = _change(low, high)
    return Ratio(p50_old, p50_new, ratio, low, high, change, _bucket(ratio, change))


def _change(low: float | None, high: float | None) -> Change:
    if low is None or high is None:
        return "too few samples"
    if low > 1:
        return "slower"
    return "faster" if high < 1 else "no change shown"


def _bucket(ratio: float, change: Change) -> float | None:
    if change not in ("slower", "faster"):
        return None
    factor = max(ratio, 1 / ratio)
    return max((bucket for bucket in BUCKETS if factor >= bucket), default=None)


def require_no_regression(report: ComparisonReport, limit: float) -> None:
    """Raise ``RegressionError`` when a figure got slower by ``limit`` or more, and when the two
    results do not measure the same thing or share no figure, so that nothing can be said.
    """
    if report.not_the_same:
        raise RegressionError(
            f"the results cannot be held against each other: {'; '.join(report.not_the_same)}"
        )
    if not report.figures:
        raise RegressionError("the results have no figure in common: nothing was compared")
    slower = [c for c in report.figures if c.ratio.change == "slower" and c.ratio.ratio >= limit]
    if slower:
        worst = max(slower, key=lambda c: c.ratio.ratio)
        raise RegressionError(
            f"{len(slower)} of {len(report.figures)} figures are slower by {limit:g}× or more, "
            f"worst: {worst.runtime} {worst.figure}, {worst.ratio.ratio:.3f}× "
            f"[{worst.ratio.low:.3f}, {worst.ratio.high:.3f}]"
        )


def compare(old: Result, new: Result) -> ComparisonReport:
    """Compare every figure both results have."""
    figures = tuple(_shared_figures(old, new))
    return ComparisonReport(figures, tuple(_obstacles(old, new)), tuple(_unmatched(old, new)))


def _obstacles(old: Result, new: Result) -> list[str]:
    pairs: list[tuple[str, object, object]] = [
        ("provenance", old.provenance.value, new.provenance.value),
        ("device", old.device.model, new.device.model),
        ("CPU", old.device.cpu, new.device.cpu),
        ("OS version", old.device.os_version, new.device.os_version),
        ("image", old.workload.pixels_sha256, new.workload.pixels_sha256),
        ("level", old.workload.level, new.workload.level),
        ("entropy model", old.bundle.entropy_fingerprint, new.bundle.entropy_fingerprint),
    ]
    reasons = [f"{name} differs: {a} and {b}" for name, a, b in pairs if a != b]
    for run in new.runs:
        before = old.run(run.runtime)
        if before is not None and before.threads != run.threads:
            reasons.append(f"{run.runtime}: threads differ: {before.threads} and {run.threads}")
    return reasons


def _shared_figures(old: Result, new: Result) -> Iterator[Comparison]:
    for run in new.runs:
        before = old.run(run.runtime)
        if before is None:
            continue
        earlier = dict(_figures(before))
        for figure, samples in _figures(run):
            if figure in earlier and sum(samples) > 0 and sum(earlier[figure]) > 0:
                yield Comparison(run.runtime, figure, ratio_of(earlier[figure], samples))


def _unmatched(old: Result, new: Result) -> list[str]:
    def named(result: Result) -> set[str]:
        return {f"{run.runtime} {figure}" for run in result.runs for figure, _ in _figures(run)}

    return sorted(named(old) ^ named(new))


def _figures(run: Run) -> Iterator[tuple[str, Sequence[int]]]:
    if run.load is not None:
        yield "cold load", (run.load.cold_ns,)
        if run.load.warm_ns:
            yield "warm load", run.load.warm_ns
    operations: tuple[tuple[str, Operation | None], ...] = (
        ("encode", run.encode),
        ("decode", run.decode),
    )
    for name, operation in operations:
        if operation is None:
            continue
        yield name, operation.latency_ns
        for phase, samples in operation.phases.items():
            yield f"{name} {phase.value}", samples.busy_ns
