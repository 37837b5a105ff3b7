"""A decoder that must be caught: its table indices come from a float tensor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pico_deploy.conformance.implementations import Implementation, numpy_reference
from pico_deploy.conformance.symbols import TileSymbols
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.reference import scale_indices
from pico_deploy.entropy.reference import stream as reference_stream
from pico_deploy.entropy.serialise import from_bytes


def float_indices(drift: float) -> Callable[[bytes], list[Implementation]]:
    """The forbidden way: indices rounded from a float tensor, as a general runtime would give
    it.
    """

    def make(entropy_bin: bytes) -> list[Implementation]:
        def rounded(model: EntropyModel, z: NDArray[np.int8], level: int) -> NDArray[np.uint8]:
            tensor = scale_indices(model, z, level).astype(np.float32) + np.float32(drift)
            highest = len(model.y_tables) - 1
            return np.clip(np.floor(tensor + np.float32(0.5)), 0, highest).astype(np.uint8)

        sound = numpy_reference(from_bytes(entropy_bin))

        def decode(stream: bytes) -> dict[int, TileSymbols]:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(reference_stream, "scale_indices", rounded)
                return sound.decode(stream)

        return [Implementation("float indices", decode)]

    return make
