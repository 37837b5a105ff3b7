"""The evaluation as files: CSV of all samples, JSON of everything, Markdown tables, a plot."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pico_deploy.errors import MissingDependencyError
from pico_deploy.evaluation.integer_cost import IntegerCost
from pico_deploy.evaluation.points import Sample
from pico_deploy.evaluation.summary import (
    Difference,
    coders_of,
    curve,
    left_out,
    mean_points,
    photos_of,
)
from pico_deploy.outputs import new_file, write_bytes


@dataclass(frozen=True)
class Evaluation:
    """All figures of one evaluation. ``identities``: coder → what its output depends on.

    ``unavailable``: peers that this installation cannot run.
    """

    samples: tuple[Sample, ...]
    differences: tuple[Difference, ...]
    identities: dict[str, str]
    unavailable: tuple[str, ...] = ()
    integer_cost: IntegerCost | None = None


def samples_csv(samples: Sequence[Sample]) -> str:
    """One line a sample."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["photo", "coder", "setting", "width", "height", "file_bytes", "bits_per_pixel", "psnr_db"]
    )
    for s in samples:
        bpp, psnr = f"{s.point.bits_per_pixel:.5f}", f"{s.psnr_db:.4f}"
        writer.writerow([s.photo, s.coder, s.setting, s.width, s.height, s.file_bytes, bpp, psnr])
    return text.getvalue()


def as_data(evaluation: Evaluation) -> dict[str, Any]:
    """Everything, as JSON has it; an infinite PSNR is null."""
    return {
        "schema_name": "pico-deploy/evaluation",
        "schema_version": 1,
        "coders": evaluation.identities,
        "unavailable": list(evaluation.unavailable),
        "bd_rate": [
            {
                "test": d.test,
                "anchor": d.anchor,
                "mean_percent": d.mean_percent,
                "median_percent": d.median_percent,
                "photos": [asdict(photo) for photo in d.photos],
            }
            for d in evaluation.differences
        ],
        "mean_points": [asdict(point) for point in mean_points(evaluation.samples)],
        "left_out_of_curves": [
            {"photo": photo, "coder": coder, "bits_per_pixel": point.bits_per_pixel}
            for photo, coder, point in left_out(evaluation.samples)
        ],
        "integer_cost": None
        if evaluation.integer_cost is None
        else asdict(evaluation.integer_cost),
        "samples": [
            asdict(s) | {"psnr_db": None if s.psnr_db == float("inf") else s.psnr_db}
            for s in evaluation.samples
        ],
    }


_PREAMBLE = """\
Photos: {photos}. Sizes are those of whole files; PSNR is from the MSE over all RGB samples; BD-rate
is by PCHIP over the common range of PSNR of each photo, then the mean and the median over photos.
Negative: fewer bytes for the same PSNR."""


def markdown(evaluation: Evaluation) -> str:
    """The tables for people. No dates, no paths: equal figures give equal text."""
    sections = [
        "# Rate and distortion",
        _PREAMBLE.format(photos=len(photos_of(evaluation.samples))),
        _bd_rate_table(evaluation),
        _mean_table(evaluation),
        _photo_table(evaluation),
        *_notes(evaluation),
    ]
    return "\n\n".join(sections) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _bd_rate_table(evaluation: Evaluation) -> str:
    header = ("codec", "against", "mean BD-rate", "median", "best photo", "worst photo", "photos")
    rows = []
    for d in evaluation.differences:
        found = d.percents
        figures = (
            d.mean_percent,
            d.median_percent,
            min(found, default=None),
            max(found, default=None),
        )
        counted = f"{len(found)} of {len(d.photos)}"
        rows.append([d.test, d.anchor, *map(_signed, figures), counted])
    return _table(header, rows)


def _mean_table(evaluation: Evaluation) -> str:
    return _table(
        ("codec", "setting", "bits per pixel", "PSNR dB"),
        [
            [p.coder, str(p.setting), f"{p.bits_per_pixel:.4f}", f"{p.psnr_db:.2f}"]
            for p in mean_points(evaluation.samples)
        ],
    )


