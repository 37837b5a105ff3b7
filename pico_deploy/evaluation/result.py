"""Everything one evaluation found, and its form as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from pico_deploy.errors import MissingDependencyError
from pico_deploy.evaluation.integer_cost import IntegerCost
from pico_deploy.evaluation.metrics import Metric
from pico_deploy.evaluation.points import Sample
from pico_deploy.evaluation.summary import Difference, left_out, mean_points

Made = TypeVar("Made")


@dataclass(frozen=True)
class NotRun:
    """A codec or a metric that this installation cannot run, and why."""

    name: str
    reason: str


def available(makers: Mapping[str, Callable[[], Made]], not_run: list[NotRun]) -> dict[str, Made]:
    """What could be made, by name; the rest is added to ``not_run`` with the reason."""
    made = {}
    for name, make in makers.items():
        try:
            made[name] = make()
        except MissingDependencyError as error:
            not_run.append(NotRun(name, str(error)))
    return made


@dataclass(frozen=True)
class Evaluation:
    """All figures of one evaluation. ``identities``: coder → what its output depends on.

    ``metrics`` begin with PSNR.
    """

    samples: tuple[Sample, ...]
    metrics: tuple[Metric, ...]
    differences: tuple[Difference, ...]
    identities: dict[str, str]
    not_run: tuple[NotRun, ...] = ()
    integer_cost: IntegerCost | None = None

    def of(self, metric: str, cap: float | None) -> list[Difference]:
        """The differences by one metric, up to one rate."""
        return [d for d in self.differences if d.metric == metric and d.cap == cap]


def as_data(evaluation: Evaluation) -> dict[str, Any]:
    """Everything, as JSON has it; what is infinite (a picture without loss) is null."""
    return {
        "schema_name": "pico-deploy/evaluation",
        "schema_version": 2,
        "coders": evaluation.identities,
        "metrics": {metric.name: metric.identity for metric in evaluation.metrics},
        "not_run": [asdict(entry) for entry in evaluation.not_run],
        "bd_rate": [
            {
                "test": d.test,
                "anchor": d.anchor,
                "metric": d.metric,
                "up_to_bits_per_pixel": d.cap,
                "mean_percent": d.mean_percent,
                "median_percent": d.median_percent,
                "photos": [asdict(photo) for photo in d.photos],
            }
            for d in evaluation.differences
        ],
        "mean_points": [
            asdict(point) for point in mean_points(evaluation.samples, evaluation.metrics)
        ],
        "left_out_of_curves": [
            {
                "metric": metric.name,
                "photo": photo,
                "coder": coder,
                "bits_per_pixel": point.bits_per_pixel,
            }
            for metric in evaluation.metrics
            if metric.scale is not None
            for photo, coder, point in left_out(evaluation.samples, metric)
        ],
        "integer_cost": None
        if evaluation.integer_cost is None
        else asdict(evaluation.integer_cost),
        "samples": [_sample(sample) for sample in evaluation.samples],
    }


def _sample(sample: Sample) -> dict[str, Any]:
    figures = {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in sample.figures.items()
    }
    return {
        "photo": sample.photo,
        "coder": sample.coder,
        "setting": sample.setting,
        "width": sample.width,
        "height": sample.height,
        **asdict(sample.coded),
        "figures": figures,
    }
