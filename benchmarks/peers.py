"""Entropy coders of other projects, called as their projects call them, if they are installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from workload import SCALES, Workload

from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.tables import zigzag_values


class Peer(Protocol):
    """What the benchmark asks of a coder."""

    def prepare(self, workload: Workload) -> None:
        """Before the clock starts."""

    def encode(self, workload: Workload) -> list[bytes]:
        """Streams."""

    def decode(self, workload: Workload, streams: list[bytes]) -> NDArray[np.int8]:
        """The symbols."""


def _sixteen_bit_tables() -> tuple[list[list[int]], list[int], list[int]]:
    """Cumulative frequencies in order of value, lengths, offsets, as compressai takes them."""
    cdfs, sizes, offsets = [], [], []
    for table in standard_tables():
        values = zigzag_values(len(table) - 1)
        order = np.argsort(values)
        frequencies = [*(16 * table[:-1][order].astype(int)), 16 * int(table[-1])]
        cdf = [0, *np.cumsum(frequencies).tolist()]
        cdfs.append(cdf)
        sizes.append(len(cdf))
        offsets.append(int(values.min()))
    width = max(sizes)
    return [c + [0] * (width - len(c)) for c in cdfs], sizes, offsets


class CompressAI:
    """compressai's rANS with indexes, through lists, as its entropy models call it."""

    def prepare(self, workload: Workload) -> None:
        """Tables as lists."""
        from compressai import ans

        self.ans = ans
        self.tables = _sixteen_bit_tables()

    def encode(self, workload: Workload) -> list[bytes]:
        """One stream."""
        symbols = workload.symbols.ravel().astype(np.int32).tolist()
        index = workload.index.ravel().astype(np.int32).tolist()
        return [self.ans.RansEncoder().encode_with_indexes(symbols, index, *self.tables)]

    def decode(self, workload: Workload, streams: list[bytes]) -> NDArray[np.int8]:
        """All symbols."""
        index = workload.index.ravel().astype(np.int32).tolist()
        values = self.ans.RansDecoder().decode_with_indexes(streams[0], index, *self.tables)
        return np.array(values, np.int32).astype(np.int8).reshape(workload.symbols.shape)


class Constriction:
    """constriction's ANS coder with a quantised Gaussian of each symbol's own scale."""

    def prepare(self, workload: Workload) -> None:
        """The family of models."""
        import constriction

        self.coder = constriction.stream.stack.AnsCoder
        self.family = constriction.stream.model.QuantizedGaussian(-127, 127)

    def encode(self, workload: Workload) -> list[bytes]:
        """One stream of 32-bit words."""
        coder = self.coder()
        scale = SCALES[workload.index.ravel()]
        symbols = workload.symbols.ravel().astype(np.int32)
        coder.encode_reverse(symbols, self.family, np.zeros_like(scale), scale)
        return [coder.get_compressed().tobytes()]

    def decode(self, workload: Workload, streams: list[bytes]) -> NDArray[np.int8]:
        """All symbols."""
        coder = self.coder(np.frombuffer(streams[0], np.uint32))
        scale = SCALES[workload.index.ravel()]
        values = coder.decode(self.family, np.zeros_like(scale), scale)
        return values.astype(np.int8).reshape(workload.symbols.shape)


def _if_installed(package: str, made: Callable[[], Peer]) -> Callable[[], Peer | None]:
    return lambda: made() if find_spec(package) is not None else None


PEERS: dict[str, Callable[[], Peer | None]] = {
    "compressai": _if_installed("compressai", CompressAI),
    "constriction": _if_installed("constriction", Constriction),
}
