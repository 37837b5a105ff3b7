"""Pictures and streams for a page to code, one at a time, and what it makes of them.

``GET api/task`` gives a task when there is one, ``GET api/task/N/input`` its bytes: 8-bit RGB row
by row, or a stream. The page posts ``api/task/N/symbols`` (int8, tile by tile ``z`` then ``y``) and
then ``api/task/N/output``, the stream or the pixels; or ``api/task/N/failure``.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from pico_deploy.measure.result import Failure
from targets.web.job import Event, Message, PictureInfo


class PageTask(Message):
    """``api/task``. ``picture`` and ``level`` are of an encode."""

    number: int
    operation: Literal["encode", "decode"]
    picture: PictureInfo | None = None
    level: int | None = None


@dataclass(frozen=True)
class Ready:
    """The page has opened the bundle and asks for its first task."""


@dataclass(frozen=True)
class Answer:
    """Symbols that analysis emitted or the page's core decoded, and the stream or the pixels."""

    symbols: bytes
    output: bytes


class NoSuchTaskError(LookupError):
    """A page speaks of a task that it is not working on."""


@dataclass
class _Given:
    task: PageTask
    data: bytes
    symbols: bytes | None = None


class TaskBoard:
    """The tasks of one page; ``heard`` holds what it says. Methods may be called by any thread, and
    those that name a task raise ``NoSuchTaskError`` for all but the one that was taken last.
    """

    def __init__(self) -> None:
        self.heard: queue.Queue[Ready | Answer | Event] = queue.Queue()
        self._waiting: queue.Queue[_Given] = queue.Queue()
        self._lock = threading.Lock()
        self._taken: _Given | None = None
        self._count = 0
        self._asked = False

    def encode(self, picture: PictureInfo, pixels: bytes, level: int) -> None:
        """Ask for the stream of a picture."""
        self._count += 1
        task = PageTask(number=self._count, operation="encode", picture=picture, level=level)
        self._waiting.put(_Given(task, pixels))

    def decode(self, stream: bytes) -> None:
        """Ask for the picture of a stream."""
        self._count += 1
        self._waiting.put(_Given(PageTask(number=self._count, operation="decode"), stream))

    def take(self, timeout_s: float) -> PageTask | None:
        """The next task; None where none comes in time."""
        if not self._asked:
            self._asked = True
            self.heard.put(Ready())
        try:
            given = self._waiting.get(timeout=timeout_s)
        except queue.Empty:
            return None
        with self._lock:
            self._taken = given
        return given.task

    def input(self, number: int) -> bytes:
        """What the task is about."""
        with self._working_on(number) as given:
            return given.data

    def keep_symbols(self, number: int, symbols: bytes) -> None:
        """Keep them until the output comes."""
        with self._working_on(number) as given:
            given.symbols = symbols

    def finish(self, number: int, output: bytes) -> None:
        """The task's end; raises ``NoSuchTaskError`` also when its symbols did not come before."""
        with self._working_on(number) as given:
            if given.symbols is None:
                raise NoSuchTaskError
            self._taken = None
            self.heard.put(Answer(given.symbols, output))

    def fail(self, number: int, failure: Failure) -> None:
        """The task's other end."""
        with self._working_on(number):
            self._taken = None
            self.heard.put(failure)

    @contextmanager
    def _working_on(self, number: int) -> Iterator[_Given]:
        with self._lock:
            if self._taken is None or self._taken.task.number != number:
                raise NoSuchTaskError
            yield self._taken
