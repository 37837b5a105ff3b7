"""Statistics of latency samples. Every sample given is used; none is dropped here or anywhere in
silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pico_deploy.errors import UsageError


@dataclass(frozen=True)
class Summary:
    """What a table shows of a set of samples. Percentiles interpolate linearly between order
    statistics.

    ``cv_percent`` is the sample standard deviation (n − 1) over the mean; None with fewer than two
    samples or a mean of zero, and so is ``stability_score``.
    """

    count: int
    minimum_ns: int
    p50_ns: float
    p90_ns: float
    p99_ns: float
    maximum_ns: int
    mean_ns: float
    cv_percent: float | None
    stability_score: float | None


def summarise(samples_ns: Sequence[int]) -> Summary:
    """Summary of samples in nanoseconds; raises ``UsageError`` when there are none."""
    if not samples_ns:
        raise UsageError("no samples to summarise; expected at least one iteration")
    values = np.asarray(samples_ns, dtype=np.float64)
    p50, p90, p99 = (float(p) for p in np.percentile(values, [50, 90, 99]))
    mean = float(values.mean())
    cv = 100 * float(values.std(ddof=1)) / mean if len(values) > 1 and mean > 0 else None
    minimum, maximum = int(values.min()), int(values.max())
    return Summary(
        count=len(values),
        minimum_ns=minimum,
        p50_ns=p50,
        p90_ns=p90,
        p99_ns=p99,
        maximum_ns=maximum,
        mean_ns=mean,
        cv_percent=cv,
        stability_score=_stability(cv, minimum, maximum, p50, p99),
    )


def _stability(cv: float | None, low: float, high: float, p50: float, p99: float) -> float | None:
    """ExecuTorch's score, 100 = every run alike; not clamped, so that bad remains distinguishable
    from worse.
    """
    if cv is None or low <= 0 or p50 <= 0:
        return None
    return (
        0.5 * (100 - 10 * cv)
        + 0.25 * (100 - 50 * (high / low - 1))
        + 0.25 * (100 - 100 * (p99 / p50 - 1))
    )


def overlap_efficiency(accelerator_ns: int, core_ns: int, latency_ns: int) -> float | None:
    """Share of the shorter side of the pipeline that ran while the longer one did.

    ``(A + C − latency) / min(A, C)`` for the busy times of the accelerator and of the CPU side: 1
    when the shorter side is wholly hidden, 0 when nothing overlaps, negative when waiting costs
    more than overlap gains. None when one side did nothing. Above 1 only if one side itself runs on
    several threads.
    """
    shorter = min(accelerator_ns, core_ns)
    if shorter <= 0:
        return None
    return (accelerator_ns + core_ns - latency_ns) / shorter
