"""From the spans that an encode or decode reports to the samples of a result."""

from __future__ import annotations

import threading
from collections import defaultdict

from pico_deploy.measure.result import (
    ACCELERATOR_PHASES,
    Operation,
    Phase,
    PhaseSamples,
    ReadBack,
)
from pico_deploy.measure.statistics import overlap_efficiency
from pico_deploy.runtime.observer import Observer
from pico_deploy.runtime.observer import Phase as SpanName


class SpanRecorder(Observer):
    """Durations of every call in every phase of one encode or decode."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls_ns: dict[Phase, list[int]] = defaultdict(list)

    def span(self, phase: SpanName, index: int, start_ns: int, end_ns: int) -> None:
        """Keep one duration."""
        with self._lock:
            self.calls_ns[Phase(phase)].append(end_ns - start_ns)

    def busy_ns(self, accelerator: bool) -> int:
        """Time that the accelerator, or the CPU side, was busy."""
        return sum(
            sum(calls)
            for phase, calls in self.calls_ns.items()
            if (phase in ACCELERATOR_PHASES) == accelerator
        )


class OperationRecorder:
    """Collects iterations of one operation and makes its part of the result."""

    def __init__(self) -> None:
        self._latency_ns: list[int] = []
        self._spans: list[SpanRecorder] = []
        self._apart: dict[Phase, tuple[Phase, str, list[tuple[int, ...]]]] = {}

    def add(self, latency_ns: int, spans: SpanRecorder) -> None:
        """Add one iteration."""
        self._latency_ns.append(latency_ns)
        self._spans.append(spans)

    def add_apart(self, phase: Phase, part_of: Phase, note: str, calls_ns: tuple[int, ...]) -> None:
        """Add, to the latest iteration, a phase that ``part_of`` contains and that was timed
        apart.
        """
        self._apart.setdefault(phase, (part_of, note, []))[2].append(calls_ns)

    def operation(self, peak_memory_bytes: int | None) -> Operation:
        """The result's entry."""
        phases = {
            phase: PhaseSamples(samples_ns=tuple(tuple(s.calls_ns[phase]) for s in self._spans))
            for phase in Phase
            if any(phase in spans.calls_ns for spans in self._spans)
        }
        for phase, (part_of, note, samples) in self._apart.items():
            phases[phase] = PhaseSamples(samples_ns=tuple(samples), part_of=part_of, note=note)
        return Operation(
            latency_ns=tuple(self._latency_ns),
            phases=phases,
            read_back=ReadBack.WITHIN,
            overlap_efficiency=tuple(
                overlap_efficiency(spans.busy_ns(True), spans.busy_ns(False), latency)
                for latency, spans in zip(self._latency_ns, self._spans, strict=True)
            ),
            peak_memory_bytes=peak_memory_bytes,
        )
