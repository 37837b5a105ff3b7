"""Progress of long work on stderr: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

import typer

from pico_deploy.runtime.observer import Observer

PLAIN_STEPS = 4


class ProgressObserver(Observer):
    """Shows the tiles of each pass; a context manager. ``quiet`` shows nothing."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._label, self._total, self._shown = "", 0, 0

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
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, label: str, tiles: int) -> None:
        """Start a new bar."""
        self._label, self._total, self._shown = label, tiles, 0
        if self._bar is not None:
            self._task = self._bar.add_task(label, total=tiles)

    def progress(self, tiles: int) -> None:
        """Move the bar, or print a line at every quarter."""
        if self._bar is not None:
            self._bar.update(self._task, completed=tiles)
            return
        step = tiles * PLAIN_STEPS // self._total
        if step > self._shown and not self._quiet:
            self._shown = step
            typer.echo(f"{self._label}: {tiles} of {self._total} tiles", err=True)
