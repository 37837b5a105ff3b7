"""The level search finds the best level that fits, with few encodes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pico_deploy.runtime.search import INTERPOLATIONS, search_level


def asked_and_found(sizes: list[int], target: int) -> tuple[list[int], int]:
    asked: list[int] = []

    def size_of(level: int) -> int:
        asked.append(level)
        return sizes[level]

    return asked, search_level(size_of, target, len(sizes))


def best(sizes: list[int], target: int) -> int:
    return max((level for level, size in enumerate(sizes) if size <= target), default=0)


@given(
    sizes=st.lists(st.integers(1, 10**8), min_size=1, max_size=256).map(sorted),
    target=st.integers(1, 10**8),
)
def test_best_level_that_fits_is_found_with_a_bounded_number_of_encodes(
    sizes: list[int], target: int
) -> None:
    asked, found = asked_and_found(sizes, target)
    assert found == best(sizes, target)
    assert len(asked) == len(set(asked))
    assert len(asked) <= INTERPOLATIONS + math.ceil(math.log2(len(sizes) + 1))


@pytest.mark.parametrize("growth", [1.02, 1.045, 1.08])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_usual_curves_take_at_most_five_encodes(growth: float, fraction: float) -> None:
    sizes = [int(50_000 * growth**level) for level in range(71)]
    target = int(50_000 * growth ** (71 * fraction))
    asked, found = asked_and_found(sizes, target)
    assert found == best(sizes, target)
    assert len(asked) <= 5


@given(sizes=st.lists(st.integers(1, 1000), min_size=2, max_size=80), target=st.integers(1, 1000))
def test_even_erratic_sizes_give_a_level_that_fits(sizes: list[int], target: int) -> None:
    asked, found = asked_and_found(sizes, target)
    assert sizes[found] <= target or found == 0
    assert found in asked
