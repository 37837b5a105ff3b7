"""From made-up symbols to a draft, by the NumPy reference and not by the core, which is tested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pico_deploy.conformance.make_vectors.recipe import Draft, NamedModel
from pico_deploy.conformance.make_vectors.symbols import Symbols, drawn
from pico_deploy.conformance.vector_decoders import Encode
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.reference import encode_file
from pico_deploy.entropy.reference.grid import Grid

PIXEL_FINGERPRINT = b"no pixel"
"""Of vectors whose symbols no ``analysis`` emitted."""

Make = Callable[[EntropyModel, Grid, NDArray[np.uint8]], Symbols]


def draw(seed: int, rare: float = 0.01) -> Make:
    """Symbols as a trained codec would emit them."""
    return lambda model, grid, levels: drawn(model, grid, levels, seed, rare)


def coded(
    model: NamedModel,
    name: str,
    description: str,
    exercises: Sequence[str],
    size: tuple[int, int],
    make: Make,
    levels: int | NDArray[np.uint8] = 35,
    skip: int | Sequence[int] | None = None,
    **options: Any,
) -> Draft:
    """A vector made by the NumPy reference from made-up symbols; ``size`` is (width, height)."""
    grid = Grid(*size, model.model.geometry)
    per_tile = np.full(grid.tiles, levels, np.uint8) if isinstance(levels, int) else levels
    symbols = make(model.model, grid, per_tile)
    data = encode_file(
        model.model, *size, per_tile, PIXEL_FINGERPRINT, symbols.z, symbols.y, skip=skip, **options
    )
    encode: Encode = "auto" if skip is None else skip if isinstance(skip, int) else None
    return Draft(
        name=name,
        description=description,
        exercises=tuple(exercises),
        model=model.name,
        stream=data,
        encode=encode,
        z=symbols.z,
        y=symbols.y,
    )
