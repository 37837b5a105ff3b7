"""What integers cost: bits under the integer entropy model against bits under the float scale
decoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pico_deploy.errors import InputError


@dataclass(frozen=True)
class ImageBits:
    """Bits that the same symbols take under both models.

    ``float_bits``: −Σ log₂ p with the scales of the float scale decoder and unquantised
    distributions. ``integer_bits``: either −Σ log₂ (f / 4096) with the integer model's tables, or
    the real payload.
    """

    photo: str
    level: int
    float_bits: float
    integer_bits: float


@dataclass(frozen=True)
class IntegerCost:
    """Cost in percent of the float rate: over all bits, at each level, and the worst single
    image.
    """

    percent: float
    percent_of_level: dict[int, float]
    worst: ImageBits
    worst_percent: float


def integer_cost(images: Iterable[ImageBits]) -> IntegerCost:
    """Raises ``InputError`` when there is nothing to compare or a float rate is not positive."""
    rows = list(images)
    if not rows:
        raise InputError("no image to compare the integer with the float entropy model on")
    for row in rows:
        if not row.float_bits > 0:
            raise InputError(
                f"{row.photo} at level {row.level} takes {row.float_bits} bits under the float "
                "model; expected a positive number"
            )
    levels = sorted({row.level for row in rows})
    worst = max(rows, key=lambda row: _percent([row]))
    return IntegerCost(
        percent=_percent(rows),
        percent_of_level={v: _percent([row for row in rows if row.level == v]) for v in levels},
        worst=worst,
        worst_percent=_percent([worst]),
    )


def _percent(rows: Sequence[ImageBits]) -> float:
    return 100 * (sum(r.integer_bits for r in rows) / sum(r.float_bits for r in rows) - 1)
