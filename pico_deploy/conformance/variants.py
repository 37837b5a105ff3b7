"""Which parts of a bundle can run here: each with its runtime and precision, as ``onnx/fp32``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from pico_deploy.bundle.manifest import PartName, Precision, RuntimeName
from pico_deploy.conformance.verification import NotRun
from pico_deploy.errors import MissingDependencyError, UsageError
from pico_deploy.runtime import registry
from pico_deploy.runtime.backend import ArithmeticName, BackendOptions, LoadedPart
from pico_deploy.runtime.session import Session


@dataclass(frozen=True)
class Variant:
    """A part that was loaded."""

    runtime: str
    precision: ArithmeticName
    part: LoadedPart

    @property
    def name(self) -> str:
        """``runtime/precision``."""
        return f"{self.runtime}/{self.precision}"


def load_variants(
    session: Session, part: PartName, runtimes: Sequence[str], options: BackendOptions
) -> tuple[list[Variant], list[NotRun]]:
    """Load every form of a part that the bundle holds and the runtimes named can run.

    Runtimes that need no artefact, such as PyTorch, take part where they find the codec. What is
    missing on this machine is returned with its reason; an artefact that is there and does not load
    raises ``BundleError``.
    """
    loaded, not_run = [], []
    for runtime, precision in _candidates(session, part, runtimes):
        what = f"{part} on {runtime}/{precision}" if precision else f"{part} on {runtime}"
        reason = _reason_against(runtime, precision, runtimes)
        if reason is None:
            try:
                found = session.load(part, runtime, precision, options)
            except MissingDependencyError as error:
                reason = str(error)
            except UsageError as error:
                # without a known checkpoint PyTorch cannot take part, and nothing is wrong
                if precision is not None or options.weights is not None:
                    raise
                reason = str(error)
        if reason is None:
            loaded.append(Variant(runtime, found.report.precision, found))
        else:
            not_run.append(NotRun(what=what, reason=reason))
    return loaded, not_run


def _candidates(
    session: Session, part: PartName, runtimes: Sequence[str]
) -> list[tuple[str, Precision | None]]:
    """Runtime and precision of everything that could run; no precision where there is no
    artefact.
    """
    held = [a for a in session.manifest.artefacts if a.part == part]
    found: list[tuple[str, Precision | None]] = [(a.runtime, a.precision) for a in held]
    with_artefacts = {a.runtime for a in held}
    return found + [(name, None) for name in runtimes if name not in with_artefacts]


def _reason_against(
    runtime: str, precision: Precision | None, runtimes: Sequence[str]
) -> str | None:
    if runtime not in registry.names():
        return f"no {runtime} runtime exists for this machine"
    if runtime not in runtimes:
        return "not asked for"
    if precision is None and runtime in get_args(RuntimeName):
        return "the bundle holds no artefact for it"
    return None
