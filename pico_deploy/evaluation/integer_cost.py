"""What integers cost: bits of the same symbols under the integer entropy model and under the
float one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pico_deploy.errors import InputError


@dataclass(frozen=True)
class SymbolBits:
    """Ideal code lengths of the same symbols, in bits.

    ``float_model``: real-valued scales of the float scale decoder, exact Gaussians, float prior of
    z. ``float_index``: the shipped integer tables, but selected by the float scale decoder's
    rounded index. ``integer_model``: what ships. The last two differ only by integer arithmetic;
    the first also by table precision, and by tables being fitted to real symbols.
    """

    float_model: float
    float_index: float
    integer_model: float

    def __add__(self, other: SymbolBits) -> SymbolBits:
        return SymbolBits(
            self.float_model + other.float_model,
            self.float_index + other.float_index,
            self.integer_model + other.integer_model,
        )


@dataclass(frozen=True)
class ImageBits:
    """One photo at one level."""

    photo: str
    level: int
    bits: SymbolBits


@dataclass(frozen=True)
class IntegerCost:
    """Cost in percent of the float rate: over all bits, at each level, and on the worst single
    photo.

    ``network_percent`` is the part that the integer network alone is to blame for: integer rows
    against rounded float rows, same tables. The rest is the difference between shipped tables and
    ideal Gaussians, and may well be negative, because tables are fitted to what is really coded.
    """

    percent: float
    network_percent: float
    percent_of_level: dict[int, float]
    worst: ImageBits
    worst_percent: float


def integer_cost(images: Iterable[ImageBits]) -> IntegerCost:
    """Raises ``InputError`` when there is nothing to compare or a float rate is not positive."""
    rows = list(images)
    if not rows:
        raise InputError("no image to compare the integer with the float entropy model on")
    for row in rows:
        if not (row.bits.float_model > 0 and row.bits.float_index > 0):
            raise InputError(
                f"{row.photo} at level {row.level} takes {row.bits.float_model} bits under the "
                "float model; expected a positive number"
            )
    levels = sorted({row.level for row in rows})
    worst = max(rows, key=lambda row: _percent([row], _float_model))
    return IntegerCost(
        percent=_percent(rows, _float_model),
        network_percent=_percent(rows, lambda bits: bits.float_index),
        percent_of_level={
            level: _percent([row for row in rows if row.level == level], _float_model)
            for level in levels
        },
        worst=worst,
        worst_percent=_percent([worst], _float_model),
    )


def _float_model(bits: SymbolBits) -> float:
    return bits.float_model


def _percent(rows: Sequence[ImageBits], base: Callable[[SymbolBits], float]) -> float:
    return 100 * (sum(r.bits.integer_model for r in rows) / sum(base(r.bits) for r in rows) - 1)
