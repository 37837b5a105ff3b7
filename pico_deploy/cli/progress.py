"""Progress of an encode or decode, shown as steps."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pico_deploy.cli.steps import StepProgress
from pico_deploy.runtime.observer import Observer


class ProgressObserver(Observer):
    """Shows the tiles of each pass; a context manager. ``quiet`` shows nothing."""

    def __init__(self, quiet: bool = False) -> None:
        self._steps = StepProgress("tiles", quiet)
        self._label, self._total = "", 0

    def __enter__(self) -> Self:
        self._steps.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._steps.__exit__(kind, error, traceback)

    def begin(self, label: str, tiles: int) -> None:
        """Count from the start again."""
        self._label, self._total = label, tiles
        self._steps.restart()

    def progress(self, tiles: int) -> None:
        """Show how many tiles are finished."""
        self._steps.step(tiles, self._total, self._label)
