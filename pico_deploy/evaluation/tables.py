"""The evaluation as Markdown. No dates, no paths: equal figures give equal text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pico_deploy.evaluation.result import Evaluation
from pico_deploy.evaluation.summary import (
    LOW_RATE,
    Difference,
    left_out,
    mean_points,
    photos_of,
)

_PREAMBLE = """\
Photos: {photos}. Sizes are those of whole files; PSNR is from the MSE over all RGB samples; BD-rate
is by PCHIP over the common range of quality of each photo, then the mean and the median over
photos. Negative: fewer bytes for the same quality. Times are processor seconds of all threads,
taken on the machine that filled the cache; those of external programs include their start."""


def markdown(evaluation: Evaluation) -> str:
    """The tables for people."""
    sections = [
        "# Rate and distortion",
        _PREAMBLE.format(photos=len(photos_of(evaluation.samples))),
        _psnr_table(evaluation),
        *_metrics_table(evaluation),
        _mean_table(evaluation),
        _photo_table(evaluation),
        *_notes(evaluation),
    ]
    return "\n\n".join(sections) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _psnr_table(evaluation: Evaluation) -> str:
    header = ("codec", "against", "mean BD-rate", "median", "best photo", "worst photo", "photos")
    rows = []
    for d in evaluation.of(evaluation.metrics[0].name, None):
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


def _metrics_table(evaluation: Evaluation) -> Iterator[str]:
    """Mean BD-rate by every metric with a curve: whole range / up to the low rate."""
    curved = [metric for metric in evaluation.metrics if metric.scale is not None]
    pairs = list(dict.fromkeys((d.test, d.anchor) for d in evaluation.differences))
    rows = []
    for test, anchor in pairs:
        cells = []
        for metric in curved:
            means = [
                _signed(d.mean_percent) + _share(d)
                for cap in (None, LOW_RATE)
                for d in evaluation.of(metric.name, cap)
                if (d.test, d.anchor) == (test, anchor)
            ]
            cells.append(" / ".join(means))
        rows.append([test, anchor, *cells])
    yield (
        f"Mean BD-rate by metric, over the whole common range / up to {LOW_RATE:g} bits per pixel. "
        "In brackets: on how many photos, where not on all."
    )
    yield _table(("codec", "against", *(metric.name for metric in curved)), rows)


def _share(d: Difference) -> str:
    count = len(d.percents)
    return "" if count in (0, len(d.photos)) else f" ({count})"


def _mean_table(evaluation: Evaluation) -> str:
    names = [metric.name for metric in evaluation.metrics]
    return _table(
        ("codec", "setting", "bits per pixel", *names, "encode s/Mpx", "decode s/Mpx"),
        [
            [
                p.coder,
                str(p.setting),
                f"{p.bits_per_pixel:.4f}",
                *(
                    "–" if (value := p.figures[m.name]) is None else f"{value:.{m.digits}f}"
                    for m in evaluation.metrics
                ),
                f"{p.encode_cpu_s_per_mpx:.2f}",
                f"{p.decode_cpu_s_per_mpx:.2f}",
            ]
            for p in mean_points(evaluation.samples, evaluation.metrics)
        ],
    )


def _photo_table(evaluation: Evaluation) -> str:
    differences = evaluation.of(evaluation.metrics[0].name, None)

    def percent(d: Difference, photo: int) -> float | None:
        found = d.photos[photo].difference
        return None if found is None else found.percent

    return _table(
        ("photo", *map(_title, differences)),
        [
            [photo, *(_signed(percent(d, i)) for d in differences)]
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
    yield "\n".join(["Codecs:", "", *coders])
    metrics = [
        f"* {m.name}: {m.identity}" + (f"; curves over {m.scale_name}" if m.scale else "")
        for m in evaluation.metrics
    ]
    yield "\n".join(["Metrics:", "", *metrics])
    if evaluation.not_run:
        entries = [f"* {entry.name}: {entry.reason}" for entry in evaluation.not_run]
        yield "\n".join(["Not run:", "", *entries])
    missing = [
        f"* {_title(d)} by {d.metric}, {photo.photo}: {photo.reason}"
        for d in evaluation.differences
        if d.cap is None
        for photo in d.photos
        if photo.reason is not None
    ]
    if missing:
        yield "\n".join(["No BD-rate:", "", *missing])
    psnr = evaluation.metrics[0]
    unused = Counter(coder for _, coder, _ in left_out(evaluation.samples, psnr))
    if unused:
        counts = ", ".join(f"{coder} {count}" for coder, count in unused.items())
        yield (
            "Samples that no curve of PSNR uses, because another is at least as good for fewer "
            f"bytes or nothing was lost: {counts}."
        )
