"""The course of a run as a picture: loss, and rate and PSNR on held-out photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pico_deploy.errors import TrainingError
from pico_deploy.figures import new_figure, png
from pico_deploy.outputs import write_bytes

SMOOTHING = 10


def read_log(log: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records of losses and of validations; a step logged again after a resume counts once.

    Raises ``TrainingError`` when the log cannot be read or holds no loss.
    """
    losses: dict[int, dict[str, Any]] = {}
    validations: dict[int, dict[str, Any]] = {}
    try:
        for line in log.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            (validations if "validation" in record else losses)[record["step"]] = record
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"{log} is no log of a run: {error}") from error
    if not losses:
        raise TrainingError(f"{log} holds no step; train first")
    return ([losses[s] for s in sorted(losses)], [validations[s] for s in sorted(validations)])


def plot(log: Path, picture: Path) -> None:
    """Draw ``log`` (of :class:`~pico_deploy.training.recipe.Trainer`) into ``picture``."""
    figure = new_figure(10, 3.6, what="the plot", extra="train")
    losses, validations = read_log(log)
    left, right = figure.subplots(1, 2)
    steps = [r["step"] for r in losses]
    values = [r["loss"] for r in losses]
    window = min(SMOOTHING, len(values))
    mean = [sum(values[i : i + window]) / window for i in range(len(values) - window + 1)]
    left.plot(steps, values, color="0.8", linewidth=0.8, label="every logged step")
    left.plot(steps[window - 1 :], mean, label=f"mean of {window}")
    left.set(xlabel="step", ylabel="loss", yscale="log", title="training loss")
    left.legend()
    for record in validations:
        points = record["validation"]
        age = record["step"] / max(r["step"] for r in validations)
        right.plot(
            [p["bits_per_pixel"] for p in points],
            [p["psnr_db"] for p in points],
            marker="o",
            markersize=3,
            color=(0.1, 0.3, 0.8, 0.15 + 0.85 * age),
        )
    right.set(xlabel="bits per pixel", ylabel="PSNR, dB", title="held-out photos (darker: later)")
    right.grid(alpha=0.3)
    write_bytes(picture, png(figure))
