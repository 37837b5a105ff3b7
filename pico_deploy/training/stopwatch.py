"""Where the time of training goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Stopwatch:
    """Seconds spent in named phases. On a GPU the end of a phase waits for the device, or its work
    would be counted in the next one.
    """

    def __init__(self, device: str) -> None:
        self._waits = device.startswith("cuda")
        self._seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add what happens inside to a phase."""
        started = time.perf_counter()
        try:
            yield
            if self._waits:
                torch.cuda.synchronize()
        finally:
            spent = time.perf_counter() - started
            self._seconds[name] = self._seconds.get(name, 0.0) + spent

    def shares(self) -> dict[str, float]:
        """Share of every phase in their sum, and a fresh start."""
        total = sum(self._seconds.values())
        found = {name: spent / total for name, spent in self._seconds.items()} if total else {}
        self._seconds = {}
        return found
