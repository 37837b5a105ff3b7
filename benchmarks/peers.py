"""Entropy coders of other projects, called as their projects call them, if they are installed.

They are listed in peers.txt and installed without what they drag along by `make bench-core`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sizes import sixteen_bit_table
from workload import SCALES, Workload


class Peer(Protocol):
    """What the benchmark asks of a coder; `tiles` is how many of the 48 it is given."""

    tiles: int

    def prepare(self, workload: Workload) -> None:
        """Before the clock starts."""

    def encode(self, workload: Workload) -> list[bytes]:
        """Streams."""

    def decode(self, workload: Workload, streams: list[bytes]) -> NDArray[np.int8]:
        """The symbols."""


def _compressai_ans() -> ModuleType:
    """The extension alone: importing the package would ask for torchvision and more."""
    spec = find_spec("compressai")
    assert spec is not None and spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0])
    path = str(next(iter(sorted(folder.glob("ans.*.so")))))
    extension = spec_from_file_location("ans", path, loader=ExtensionFileLoader("ans", path))
    assert extension is not None and extension.loader is not None
    module = module_from_spec(extension)
    extension.loader.exec_module(module)
    return module


class CompressAI:
    """compressai's rANS with 16-bit tables, through lists, as its EntropyModel calls it."""

    tiles = 48

    def prepare(self, workload: Workload) -> None:
        """Cumulative frequencies in order of value, their number, the first value: as lists."""
        self.ans = _compressai_ans()
        tables = [sixteen_bit_table(float(scale)) for scale in SCALES]
        width = max(len(table) for table in tables) + 1
        cdfs = [[0, *np.cumsum(table).tolist()] for table in tables]
        offsets = [-((len(table) - 2) // 2) for table in tables]
        padded = [cdf + [0] * (width - len(cdf)) for cdf in cdfs]
        self.tables = (padded, [len(cdf) for cdf in cdfs], offsets)

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

    tiles = 12

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


class Torchac:
    """torchac's arithmetic coder: a whole 16-bit cumulative table for every symbol."""

    tiles = 2

    def prepare(self, workload: Workload) -> None:
        """Tables over -128 ... 127 without an escape: nothing rarer than 1 in 65,536."""
        import torch
        import torchac

        self.torch, self.coder = torch, torchac
        values = np.arange(-127, 128)
        cdf = np.zeros((len(SCALES), len(values) + 1), np.int64)
        for row, scale in enumerate(SCALES):
            table = sixteen_bit_table(float(scale))
            reach = (len(table) - 2) // 2
            frequency = np.ones(len(values), np.int64)
            frequency[127 - reach : 128 + reach] = table[:-1]
            frequency[127] += (1 << 16) - frequency.sum()
            cdf[row, 1:] = np.cumsum(frequency)
        self.cdf = torch.from_numpy(cdf.astype(np.uint16).astype(np.int16))

    def encode(self, workload: Workload) -> list[bytes]:
        """One stream."""
        index = self.torch.from_numpy(workload.index.ravel().astype(np.int64))
        symbols = self.torch.from_numpy(workload.symbols.ravel().astype(np.int16) + 127)
        return [self.coder.encode_int16_normalized_cdf(self.cdf[index], symbols)]

    def decode(self, workload: Workload, streams: list[bytes]) -> NDArray[np.int8]:
        """All symbols."""
        index = self.torch.from_numpy(workload.index.ravel().astype(np.int64))
        values = self.coder.decode_int16_normalized_cdf(self.cdf[index], streams[0])
        return (values.numpy() - 127).astype(np.int8).reshape(workload.symbols.shape)


def _if_installed(package: str, made: Callable[[], Peer]) -> Callable[[], Peer | None]:
    return lambda: made() if find_spec(package) is not None else None


PEERS: dict[str, Callable[[], Peer | None]] = {
    "compressai": _if_installed("compressai", CompressAI),
    "constriction": _if_installed("constriction", Constriction),
    "torchac": _if_installed("torchac", Torchac),
}
