"""Budgets as data, and a verdict only where one is due: on figures with the provenance ``device``.

A budget file is TOML with a table ``[budgets]``; a device profile has the same table, so either may
be given::

    source = "PICO, arXiv 2605.05148: 12 MP on an iPhone 17 Pro Max"
    [budgets]
    encode_milliseconds = 230
    decode_milliseconds = 150
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pico_deploy.errors import BudgetError, InputError
from pico_deploy.measure.result import Covers, Operation, Provenance, Result, Run
from pico_deploy.measure.statistics import summarise

Outcome = Literal[
    "within", "over", "not measured", "not a device measurement", "another device than the budget's"
]
NOT_A_DEVICE: Outcome = "not a device measurement"
OTHER_DEVICE: Outcome = "another device than the budget's"

Positive = Annotated[float, Field(gt=0)]


class Budgets(BaseModel):
    """Upper limits; latencies are compared with the p50. What is absent is not limited."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encode_milliseconds: Positive | None = None
    decode_milliseconds: Positive | None = None
    cold_load_milliseconds: Positive | None = None
    bundle_bytes: Positive | None = None
    stream_bytes: Positive | None = None
    peak_memory_bytes: Positive | None = None


@dataclass(frozen=True)
class Verdict:
    """One limit applied to one run. ``measured`` is None where the result has no such figure."""

    runtime: str
    budget: str
    limit: float
    measured: float | None
    outcome: Outcome

    @property
    def passed(self) -> bool:
        """True only for a figure of a device that is within its limit."""
        return self.outcome == "within"


def load_budgets(path: Path) -> Budgets:
    """Read the table ``[budgets]`` of a TOML file; raises ``InputError``."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    table = data.get("budgets")
    if not isinstance(table, dict) or not table:
        raise InputError(
            f"{path} has no table [budgets]; expected some of: {', '.join(Budgets.model_fields)}"
        )
    try:
        return Budgets.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{path}: budgets.{'.'.join(map(str, first['loc']))}: {first['msg']}; "
            f"known: {', '.join(Budgets.model_fields)}"
        ) from error


def judge(result: Result, budgets: Budgets, is_other_device: bool = False) -> list[Verdict]:
    """One verdict for each run and limit. Figures that are not of a device, or
    (``is_other_device``) not of the one that the budgets are for, are shown and not judged.
    """
    verdicts = []
    for run in result.runs:
        figures = _figures(result, run)
        for name, limit in budgets.model_dump(exclude_none=True).items():
            measured = figures[name]
            outcome = _outcome(measured, limit, result.provenance)
            if is_other_device and outcome in ("within", "over"):
                outcome = OTHER_DEVICE
            verdicts.append(Verdict(run.runtime, name, limit, measured, outcome))
    return verdicts


def _outcome(measured: float | None, limit: float, provenance: Provenance) -> Outcome:
    if measured is None:
        return "not measured"
    if provenance is not Provenance.DEVICE:
        return NOT_A_DEVICE
    return "within" if measured <= limit else "over"


def all_kept(verdicts: list[Verdict]) -> bool:
    """Whether every limit was judged and kept; no verdict at all is not a pass."""
    return bool(verdicts) and all(v.passed for v in verdicts)


def require(verdicts: list[Verdict]) -> None:
    """Raise ``BudgetError`` unless every limit was judged and kept."""
    if all_kept(verdicts):
        return
    failed = [v for v in verdicts if not v.passed]
    if not verdicts:
        raise BudgetError(
            "nothing was measured, so no budget can be judged; see the notes of the result"
        )
    lines = ", ".join(
        f"{v.runtime} {v.budget} {'?' if v.measured is None else f'{v.measured:g}'}"
        f" (limit {v.limit:g}): {v.outcome}"
        for v in failed
    )
    raise BudgetError(f"{len(failed)} of {len(verdicts)} budgets not kept: {lines}")


def _figures(result: Result, run: Run) -> dict[str, float | None]:
    sizes = {"bundle_bytes": result.bundle.bundle_bytes, "stream_bytes": run.stream_bytes}
    if run.covers is not Covers.CODEC:
        # The core's share of a decode says nothing about a decode, however fast it is.
        return dict.fromkeys(Budgets.model_fields) | sizes
    return sizes | {
        "encode_milliseconds": _p50_milliseconds(run.encode),
        "decode_milliseconds": _p50_milliseconds(run.decode),
        "cold_load_milliseconds": None if run.load is None else run.load.cold_ns / 1e6,
        "peak_memory_bytes": None if run.memory is None else run.memory.peak_bytes,
    }


def _p50_milliseconds(operation: Operation | None) -> float | None:
    return None if operation is None else summarise(operation.latency_ns).p50_ns / 1e6
