"""From a runtime's name to its backend. The only place where an optional library is imported."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from pico_deploy.errors import MissingDependencyError, UsageError
from pico_deploy.runtime.backend import Backend, BackendOptions

Factory = Callable[[BackendOptions], Backend]

_FACTORIES: dict[str, str | Factory] = {
    "onnx": "pico_deploy.runtime.backends.onnx:OnnxBackend",
    "tflite": "pico_deploy.runtime.backends.tflite:TfliteBackend",
    "torch": "pico_deploy.runtime.backends.torch:TorchBackend",
}
INSTALL = {
    "onnx": "pip install onnxruntime",
    "tflite": "pip install pico-deploy[litert]",
    "torch": "pip install pico-deploy[torch]",
}


def names() -> list[str]:
    """Names of all backends, installed or not."""
    return list(_FACTORIES)


def register(name: str, factory: Factory) -> None:
    """Add a backend, for example one of another package."""
    _FACTORIES[name] = factory


def unregister(name: str) -> None:
    """Take a backend away again."""
    del _FACTORIES[name]


def create(name: str, options: BackendOptions | None = None) -> Backend:
    """Make a backend; raises ``UsageError`` (no such name) or ``MissingDependencyError``."""
    factory = _FACTORIES.get(name)
    if factory is None:
        raise UsageError(f"no runtime is called {name!r}; choose from {', '.join(_FACTORIES)}")
    try:
        if isinstance(factory, str):
            module, _, attribute = factory.partition(":")
            make: Factory = getattr(importlib.import_module(module), attribute)
        else:
            make = factory
        return make(options or BackendOptions())
    except ImportError as error:
        remedy = f"; run `{INSTALL[name]}`" if name in INSTALL else ""
        raise MissingDependencyError(
            f"runtime {name} is not installed ({error}){remedy}"
        ) from error
