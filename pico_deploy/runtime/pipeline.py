"""Running stages beside each other, with a bound on what waits between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

DEPTH = 1
"""Results that may wait for the next stage. One is enough to keep two stages of unequal speed busy.
"""


def ahead(
    function: Callable[[T], R], items: Iterable[T], thread: Executor, depth: int = DEPTH
) -> Iterator[R]:
    """Apply ``function`` to ``items`` on ``thread``, in order, while the caller uses earlier
    results.

    At most ``depth + 1`` items are taken from ``items`` before the first result is used. An
    exception of ``function`` appears at its place in the order; work that waits behind it is
    dropped.
    """
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(thread.submit(function, item))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
