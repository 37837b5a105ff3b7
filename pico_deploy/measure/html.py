"""Results as one HTML file that needs nothing else: tables, and a plot of the phases as inline
SVG.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from pico_deploy.measure.budgets import NOT_A_DEVICE, Verdict
from pico_deploy.measure.caveats import caveats
from pico_deploy.measure.compare import ComparisonReport
from pico_deploy.measure.figures import (
    OVERVIEW,
    PHASES,
    SPREAD,
    VERDICTS,
    comparison_lines,
    headline,
    milliseconds,
    operations,
    overview,
    phase_cells,
    phase_rows,
    run_title,
    spread_rows,
    verdict_cells,
)
from pico_deploy.measure.result import ACCELERATOR_PHASES, Operation, Phase, Result
from pico_deploy.measure.statistics import summarise

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --p0: #4878a8; --p1: #b0703c; --p2: #4f9d69;
  --p3: #9b5fa5; --p4: #b8a03a; --p5: #5aa9b5; --p6: #a8556a; --p7: #7d7d4a; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
svg { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
.note { opacity: .8; }
"""
_WIDTH, _LANE, _LABEL = 800, 22, 90
_COLOURS = {phase: number for number, phase in enumerate(Phase)}


def page(
    results: Sequence[Result],
    verdicts: Sequence[Verdict] = (),
    comparison: ComparisonReport | None = None,
) -> str:
    """The report on one or more results; equal input gives equal text."""
    body = [section for result in results for section in _result(result)]
    if verdicts:
        body += ["<h2>Budgets</h2>", _table(VERDICTS, map(verdict_cells, verdicts))]
    if comparison is not None:
        lines = comparison_lines(comparison)
        body += ["<h2>Comparison, new over old, of medians</h2>", *_notes(lines)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>pico-deploy results</title><style>{_STYLE}</style></head><body>\n"
        "<h1>pico-deploy results</h1>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _result(result: Result) -> Iterable[str]:
    yield f"<h2>{escape(headline(result))}</h2>"
    if result.provenance != "device":
        yield (
            f"<p><strong>{NOT_A_DEVICE.capitalize()}</strong>: "
            "no verdict about a phone follows.</p>"
        )
    yield _table(OVERVIEW, [overview(run) for run in result.runs])
    yield _table(SPREAD, [row for run in result.runs for row in spread_rows(run)])
    yield from _notes(caveats(result))
    for run in result.runs:
        yield f"<h3>{escape(run_title(run))}</h3>"
        if run.failure is not None:
            yield f"<p>Failed: {escape(run.failure.code)}: {escape(run.failure.message)}</p>"
        for name, operation in operations(run):
            yield f"<h4>{name}</h4>{_plot(operation)}{_table(PHASES, phase_cells(operation))}"
        yield from _notes(run.notes)
    yield from _notes(result.notes)


def _notes(notes: Sequence[str]) -> Iterable[str]:
    if notes:
        yield "<ul class=note>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"


def _plot(operation: Operation) -> str:
    """Latency over the busy times of both sides: what exceeds the latency was overlapped."""
    latency = summarise(operation.latency_ns).p50_ns
    rows = [row for row in phase_rows(operation) if row.part_of is None]
    sides = (
        ("accelerator", [row for row in rows if row.phase in ACCELERATOR_PHASES]),
        ("core", [row for row in rows if row.phase not in ACCELERATOR_PHASES]),
    )
    longest = max(latency, *(sum(r.busy_p50_ns for r in side) for _, side in sides))
    scale = (_WIDTH - _LABEL) / longest if longest else 0.0
    shapes = [
        _label("latency", 0),
        _bar(_LABEL, 0, latency * scale, "currentColor", f"{milliseconds(latency)} ms"),
    ]
    for lane, (name, side) in enumerate(sides, start=1):
        shapes.append(_label(name, lane))
        left = float(_LABEL)
        for row in side:
            width = row.busy_p50_ns * scale
            title = f"{row.phase.value} {milliseconds(row.busy_p50_ns)} ms"
            shapes.append(_bar(left, lane, width, f"var(--p{_COLOURS[row.phase]})", title))
            left += width
    legend = " ".join(
        f'<tspan fill="var(--p{_COLOURS[row.phase]})">■</tspan> {row.phase.value}' for row in rows
    )
    shapes.append(f'<text x="{_LABEL}" y="{3 * _LANE + 16}">{legend}</text>')
    return f'<svg viewBox="0 0 {_WIDTH} {3 * _LANE + 24}" role="img">{"".join(shapes)}</svg>'


def _label(text: str, lane: int) -> str:
    return f'<text x="0" y="{lane * _LANE + 14}">{text}</text>'


def _bar(x: float, lane: int, width: float, colour: str, title: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{lane * _LANE + 3}" width="{width:.1f}" height="{_LANE - 6}" '
        f'fill="{colour}" opacity="0.85"><title>{escape(title)}</title></rect>'
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
