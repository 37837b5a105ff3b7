"""Non-zero values among skipped elements: docs/bitstream.md, section 5.3."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.reference.damage import Damage

LONGEST_GAP = 32766
PASS, LARGE = 0xFFFE, 0xFFFF


def write_exceptions(skipped_values: NDArray[np.int64]) -> list[int]:
    """The words for the values of the skipped elements of a tile, in coding order."""
    words: list[int] = []
    at = 0
    for position in np.flatnonzero(skipped_values).tolist():
        gap, value = position - at, int(skipped_values[position])
        at = position + 1
        words += [PASS] * (gap // (LONGEST_GAP + 1))
        gap %= LONGEST_GAP + 1
        words += [gap << 1 | (value < 0)] if abs(value) == 1 else [LARGE, gap, value & 0xFF]
    return words


def read_exceptions(words: list[int], count: int, y_max: int) -> NDArray[np.int64]:
    """The values of `count` skipped elements; raises `Damage`."""
    values = np.zeros(count, np.int64)
    at, unread = 0, iter(words)
    passed_last = False
    for word in unread:
        passed_last = word == PASS
        if word == PASS:
            at += LONGEST_GAP + 1
            if at > count:
                raise Damage("an exception lies beyond the last skipped element")
            continue
        gap, value = word >> 1, -1 if word & 1 else 1
        if word == LARGE:
            gap, value = next(unread, -1), next(unread, -1)
            if not 0 <= gap <= LONGEST_GAP or not 0 <= value <= 255:
                raise Damage("a large exception is malformed")
            value -= 256 if value > 127 else 0
            if not 2 <= abs(value) <= y_max:
                raise Damage(f"exception value {value}")
        at += gap
        if at >= count:
            raise Damage("an exception lies beyond the last skipped element")
        values[at] = value
        at += 1
    if passed_last:
        raise Damage("the exceptions end in a gap")
    return values
