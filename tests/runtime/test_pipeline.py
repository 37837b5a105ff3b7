"""Stages run beside each other, in order, with a bound, and fail as one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pico_deploy.runtime.pipeline import ahead

PATIENCE_S = 60.0
"""How long a test waits for another thread before it calls that a deadlock; never waited when all
is well.
"""


def test_results_come_in_order() -> None:
    with ThreadPoolExecutor(1) as thread:
        assert list(ahead(lambda x: x * x, range(50), thread)) == [x * x for x in range(50)]


def test_next_item_is_worked_on_while_the_caller_uses_the_last() -> None:
    """The stage cannot finish item 1 before the caller has item 0: only true overlap gets
    through.
    """
    caller_has_first = threading.Event()

    def stage(item: int) -> int:
        assert item != 1 or caller_has_first.wait(PATIENCE_S)
        return item

    with ThreadPoolExecutor(1) as thread:
        results = ahead(stage, range(3), thread)
        assert next(results) == 0
        caller_has_first.set()
        assert list(results) == [1, 2]


def test_no_more_is_taken_than_the_bound_allows() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            taken.append(item)
            yield item

    with ThreadPoolExecutor(1) as thread:
        for result in ahead(lambda x: x, items(), thread, depth=2):
            assert len(taken) <= result + 3


def test_error_of_a_stage_appears_at_its_place_and_drops_what_waits() -> None:
    done: list[int] = []

    def stage(item: int) -> int:
        if item == 2:
            raise ValueError("third")
        done.append(item)
        return item

    with ThreadPoolExecutor(1) as thread:
        results = ahead(stage, range(100), thread)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(ValueError, match="third"):
            next(results)
    assert max(done) <= 3


def test_error_of_the_source_ends_the_stage() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("source")

    with ThreadPoolExecutor(1) as thread, pytest.raises(KeyError, match="source"):
        list(ahead(lambda x: x, items(), thread))
