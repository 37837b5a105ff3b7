"""Progress of work in steps on stderr: a bar on a terminal, a line every tenth elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

import typer

PLAIN_LINES = 10


class StepProgress:
    """A context manager; ``step`` is the callback for work that reports (done, total, what)."""

    def __init__(self, label: str, quiet: bool = False) -> None:
        self._label, self._quiet = label, quiet
        self._bar: Any = None
        self._task: Any = None
        self._shown = -1

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
            from rich.progress import TimeRemainingColumn as Remaining

            text = TextColumn("{task.description}")
            self._bar = Progress(
                text, BarColumn(), MofNCompleteColumn(), Remaining(), console=Console(stderr=True)
            )
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def restart(self) -> None:
        """Begin to count again from nothing."""
        self._shown = -1

    def step(self, done: int, total: int, what: str) -> None:
        """Show where the work is."""
        if self._quiet:
            return
        if self._bar is not None:
            text = f"{self._label}: {what}"
            self._bar.update(self._task, completed=done, total=total, description=text)
            return
        line = done * PLAIN_LINES // max(1, total)
        if line > self._shown:
            self._shown = line
            typer.echo(f"{self._label}: {done} of {total}, {what}", err=True)
