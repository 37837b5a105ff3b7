"""What a backend is: it loads a part of a bundle and hands out a function on NumPy arrays."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

from pico_deploy.bundle.manifest import PartName, Precision, Role, Tensor
from pico_deploy.bundle.read import Bundle
from pico_deploy.errors import UsageError

Array = NDArray[Any]
ArithmeticName = Precision | Literal["bf16"]
"""What a runtime computes in: mostly the precision of the artefact; some choose bfloat16 for it."""


@dataclass(frozen=True)
class BackendOptions:
    """How to run. ``threads``: 0 leaves it to the runtime.

    ``weights`` and ``codec`` (``package.module:Class``) are for backends that need the PyTorch form
    of the codec.
    """

    threads: int = 0
    weights: Path | None = None
    codec: str | None = None


def parse_precision(name: str | None) -> Precision | None:
    """A precision by name, None for none; raises ``UsageError``."""
    if name is None:
        return None
    for precision in get_args(Precision):
        if name == precision:
            return cast(Precision, precision)
    raise UsageError(f"no precision is called {name!r}; choose {', '.join(get_args(Precision))}")


@dataclass(frozen=True)
class LoadReport:
    """What was loaded, by what, and how long it took.

    ``library`` is the package that runs the part, for example ``ai-edge-litert``. ``cold`` says
    that this was the process's first load with this library; its time then includes ``import_ns``,
    the import of the library.
    """

    runtime: str
    library: str
    version: str
    precision: ArithmeticName
    load_ns: int
    import_ns: int
    cold: bool


class LoadedPart(Protocol):
    """A part ready to run. Called from one thread at a time."""

    @property
    def inputs(self) -> Mapping[Role, Tensor]:
        """Layout, type and shape in which each input must come."""
        ...

    @property
    def report(self) -> LoadReport:
        """Who runs it and how it was loaded."""
        ...

    def __call__(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Run once. Outputs are canonical: NCHW views, integers of pixels already as float.

        They are the caller's: no later call overwrites them.
        """
        ...


class Backend(Protocol):
    """A runtime on this machine."""

    def load(self, bundle: Bundle, part: PartName, precision: Precision | None) -> LoadedPart:
        """Load a part; raises ``BundleError`` when the bundle has no such artefact or it is
        unusable.
        """
        ...


_loaded_libraries: set[str] = set()


@dataclass(frozen=True)
class Library:
    """An imported runtime library: module, distribution name, version, and what the import took."""

    module: ModuleType
    name: str
    version: str
    import_ns: int


def import_library(module: str, distribution: str) -> Library:
    """Import a runtime library and time it; raises ``ImportError``."""
    start = time.perf_counter_ns()
    imported = importlib.import_module(module)
    elapsed = time.perf_counter_ns() - start
    return Library(imported, distribution, metadata.version(distribution), elapsed)


class LoadTimer:
    """Times a load and knows whether it is the first one of its library in this process."""

    def __init__(self, runtime: str, library: Library) -> None:
        self._runtime, self._library = runtime, library
        self._start = time.perf_counter_ns()

    def report(self, precision: ArithmeticName) -> LoadReport:
        """Stop and report."""
        elapsed = time.perf_counter_ns() - self._start
        library = self._library
        cold = library.name not in _loaded_libraries
        _loaded_libraries.add(library.name)
        import_ns = library.import_ns if cold else 0
        return LoadReport(
            runtime=self._runtime,
            library=library.name,
            version=library.version,
            precision=precision,
            load_ns=elapsed + import_ns,
            import_ns=import_ns,
            cold=cold,
        )


def canonical(array: Array, tensor: Tensor) -> Array:
    """An output as the core and the tests take it: NCHW (a view), pixels dequantised to float32."""
    if tensor.layout == "nhwc":
        array = array.transpose(0, 3, 1, 2)
    if tensor.quantisation is not None and tensor.role == "x_hat":
        scale, zero = tensor.quantisation.scale, tensor.quantisation.zero_point
        return (array.astype(np.float32) - np.float32(zero)) * np.float32(scale)
    return array


def stored(array: Array, tensor: Tensor) -> Array:
    """A canonical input in the layout, type and shape of the file; the inverse of
    :func:`canonical`.
    """
    if tensor.layout == "nhwc":
        array = array.transpose(0, 2, 3, 1)
    if tensor.quantisation is not None and tensor.role not in ("y", "z"):
        info = np.iinfo(tensor.dtype)
        scaled = array / np.float32(tensor.quantisation.scale) + tensor.quantisation.zero_point
        array = np.clip(np.floor(scaled + 0.5), info.min, info.max)
    return np.ascontiguousarray(array, tensor.dtype).reshape(tensor.shape)
