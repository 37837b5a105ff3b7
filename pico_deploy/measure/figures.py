"""The figures of a result as rows of text, shared by the terminal's tables and the HTML report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pico_deploy.measure.budgets import Verdict
from pico_deploy.measure.compare import Comparison, ComparisonReport
from pico_deploy.measure.result import Covers, Operation, Phase, Result, Run
from pico_deploy.measure.statistics import summarise

OVERVIEW = (
    "runtime",
    "encode p50 ms",
    "p90 ms",
    "overlap",
    "decode p50 ms",
    "p90 ms",
    "overlap",
    "cold load ms",
    "warm load ms",
    "peak memory MiB",
)
SPREAD = ("samples", "count", "p50 ms", "p90 ms", "p99 ms", "CV %", "stability", "dropped")
PHASES = ("phase", "busy p50 ms", "busy p90 ms", "call p50 ms", "call p90 ms", "calls")
VERDICTS = ("budget", "limit", "measured", "outcome")

_CORE_ALONE = {Covers.CODEC: "", Covers.CORE: "; the core's share alone"}


@dataclass(frozen=True)
class PhaseRow:
    """One phase of one operation: busy time of an iteration, and one call."""

    phase: Phase
    busy_p50_ns: float
    busy_p90_ns: float
    call_p50_ns: float
    call_p90_ns: float
    calls: int
    part_of: Phase | None


def milliseconds(nanoseconds: float) -> str:
    """Milliseconds with as many decimals as three significant digits need."""
    value = nanoseconds / 1e6
    if value == 0 or value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def mebibytes(size: int) -> str:
    """MiB."""
    return f"{size / 2**20:.1f}"


def operations(run: Run) -> Iterator[tuple[str, Operation]]:
    """Encode and decode, where they were measured."""
    if run.encode is not None:
        yield "encode", run.encode
    if run.decode is not None:
        yield "decode", run.decode


def phase_rows(operation: Operation) -> list[PhaseRow]:
    """Phases in their order."""
    rows = []
    for phase in Phase:
        samples = operation.phases.get(phase)
        if samples is None or not samples.calls_ns:
            continue
        busy, call = summarise(samples.busy_ns), summarise(samples.calls_ns)
        rows.append(
            PhaseRow(
                phase,
                busy.p50_ns,
                busy.p90_ns,
                call.p50_ns,
                call.p90_ns,
                call.count // len(samples.samples_ns),
                samples.part_of,
            )
        )
    return rows


def overlap(operation: Operation) -> str:
    """Median overlap efficiency in percent."""
    known = [v for v in operation.overlap_efficiency or () if v is not None]
    return f"{100 * sorted(known)[len(known) // 2]:.0f} %" if known else "–"


def overview(run: Run) -> list[str]:
    """Cells of one runtime under ``OVERVIEW``; a dash where nothing was measured."""
    cells = [run.runtime]
    for operation in (run.encode, run.decode):
        if operation is None:
            cells += ["–", "–", "–"]
        else:
            latency = summarise(operation.latency_ns)
            cells += [milliseconds(latency.p50_ns), milliseconds(latency.p90_ns)]
            cells.append(overlap(operation))
    warm = run.load.warm_ns if run.load is not None else ()
    cells.append("–" if run.load is None else milliseconds(run.load.cold_ns))
    cells.append(milliseconds(summarise(warm).p50_ns) if warm else "–")
    cells.append("–" if run.memory is None else mebibytes(run.memory.peak_bytes))
    return cells


def spread_rows(run: Run) -> list[list[str]]:
    """Cells of every operation under ``SPREAD``."""
    rows = []
    for name, operation in operations(run):
        found = summarise(operation.latency_ns)
        percentiles = (found.p50_ns, found.p90_ns, found.p99_ns)
        spread = (found.cv_percent, found.stability_score)
        rows.append(
            [
                f"{run.runtime} {name}",
                str(found.count),
                *map(milliseconds, percentiles),
                *("–" if v is None else f"{v:.1f}" for v in spread),
                str(len(operation.dropped)),
            ]
        )
    return rows


def phase_cells(operation: Operation) -> list[list[str]]:
    """Cells of every phase under ``PHASES``."""
    return [
        [
            row.phase.value + (f" (part of {row.part_of.value})" if row.part_of else ""),
            milliseconds(row.busy_p50_ns),
            milliseconds(row.busy_p90_ns),
            milliseconds(row.call_p50_ns),
            milliseconds(row.call_p90_ns),
            str(row.calls),
        ]
        for row in phase_rows(operation)
    ]


def verdict_cells(verdict: Verdict) -> list[str]:
    """Cells of one budget under ``VERDICTS``."""
    measured = "–" if verdict.measured is None else f"{verdict.measured:.4g}"
    limit = f"{verdict.limit:g}"
    return [f"{verdict.runtime} {verdict.budget}", limit, measured, verdict.outcome]


def run_title(run: Run) -> str:
    """Runtime, version, precision and accelerator as one line."""
    details = ", ".join(v for v in (run.runtime_version, run.precision) if v)
    observed = run.accelerator_observed or "not observable"
    return (
        f"{run.runtime}{f' ({details})' if details else ''}, accelerator requested "
        f"{run.accelerator_requested}, observed {observed}{_CORE_ALONE[run.covers]}"
    )


def headline(result: Result) -> str:
    """What was measured where, and with which right."""
    work, device = result.workload, result.device
    megapixels = work.width * work.height / 1e6
    return (
        f"{work.image} ({work.image_source}, {work.width}×{work.height}, {megapixels:.1f} MP, "
        f"{work.tiles} tiles) at level {work.level} of {result.bundle.name} on {device.model}, "
        f"{device.cpu or device.architecture}, {device.os} {device.os_version}; "
        f"provenance: {result.provenance}"
    )


def comparison_text(found: Comparison) -> str:
    """Ratio, interval and bucket of one comparison."""
    ratio = found.ratio
    interval = "" if ratio.low is None else f" [{ratio.low:.3f}, {ratio.high:.3f}]"
    bucket = "" if ratio.bucket is None else f", bucket {ratio.bucket:g}×"
    return f"{ratio.ratio:.3f}×{interval}: {ratio.change}{bucket}"


def comparison_lines(report: ComparisonReport) -> list[str]:
    """Everything a comparison has to say, one line a figure."""
    lines = [f"not the same measurement: {reason}" for reason in report.not_the_same]
    lines += [f"{c.runtime} {c.figure}: {comparison_text(c)}" for c in report.figures]
    return lines + [f"in one result only: {figure}" for figure in report.unmatched]
