"""The evaluation as files: CSV of all samples, JSON of everything, Markdown tables, a plot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from pico_deploy.evaluation.metrics import Metric
from pico_deploy.evaluation.plot import plot
from pico_deploy.evaluation.points import Sample
from pico_deploy.evaluation.result import Evaluation, as_data
from pico_deploy.evaluation.tables import markdown
from pico_deploy.outputs import write_bytes

_COLUMNS = (
    "photo", "coder", "setting", "width", "height", "file_bytes", "bits_per_pixel",
    "encode_cpu_s", "decode_cpu_s",
)  # fmt: skip


def samples_csv(samples: Sequence[Sample], metrics: Sequence[Metric]) -> str:
    """One line a sample; a figure that is not defined is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [metric.name for metric in metrics]
    writer.writerow([*_COLUMNS, *names])
    for s in samples:
        size = [s.width, s.height, s.coded.file_bytes, f"{s.bits_per_pixel:.5f}"]
        times = [s.coded.encode_cpu_s, s.coded.decode_cpu_s]
        values = ["" if (v := s.figures[name]) is None else f"{v:.6g}" for name in names]
        writer.writerow([s.photo, s.coder, s.setting, *size, *times, *values])
    return text.getvalue()


def write(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write ``samples.csv``, ``evaluation.json``, ``evaluation.md`` and ``evaluation.png``."""
    text = json.dumps(as_data(evaluation), indent=1, allow_nan=False) + "\n"
    paths = [
        folder / name
        for name in ("samples.csv", "evaluation.json", "evaluation.md", "evaluation.png")
    ]
    write_bytes(paths[0], samples_csv(evaluation.samples, evaluation.metrics).encode())
    write_bytes(paths[1], text.encode())
    write_bytes(paths[2], markdown(evaluation).encode())
    plot(evaluation, paths[3])
    return paths
