"""Rate-distortion curves as a picture, a panel for each metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pico_deploy.evaluation.metrics import Metric
from pico_deploy.evaluation.result import Evaluation
from pico_deploy.evaluation.summary import coders_of, curve, mean_points, photos_of
from pico_deploy.figures import new_figure, png, rate_axis
from pico_deploy.outputs import write_bytes


def plot(evaluation: Evaluation, path: Path) -> None:
    """Mean curves, those of PSNR over thin curves of each photo, as PNG.

    Raises ``MissingDependencyError``.
    """
    panels = [metric for metric in evaluation.metrics if metric.scale is not None]
    columns = 1 if len(panels) == 1 else 2
    rows = -(-len(panels) // columns)
    figure = new_figure(7.5 * columns, 5.2 * rows, what="the plot", extra="evaluate")
    for number, metric in enumerate(panels):
        axes = figure.add_subplot(rows, columns, number + 1)
        _draw(axes, evaluation, metric, thin=number == 0)
        rate_axis(axes, "bits per pixel, whole file")
        axes.set_ylabel(metric.scale_name)
        axes.legend()
    photos = len(photos_of(evaluation.samples))
    figure.suptitle(f"{photos} photos: mean at each setting; thin: single photos")
    write_bytes(path, png(figure))


def _draw(axes: Any, evaluation: Evaluation, metric: Metric, *, thin: bool) -> None:
    assert metric.scale is not None
    draw = axes.plot
    means = mean_points(evaluation.samples, evaluation.metrics)
    for i, coder in enumerate(coders_of(evaluation.samples)):
        colour = f"C{i}"
        for photo in photos_of(evaluation.samples) if thin else ():
            points = curve(evaluation.samples, photo, coder, metric).points
            x, y = [p.bits_per_pixel for p in points], [p.quality for p in points]
            draw(x, y, color=colour, alpha=0.15, linewidth=0.8)
        own = [
            (p, v) for p in means if p.coder == coder if (v := p.figures[metric.name]) is not None
        ]
        x, y = [p.bits_per_pixel for p, _ in own], [metric.scale(value) for _, value in own]
        draw(x, y, color=colour, marker="o", markersize=4, linewidth=2, label=coder)
