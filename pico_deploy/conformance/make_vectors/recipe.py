"""What a maker of vectors hands over: a stream, what it is for, and what must come out of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pico_deploy.conformance.vector_decoders import Encode
from pico_deploy.entropy.model import EntropyModel


@dataclass(frozen=True, eq=False)
class NamedModel:
    """An ``entropy.bin`` of the set: as data and as bytes."""

    name: str
    model: EntropyModel
    data: bytes


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures beside a stream, uint8 [H, W, 3], and what decoded the reference."""

    source: NDArray[np.uint8]
    reference: NDArray[np.uint8]
    made_with: str


@dataclass(frozen=True, eq=False)
class Draft:
    """A vector before it is checked and written.

    ``status`` is what docs/bitstream.md demands, stated by hand: making a vector fails when the
    core says otherwise. ``z``, ``y``: the symbols that went in, where the file decodes; int8
    [tiles, …].
    """

    name: str
    description: str
    exercises: tuple[str, ...]
    model: str
    stream: bytes
    status: str = "ok"
    encode: Encode = None
    z: NDArray[np.int8] | None = None
    y: NDArray[np.int8] | None = None
    symbols: str = "synthetic"
    provenance: str = "made up from integers (numpy.random.RandomState)"
    pictures: Pictures | None = field(default=None)


def bad(base: Draft, name: str, status: str, description: str, stream: bytes) -> Draft:
    """A file made from that of ``base`` which must be refused with ``status``."""
    return replace(
        base,
        name=f"bad-{name}",
        description=description,
        exercises=("refusal",),
        stream=stream,
        status=status,
        z=None,
        y=None,
    )
