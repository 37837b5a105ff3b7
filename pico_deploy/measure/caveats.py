"""What a reader must know before believing a latency: nothing that slows or flatters is silent."""

from __future__ import annotations

from collections.abc import Iterator

from pico_deploy.errors import VerificationError
from pico_deploy.measure.budgets import NOT_A_DEVICE
from pico_deploy.measure.figures import milliseconds, operations
from pico_deploy.measure.result import Conformance, Covers, Provenance, Result, Run, ThermalState
from pico_deploy.measure.statistics import summarise

UNSTEADY_CV_PERCENT = 10.0
"""From here on a median of few samples is worth little. Our own line; ExecuTorch's stability score
loses half of its points there.
"""
_HOT = (ThermalState.SERIOUS, ThermalState.CRITICAL)
_ORDER = list(ThermalState)


def caveats(result: Result) -> list[str]:
    """One line for each; none means that nothing known speaks against the figures."""
    return [*_of_result(result), *(line for run in result.runs for line in _of_run(run))]


def require_conformance(result: Result) -> None:
    """Raise ``VerificationError`` when a conformance vector failed beside a measurement."""
    for run in result.runs:
        if run.conformance is not None and run.conformance.failures:
            raise VerificationError(f"{run.runtime}: {_failures(run.conformance)}")


def _failures(found: Conformance) -> str:
    return (
        f"{len(found.failures)} of {found.vectors} conformance vectors failed, "
        f"first: {found.failures[0]}"
    )


def _of_result(result: Result) -> Iterator[str]:
    if result.provenance is not Provenance.DEVICE:
        markers = ", ".join(result.device.emulator_markers)
        why = f" ({markers})" if markers else ""
        yield f"{NOT_A_DEVICE}: provenance is {result.provenance.value}{why}"


def _of_run(run: Run) -> Iterator[str]:
    if run.failure is not None:
        return
    if run.covers is Covers.CORE:
        elsewhere = "; ".join(
            f"{phase.value}: {where}" for phase, where in run.ran_elsewhere.items()
        )
        yield f"{run.runtime}: the core alone, no encode or decode of a photo ({elsewhere})"
    yield from _accelerator(run)
    yield from _state(run)
    for name, operation in operations(run):
        spread = summarise(operation.latency_ns).cv_percent
        if spread is not None and spread >= UNSTEADY_CV_PERCENT:
            yield f"{run.runtime} {name}: unsteady, coefficient of variation {spread:.0f} %"
        for dropped in operation.dropped:
            yield (
                f"{run.runtime} {name}: iteration {dropped.iteration} "
                f"({milliseconds(dropped.latency_ns)} ms) is not among the samples: "
                f"{dropped.reason}"
            )
    if run.conformance is not None and run.conformance.failures:
        yield f"{run.runtime}: {_failures(run.conformance)}"


def _accelerator(run: Run) -> Iterator[str]:
    observed, requested = run.accelerator_observed, run.accelerator_requested
    if observed is None:
        yield f"{run.runtime}: {requested} was requested; what did the work is not known"
    elif observed != requested:
        yield f"{run.runtime}: {requested} was requested, {observed} did the work"


def _state(run: Run) -> Iterator[str]:
    before, after = run.conditions_before, run.conditions_after
    if before.thermal_state and after.thermal_state:
        if _ORDER.index(after.thermal_state) > _ORDER.index(before.thermal_state):
            yield (
                f"{run.runtime}: the thermal state rose from {before.thermal_state.value} to "
                f"{after.thermal_state.value}"
            )
        elif after.thermal_state in _HOT:
            yield f"{run.runtime}: the thermal state was {after.thermal_state.value} throughout"
    if before.low_power or after.low_power:
        yield f"{run.runtime}: low-power mode was on"