def _photo_table(evaluation: Evaluation) -> str:
    def percent(d: Difference, photo: int) -> float | None:
        found = d.photos[photo].difference
        return None if found is None else found.percent

    return _table(
        ("photo", *map(_title, evaluation.differences)),
        [
            [photo, *(_signed(percent(d, i)) for d in evaluation.differences)]
            for i, photo in enumerate(photos_of(evaluation.samples))
        ],
    )


def _title(d: Difference) -> str:
    return f"{d.test} against {d.anchor}"


def _signed(percent: float | None) -> str:
    return "–" if percent is None else f"{percent:+.1f} %"


def _notes(evaluation: Evaluation) -> Iterator[str]:
    """What a reader needs to judge the tables: integer cost, versions, everything left out."""
    cost = evaluation.integer_cost
    if cost is not None:
        levels = ", ".join(f"{v}: {p:+.2f} %" for v, p in cost.percent_of_level.items())
        yield (
            f"Integer entropy model against the float scale decoder: {cost.percent:+.2f} % of the "
            f"bits, of which the integer network makes {cost.network_percent:+.2f} % (by level "
            f"{levels}; worst {cost.worst.photo} at level {cost.worst.level}: "
            f"{cost.worst_percent:+.2f} %)."
        )
    coders = [f"* {name}: {identity}" for name, identity in evaluation.identities.items()]
    coders += [f"* {name}: not available in this installation" for name in evaluation.unavailable]
    yield "\n".join(["Codecs:", "", *coders])
    missing = [
        f"* {_title(d)}, {photo.photo}: {photo.reason}"
        for d in evaluation.differences
        for photo in d.photos
        if photo.reason is not None
    ]
    if missing:
        yield "\n".join(["No BD-rate:", "", *missing])
    unused = Counter(coder for _, coder, _ in left_out(evaluation.samples))
    if unused:
        counts = ", ".join(f"{coder} {count}" for coder, count in unused.items())
        yield (
            "Samples that no curve uses, because another is at least as good for fewer bytes or "
            f"nothing was lost: {counts}."
        )


def plot(evaluation: Evaluation, path: Path) -> None:
    """Mean curves over thin curves of each photo, as PNG; raises ``MissingDependencyError``."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
    except ImportError as error:
        raise MissingDependencyError(
            "the plot needs matplotlib; install it with: pip install 'pico-deploy[train]'"
        ) from error
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    means = mean_points(evaluation.samples)
    for i, coder in enumerate(coders_of(evaluation.samples)):
        colour = f"C{i}"
        for photo in photos_of(evaluation.samples):
            points = curve(evaluation.samples, photo, coder).points
            x, y = [p.bits_per_pixel for p in points], [p.psnr_db for p in points]
            axes.plot(x, y, color=colour, alpha=0.15, linewidth=0.8)
        own = [p for p in means if p.coder == coder]
        x, y = [p.bits_per_pixel for p in own], [p.psnr_db for p in own]
        axes.plot(x, y, color=colour, marker="o", markersize=4, linewidth=2, label=coder)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("bits per pixel, whole file")
    axes.set_ylabel("RGB PSNR, dB")
    axes.set_title(
        f"{len(photos_of(evaluation.samples))} photos: mean at each setting, thin: single photos"
    )
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    with new_file(path) as temporary:
        # without the metadata the same figures give the same bytes
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def write(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write ``samples.csv``, ``evaluation.json``, ``evaluation.md`` and ``evaluation.png``."""
    text = json.dumps(as_data(evaluation), indent=1) + "\n"
    paths = [
        folder / name
        for name in ("samples.csv", "evaluation.json", "evaluation.md", "evaluation.png")
    ]
    write_bytes(paths[0], samples_csv(evaluation.samples).encode())
    write_bytes(paths[1], text.encode())
    write_bytes(paths[2], markdown(evaluation).encode())
    plot(evaluation, paths[3])
    return paths
