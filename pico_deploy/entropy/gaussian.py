"""The tables of `y`: discretised Gaussians of log-spaced scales.

The standard ones are data, `gaussian.json`, made once by ``python -m
pico_deploy.entropy.gaussian``.
"""

from __future__ import annotations

import json
import math
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.limits import MAX_REACH
from pico_deploy.entropy.model import Table
from pico_deploy.entropy.tables import counts_of_pmf, quantise_counts, zigzag_values

SCALE_MIN, SCALE_MAX, SCALES = 0.11, 20.0, 64
_NEGLIGIBLE = 2.0**-15
"""Values rarer than this, both sides together, are left to the escape."""
_RAREST_ESCAPE = 2.0**-17


def scales(
    count: int = SCALES, low: float = SCALE_MIN, high: float = SCALE_MAX
) -> NDArray[np.float64]:
    """Log-spaced standard deviations, float64 [count]; scale k belongs to index k."""
    return np.exp(np.linspace(math.log(low), math.log(high), count))


def standard_tables() -> tuple[Table, ...]:
    """The shipped tables for `scales()`: 64 rows, support up to ±63."""
    text = files(__package__).joinpath("gaussian.json").read_text(encoding="utf-8")
    return tuple(np.array(row, np.uint16) for row in json.loads(text))


def gaussian_table(scale: float, limit: int = MAX_REACH) -> Table:
    """Table of a rounded zero-mean Gaussian, values up to ±limit or until they are negligible."""
    root = scale * math.sqrt(2.0)
    reach = 1
    while reach < limit and math.erfc((reach + 0.5) / root) > _NEGLIGIBLE:
        reach += 1

    def tail(x: float) -> float:
        return 0.5 * math.erfc(x / root)

    values = [abs(int(v)) for v in zigzag_values(2 * reach + 1)]
    inside = [tail(v - 0.5) - tail(v + 0.5) for v in values]
    escape = max(2 * tail(reach + 0.5), _RAREST_ESCAPE)
    return quantise_counts(counts_of_pmf(np.array([*inside, escape])))


def _as_json() -> str:
    rows = [json.dumps(gaussian_table(float(s)).tolist()) for s in scales()]
    return "[\n" + ",\n".join(rows) + "\n]"


if __name__ == "__main__":
    print(_as_json())
