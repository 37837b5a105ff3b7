"""The figures of a result as rows of text, shared by the terminal's tables and the HTML report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pico_deploy.measure.compare import Comparison
from pico_deploy.measure.result import Operation, Phase, Result, Run
from pico_deploy.measure.statistics import summarise


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


def run_title(run: Run) -> str:
    """Runtime, version, precision and accelerator as one line."""
    details = ", ".join(v for v in (run.runtime_version, run.precision) if v)
    observed = run.accelerator_observed or "not observable"
    return (
        f"{run.runtime}{f' ({details})' if details else ''}, accelerator requested "
        f"{run.accelerator_requested}, observed {observed}"
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
