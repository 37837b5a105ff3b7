"""Finding the quality level for a wanted file size."""

from __future__ import annotations

import math
from collections.abc import Callable

INTERPOLATIONS = 5


def search_level(size_of: Callable[[int], int], target_bytes: int, levels: int) -> int:
    """Highest level whose size is at most ``target_bytes``, or 0 when none is.

    ``size_of(level)`` is asked as rarely as possible, because each answer is a whole encode: sizes
    grow about exponentially with the level, so the next level to ask is interpolated on the
    logarithm of those known. The answer is exact when sizes never fall as the level rises;
    otherwise it still fits and its upper neighbour does not.
    """
    known: dict[int, int] = {}

    def fits(level: int) -> bool:
        if level not in known:
            known[level] = size_of(level)
        return known[level] <= target_bytes

    low, high = -1, levels  # low fits (or lies below all levels), high does not (or lies above)
    while high - low > 1:
        # Halving bounds the number of questions when sizes do not grow as expected.
        expected = len(known) < INTERPOLATIONS
        level = _interpolated(known, target_bytes) if known and expected else (low + high) // 2
        # Never ask a level that would leave the bracket as it is.
        level = min(max(level, low + 1), high - 1)
        if fits(level):
            low = level
        else:
            high = level
    return max(low, 0)


def _interpolated(known: dict[int, int], target_bytes: int) -> int:
    """Where the target is expected, going by the two known levels that are nearest to it in
    size.
    """
    distance = sorted(known, key=lambda level: abs(math.log(known[level] / target_bytes)))
    a = distance[0]
    slope = 0.045  # a level adds about 4.5 % in a range of 100:1 over 71 levels
    if len(distance) > 1:
        b = distance[1]
        slope = math.log(known[b] / known[a]) / (b - a)
    step = math.log(target_bytes / known[a]) / max(slope, 1e-3)
    return a + math.floor(max(min(step, 1e4), -1e4))
