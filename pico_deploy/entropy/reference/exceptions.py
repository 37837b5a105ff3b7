"""Non-zero values among skipped elements: docs/bitstream.md, section 5.3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.limits import MAX_RICE
from pico_deploy.entropy.reference.damage import Damage

MAGNITUDE_BITS = 7


@dataclass(frozen=True)
class Exceptions:
    """The coded list of a stream: how many, the Rice parameter, and the bits in bytes."""

    count: int
    rice: int
    data: bytes


def write_exceptions(skipped_values: NDArray[np.int64]) -> Exceptions:
    """The list for the values of the skipped elements of a stream, in coding order."""
    positions = np.flatnonzero(skipped_values)
    gaps = np.diff(positions, prepend=-1) - 1
    costs = [int((gaps >> rice).sum()) + rice * len(gaps) for rice in range(MAX_RICE + 1)]
    rice = int(np.argmin(costs))
    bits: list[int] = []
    for gap, value in zip(gaps.tolist(), skipped_values[positions].tolist(), strict=True):
        magnitude = abs(value)
        bits += [1] * (gap >> rice) + [0] + _bits(gap, rice)
        bits += [1, *_bits(magnitude, MAGNITUDE_BITS)] if magnitude > 1 else [0]
        bits.append(int(value < 0))
    packed = np.packbits(np.array(bits, np.uint8), bitorder="little")
    return Exceptions(len(gaps), rice, packed.tobytes())


def read_exceptions(exceptions: Exceptions, skipped: int, y_max: int) -> NDArray[np.int64]:
    """The values of `skipped` elements; raises `Damage`."""
    values = np.zeros(skipped, np.int64)
    at = 0
    for gap, value in list_exceptions(exceptions):
        at += gap
        if at >= skipped:
            raise Damage("an exception lies beyond the last skipped element")
        if abs(value) > y_max:
            raise Damage(f"exception of magnitude {abs(value)}")
        values[at] = value
        at += 1
    return values


def list_exceptions(exceptions: Exceptions) -> list[tuple[int, int]]:
    """(gap, value) of each, in order; raises `Damage` unless they fill the bytes exactly."""
    bits = iter(np.unpackbits(np.frombuffer(exceptions.data, np.uint8), bitorder="little").tolist())
    listed = []
    try:
        for _ in range(exceptions.count):
            quotient = 0
            while next(bits):
                quotient += 1
            gap = (quotient << exceptions.rice) + _take(bits, exceptions.rice)
            magnitude = 1
            if next(bits):
                magnitude = _take(bits, MAGNITUDE_BITS)
                if magnitude < 2:
                    raise Damage(f"an exception of magnitude {magnitude} in the long form")
            listed.append((gap, -magnitude if next(bits) else magnitude))
    except StopIteration:
        raise Damage("the exceptions run out of bits") from None
    rest = list(bits)
    if len(rest) >= 8 or any(rest):
        raise Damage("bits are left over after the exceptions")
    return listed


def _bits(value: int, count: int) -> list[int]:
    return [value >> i & 1 for i in range(count)]


def _take(bits: Iterator[int], count: int) -> int:
    value = 0
    for i in range(count):
        value |= next(bits) << i
    return value
