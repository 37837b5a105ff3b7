"""Result files in, one HTML file out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pico_deploy.measure.budgets import Verdict
from pico_deploy.measure.compare import compare
from pico_deploy.measure.html import page
from pico_deploy.measure.result import Result
from pico_deploy.measure.store import load
from pico_deploy.outputs import write_bytes


@dataclass(frozen=True)
class Written:
    """What was written, and what a reader must know about it."""

    output: Path
    results: int
    notes: tuple[str, ...]


Judge = Callable[[Result], list[Verdict]]


def write_report(paths: Sequence[Path], output: Path, judge: Judge | None = None) -> Written:
    """Write the page, with the verdicts that ``judge`` gives. Two results are compared, the first
    being the older one.

    Raises ``InputError`` for a file that is no result, ``OutputError``.
    """
    results = [load(path) for path in paths]
    verdicts = [] if judge is None else [verdict for r in results for verdict in judge(r)]
    comparison = compare(*results) if len(results) == 2 else None
    write_bytes(output, page(results, verdicts, comparison).encode())
    return Written(output, len(results), comparison.not_the_same if comparison else ())
